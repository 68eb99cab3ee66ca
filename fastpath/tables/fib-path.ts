/** Where a route is in the forwarding table, or where it would have to go: the writer's walk down the trie. */
import { codeOf } from "#fastpath/tables/fib-branch";
import {
  BODY,
  FIRST_BITS,
  FULL,
  kindOf,
  matchBitsOf,
  NODE,
  ROOT,
  readKey,
  sparseEntry,
  TAIL,
} from "#fastpath/tables/fib-layout";

/** Nothing is beneath the root. */
export const BARE = 0;
/** `node` is the branch over the octet in which the route ends. */
export const BRANCH = 1;
/** `node` is a tail with exactly this prefix. */
export const MATCH = 2;
/** `node` shares only the octets before `divergence` with the route, or the route ends before the node compares. */
export const DIVERGENCE = 3;
/** `node` is a branch over an earlier octet; nothing is beneath the route's slot. */
export const VACANCY = 4;

export type Place = typeof BARE | typeof BRANCH | typeof MATCH | typeof DIVERGENCE | typeof VACANCY;

/** Word index of a branch's entry for `slot`. */
export function entryOf(memory: Int32Array, branch: number, slot: number): number {
  const head = memory[branch + 1]!;
  return kindOf(head) === FULL ? branch + BODY + slot : sparseEntry(memory, branch, head, slot);
}

export class FibPath {
  /** The route's prefix, raw words, zero beyond its length. */
  readonly target = new Int32Array(4);
  readonly octets = new Uint8Array(this.target.buffer);
  /** Prefix of {@link node} after a DIVERGENCE; scratch otherwise. */
  readonly other = new Int32Array(4);
  readonly otherOctets = new Uint8Array(this.other.buffer);
  length = 0;

  /** Index of the entry that refers to {@link node}, and the first octet that node's key compares. */
  at = ROOT;
  from = 0;
  node = 0;
  /** The same for the branch above it; 0 when there is none. */
  aboveAt = 0;
  aboveFrom = 0;
  above = 0;
  /** After a DIVERGENCE: the octet a branch between the two has to be over. */
  divergence = 0;

  /** The octet in which a route of the target's length (1 … 128) ends. */
  get octet(): number {
    return (this.length - 1) >>> 3;
  }

  /** The target's code in a branch over its octet (fib-branch.ts). */
  get code(): number {
    return codeOf(this.octets[this.octet]!, this.length - 8 * this.octet);
  }

  /** Throws RangeError unless there are 16 octets and the length is 0 … 128. Bits beyond the length are ignored. */
  setTarget(address: Uint8Array, length: number): void {
    if (address.length !== 16) throw new RangeError(`an IPv6 address has 16 octets, this one ${address.length}`);
    if (!Number.isInteger(length) || length < 0 || length > 128) {
      throw new RangeError(`a prefix length is an integer from 0 to 128, not ${length}`);
    }
    this.length = length;
    this.octets.set(address);
    const whole = length >>> 5;
    if (length & 31) this.target[whole]! &= FIRST_BITS[length & 31]!;
    this.target.fill(0, (length + 31) >>> 5);
  }

  /** Walks to the target, whose length is 1 … 128. */
  descend(memory: Int32Array): Place {
    this.at = ROOT;
    this.from = 0;
    this.node = 0;
    this.above = 0;
    if (memory[ROOT]! >= 0) return BARE;
    for (;;) {
      this.node = memory[this.at]! & NODE;
      const head = memory[this.node + 1]!;
      const bits = matchBitsOf(head);
      const tail = kindOf(head) === TAIL;
      const ends = tail ? (bits - 1) >>> 3 : bits >>> 3; // the octet the node is about
      const differs = this.#firstDifference(memory);
      if (tail && bits === this.length && differs === 16) return MATCH;
      if (tail || differs < ends || this.octet < ends) {
        this.divergence = Math.min(differs, ends, this.octet);
        return DIVERGENCE;
      }
      if (this.octet === ends) return BRANCH;
      const entry = entryOf(memory, this.node, this.octets[ends]!);
      if (memory[entry]! >= 0) return VACANCY;
      this.#enter(entry, ends + 1);
    }
  }

  #enter(entry: number, from: number): void {
    this.aboveAt = this.at;
    this.aboveFrom = this.from;
    this.above = this.node;
    this.at = entry;
    this.from = from;
  }

  /** First octet in which the target and the node's prefix differ; 16 when none does. */
  #firstDifference(memory: Int32Array): number {
    this.other.set(this.target);
    readKey(memory, this.node, this.other);
    let i = this.from;
    while (i < 16 && this.octets[i] === this.otherOctets[i]) i++;
    return i;
  }

  /** Makes `other` the prefix of what hangs in `slot` of a branch over `octet` on the target's path. */
  turnAside(octet: number, slot: number): void {
    this.other.set(this.target);
    this.otherOctets[octet] = slot;
    this.otherOctets.fill(0, octet + 1);
  }
}
