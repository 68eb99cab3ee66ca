/** The commands of `ain`; each is a file of commands/ whose path is the words typed. */
import { Command, CommanderError } from "commander";
import { allocCommand } from "#cli/commands/alloc";
import { checkCommand } from "#cli/commands/check";
import { demoCommand } from "#cli/commands/demo";
import { homeCommand } from "#cli/commands/home";
import { labCommand } from "#cli/commands/lab";
import { mobilityCommand } from "#cli/commands/mobility";
import { moveCommand } from "#cli/commands/move";
import { ospfCommand } from "#cli/commands/ospf";
import { reloadCommand, stopCommand } from "#cli/commands/reload";
import { runCommand } from "#cli/commands/run";
import { showCommand } from "#cli/commands/show";
import { verifyCommand } from "#cli/commands/verify";
import { vmCommand } from "#cli/commands/vm";
import { FAILED, Failure, MISUSED, OK } from "#cli/failure";
import { colorsFor, printError } from "#cli/output";
import packageJson from "../../package.json";

function program(): Command {
  return (
    new Command("ain")
      .description("AIN: a userspace virtual IPv6 router for hypervisors")
      .version(packageJson.version)
      // So that `lab exec` hands a command its own options.
      .enablePositionalOptions()
      .showSuggestionAfterError()
      .showHelpAfterError("(--help tells more)")
      .addCommand(checkCommand())
      .addCommand(homeCommand())
      .addCommand(allocCommand())
      .addCommand(verifyCommand())
      .addCommand(labCommand())
      .addCommand(demoCommand())
      .addCommand(runCommand())
      .addCommand(showCommand())
      .addCommand(vmCommand())
      .addCommand(moveCommand())
      .addCommand(reloadCommand())
      .addCommand(stopCommand())
      .addCommand(ospfCommand())
      .addCommand(mobilityCommand())
  );
}

/**
 * Runs one command. Never throws.
 * @param words what was typed after `ain`.
 * @returns the exit status: 0 done, 1 it did not work, 2 the command line or a configuration file is wrong.
 */
export async function run(words: readonly string[]): Promise<number> {
  const ain = program();
  exitByThrowing(ain);
  try {
    await ain.parseAsync(words, { from: "user" });
    return OK;
  } catch (error) {
    return exitCodeOf(error);
  }
}

/** commander ends the process itself otherwise, with its own idea of exit codes. */
function exitByThrowing(command: Command): void {
  command.exitOverride();
  for (const child of command.commands) exitByThrowing(child);
}

function exitCodeOf(error: unknown): number {
  // commander has already said it, whether it was --help or a wrong option.
  if (error instanceof CommanderError) return error.exitCode === 0 ? OK : MISUSED;
  const red = colorsFor(process.stderr).red;
  if (error instanceof Failure) {
    if (error.message !== "") printError(`${red("ain:")} ${error.message}`);
    return error.exitCode;
  }
  // The operator's and the system's faults have names of their own; anything else is ours, and its stack is wanted.
  const ours = !(error instanceof Error) || !OPERATORS_ERRORS.includes(error.name);
  printError(`${red("ain:")} ${ours ? Bun.inspect(error) : error.message}`);
  return FAILED;
}

/** Errors whose message is for the operator as it is: the kernel refused, or no router answers. */
const OPERATORS_ERRORS = ["SysError", "ClientError", "LabError", "RouterError", "RecordingError"];
