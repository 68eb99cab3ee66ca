/** Begins a shell: at a terminal, or of lines that are given. */
import type { ShellOptions } from "#cli/commands/shell";
import { fleetAt } from "#cli/shell/fleet";
import { interact } from "#cli/shell/interactive";
import { runScript, standardInput } from "#cli/shell/script";
import { Shell } from "#cli/shell/shell";
import { surroundings } from "#cli/surroundings";

/** @returns the exit status: at a terminal 0, of a script the first that is not 0. Throws ClientError or Failure. */
export async function startShell(where: string | undefined, { command, keepGoing }: ShellOptions): Promise<number> {
  const isInteractive = command === undefined && process.stdin.isTTY && process.stdout.isTTY;
  const shell = new Shell(fleetAt(where), { hasInput: isInteractive || command !== undefined });
  if (isInteractive) return interact(shell);
  return runScript(shell, command ?? standardInput(), {
    output: surroundings(),
    keepsGoing: keepGoing === true,
    // Of what was typed as a whole nobody wants to know the line.
    isNumbered: command === undefined,
  });
}
