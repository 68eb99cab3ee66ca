/** `ain show bfd`: the neighbors that BFD watches. */
import { Command } from "commander";
import { bfdText } from "#cli/bfd-text";
import { call, findSocket } from "#cli/client";
import { ROUTER_OPTION, type RouterChoice } from "#cli/commands/router-choice";
import { print, printJson } from "#cli/output";
import type { BfdStatusView } from "#router/bfd/bfd-view";

export const showBfdCommand = (): Command =>
  new Command("bfd")
    .description("show the neighbors that BFD watches")
    .option(...ROUTER_OPTION)
    .option("--json", "print JSON")
    .action(async ({ router, json }: RouterChoice & { json?: true }) => {
      const view = await call(findSocket(router), "GET", "show/bfd");
      if (json) printJson(view);
      else print(bfdText(view as BfdStatusView));
    });
