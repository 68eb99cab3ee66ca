/**
 * Walks commander's tree along words that were typed, for what commander itself does not do: abbreviations, completion,
 * help at any place. What a command means, commander alone decides afterwards.
 */
import type { Argument, Command, Option } from "commander";
import { Failure, MISUSED } from "#cli/failure";

/** Where some words lead. */
export interface Reached {
  readonly command: Command;
  /** The words, with names of commands and choices in full. */
  readonly words: readonly string[];
  /** Those that are the command's arguments. */
  readonly positionals: readonly string[];
  /** An option that waits for its value. */
  readonly pending: Option | undefined;
  /** Whatever follows is no option: after `--`, and in the command line of another program. */
  readonly isLiteral: boolean;
}

/** Throws Failure when a word may mean several things. */
export function follow(root: Command, words: readonly string[]): Reached {
  return words.reduce(step, { command: root, words: [], positionals: [], pending: undefined, isLiteral: false });
}

function step(at: Reached, word: string): Reached {
  const { command, positionals, pending, isLiteral } = at;
  const words = [...at.words, word];
  if (pending !== undefined && !(pending.variadic && word.startsWith("-")))
    return { ...at, words, pending: pending.variadic ? pending : undefined };
  if (!isLiteral && word === "--") return { ...at, words, pending: undefined, isLiteral: true };
  if (!isLiteral && word.startsWith("-") && word !== "-") return { ...at, words, pending: awaiting(command, word) };
  const argument = argumentAt(command, positionals.length);
  const full = isLiteral ? word : expand(word, choicesAt(at));
  const full_ = [...at.words, full];
  const child = positionals.length === 0 ? command.commands.find((each) => each.name() === full) : undefined;
  if (child !== undefined) return { command: child, words: full_, positionals: [], pending: undefined, isLiteral };
  return {
    ...{ command, words: full_, positionals: [...positionals, full], pending: undefined },
    isLiteral: isLiteral || isCommandLine(argument),
  };
}

/** The argument that the positional of that number is a value of. */
export function argumentAt(command: Command, index: number): Argument | undefined {
  const all = command.registeredArguments;
  const last = all.at(-1);
  return all[index] ?? (last?.variadic ? last : undefined);
}

/** The rest of the line is another command's. */
const isCommandLine = (argument: Argument | undefined): boolean =>
  argument?.variadic === true && argument.name() === "command";

/** Words that a name at this place may be short for: subcommands, and choices of the argument. */
export function choicesAt({ command, positionals }: Reached): string[] {
  const names = positionals.length === 0 ? command.commands.map((each) => each.name()) : [];
  return [...new Set([...names, ...(argumentAt(command, positionals.length)?.argChoices ?? [])])];
}

/** The name that `word` is, or is short for; itself when there is none. Throws Failure when there are several. */
export function expand(word: string, names: readonly string[]): string {
  if (names.includes(word)) return word;
  const meant = names.filter((name) => name.startsWith(word));
  if (meant.length > 1) throw new Failure(`"${word}" may mean ${meant.join(", ")}`, MISUSED);
  return meant[0] ?? word;
}

/** The option, when the next word is its value. */
function awaiting(command: Command, word: string): Option | undefined {
  if (word.startsWith("--") && word.includes("=")) return undefined;
  const option = optionsOf(command).find(({ long, short }) => long === word || short === word);
  return option?.required ? option : undefined;
}

/** Its own and --help. */
export const optionsOf = (command: Command): Option[] => command.createHelp().visibleOptions(command);

/** `<vm>`, `[vm]`, `<file...>` → what it is a value of. Undefined for an option without one. */
export const kindOfOption = ({ flags }: Option): string | undefined => /[<[]([^>\].]+)/.exec(flags)?.[1];

/** Every command that does something, with the words that lead to it. */
export function leaves(
  command: Command,
  path: readonly string[] = [],
): { path: readonly string[]; command: Command }[] {
  const below = command.commands.flatMap((child) => leaves(child, [...path, child.name()]));
  // A command with commands below it may do something itself, as show does: it then has arguments.
  return command.commands.length === 0 || command.registeredArguments.length > 0
    ? [{ path, command }, ...below]
    : below;
}

/** True when it speaks to running routers: then one of its options names one. */
export const asksRouters = (command: Command): boolean =>
  command.options.some((option) => kindOfOption(option) === "router");

/** True when it takes the router that is meant where none is named. */
export const asksOneRouter = (command: Command): boolean =>
  command.options.some((option) => option.long === "--router" && !takesMany(option));

/** True when it asks several routers itself: all that there are where none is named. */
export const asksSeveral = (command: Command): boolean =>
  command.options.some((option) => option.long === "--router" && option.variadic);

const takesMany = ({ variadic, defaultValue }: Option): boolean => variadic || Array.isArray(defaultValue);
