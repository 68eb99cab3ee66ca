/**
 * The control thread's side of the forwarding table. Forwarders read while it changes: each change of a route becomes
 * visible by one atomic store (of the word that refers to the new version of a node, or of the entry itself where the
 * shape stays), and what it replaces is used again only after a grace period (grace.ts). So a lookup sees each change
 * as done or not yet done, and nothing in between.
 */
import { Branch, codeBits, codeOf, codeSlot } from "#fastpath/tables/fib-branch";
import {
  BODY,
  CHILD,
  FULL,
  HEAP,
  headOf,
  keysFor,
  keysOf,
  kindOf,
  matchBitsOf,
  NODE,
  nodeWords,
  OWN,
  ROOT,
  TAIL,
  VALUE,
  withKeys,
} from "#fastpath/tables/fib-layout";
import { FibMemory } from "#fastpath/tables/fib-memory";
import { BARE, BRANCH, DIVERGENCE, FibPath, MATCH, readKey, VACANCY, writeKey } from "#fastpath/tables/fib-path";
import { type FibRoute, walk } from "#fastpath/tables/fib-walk";
import { Grace } from "#fastpath/tables/grace";

export interface FibOptions {
  /**
   * Most octets the table may take, a multiple of 8; default 256 MiB, enough for a million routes of any kind. Address
   * space only: pages are committed as they are first used.
   */
  readonly capacityOctets?: number;
  /** The forwarders' turn counters (grace.ts); without them nobody may look while the table changes. */
  readonly turns?: Int32Array;
}

/** The table has no room for the change, and is as it was before. */
export class FibFullError extends Error {
  override readonly name = "FibFullError";
}

const DEFAULT_CAPACITY = 256 << 20; // octets
/** Words that only a removal may take (at most a 16th of the table): a full table must still be able to lose routes. */
const RESERVE = 64 << 10;

export class FibWriter {
  /** What a {@link FibReader} reads. */
  readonly buffer: SharedArrayBuffer;
  readonly #memory: Int32Array;
  readonly #heap: FibMemory;
  readonly #grace: Grace;
  readonly #path = new FibPath();
  readonly #branch = new Branch();
  /** Nodes allocated by the change under way: freed again when it fails. */
  readonly #fresh: number[] = [];
  /** Words that the change under way must leave free. */
  #reserve = 0;
  #size = 0;

  constructor(options: FibOptions = {}) {
    this.buffer = new SharedArrayBuffer(options.capacityOctets ?? DEFAULT_CAPACITY);
    this.#memory = new Int32Array(this.buffer);
    this.#heap = new FibMemory(this.#memory, HEAP);
    this.#grace = new Grace(options.turns);
  }

  /** Number of routes. */
  get size(): number {
    return this.#size;
  }

  /** Octets of nodes in use, those included that wait for their grace period. */
  get octetsUsed(): number {
    return 4 * this.#heap.usedWords;
  }

  get octetsFree(): number {
    return 4 * this.#heap.freeWords;
  }

  /** Nodes replaced that a forwarder may still be reading. */
  get retired(): number {
    return this.#grace.pending;
  }

  /** Frees what no forwarder can be reading any more. Every change does this first; call it when changes have ended. */
  reclaim(): void {
    this.#grace.reclaim(this.#free);
  }

  /**
   * Adds a route or replaces its value. `value`: 1 … 2^30−1. Bits of the address beyond `length` are ignored. True when
   * the route is new. Throws FibFullError, RangeError.
   */
  insert(address: Uint8Array, length: number, value: number): boolean {
    if (!Number.isInteger(value) || value < 1 || value > VALUE) {
      throw new RangeError(`a route's value is an integer from 1 to ${VALUE}, not ${value}`);
    }
    this.#path.setTarget(address, length);
    const added = this.#change(Math.min(RESERVE, this.#memory.length >>> 4), () =>
      length === 0 ? this.#setSlot(ROOT, OWN | value) : this.#insert(value),
    );
    if (added) this.#size++;
    return added;
  }

  /** Takes a route out. False when there was none. Throws RangeError, and FibFullError when even
   * the words kept for removals are in use. */
  remove(address: Uint8Array, length: number): boolean {
    this.#path.setTarget(address, length);
    const removed = this.#change(0, () => (length === 0 ? !this.#setSlot(ROOT, 0) : this.#remove()));
    if (removed) this.#size--;
    return removed;
  }

  /** The value of exactly this route; 0 when there is none. Throws RangeError. */
  get(address: Uint8Array, length: number): number {
    this.#path.setTarget(address, length);
    const memory = this.#memory;
    if (length === 0) return memory[this.#leafAt(ROOT)]! & VALUE;
    const place = this.#path.descend(memory);
    if (place === MATCH) return memory[this.#path.node + BODY]!;
    if (place !== BRANCH) return 0;
    this.#branch.unpack(memory, this.#path.node);
    return this.#branch.get(this.#code());
  }

  /** All routes in the order of their addresses, a covering one first. The table must not change meanwhile. */
  entries(): Generator<FibRoute> {
    return walk(this.#memory);
  }

  #change(reserve: number, apply: () => boolean): boolean {
    this.reclaim();
    this.#reserve = reserve;
    try {
      return apply();
    } catch (error) {
      for (const node of this.#fresh) this.#free(node);
      throw error;
    } finally {
      this.#fresh.length = 0;
    }
  }

  /** Gives the slot with the entry at `at` another leaf, in place. True when no route ended exactly there before. */
  #setSlot(at: number, leaf: number): boolean {
    const where = this.#leafAt(at);
    const had = (this.#memory[where]! & OWN) !== 0;
    Atomics.store(this.#memory, where, leaf);
    return !had;
  }

  /** Where the leaf of the slot with the entry at `at` is. */
  #leafAt(at: number): number {
    const entry = this.#memory[at]!;
    return entry < 0 ? entry & NODE : at;
  }

  /** The target's code in the branch over its octet. */
  #code(): number {
    const { octets, octet, length } = this.#path;
    return codeOf(octets[octet]!, length - 8 * octet);
  }

  #insert(value: number): boolean {
    const path = this.#path;
    const memory = this.#memory;
    switch (path.descend(memory)) {
      case BARE:
        this.#publish(ROOT, this.#tail(path.target, path.length, 0, value, memory[ROOT]!));
        return true;
      case MATCH:
        Atomics.store(memory, path.node + BODY, value);
        return false;
      case DIVERGENCE:
        this.#split(value);
        return true;
      case VACANCY:
        this.#hang(value);
        return true;
      case BRANCH:
        return this.#setInBranch(value);
    }
  }

  /** The route is the first beneath its slot. */
  #hang(value: number): void {
    const { node, at, octets, target, length } = this.#path;
    const head = this.#memory[node + 1]!;
    const octet = matchBitsOf(head) >>> 3;
    const slot = octets[octet]!;
    if (kindOf(head) === FULL) {
      const entry = node + BODY + slot;
      this.#publish(entry, this.#tail(target, length, octet + 1, value, this.#memory[entry]!));
      return;
    }
    this.#branch.unpack(this.#memory, node);
    this.#branch.child[slot] = this.#tail(target, length, octet + 1, value, 0);
    this.#commit(at, node);
  }

  #setInBranch(value: number): boolean {
    const { node, at } = this.#path;
    const code = this.#code();
    if (code >= 256 && kindOf(this.#memory[node + 1]!) === FULL) {
      return this.#setSlot(node + BODY + (code & 255), OWN | value);
    }
    this.#branch.unpack(this.#memory, node);
    const had = this.#branch.get(code) !== 0;
    this.#branch.set(code, value);
    this.#commit(at, node);
    return !had;
  }

  /** Puts a branch over the node and the new route in the node's place. */
  #split(value: number): void {
    const path = this.#path;
    const memory = this.#memory;
    const branch = this.#branch;
    const { node, divergence: octet } = path;
    const head = memory[node + 1]!;
    const bits = matchBitsOf(head);
    branch.clear();
    if (kindOf(head) === TAIL && (bits - 1) >>> 3 === octet) {
      branch.set(codeOf(path.otherOctets[octet]!, bits - 8 * octet), memory[node + BODY]!);
    } else {
      branch.child[path.otherOctets[octet]!] = this.#rekeyed(node, path.other, octet + 1);
    }
    if (path.octet === octet) branch.set(this.#code(), value);
    else branch.child[path.octets[octet]!] = this.#tail(path.target, path.length, octet + 1, value, 0);
    branch.pack(keysFor(path.from, 8 * octet), 8 * octet, false);
    this.#publish(path.at, this.#packed(path.target, memory[node]!));
    this.#grace.retire(node);
  }

  #remove(): boolean {
    const path = this.#path;
    const memory = this.#memory;
    switch (path.descend(memory)) {
      case MATCH:
        if (path.above === 0) {
          Atomics.store(memory, ROOT, memory[path.node]!);
        } else {
          this.#branch.unpack(memory, path.above);
          this.#branch.child[path.octets[path.from - 1]!] = 0;
          this.#shrink(path.aboveAt, path.aboveFrom, path.above);
        }
        this.#grace.retire(path.node);
        return true;
      case BRANCH:
        this.#branch.unpack(memory, path.node);
        if (this.#branch.get(this.#code()) === 0) return false;
        this.#branch.set(this.#code(), 0);
        this.#shrink(path.at, path.from, path.node);
        return true;
      default:
        return false;
    }
  }

  /** Publishes a branch that lost something; one that has a single thing left gives way to it. */
  #shrink(at: number, from: number, node: number): void {
    const branch = this.#branch;
    if (branch.items() > 1) {
      this.#commit(at, node);
      return;
    }
    const path = this.#path;
    const memory = this.#memory;
    const bits = matchBitsOf(memory[node + 1]!);
    const code = branch.firstRoute();
    if (code !== 0) {
      path.turnAside(bits >>> 3, codeSlot(code));
      const tail = this.#tail(path.other, bits + codeBits(code), from, branch.get(code), memory[node]!);
      this.#publish(at, tail);
    } else {
      const slot = branch.child.findIndex((child) => child !== 0);
      const child = branch.child[slot]!;
      path.turnAside(bits >>> 3, slot);
      readKey(memory, child, path.other);
      const moved = this.#rekeyed(child, path.other, from);
      memory[moved] = memory[node]!;
      this.#publish(at, moved);
      this.#grace.retire(child);
    }
    this.#grace.retire(node);
  }

  /** Makes the taken-apart branch what the entry at `at` refers to: in place if its shape allows, else as a new node. */
  #commit(at: number, node: number): void {
    const memory = this.#memory;
    const branch = this.#branch;
    const head = memory[node + 1]!;
    branch.pack(keysOf(head), matchBitsOf(head), kindOf(head) === FULL);
    if (this.#hasShape(node)) {
      this.#settleChildren();
      for (let i = branch.shapeWords; i < branch.packedWords; i++) {
        if (memory[node + 1 + i] !== branch.packed[i]) Atomics.store(memory, node + 1 + i, branch.packed[i]!);
      }
      return;
    }
    this.#publish(at, this.#packed(this.#path.target, memory[node]!));
    this.#grace.retire(node);
  }

  #hasShape(node: number): boolean {
    const { packed, packedWords, shapeWords } = this.#branch;
    for (let i = 0; i < shapeWords; i++) if (this.#memory[node + 1 + i] !== packed[i]) return false;
    return nodeWords(this.#memory, node) === keysOf(packed[0]!) + 1 + packedWords;
  }

  /** Gives each child the default that its slot has now. A lookup on its way through one of them reads it once. */
  #settleChildren(): void {
    const { child, leaf } = this.#branch;
    for (let slot = 0; slot < 256; slot++) {
      const node = child[slot]!;
      if (node !== 0 && this.#memory[node] !== leaf[slot]) Atomics.store(this.#memory, node, leaf[slot]!);
    }
  }

  /** One store, and the node is part of the table. */
  #publish(at: number, node: number): void {
    Atomics.store(this.#memory, at, CHILD | node);
  }

  /** A new node of the packed branch; `address` has the octets it compares. */
  #packed(address: Int32Array, leaf: number): number {
    const { packed, packedWords } = this.#branch;
    const node = this.#allocate(keysOf(packed[0]!), 1 + packedWords);
    const memory = this.#memory;
    memory[node] = leaf;
    for (let i = 0; i < packedWords; i++) memory[node + 1 + i] = packed[i]!;
    writeKey(memory, node, address);
    this.#settleChildren();
    return node;
  }

  #tail(address: Int32Array, length: number, from: number, value: number, leaf: number): number {
    const memory = this.#memory;
    const keys = keysFor(from, length);
    const node = this.#allocate(keys, BODY + 1);
    memory[node] = leaf;
    memory[node + 1] = headOf(TAIL, keys, length);
    memory[node + BODY] = value;
    writeKey(memory, node, address);
    return node;
  }

  /** A copy of a node, without default, that compares `address` from another octet on. */
  #rekeyed(old: number, address: Int32Array, from: number): number {
    const memory = this.#memory;
    const head = memory[old + 1]!;
    const keys = keysFor(from, matchBitsOf(head));
    const words = nodeWords(memory, old) - keysOf(head);
    const node = this.#allocate(keys, words);
    memory.copyWithin(node, old, old + words);
    memory[node] = 0;
    memory[node + 1] = withKeys(head, keys);
    writeKey(memory, node, address);
    return node;
  }

  #allocate(keys: number, words: number): number {
    const size = keys + words;
    const at = this.#heap.freeWords - size < this.#reserve ? 0 : this.#heap.allocate(size);
    if (at === 0) {
      throw new FibFullError(
        `the forwarding table is full: ${this.#size} routes take ${this.octetsUsed} of ${this.buffer.byteLength} octets` +
          ` (${this.retired} replaced nodes are still in use by forwarders)`,
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
