/** `ain reload`: a running router reads its files again, says what differs, and applies it. */
import { Command } from "commander";
import { call, findSocket } from "#cli/client";
import { ROUTER_OPTION, type RouterChoice } from "#cli/commands/router-choice";
import { Failure, MISUSED } from "#cli/failure";
import { colorsFor, print, printError } from "#cli/output";
import type { ReloadAnswer } from "#router/api/server";

export const reloadCommand = (): Command =>
  new Command("reload")
    .description("have a running router read its files again; prints what changed")
    .option(...ROUTER_OPTION)
    .option("--plan", "only say what would change")
    .action(async ({ router, plan }: RouterChoice & { plan?: true }) => {
      const answer = (await call(findSocket(router), "POST", plan ? "plan" : "reload")) as ReloadAnswer;
      if (answer.errors !== undefined) {
        const { red } = colorsFor(process.stderr);
        for (const error of answer.errors) printError(`${red("error")} ${error}`);
        throw new Failure("nothing was changed", MISUSED);
      }
      const { green, red, yellow } = colorsFor(process.stdout);
      const paint = { "+": green, "-": red, "~": yellow };
      for (const line of answer.changes) print(paint[line[0] as keyof typeof paint]?.(line) ?? line);
      if (answer.changes.length === 0) print("nothing differs");
    });

export const stopCommand = (): Command =>
  new Command("stop")
    .description("end a running router")
    .option(...ROUTER_OPTION)
    .option("--restart", "ask the OSPF neighbors to keep their routes until it runs again (graceful restart)")
    .action(async ({ router, restart }: RouterChoice & { restart?: true }) => {
      await call(findSocket(router), "POST", restart ? "stop?restart" : "stop");
    });
