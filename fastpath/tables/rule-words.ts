/** From the diagram to the words that forwarders read (rule-layout.ts). Nodes once written stay for the next time. */
import { NONE, numberOf, type RuleDiagram } from "#fastpath/tables/rule-diagram";
import {
  CHILD,
  D_PROTOCOL,
  FIRST_NODE,
  fullHead,
  MOST_DETOURS,
  matchHead,
  NODE,
  ROOT,
  rangesHead,
} from "#fastpath/tables/rule-layout";

/** An octet with more ranges than this gets 256 entries: one step to read instead of up to eight. */
const FULL_ABOVE = 8;

/** Where two functions of the same octet differ: in one block of its values, aligned to its size. */
interface Difference {
  readonly first: number;
  readonly size: number;
  /** What holds in the block by the one and by the other. */
  readonly inner: number;
  readonly other: number;
}

/** A match in the making: the words of the key that it compares, and the node where all are equal. */
interface Compared {
  readonly node: number;
  readonly words: readonly number[];
  readonly masks: readonly number[];
  readonly values: readonly number[];
}

export class RuleWords {
  readonly #diagram: RuleDiagram;
  readonly #verdicts: ArrayLike<number>;
  readonly #limit: number;
  #words = new Int32Array(1 << 14);
  #end = FIRST_NODE;
  /** Word index by node. */
  readonly #written = new Map<number, number>();
  /** Of nodes written as a difference from another over the same octet: how many such steps lead to one that is not. */
  readonly #detours = new Map<number, number>();

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

  /** Matches that set this node apart from something simpler or already there; undefined when there is nothing such. */
  #match(ref: number): number | undefined {
    if (this.#diagram.dimensionOf(ref) >= D_PROTOCOL) return undefined;
    for (const others of this.#alternatives(ref)) {
      const isDetour = this.#overSameOctet(ref, others);
      if (isDetour && this.#differences(ref, others, MOST_DETOURS) === undefined) continue;
      if (isDetour) this.#node(others);
      const before = this.#detours.get(others) ?? 0;
      const differences = this.#differences(ref, others, isDetour ? MOST_DETOURS - before : 1);
      if (differences === undefined) continue;
      if (isDetour) this.#detours.set(ref, before + differences.length);
      return this.#matches(ref, others, differences);
    }
    return undefined;
  }

  /** What a node may be told from in one comparison: what holds for nearly all values, or the node that it came from. */
  #alternatives(ref: number): number[] {
    const diagram = this.#diagram;
    const runs = diagram.runsOf(ref);
    const [a, b] = [diagram.refOf(ref, 0), diagram.refOf(ref, 1)];
    // With more to compare on one side, that is the inner one.
    if (runs === 2) return b > 0 ? [a, b] : [b, a];
    if (runs === 3 && diagram.refOf(ref, 2) === a) return [a];
    return this.#ancestors(ref);
  }

  #ancestors(ref: number): number[] {
    const chain: number[] = [];
    for (let like = this.#diagram.likeOf(ref); like !== 0; like = this.#diagram.likeOf(like)) chain.push(like);
    return chain.reverse();
  }

  /** A match for each difference, each leading to the next one, the last to the others. */
  #matches(ref: number, others: number, differences: readonly Difference[]): number {
    const found = differences.map((difference) => this.#compared(ref, difference));
    const inner = found.map(({ node }) => this.#entry(node));
    let elsewhere = this.#entry(others);
    found.forEach(({ words, masks, values }, i) => {
      const head = matchHead(words.reduce((bits, word) => bits | (1 << word), 0));
      const pairs = words.flatMap((word) => [masks[word]!, values[word]!]);
      elsewhere = CHILD | this.#append([head, inner[i]!, elsewhere, ...pairs]);
    });
    return elsewhere & NODE;
  }

  /** What has to be compared: octet after octet, as long as they differ in one block each. */
  #compared(ref: number, difference: Difference): Compared {
    const masks = [0, 0, 0, 0];
    const values = [0, 0, 0, 0];
    let node = ref;
    for (let next: Difference | undefined = difference; next !== undefined; ) {
      const dimension = this.#diagram.dimensionOf(node);
      const shift = (dimension & 3) << 3;
      masks[dimension >> 2]! |= (256 - next.size) << shift;
      values[dimension >> 2]! |= next.first << shift;
      node = next.inner;
      next = this.#differences(node, next.other, 1)?.[0];
    }
    return { node, masks, values, words: [0, 1, 2, 3].filter((word) => masks[word] !== 0) };
  }

  /** Undefined when they differ in more than `most` blocks, or not in an octet. */
  #differences(ref: number, other: number, most: number): Difference[] | undefined {
    const diagram = this.#diagram;
    if (ref <= 0 || diagram.dimensionOf(ref) >= D_PROTOCOL) return undefined;
    const same = this.#overSameOctet(ref, other);
    const [runs, otherRuns] = [diagram.runsOf(ref), same ? diagram.runsOf(other) : 1];
    const found: Difference[] = [];
    for (let i = 0, j = 0, first = 0; first < 256; ) {
      const next = i + 1 < runs ? diagram.startOf(ref, i + 1) : 256;
      const otherNext = j + 1 < otherRuns ? diagram.startOf(other, j + 1) : 256;
      const end = Math.min(next, otherNext);
      const [inner, there] = [diagram.refOf(ref, i), same ? diagram.refOf(other, j) : other];
      if (inner !== there) {
        if (found.length === most || !isAligned(first, end - first)) return undefined;
        found.push({ first, size: end - first, inner, other: there });
      }
      if (next === end) i++;
      if (otherNext === end) j++;
      first = end;
    }
    return found;
  }

  #overSameOctet(ref: number, other: number): boolean {
    return other > 0 && this.#diagram.dimensionOf(other) === this.#diagram.dimensionOf(ref);
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

const isAligned = (first: number, size: number): boolean => (size & (size - 1)) === 0 && (first & (size - 1)) === 0;
