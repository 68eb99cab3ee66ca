/** `ain shell [WHERE]`: all commands, typed at a prompt of their own, at one router or at those of a lab. */
import { Command } from "commander";
import { Failure } from "#cli/failure";

export interface ShellOptions {
  readonly command?: readonly string[];
  readonly keepGoing?: true;
}

export const shellCommand = (): Command =>
  new Command("shell")
    .description("a prompt for all of these commands, with completion, filters and watch; without a terminal: a script")
    .argument(
      "[where]",
      "a router's name or API socket, a lab's name or topology file, or LAB/NODE; default: what runs here",
    )
    .option("-c, --command <line>", "carry out this line and end; may be given several times", several)
    .option("--keep-going", "in a script: go on behind a line that failed")
    .action(async (where: string | undefined, options: ShellOptions) => {
      // It needs the whole tree, of which this is a part.
      const { startShell } = await import("#cli/shell/start");
      const status = await startShell(where, options);
      if (status !== 0) throw new Failure("", status);
    });

function several(value: string, before: readonly string[] = []): string[] {
  return [...before, value];
}
