/**
 * The rules as a reduced, ordered decision diagram (after Bryant, "Graph-Based Algorithms for Boolean Function
 * Manipulation", 1986) over the dimensions of rule-layout.ts, with ranges of values in place of bits: for every key the
 * first rule that matches. Equal nodes are one node, so two parts that decide alike are the same number, and everything
 * that has once been merged is found again. Control thread only.
 *
 * A *reference* names a function of the key: 0 no rule, negative a rule whatever the rest of the key, positive a node.
 */

export const NONE = 0;
export const ruleRef = (number: number): number => -1 - number;
export const numberOf = (ref: number): number => -1 - ref;

/** More words are needed than are allowed. */
export class RoomError extends Error {
  override readonly name = "RoomError";
  /** Words needed; when that is not known, more than which. */
  readonly words: number;
  readonly exact: boolean;

  constructor(words: number, exact: boolean) {
    super(`${exact ? "" : "more than "}${words} words are needed`);
    this.words = words;
    this.exact = exact;
  }
}

/** Beyond every value of every dimension. */
const END = 0x1_0000;
const MEMO = 1 << 17; // results remembered
/** Words of a node before its runs. */
const HEADER = 3;

/**
 * A node in `cells`: dimension | number of runs << 5, the earliest rule beneath, a node that it is like or 0, then (first
 * value, reference) of each run, the first beginning at 0, no two neighbours with the same reference.
 */
export class RuleDiagram {
  #cells = new Int32Array(1 << 16);
  #end = 1; // 0 is NONE
  readonly #limit: number;
  /** Place of each rule in the order in which they are asked, by number. */
  readonly #places: ArrayLike<number>;
  /** Open-addressed hash of all nodes. */
  #index = new Int32Array(1 << 14);
  #nodes = 0;
  /** Results of merge: two operands and what came out, at the hash of the operands, the last one staying. */
  readonly #memo = new Int32Array(3 * MEMO);
  /** Runs of the nodes under construction, innermost last. */
  #runs = new Int32Array(1 << 12);
  #top = 0;

  /**
   * `places` may grow and change as long as no two rules change their order. Beyond `limit` words, `close` and `merge`
   * throw {@link RoomError}.
   */
  constructor(places: ArrayLike<number>, limit: number) {
    this.#places = places;
    this.#limit = limit;
  }

  /** Words in use. */
  get words(): number {
    return this.#end;
  }

  dimensionOf(node: number): number {
    return this.#cells[node]! & 31;
  }

  runsOf(node: number): number {
    return this.#cells[node]! >>> 5;
  }

  /** First value of run `i`. */
  startOf(node: number, i: number): number {
    return this.#cells[node + HEADER + 2 * i]!;
  }

  refOf(node: number, i: number): number {
    return this.#cells[node + HEADER + 1 + 2 * i]!;
  }

  /** A node over the same dimension that this one came from by a merge, and so may differ from in a few values; else 0. */
  likeOf(node: number): number {
    return this.#cells[node + 2]!;
  }

  /** Begins a node; runs are added from value 0 upwards, then it is closed. Others may be made in between. */
  open(): number {
    return this.#top;
  }

  /** From value `start` on `ref` holds. A run that begins where the last one did replaces it. */
  add(frame: number, start: number, ref: number): void {
    let top = this.#top;
    if (top > frame && this.#runs[top - 2] === start) top -= 2;
    if (top > frame && this.#runs[top - 1] === ref) {
      this.#top = top;
      return;
    }
    if (top + 2 > this.#runs.length) this.#runs = grown(this.#runs);
    this.#runs[top] = start;
    this.#runs[top + 1] = ref;
    this.#top = top + 2;
  }

  /** The node of what was added since `open` gave `frame`; its only reference when the dimension does not matter. */
  close(dimension: number, frame: number): number {
    const count = (this.#top - frame) >>> 1;
    const ref = count === 1 ? this.#runs[frame + 1]! : this.#intern(dimension, frame, count);
    this.#top = frame;
    return ref;
  }

  /** Where either decides; where both do, the rule that is asked first. */
  merge(a: number, b: number): number {
    if (a === b || b === NONE) return a;
    if (a === NONE) return b;
    if (a < 0 && !this.#before(this.#earliest(b), a)) return a;
    if (b < 0 && !this.#before(this.#earliest(a), b)) return b;
    const low = Math.min(a, b);
    const high = Math.max(a, b);
    const at = 3 * (hashOf(low, high) & (MEMO - 1));
    const memo = this.#memo;
    if (memo[at] === low && memo[at + 1] === high) return memo[at + 2]!;
    const result = this.#mergeRuns(low, high);
    memo[at] = low;
    memo[at + 1] = high;
    memo[at + 2] = result;
    return result;
  }

  #mergeRuns(a: number, b: number): number {
    const dimension = Math.min(this.#dimension(a), this.#dimension(b));
    // Word index of the current run of each; 0: the dimension does not matter to it.
    let atA = this.#dimension(a) === dimension ? a + HEADER : 0;
    let atB = this.#dimension(b) === dimension ? b + HEADER : 0;
    const runsA = atA === 0 ? 0 : this.runsOf(a);
    const runsB = atB === 0 ? 0 : this.runsOf(b);
    const endA = atA + 2 * runsA;
    const endB = atB + 2 * runsB;
    const frame = this.open();
    for (let start = 0; start < END; ) {
      const refA = atA === 0 ? a : this.#cells[atA + 1]!;
      const refB = atB === 0 ? b : this.#cells[atB + 1]!;
      this.add(frame, start, this.merge(refA, refB));
      const nextA = atA + 2 < endA ? this.#cells[atA + 2]! : END;
      const nextB = atB + 2 < endB ? this.#cells[atB + 2]! : END;
      start = Math.min(nextA, nextB);
      if (nextA === start) atA += 2;
      if (nextB === start) atB += 2;
    }
    const old = this.#end;
    const ref = this.close(dimension, frame);
    if (ref >= old) this.#cells[ref + 2] = runsA > runsB ? a : b;
    return ref;
  }

  #dimension(ref: number): number {
    return ref < 0 ? 31 : this.#cells[ref]! & 31;
  }

  /** Reference of the rule in it that is asked first; NONE of NONE. */
  #earliest(ref: number): number {
    return ref <= 0 ? ref : this.#cells[ref + 1]!;
  }

  /** True when rule `a` is asked before `b`. */
  #before(a: number, b: number): boolean {
    return this.#places[numberOf(a)]! < this.#places[numberOf(b)]!;
  }

  #intern(dimension: number, frame: number, count: number): number {
    const header = dimension | (count << 5);
    let hash = header;
    for (let i = frame; i < frame + 2 * count; i++) hash = hashOf(hash, this.#runs[i]!);
    let at = hash & (this.#index.length - 1);
    for (let node = this.#index[at]!; node !== 0; node = this.#index[at]!) {
      if (this.#isSame(node, header, frame, count)) return node;
      at = (at + 1) & (this.#index.length - 1);
    }
    const node = this.#append(header, frame, count);
    this.#index[at] = node;
    if (++this.#nodes * 2 > this.#index.length) this.#rehash();
    return node;
  }

  #isSame(node: number, header: number, frame: number, count: number): boolean {
    const cells = this.#cells;
    if (cells[node] !== header) return false;
    for (let i = 0; i < 2 * count; i++) if (cells[node + HEADER + i] !== this.#runs[frame + i]) return false;
    return true;
  }

  #append(header: number, frame: number, count: number): number {
    const node = this.#end;
    const end = node + HEADER + 2 * count;
    if (end > this.#limit) throw new RoomError(this.#limit, false);
    while (end > this.#cells.length) this.#cells = grown(this.#cells);
    this.#cells[node] = header;
    let earliest = NONE;
    for (let i = 0; i < 2 * count; i += 2) {
      const ref = this.#runs[frame + i + 1]!;
      this.#cells[node + HEADER + i] = this.#runs[frame + i]!;
      this.#cells[node + HEADER + i + 1] = ref;
      const rule = this.#earliest(ref);
      if (rule !== NONE && (earliest === NONE || this.#before(rule, earliest))) earliest = rule;
    }
    this.#cells[node + 1] = earliest;
    this.#cells[node + 2] = 0;
    this.#end = end;
    return node;
  }

  #rehash(): void {
    const index = new Int32Array(2 * this.#index.length);
    for (let node = 1; node < this.#end; ) {
      const header = this.#cells[node]!;
      const end = node + HEADER + 2 * (header >>> 5);
      let hash = header;
      for (let i = node + HEADER; i < end; i++) hash = hashOf(hash, this.#cells[i]!);
      let at = hash & (index.length - 1);
      while (index[at] !== 0) at = (at + 1) & (index.length - 1);
      index[at] = node;
      node = end;
    }
    this.#index = index;
  }
}

const grown = (array: Int32Array<ArrayBuffer>): Int32Array<ArrayBuffer> => {
  const larger = new Int32Array(2 * array.length);
  larger.set(array);
  return larger;
};

function hashOf(a: number, b: number): number {
  let h = Math.imul(a ^ 0x5bd1_e995, 0x85eb_ca6b) ^ b;
  h = Math.imul(h ^ (h >>> 15), 0xc2b2_ae35);
  return h ^ (h >>> 13);
}
