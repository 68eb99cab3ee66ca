/** `ain show WHAT`: what a running router holds, as text or JSON. */
import { Argument, Command } from "commander";
import { call, findSocket } from "#cli/client";
import { print, printJson } from "#cli/output";
import { showText } from "#cli/show-text";
import { VIEWS, type ViewName } from "#router/views";

/** What every command that speaks to a router takes. */
export interface RouterChoice {
  /** Name or socket path. */
  readonly router?: string;
}

export const ROUTER_OPTION = ["--router <name>", "the router's name, or the path of its API socket"] as const;

export const showCommand = (): Command =>
  new Command("show")
    .description("show what a running router holds")
    .addArgument(new Argument("<what>", "which view").choices([...VIEWS]))
    .option(...ROUTER_OPTION)
    .option("--json", "print JSON")
    .action(async (what: ViewName, { router, json }: RouterChoice & { json?: true }) => {
      const view = await call(findSocket(router), "GET", `show/${what}`);
      if (json) printJson(view);
      else print(showText(what, view));
    });
