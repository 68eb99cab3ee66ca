/** `ain show connections [VM]`: what stateful rules have let through. */
import { Command } from "commander";
import { call, findSocket } from "#cli/client";
import { ROUTER_OPTION, type RouterChoice } from "#cli/commands/router-choice";
import { print, printJson } from "#cli/output";
import { showText } from "#cli/show-text";

export const showConnectionsCommand = (): Command =>
  new Command("connections")
    .description("show the connections that stateful rules let through, of all VMs here or of one")
    .argument("[vm]", "a VM's name")
    .option(...ROUTER_OPTION)
    .option("--json", "print JSON")
    .action(async (vm: string | undefined, { router, json }: RouterChoice & { json?: true }) => {
      const path = vm === undefined ? "show/connections" : `show/connections/${encodeURIComponent(vm)}`;
      const view = await call(findSocket(router), "GET", path);
      if (json) printJson(view);
      else print(showText("connections", view));
    });
