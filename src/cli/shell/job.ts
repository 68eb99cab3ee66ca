/** A line of the shell as what is to be done: which command, at which routers, through which filters. */
import type { Command } from "commander";
import { Failure, MISUSED } from "#cli/failure";
import { tame } from "#cli/program";
import { type Filtering, filterCommands, noFiltering } from "#cli/shell/filters";
import { readLine } from "#cli/shell/line";
import { readPrefix } from "#cli/shell/prefix";
import { asksOneRouter, asksRouters, asksSeveral, expand, follow } from "#cli/shell/tree";

export interface Job {
  /** Seconds between two looks; undefined: once. */
  readonly watch: number | undefined;
  /** As typed, without the `@`. */
  readonly target: string | undefined;
  /** In full, `--json` included where a filter asks for it. */
  readonly words: readonly string[];
  /** Its output is one JSON document. */
  readonly isJson: boolean;
  /** It is shown page by page if it is long. */
  readonly isPaged: boolean;
  /** It speaks to routers by itself, and runs in this process; others get one of their own. */
  readonly asksRouters: boolean;
  /** It asks several routers itself: it is run once, wherever it is for. */
  readonly asksSeveral: boolean;
  /** Fresh filters, for one run. */
  filtering(): Filtering;
}

/** @returns undefined for a line without a command. Throws Failure, or what commander does having said why. */
export function readJob(line: string, root: Command): Job | undefined {
  const { stages, openQuote } = readLine(line);
  if (openQuote !== "") throw new Failure(`a quote (${openQuote}) is not closed`, MISUSED);
  const [first, ...behind] = stages.map((stage) => stage.map(({ text }) => text));
  if (first!.length === 0 && behind.length === 0) return undefined;
  const filtering = (): Filtering => readFilters(behind);
  const { json, noMore } = filtering();
  const { watch, target, words } = readPrefix(first!, meansWatch(root));
  if (words.length === 0) throw new Failure("found no command, expected one (? shows them)", MISUSED);
  const reached = follow(root, words);
  const { command } = reached;
  if (target !== undefined && !asksOneRouter(command) && !asksSeveral(command))
    throw new Failure(`found @${target}, expected it before commands that ask a router, as show does`, MISUSED);
  const hasJson = command.options.some(({ long }) => long === "--json");
  if (json && !hasJson) throw new Failure(`${reached.words.join(" ")} has no JSON`, MISUSED);
  const isJson = json || (hasJson && reached.words.includes("--json"));
  return {
    ...{
      watch,
      target,
      filtering,
      isJson,
      isPaged: !noMore,
      asksRouters: asksRouters(command) || isOwn(root, command),
    },
    asksSeveral: asksSeveral(command),
    words: json && !reached.words.includes("--json") ? [...reached.words, "--json"] : reached.words,
  };
}

/** Whether a first word is `watch`, or short for it. */
export const meansWatch =
  (root: Command) =>
  (word: string): boolean => {
    const names = root.commands.map((command) => command.name());
    return (
      word === "watch" ||
      (names.filter((name) => name.startsWith(word)).length === 1 && expand(word, names) === "watch")
    );
  };

/** The shell's own commands, which no other process could carry out. */
const isOwn = (root: Command, command: Command): boolean => OWN.includes(command.name()) && command.parent === root;
export const OWN: readonly string[] = ["use", "watch", "help", "exit"];

function readFilters(stages: readonly (readonly string[])[]): Filtering {
  const filtering = noFiltering();
  for (const words of stages) {
    if (words.length === 0) throw new Failure("found nothing behind a |, expected a filter (? shows them)", MISUSED);
    const commands = filterCommands(filtering);
    tame(commands);
    commands.parse(follow(commands, words).words, { from: "user" });
  }
  return filtering;
}
