/**
 * The prefixes that LSAs speak of, as a path-compressed binary trie: each gets a number under which the computation
 * keeps what it knows of it. A trie, since no choice of prefixes can make it slow, and since forwarding addresses ask
 * for the longest match.
 */
import { formatPrefix, type Prefix } from "#base/address";
import { i32 } from "#base/bytes";
import { IntList } from "#ospf/routes/numbers";

/** Numbers given at most: a table of more routes than that no forwarder holds. */
export const MAX_DESTINATIONS = 1 << 20;

/** Words per node: four of the prefix, its length, two children, the destination. 0: no child, −1: no destination. */
const NODE = 8;
const LENGTH = 4;
const CHILD = 5;
const DESTINATION = 7;

export class Destinations {
  readonly limit: number;
  #nodes = new Int32Array(NODE * 1024);
  #end = NODE;
  readonly #nodeOf = new IntList();
  readonly #prefixes: (Prefix | undefined)[] = [];
  readonly #texts: (string | undefined)[] = [];

  constructor(limit = MAX_DESTINATIONS) {
    this.limit = limit;
    this.#nodes[DESTINATION] = -1; // the root: ::/0
  }

  /** Numbers given: 0 … size − 1. */
  get size(): number {
    return this.#nodeOf.length;
  }

  /** The number of an IPv6 prefix, a new one if need be; −1: there are too many. Bits after its length are ignored. */
  add(prefix: Prefix): number {
    if (this.size === this.limit) return this.find(prefix);
    const node = this.#place(prefix.address, prefix.length);
    const known = this.#nodes[node + DESTINATION]!;
    if (known >= 0) return known;
    this.#nodes[node + DESTINATION] = this.size;
    this.#nodeOf.push(node);
    this.#prefixes.push(undefined);
    this.#texts.push(undefined);
    return this.size - 1;
  }

  prefix(destination: number): Prefix {
    this.#prefixes[destination] ??= this.#prefixAt(this.#nodeOf.array[destination]!);
    return this.#prefixes[destination]!;
  }

  /** `formatPrefix` of it. */
  text(destination: number): string {
    this.#texts[destination] ??= formatPrefix(this.prefix(destination));
    return this.#texts[destination]!;
  }

  /** −1: it has none. */
  find({ address, length }: Prefix): number {
    let node = 0;
    for (;;) {
      const nodeLength = this.#nodes[node + LENGTH]!;
      if (nodeLength > length || this.#common(node, address, nodeLength) < nodeLength) return -1;
      if (nodeLength === length) return this.#nodes[node + DESTINATION]!;
      node = this.#nodes[node + CHILD + bitOf(address, nodeLength)]!;
      if (node === 0) return -1;
    }
  }

  /** Of the prefixes that contain the address and that `wanted` says yes to the longest; −1: none. */
  longestMatch(address: Uint8Array, wanted: (destination: number) => boolean): number {
    let best = -1;
    let node = 0;
    for (;;) {
      const length = this.#nodes[node + LENGTH]!;
      if (this.#common(node, address, length) < length) return best;
      const destination = this.#nodes[node + DESTINATION]!;
      if (destination >= 0 && wanted(destination)) best = destination;
      if (length === 128) return best;
      node = this.#nodes[node + CHILD + bitOf(address, length)]!;
      if (node === 0) return best;
    }
  }

  #prefixAt(node: number): Prefix {
    const address = new Uint8Array(16);
    for (let i = 0; i < 16; i++) address[i] = this.#nodes[node + (i >> 2)]! >>> (24 - 8 * (i & 3));
    return { address, length: this.#nodes[node + LENGTH]! };
  }

  /** The node of exactly this prefix, made if need be. At most 129 nodes are looked at. */
  #place(address: Uint8Array, length: number): number {
    let node = 0;
    for (;;) {
      const nodeLength = this.#nodes[node + LENGTH]!;
      if (nodeLength === length) return node;
      const branch = node + CHILD + bitOf(address, nodeLength);
      const child = this.#nodes[branch]!;
      if (child === 0) return this.#link(branch, address, length);
      const childLength = this.#nodes[child + LENGTH]!;
      const common = this.#common(child, address, Math.min(length, childLength));
      if (common < childLength) return this.#split(branch, address, { length, common });
      node = child;
    }
  }

  #link(branch: number, address: Uint8Array, length: number): number {
    const node = this.#make(address, length);
    this.#nodes[branch] = node;
    return node;
  }

  /** The child at `branch` differs from the address after `common` bits: a node for these comes between. */
  #split(branch: number, address: Uint8Array, { length, common }: { length: number; common: number }): number {
    const child = this.#nodes[branch]!;
    const between = this.#link(branch, address, common);
    const childBit = (this.#nodes[child + (common >> 5)]! >>> (31 - (common & 31))) & 1;
    this.#nodes[between + CHILD + childBit] = child;
    return common === length ? between : this.#link(between + CHILD + (childBit ^ 1), address, length);
  }

  #make(address: Uint8Array, length: number): number {
    if (this.#end + NODE > this.#nodes.length) {
      const nodes = new Int32Array(2 * this.#nodes.length);
      nodes.set(this.#nodes);
      this.#nodes = nodes;
    }
    const node = this.#end;
    this.#end += NODE;
    for (let word = 0; word < 4; word++) this.#nodes[node + word] = i32(address, 4 * word) & maskOf(length - 32 * word);
    this.#nodes[node + LENGTH] = length;
    this.#nodes[node + DESTINATION] = -1;
    return node;
  }

  /** Bits that node and address have in common, at most `limit`. */
  #common(node: number, address: Uint8Array, limit: number): number {
    for (let word = 0; 32 * word < limit; word++) {
      const difference = this.#nodes[node + word]! ^ i32(address, 4 * word);
      if (difference !== 0) return Math.min(limit, 32 * word + Math.clz32(difference));
    }
    return limit;
  }
}

const bitOf = (address: Uint8Array, at: number): number => (address[at >> 3]! >> (7 - (at & 7))) & 1;

/** Of a word of which `bits` are left of the prefix. */
const maskOf = (bits: number): number => (bits <= 0 ? 0 : bits >= 32 ? -1 : -1 << (32 - bits));
