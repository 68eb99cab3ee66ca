/** `ain lab …`: networks of namespaces on this machine, from containerlab's topology files. */
import { Command } from "commander";
import { checkCommand } from "#cli/commands/lab/check";
import { downCommand } from "#cli/commands/lab/down";
import { execCommand } from "#cli/commands/lab/exec";
import { iperfCommand } from "#cli/commands/lab/iperf";
import { listCommand } from "#cli/commands/lab/list";
import { migrateCommand } from "#cli/commands/lab/migrate";
import { moveCommand } from "#cli/commands/lab/move";
import { statusCommand } from "#cli/commands/lab/status";
import { upCommand } from "#cli/commands/lab/up";

export const labCommand = (): Command =>
  new Command("lab")
    .description("networks of namespaces on this machine, from containerlab's topology files")
    .enablePositionalOptions()
    .addCommand(upCommand())
    .addCommand(execCommand())
    .addCommand(statusCommand())
    .addCommand(checkCommand())
    .addCommand(iperfCommand())
    .addCommand(moveCommand())
    .addCommand(migrateCommand())
    .addCommand(listCommand())
    .addCommand(downCommand());
