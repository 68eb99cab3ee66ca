/** What can come next on a line of the shell: for the Tab key and for `?`. */
import type { Argument, Command } from "commander";
import { narrowedBy } from "#cli/narrowing";
import { filterCommands, noFiltering } from "#cli/shell/filters";
import { ALL } from "#cli/shell/fleet";
import { meansWatch } from "#cli/shell/job";
import { quoted, readLine, type Word } from "#cli/shell/line";
import type { LiveValues } from "#cli/shell/live-values";
import { readPrefix } from "#cli/shell/prefix";
import { argumentAt, asksSeveral, choicesAt, follow, kindOfOption, optionsOf, type Reached } from "#cli/shell/tree";

export interface Candidate {
  /** As it is typed. */
  readonly text: string;
  readonly description: string;
  /** False: more of the same word follows, as behind a folder. */
  readonly isWhole: boolean;
}

export interface Completion {
  /** Where in the line the word begins that is to be completed. */
  readonly from: number;
  readonly candidates: readonly Candidate[];
  /** What else may be typed here, that nobody can list: `<seconds>` and its meaning. */
  readonly expected: readonly { readonly name: string; readonly description: string }[];
}

/** What completion asks. */
export interface Knowledge {
  /** A fresh tree of the shell's commands. */
  readonly root: Command;
  readonly live: LiveValues;
  readonly routers: ReadonlyMap<string, string>;
  /** Sockets of the routers that `@…` means, or those that are meant without it. */
  socketsOf(target: string | undefined): readonly string[];
}

/** @param line up to the cursor. Throws Failure for a word before that may mean several things. */
export async function complete(line: string, knowledge: Knowledge): Promise<Completion> {
  const { stages } = readLine(line);
  const last = stages.at(-1)!;
  const partial = last.at(-1)?.end === line.length && !/\s$/.test(line) ? last.at(-1) : undefined;
  const before = (partial === undefined ? last : last.slice(0, -1)).map(({ text }) => text);
  const typed = partial?.text ?? "";
  const from = partial?.start ?? line.length;
  const at =
    stages.length > 1
      ? await afterWords(follow(filterCommands(noFiltering()), before), typed, { ...knowledge, target: undefined })
      : await afterCommand(before, typed, knowledge);
  const raw = partial === undefined ? "" : line.slice(partial.start);
  return {
    ...at,
    from,
    candidates: at.candidates.map((each) => ({ ...each, text: asTyped(each.text, partial, raw) })),
  };
}

type Next = Omit<Completion, "from">;

/** With the quotes that it needs, or that have been begun. */
function asTyped(text: string, partial: Word | undefined, raw: string): string {
  if (partial?.isQuoted !== true) return quoted(text);
  const quote = /^['"]/.exec(raw)?.[0];
  return quote === undefined ? quoted(text) : `${quote}${text}${quote}`;
}

/** Behind `watch`, its seconds and `@…`, which may stand before any command. */
async function afterCommand(before: readonly string[], typed: string, knowledge: Knowledge): Promise<Next> {
  const { watch, target, words } = readPrefix(before, meansWatch(knowledge.root));
  const isFirst = words.length === 0;
  if (isFirst && typed.startsWith("@")) return { candidates: targets(typed, knowledge), expected: [] };
  const next = await afterWords(follow(knowledge.root, words), typed, { ...knowledge, target });
  const isFree = isFirst && target === undefined && typed === "" && knowledge.routers.size > 1;
  return {
    candidates: isFree ? [...targets("@", knowledge), ...next.candidates] : next.candidates,
    expected: isFirst && watch !== undefined ? [SECONDS, ...next.expected] : next.expected,
  };
}

const SECONDS = { name: "<seconds>", description: "between two looks; default: 2" };

function targets(typed: string, { routers }: Knowledge): Candidate[] {
  const comma = typed.lastIndexOf(",") + 1 || 1;
  return [...routers.keys(), ALL]
    .filter((name) => name.startsWith(typed.slice(comma)))
    .map((name) => {
      const description = name === ALL ? "every router, one after the other" : "that router";
      return { text: typed.slice(0, comma) + name, description, isWhole: true };
    });
}

async function afterWords(
  at: Reached,
  typed: string,
  { live, routers, socketsOf, target }: Knowledge & { readonly target: string | undefined },
): Promise<Next> {
  const { command, positionals, pending, isLiteral } = at;
  const values = async (kind: string | undefined): Promise<Candidate[]> => {
    if (kind === undefined) return [];
    const isEverywhere = target === undefined && asksSeveral(command);
    const sockets = isEverywhere ? [...routers.values()] : socketsOf(target);
    const place = { routers, sockets, before: positionals, typed };
    return (await live.of(kind, place)).filter((text) => text.startsWith(typed)).map((text) => plain(text, ""));
  };
  if (pending !== undefined) {
    const kind = kindOfOption(pending);
    const expected = [{ name: `<${kind ?? "value"}>`, description: pending.description }];
    const choices = (pending.argChoices ?? []).filter((text) => text.startsWith(typed)).map((text) => plain(text, ""));
    return { candidates: [...choices, ...(await values(kind))], expected };
  }
  if (isLiteral) return NOTHING;
  if (typed.startsWith("-")) return { candidates: options(at, typed), expected: [] };
  const argument = argumentAt(command, positionals.length);
  const kind = argument?.name() === "which" ? narrowedBy(positionals[0]) : argument?.name();
  const isWhich = argument?.name() === "which" && kind === undefined;
  const named = argument !== undefined && argument.argChoices === undefined && !isWhich;
  return {
    candidates: [...names(at, typed), ...(argument?.argChoices === undefined && !isWhich ? await values(kind) : [])],
    expected: [
      ...(named ? [{ name: bracketed(argument), description: argument.description }] : []),
      ...(typed === "" && isComplete(at) && command.parent !== null ? [CARRIAGE_RETURN] : []),
    ],
  };
}

const NOTHING: Next = { candidates: [], expected: [] };
const CARRIAGE_RETURN = { name: "<enter>", description: "do it; options begin with -, filters with |" };

const bracketed = (argument: Argument): string => {
  const name = `${argument.name()}${argument.variadic ? "..." : ""}`;
  return argument.required ? `<${name}>` : `[${name}]`;
};

const plain = (text: string, description: string): Candidate => ({ text, description, isWhole: !text.endsWith("/") });

/** Subcommands, and choices of the argument. */
function names(at: Reached, typed: string): Candidate[] {
  const argument = argumentAt(at.command, at.positionals.length);
  const all = choicesAt(at);
  // Commands among values: in the order of the alphabet one finds them.
  return (argument?.argChoices === undefined ? all : all.sort())
    .filter((name) => name.startsWith(typed))
    .map((name) => {
      const child = at.positionals.length === 0 ? at.command.commands.find((each) => each.name() === name) : undefined;
      return plain(name, child?.description() ?? describeChoice(argument, name));
    });
}

/** Of `quickstart: three hypervisors; pod-fabric: two PoDs` what is said of the one. */
const describeChoice = (argument: Argument | undefined, name: string): string =>
  argument?.description
    .split("; ")
    .find((part) => part.startsWith(`${name}: `))
    ?.slice(name.length + 2) ?? "";

function options(at: Reached, typed: string): Candidate[] {
  return optionsOf(at.command).flatMap((option) => {
    const text = option.long ?? option.short ?? "";
    const isGiven = at.words.includes(text) && typeof option.defaultValue !== "object";
    return text.startsWith(typed) && !isGiven ? [plain(text, option.description)] : [];
  });
}

/** Nothing that is required is missing. */
const isComplete = ({ command, positionals }: Reached): boolean =>
  command.registeredArguments.filter(({ required }) => required).length <= positionals.length &&
  (command.commands.length === 0 || command.registeredArguments.length > 0);
