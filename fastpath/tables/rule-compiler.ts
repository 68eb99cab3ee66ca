/**
 * Compiles all rules of a node into the words that forwarders read. A compiler keeps what it has built: after a small
 * change it builds only what the change touches. Control thread only.
 */
import {
  type Branch,
  Branching,
  branch,
  byPrefix,
  type CompilableRule,
  coveredPrefixes,
  destinationOf,
} from "#fastpath/tables/rule-branches";
import { NONE, RoomError, RuleDiagram } from "#fastpath/tables/rule-diagram";
import { D_SOURCE, V_ALLOW, V_LOG, V_STATEFUL } from "#fastpath/tables/rule-layout";
import { RuleSpaceError } from "#fastpath/tables/rule-space";
import { RuleWords } from "#fastpath/tables/rule-words";

/** 16 MiB: several times what 10 000 rules of 1 000 tenants need. */
const ALLOWED_WORDS = 1 << 22;
/** Words of the diagram for each word published: a branch of few words there may be one of many ranges here. */
const DIAGRAM_SHARE = 4;
/** What is left of earlier rules may be as much again as was built at first, and this. Then all is built anew. */
const SLACK = 1 << 16;
/** A rule is common when its sources cover more different sources of rules than this. */
const COMMON = 64;

export interface CompiledRules<R> {
  /** What lookupRule reads; at least one word, never changed. */
  readonly words: Int32Array<SharedArrayBuffer>;
  /** By rule number; some numbers are nobody's. A rule of the same content mostly keeps its number when compiled again. */
  readonly rules: readonly (R | undefined)[];
}

export class RuleCompiler<R extends CompilableRule = CompilableRule> {
  readonly #allowed: number;
  #work: Work;

  /** `allowedWords`: bound on what forwarders get, 4 octets each. */
  constructor({ allowedWords = ALLOWED_WORDS }: { readonly allowedWords?: number } = {}) {
    this.#allowed = allowedWords;
    this.#work = new Work(allowedWords);
  }

  /**
   * `rules` in the order in which they are asked (policy's `inPrecedence`). Throws {@link RuleSpaceError} when they need
   * too many words, RangeError for a prefix length that is none; what was compiled before stays good.
   */
  compile(rules: readonly R[]): CompiledRules<R> {
    const keys = keysOf(rules);
    if (!this.#work.isGoodFor(keys)) this.#work = new Work(this.#allowed);
    for (;;) {
      const { isNew } = this.#work;
      try {
        return this.#work.compile(rules, keys);
      } catch (error) {
        this.#work = new Work(this.#allowed);
        if (!(error instanceof RoomError)) throw error;
        // Without what earlier rules left behind there may be room.
        if (isNew) throw new RuleSpaceError(error, this.#allowed, rules);
      }
    }
  }
}

/** What one compiler has built since it last began anew. */
class Work {
  /** Where each rule stands in the order, and the verdict that it gives: by number. A number is never given twice. */
  readonly #places: number[] = [];
  readonly #verdicts: number[] = [];
  readonly #diagram: RuleDiagram;
  readonly #words: RuleWords;
  readonly #allowed: number;
  /** What a rule asks for beyond the source, by number. */
  readonly #destinations: number[] = [];
  /** Numbers of the rules compiled last, by key. */
  #numbers: ReadonlyMap<string, number> = new Map();
  /** Words of diagram and result after the first time. */
  #built = 0;

  constructor(allowedWords: number) {
    this.#allowed = allowedWords;
    this.#diagram = new RuleDiagram(this.#places, DIAGRAM_SHARE * allowedWords);
    this.#words = new RuleWords(this.#diagram, this.#verdicts, allowedWords);
  }

  /** True while nothing has been compiled. */
  get isNew(): boolean {
    return this.#built === 0;
  }

  /** False when too much is left of earlier rules, or when rules have changed their order: what was merged goes by it. */
  isGoodFor(keys: readonly string[]): boolean {
    if (this.#size > 2 * this.#built + SLACK) return false;
    let last = -1;
    for (const key of keys) {
      const number = this.#numbers.get(key);
      if (number === undefined) continue;
      if (this.#places[number]! < last) return false;
      last = this.#places[number]!;
    }
    return true;
  }

  get #size(): number {
    return this.#diagram.words + this.#words.length + this.#places.length;
  }

  /** Throws RoomError, after which this is of no more use; so it is after any other error. */
  compile<R extends CompilableRule>(rules: readonly R[], keys: readonly string[]): CompiledRules<R> {
    const numbers = keys.map((key) => this.#numbers.get(key) ?? this.#places.push(0) - 1);
    const byNumber = new Array<R | undefined>(this.#places.length).fill(undefined);
    rules.forEach((rule, place) => {
      const number = numbers[place]!;
      this.#places[number] = place;
      this.#verdicts[number] = verdictOf(rule, number);
      byNumber[number] = rule;
    });
    const branches = rules.flatMap((rule, place) => this.#branches(rule, numbers[place]!));
    this.#words.write(this.#whole(branches.sort(byPrefix)));
    if (this.#words.length > this.#allowed) throw new RoomError(this.#words.length, true);
    this.#numbers = new Map(keys.map((key, place) => [key, numbers[place]!]));
    if (this.isNew) this.#built = this.#size;
    return { words: this.#words.published(), rules: byNumber };
  }

  /**
   * What is common to many sources is put together first. What few have is merged into that, and so differs from it in
   * little, which is how it is written (rule-words.ts).
   */
  #whole(branches: readonly Branch[]): number {
    const covered = coveredPrefixes(branches);
    const reach: number[] = [];
    branches.forEach(({ number }, i) => {
      reach[number] = (reach[number] ?? 0) + covered[i]!;
    });
    const isCommon = ({ number }: Branch): boolean => reach[number]! > COMMON;
    const part = (some: readonly Branch[]): number => new Branching(this.#diagram, some, D_SOURCE).whole();
    return this.#diagram.merge(part(branches.filter(isCommon)), part(branches.filter((each) => !isCommon(each))));
  }

  #branches(rule: CompilableRule, number: number): Branch[] {
    this.#destinations[number] ??= destinationOf(this.#diagram, rule, number);
    const ref = this.#destinations[number]!;
    return ref === NONE ? [] : rule.source.map((prefix) => branch(prefix, number, ref));
  }
}

function verdictOf({ action, stateful, log }: CompilableRule, number: number): number {
  const allow = action === "allow" ? V_ALLOW | (stateful ? V_STATEFUL : 0) : 0;
  return (number + 1) | allow | (log ? V_LOG : 0);
}

/** A key for all that a rule says; rules that say the same are told apart by how many came before. */
function keysOf(rules: readonly CompilableRule[]): string[] {
  const times = new Map<string, number>();
  return rules.map((rule) => {
    const { name, action, stateful, log, protocol, sourcePorts, destinationPorts, icmp, source, destination } = rule;
    const asked = [protocol, sourcePorts, destinationPorts, icmp, source, destination];
    const key = JSON.stringify([name, action, stateful, log, asked]);
    const before = times.get(key) ?? 0;
    times.set(key, before + 1);
    return before === 0 ? key : `${key} ${before}`;
  });
}
