/**
 * Makes the nodes of the forwarding table and frees them when no forwarder can be reading them any more. A node is whole
 * before anything refers to it.
 */
import type { Branch } from "#fastpath/tables/fib-branch";
import {
  BODY,
  HEAP,
  headOf,
  keysFor,
  keysOf,
  matchBitsOf,
  nodeWords,
  TAIL,
  withKeys,
  writeKey,
} from "#fastpath/tables/fib-layout";
import { FibMemory } from "#fastpath/tables/fib-memory";
import { Grace } from "#fastpath/tables/grace";

/** The table has no room for the change, and is as it was before. */
export class FibFullError extends Error {
  override readonly name = "FibFullError";
}

/**
 * Words, in blocks for any request, that only a removal may take (at most an 8th of the table): a full table must still be
 * able to lose routes, and taking one out of a run can need a larger node.
 */
const RESERVE = 64 << 10;

export class FibNodes {
  readonly #memory: Int32Array;
  readonly #heap: FibMemory;
  readonly #grace: Grace;
  /** Nodes made for the change under way. */
  readonly #fresh: number[] = [];
  /** Words that the change under way must leave in large blocks. */
  #reserve = 0;

  constructor(memory: Int32Array, turns: Int32Array | undefined) {
    this.#memory = memory;
    this.#heap = new FibMemory(memory, HEAP);
    this.#grace = new Grace(turns);
  }

  get usedWords(): number {
    return this.#heap.usedWords;
  }

  get freeWords(): number {
    return this.#heap.freeWords;
  }

  /** Nodes that wait for their grace period. */
  get retired(): number {
    return this.#grace.pending;
  }

  /** Begins a change; a removal may use the words kept for removals. */
  begin(removal: boolean): void {
    this.reclaim();
    this.#fresh.length = 0;
    this.#reserve = removal ? 0 : Math.min(RESERVE, this.#memory.length >>> 3);
  }

  /** Frees the nodes made since {@link begin}: the change failed and published none of them. */
  abandon(): void {
    for (const node of this.#fresh) this.#free(node);
    this.#fresh.length = 0;
  }

  /** Nothing refers to the node any more. */
  retire(node: number): void {
    this.#grace.retire(node);
  }

  reclaim(): void {
    this.#grace.reclaim(this.#free);
  }

  /** A tail for one route, where octets before `from` are compared already. Throws FibFullError, as all that make nodes. */
  tail(address: Int32Array, length: number, from: number, value: number, leaf: number): number {
    const memory = this.#memory;
    const keys = keysFor(from, length);
    const node = this.#allocate(keys, BODY + 1);
    memory[node] = leaf;
    memory[node + 1] = headOf(TAIL, keys, length);
    memory[node + BODY] = value;
    writeKey(memory, node, address);
    return node;
  }

  /** A node of a packed branch; `address` has the octets it compares. */
  branch(branch: Branch, address: Int32Array, leaf: number): number {
    const memory = this.#memory;
    const { packed, packedWords } = branch;
    const node = this.#allocate(keysOf(packed[0]!), 1 + packedWords);
    memory[node] = leaf;
    for (let i = 0; i < packedWords; i++) memory[node + 1 + i] = packed[i]!;
    writeKey(memory, node, address);
    return node;
  }

  /** A copy of a node that compares `address` from another octet on, under another default. */
  rekeyed(old: number, address: Int32Array, from: number, leaf: number): number {
    const memory = this.#memory;
    const head = memory[old + 1]!;
    const keys = keysFor(from, matchBitsOf(head));
    const words = nodeWords(memory, old) - keysOf(head);
    const node = this.#allocate(keys, words);
    memory.copyWithin(node, old, old + words);
    memory[node] = leaf;
    memory[node + 1] = withKeys(head, keys);
    writeKey(memory, node, address);
    return node;
  }

  #allocate(keys: number, words: number): number {
    const size = keys + words;
    const at = this.#heap.roomWords < this.#reserve ? 0 : this.#heap.allocate(size);
    if (at === 0) {
      throw new FibFullError(
        `the forwarding table is full: ${4 * this.usedWords} of ${4 * this.#memory.length} octets are in use, ` +
          `${this.retired} replaced nodes wait for forwarders to end their turns`,
      );
    }
    this.#fresh.push(at + keys);
    return at + keys;
  }

  readonly #free = (node: number): void => {
    const keys = keysOf(this.#memory[node + 1]!);
    this.#heap.free(node - keys, nodeWords(this.#memory, node));
  };
}
