/** From the diagram to the words that forwarders read (rule-layout.ts). Nodes once written stay for the next time. */
import { NONE, numberOf, type RuleDiagram } from "#fastpath/tables/rule-diagram";
import { CHILD, D_PROTOCOL, FIRST_NODE, fullHead, matchHead, ROOT, rangesHead } from "#fastpath/tables/rule-layout";

/** An octet with more ranges than this gets 256 entries: one step to read instead of up to eight. */
const FULL_ABOVE = 8;

/** A node that tells one block of an octet's values, aligned to its size, from all others. */
interface Aside {
  readonly first: number;
  readonly size: number;
  readonly inner: number;
  readonly others: number;
}

export class RuleWords {
  readonly #diagram: RuleDiagram;
  readonly #verdicts: ArrayLike<number>;
  readonly #limit: number;
  #words = new Int32Array(1 << 14);
  #end = FIRST_NODE;
  /** Word index by node. */
  readonly #written = new Map<number, number>();

  /** `verdicts`: by rule number. Beyond `limit` words nothing is written, only counted. */
  constructor(diagram: RuleDiagram, verdicts: ArrayLike<number>, limit: number) {
    this.#diagram = diagram;
    this.#verdicts = verdicts;
    this.#limit = limit;
  }

  /** Words in use, what earlier roots needed included. */
  get length(): number {
    return this.#end;
  }

  /** Writes what is new beneath `root` and makes it the root. */
  write(root: number): void {
    this.#put(ROOT, this.#entry(root));
  }

  /** A copy for forwarders. */
  published(): Int32Array<SharedArrayBuffer> {
    const words = new Int32Array(new SharedArrayBuffer(4 * this.#end));
    words.set(this.#words.subarray(0, this.#end));
    return words;
  }

  #entry(ref: number): number {
    if (ref === NONE) return 0;
    return ref < 0 ? this.#verdicts[numberOf(ref)]! : CHILD | this.#node(ref);
  }

  #node(ref: number): number {
    const there = this.#written.get(ref);
    if (there !== undefined) return there;
    const at = this.#match(ref) ?? this.#branch(ref);
    this.#written.set(ref, at);
    return at;
  }

  /** A match for this node and those behind it that differ from the same others; undefined when it is none. */
  #match(ref: number): number | undefined {
    const masks = [0, 0, 0, 0];
    const values = [0, 0, 0, 0];
    let inner = ref;
    let others: number | undefined;
    for (let aside = this.#aside(ref, others); aside !== undefined; aside = this.#aside(inner, others)) {
      const dimension = this.#diagram.dimensionOf(inner);
      const shift = (dimension & 3) << 3;
      masks[dimension >> 2]! |= (256 - aside.size) << shift;
      values[dimension >> 2]! |= aside.first << shift;
      inner = aside.inner;
      others = aside.others;
    }
    if (others === undefined) return undefined;
    const entries = [this.#entry(inner), this.#entry(others)];
    const compared = [0, 1, 2, 3].filter((word) => masks[word] !== 0);
    const head = matchHead(compared.reduce((bits, word) => bits | (1 << word), 0));
    return this.#append([head, ...entries, ...compared.flatMap((word) => [masks[word]!, values[word]!])]);
  }

  /** The node as one block beside others, which must be `others` when those are given. */
  #aside(ref: number, others: number | undefined): Aside | undefined {
    const diagram = this.#diagram;
    if (ref <= 0 || diagram.dimensionOf(ref) >= D_PROTOCOL) return undefined;
    const runs = diagram.runsOf(ref);
    if (runs > 3) return undefined;
    const [a, b] = [diagram.refOf(ref, 0), diagram.refOf(ref, 1)];
    const second = diagram.startOf(ref, 1);
    if (runs === 3) {
      const size = diagram.startOf(ref, 2) - second;
      return diagram.refOf(ref, 2) === a ? asideOf({ first: second, size, inner: b, others: a }, others) : undefined;
    }
    const low = asideOf({ first: 0, size: second, inner: a, others: b }, others);
    const high = asideOf({ first: second, size: 256 - second, inner: b, others: a }, others);
    // With more to compare on one side, that is the inner one.
    return low === undefined || (high !== undefined && b > 0) ? high : low;
  }

  #branch(ref: number): number {
    const count = this.#diagram.runsOf(ref);
    const dimension = this.#diagram.dimensionOf(ref);
    const starts = Array.from({ length: count }, (_, i) => this.#diagram.startOf(ref, i));
    const entries = starts.map((_, i) => this.#entry(this.#diagram.refOf(ref, i)));
    if (dimension >= D_PROTOCOL || count <= FULL_ABOVE) {
      return this.#append([rangesHead(dimension, count), ...starts.slice(1), ...entries]);
    }
    const all = new Int32Array(1 + 256);
    all[0] = fullHead(dimension);
    for (let i = 0; i < count; i++) all.fill(entries[i]!, 1 + starts[i]!);
    return this.#append(all);
  }

  #append(node: ArrayLike<number>): number {
    const at = this.#end;
    for (let i = 0; i < node.length; i++) this.#put(at + i, node[i]!);
    this.#end = at + node.length;
    return at;
  }

  #put(at: number, word: number): void {
    if (at >= this.#limit) return;
    if (at >= this.#words.length) {
      const larger = new Int32Array(2 * this.#words.length);
      larger.set(this.#words);
      this.#words = larger;
    }
    this.#words[at] = word;
  }
}

function asideOf(aside: Aside, others: number | undefined): Aside | undefined {
  const aligned = (aside.size & (aside.size - 1)) === 0 && (aside.first & (aside.size - 1)) === 0;
  return aligned && (others === undefined || aside.others === others) ? aside : undefined;
}
