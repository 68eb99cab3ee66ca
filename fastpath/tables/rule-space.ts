/** When rules do not fit: what the operator is told. */
import { branch, byPrefix, type CompilableRule, coveredPrefixes } from "#fastpath/tables/rule-branches";
import { NONE, type RoomError } from "#fastpath/tables/rule-diagram";

/** Rules named in the error. */
const NAMED = 5;

/** The rules need more words than are allowed. */
export class RuleSpaceError extends Error {
  override readonly name = "RuleSpaceError";
  /** Words needed; when `exact` is false, more than these. */
  readonly words: number;
  readonly exact: boolean;
  readonly allowed: number;
  /** Names of the rules with most combinations of sources and destinations, those first. */
  readonly largest: readonly string[];

  constructor(room: RoomError, allowed: number, rules: readonly CompilableRule[]) {
    const largest = mostMultiplied(rules);
    const needed = `${room.exact ? "" : "more than "}${room.words}`;
    super(
      `the rules need ${needed} words, ${allowed} are allowed; most combinations of source and destination have ` +
        largest.map(({ name, times }) => `${name} (${times})`).join(", "),
    );
    this.words = room.words;
    this.exact = room.exact;
    this.allowed = allowed;
    this.largest = largest.map(({ name }) => name);
  }
}

/**
 * The rules that are written most often: once for each destination under each source prefix of any rule that their own
 * sources cover. What is shared in the end is counted each time.
 */
function mostMultiplied(rules: readonly CompilableRule[]): { name: string; times: number }[] {
  const branches = rules.flatMap(({ source }, i) => source.map((prefix) => branch(prefix, i, NONE)));
  const covered = coveredPrefixes(branches.sort(byPrefix));
  const times = new Array<number>(rules.length).fill(0);
  branches.forEach(({ number }, i) => {
    times[number]! += covered[i]! * rules[number]!.destination.length;
  });
  return rules
    .map(({ name }, i) => ({ name, times: times[i]! }))
    .sort((a, b) => b.times - a.times)
    .slice(0, NAMED);
}
