/** The commands of `ain`; each is a file of commands/ whose path is the words typed. */
import { Command, CommanderError } from "commander";
import { allocCommand } from "#cli/commands/alloc";
import { captureCommand } from "#cli/commands/capture";
import { checkCommand } from "#cli/commands/check";
import { demoCommand } from "#cli/commands/demo";
import { homeCommand } from "#cli/commands/home";
import { labCommand } from "#cli/commands/lab";
import { mobilityCommand } from "#cli/commands/mobility";
import { moveCommand } from "#cli/commands/move";
import { ospfCommand } from "#cli/commands/ospf";
import { reloadCommand, stopCommand } from "#cli/commands/reload";
import { runCommand } from "#cli/commands/run";
import { shellCommand } from "#cli/commands/shell";
import { showCommand } from "#cli/commands/show";
import { traceCommand } from "#cli/commands/trace";
import { verifyCommand } from "#cli/commands/verify";
import { vmCommand } from "#cli/commands/vm";
import { webCommand } from "#cli/commands/web";
import { whyCommand } from "#cli/commands/why";
import { DEFECT, DENIED, FAILED, Failure, MISUSED, OK, REFUSED, UNREACHABLE } from "#cli/failure";
import { colorsFor, printError } from "#cli/output";
import { processSurroundings, surroundings, within } from "#cli/surroundings";
import packageJson from "../../package.json";

/** The whole tree, fresh: one instance parses one command line at a time. `without`: words of commands to leave out. */
export function program({ without = [] }: { readonly without?: readonly string[] } = {}): Command {
  const ain = new Command("ain")
    .description("AIN: a userspace virtual IPv6 router for hypervisors")
    .version(packageJson.version)
    // So that `lab exec` hands a command its own options.
    .enablePositionalOptions()
    .showSuggestionAfterError()
    .showHelpAfterError("(--help tells more)");
  for (const command of COMMANDS.map((make) => make())) if (!without.includes(command.name())) ain.addCommand(command);
  return ain;
}

/** As help lists them. */
const COMMANDS: readonly (() => Command)[] = [
  checkCommand,
  homeCommand,
  allocCommand,
  verifyCommand,
  labCommand,
  demoCommand,
  runCommand,
  showCommand,
  whyCommand,
  traceCommand,
  captureCommand,
  vmCommand,
  moveCommand,
  reloadCommand,
  stopCommand,
  ospfCommand,
  mobilityCommand,
  shellCommand,
  webCommand,
];

/**
 * Runs one command as it was typed at the operating system's shell. Never throws.
 * @param words what was typed after `ain`.
 * @returns the exit status: failure.ts.
 */
export const run = (words: readonly string[]): Promise<number> =>
  within(processSurroundings(), () => runIn(program(), words));

/** Runs one command of a tree in the caller's surroundings. Never throws. @returns the exit status. */
export async function runIn(ain: Command, words: readonly string[]): Promise<number> {
  tame(ain);
  try {
    await ain.parseAsync(words, { from: "user" });
    return OK;
  } catch (error) {
    return tell(error);
  }
}

/** commander ends the process itself otherwise, with its own idea of exit codes, and writes past the surroundings. */
export function tame(command: Command): void {
  command.exitOverride().configureOutput({
    writeOut: (text) => surroundings().write(text),
    writeErr: (text) => surroundings().writeError(text),
    getOutHelpWidth: () => surroundings().width ?? HELP_WIDTH,
    getErrHelpWidth: () => surroundings().width ?? HELP_WIDTH,
  });
  for (const child of command.commands) tame(child);
}

/** Columns of help in a pipe. */
const HELP_WIDTH = 100;

/** Says what is to be said of an error. @returns the exit status that it means. */
export function tell(error: unknown): number {
  // commander has already said it, whether it was --help or a wrong option.
  if (error instanceof CommanderError) return error.exitCode === 0 ? OK : MISUSED;
  const red = colorsFor(process.stderr).red;
  if (error instanceof Failure) {
    if (error.message !== "") printError(`${red("ain:")} ${error.message}`);
    return error.exitCode;
  }
  const status = error instanceof Error ? OTHERS_FAULTS[error.name] : undefined;
  // The operator's and the system's faults have names of their own; anything else is ours, and its stack is wanted.
  printError(`${red("ain:")} ${status === undefined ? Bun.inspect(error) : (error as Error).message}`);
  return status ?? DEFECT;
}

/** Errors whose message is for the operator as it is, by name, and the exit status of each. */
const OTHERS_FAULTS: Readonly<Record<string, number>> = {
  SysError: DENIED,
  ClientError: UNREACHABLE,
  Refusal: REFUSED,
  LabError: FAILED,
  RouterError: FAILED,
  RecordingError: MISUSED,
};
