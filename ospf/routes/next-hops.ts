/**
 * Sets of next hops as numbers: equal sets are one number, and one array in the routing table. They are in order, by
 * interface and address, so that the first `maxPaths` are the same ones however a set came about (RFC 2328 §16.8).
 */
import { toHex } from "#base/bytes";
import type { NextHop } from "#ospf/routes/model";

/** The set of a destination that is this router's own: no next hop. */
export const OWN = 0;
/** No set: there is no way. */
export const NO_WAY = -1;

/** Above any number of sets, and its square below 2^53. */
const PAIR = 2 ** 26;

export class NextHopSets {
  readonly maxPaths: number;
  /** Sets of an earlier computation: equal ones stay the same array, which tells routes that did not change. */
  #before: NextHopSets | undefined;
  readonly #hops: NextHop[] = [];
  readonly #hopKeys: string[] = [];
  /** Number of each hop in `before`, −1: it had none. */
  readonly #hopBefore: number[] = [];
  readonly #hopOf = new Map<string, number>();
  /** Hops of each set, in order. */
  readonly #members: (readonly number[])[] = [];
  readonly #lists: (readonly NextHop[] | undefined)[] = [];
  readonly #setOf = new Map<string, number>();
  readonly #unions = new Map<number, number>();

  /** `before` must not be used to make another one follow it. */
  constructor(maxPaths: number, before?: NextHopSets) {
    this.maxPaths = maxPaths;
    this.#before = before;
    if (before !== undefined) before.#before = undefined; // lest there be a chain of all that ever were
    this.#intern([]); // OWN
  }

  /** Sets known. */
  get size(): number {
    return this.#members.length;
  }

  /** The set of one; without `address`: what lies on the link itself. */
  single(on: string, address: Uint8Array | undefined): number {
    const key = `${on}\n${address === undefined ? "" : toHex(address)}`;
    let hop = this.#hopOf.get(key);
    if (hop === undefined) {
      hop = this.#hops.length;
      this.#hops.push({ interface: on, address });
      this.#hopKeys.push(key);
      this.#hopBefore.push(this.#before === undefined ? -1 : (this.#before.#hopOf.get(key) ?? -1));
      this.#hopOf.set(key, hop);
    }
    return this.#intern([hop]);
  }

  /** Either may be NO_WAY. What is our own needs no way there, even if others have it at the same cost. */
  union(a: number, b: number): number {
    if (a === b || b === NO_WAY) return a;
    if (a === NO_WAY) return b;
    if (a === OWN || b === OWN) return OWN;
    const key = a < b ? a * PAIR + b : b * PAIR + a;
    let set = this.#unions.get(key);
    if (set === undefined) {
      set = this.#intern(this.#merged(this.#members[a]!, this.#members[b]!));
      this.#unions.set(key, set);
    }
    return set;
  }

  /** True when some hop leads to a link, not to a router. */
  hasDirect(set: number): boolean {
    return this.#members[set]!.some((hop) => this.#hops[hop]!.address === undefined);
  }

  /** Hops onto links are replaced by what `onLink` knows of the link: a set, or NO_WAY. */
  replaceDirect(set: number, onLink: (on: string) => number): number {
    let result = NO_WAY;
    for (const { interface: on, address } of this.list(set)) {
      result = this.union(result, address === undefined ? onLink(on) : this.single(on, address));
    }
    return result;
  }

  /** The same array for the same set, in computations that follow one another too. */
  list(set: number): readonly NextHop[] {
    this.#lists[set] ??= this.#listOf(this.#members[set]!);
    return this.#lists[set]!;
  }

  #listOf(members: readonly number[]): readonly NextHop[] {
    const before = this.#before;
    const known = before === undefined ? undefined : before.#setOf.get(this.#keyBefore(members));
    return before === undefined || known === undefined ? members.map((hop) => this.#hops[hop]!) : before.list(known);
  }

  #keyBefore = (members: readonly number[]): string => members.map((hop) => this.#hopBefore[hop]!).join();

  #merged(a: readonly number[], b: readonly number[]): number[] {
    const merged: number[] = [];
    let i = 0;
    let j = 0;
    while (merged.length < this.maxPaths && (i < a.length || j < b.length)) {
      const order = this.#order(a[i], b[j]);
      merged.push(order <= 0 ? a[i]! : b[j]!);
      if (order <= 0) i++;
      if (order >= 0) j++;
    }
    return merged;
  }

  /** Negative: the first comes first; 0: they are the same. A list that is at its end comes last. */
  #order(a: number | undefined, b: number | undefined): number {
    if (a === undefined) return 1;
    if (b === undefined || a === b) return a === b ? 0 : -1;
    return this.#hopKeys[a]! < this.#hopKeys[b]! ? -1 : 1;
  }

  #intern(members: readonly number[]): number {
    const key = members.join();
    const known = this.#setOf.get(key);
    if (known !== undefined) return known;
    const set = this.#members.length;
    this.#members.push(members);
    this.#lists.push(undefined);
    this.#setOf.set(key, set);
    return set;
  }
}
