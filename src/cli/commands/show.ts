/** `ain show WHAT`: what a running router holds, as text or JSON; `ospf` and `bfd` have commands of their own. */
import { Argument, Command } from "commander";
import { call, findSocket } from "#cli/client";
import { ROUTER_OPTION, type RouterChoice } from "#cli/commands/router-choice";
import { showBfdCommand } from "#cli/commands/show/bfd";
import { showConnectionsCommand } from "#cli/commands/show/connections";
import { showFlightsCommand } from "#cli/commands/show/flights";
import { showOspfCommand } from "#cli/commands/show/ospf";
import { NARROWABLE, narrow } from "#cli/narrowing";
import { print, printJson } from "#cli/output";
import { showText } from "#cli/show-text";
import { viewMeanings } from "#cli/view-meanings";
import { VIEWS, type ViewName } from "#router/views";

export const showCommand = (): Command =>
  new Command("show")
    .description("show what a running router holds")
    .enablePositionalOptions() // those after "ospf" are its own
    .addArgument(new Argument("<what>", viewMeanings()).choices([...VIEWS]))
    .argument("[which]", `only what is about this: of ${NARROWABLE.join(", ")}`)
    .option(...ROUTER_OPTION)
    .option("--json", "print JSON")
    .action(async (what: ViewName, which: string | undefined, { router, json }: RouterChoice & { json?: true }) => {
      const whole = await call(findSocket(router), "GET", `show/${what}`);
      const view = which === undefined ? whole : narrow(what, whole, which);
      if (json) printJson(view);
      else print(showText(what, view));
    })
    .addCommand(showOspfCommand())
    .addCommand(showBfdCommand())
    .addCommand(showConnectionsCommand())
    .addCommand(showFlightsCommand());
