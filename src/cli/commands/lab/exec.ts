/** `ain lab exec LAB NODE -- COMMAND…`: run a command in a node. */
import { Command } from "commander";
import { Failure, MISUSED } from "#cli/failure";
import { requireRoot, requireStandingLab } from "#cli/lab-target";
import { labExec } from "#lab/exec";

export const execCommand = (): Command =>
  new Command("exec")
    .description("run a command in a node; its exit status becomes ain's")
    .argument("<lab>", "name of a lab, or its topology file")
    .argument("<node>", "its name")
    .argument("<command...>", "the program and its arguments, behind -- where they begin with a dash")
    .passThroughOptions()
    .action(exec);

async function exec(lab: string, node: string, words: string[]): Promise<void> {
  // commander leaves the dashes in, because all options that follow are the command's.
  const command = words[0] === "--" ? words.slice(1) : words;
  if (command.length === 0) throw new Failure("say which command to run", MISUSED);
  requireRoot();
  const standing = requireStandingLab(lab);
  const status = await labExec(standing, node, command);
  if (status === 127) throw new Failure(`${command[0]}: command not found`, status);
  if (status !== 0) throw new Failure("", status);
}
