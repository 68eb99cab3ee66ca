/**
 * The control thread's side of the forwarding table. Forwarders read while it changes: each change of a route becomes
 * visible by one atomic store (of the word that refers to the new version of a node, or of the entry itself where the
 * node's shape stays), and what it replaces is used again only after a grace period (grace.ts). A lookup sees each change
 * as done or as not yet done, and nothing in between.
 */
import { Branch, codeBits, codeOf, codeSlot } from "#fastpath/tables/fib-branch";
import {
  BODY,
  CHILD,
  FULL,
  keysFor,
  keysOf,
  kindOf,
  matchBitsOf,
  NODE,
  nodeWords,
  OWN,
  ROOT,
  readKey,
  TAIL,
  VALUE,
} from "#fastpath/tables/fib-layout";
import { FibNodes } from "#fastpath/tables/fib-nodes";
import { BARE, BRANCH, DIVERGENCE, FibPath, MATCH, VACANCY } from "#fastpath/tables/fib-path";
import { type FibRoute, walk } from "#fastpath/tables/fib-walk";

export { FibFullError } from "#fastpath/tables/fib-nodes";

export interface FibOptions {
  /**
   * Most octets the table may take, a multiple of 8 from 16 KiB on; default 256 MiB, enough for a million routes of any
   * kind. Address space only: pages are committed as they are first used.
   */
  readonly capacityOctets?: number;
  /** The forwarders' turn counters (grace.ts); without them nobody may look while the table changes. */
  readonly turns?: Int32Array;
}

const DEFAULT_CAPACITY = 256 << 20; // octets
const SMALLEST_CAPACITY = 16 << 10;

export class FibWriter {
  /** What a {@link FibReader} reads. */
  readonly buffer: SharedArrayBuffer;
  readonly #memory: Int32Array;
  readonly #nodes: FibNodes;
  readonly #path = new FibPath();
  readonly #branch = new Branch();
  #size = 0;

  /** Throws RangeError when the capacity is none. */
  constructor(options: FibOptions = {}) {
    const capacity = options.capacityOctets ?? DEFAULT_CAPACITY;
    if (capacity < SMALLEST_CAPACITY || capacity % 8 !== 0) {
      throw new RangeError(`a forwarding table's capacity is a multiple of 8 octets from 16 KiB on, not ${capacity}`);
    }
    this.buffer = new SharedArrayBuffer(capacity);
    this.#memory = new Int32Array(this.buffer);
    this.#nodes = new FibNodes(this.#memory, options.turns);
  }

  /** Number of routes. */
  get size(): number {
    return this.#size;
  }

  /** Octets of nodes in use, those included that wait for their grace period. */
  get octetsUsed(): number {
    return 4 * this.#nodes.usedWords;
  }

  get octetsFree(): number {
    return 4 * this.#nodes.freeWords;
  }

  /** Replaced nodes that a forwarder may still be reading. */
  get retired(): number {
    return this.#nodes.retired;
  }

  /** Frees what no forwarder can be reading any more. Every change does this first; call it when changes have ended. */
  reclaim(): void {
    this.#nodes.reclaim();
  }

  /**
   * Adds a route or replaces its value. `value`: 1 … 2^30−1. Bits of the address beyond `length` are ignored. True when
   * the route is new. Throws FibFullError, RangeError; the table is then as it was before.
   */
  insert(address: Uint8Array, length: number, value: number): boolean {
    if (!Number.isInteger(value) || value < 1 || value > VALUE) {
      throw new RangeError(`a route's value is an integer from 1 to ${VALUE}, not ${value}`);
    }
    this.#path.setTarget(address, length);
    this.#nodes.begin(false);
    try {
      const added = length === 0 ? this.#setSlot(ROOT, OWN | value) : this.#insert(value);
      if (added) this.#size++;
      return added;
    } catch (error) {
      this.#nodes.abandon();
      throw error;
    }
  }

  /**
   * Takes a route out. False when there was none. Throws RangeError, and FibFullError when even the words kept for
   * removals are in use; the table is then as it was before.
   */
  remove(address: Uint8Array, length: number): boolean {
    this.#path.setTarget(address, length);
    this.#nodes.begin(true);
    try {
      const removed = length === 0 ? !this.#setSlot(ROOT, 0) : this.#remove();
      if (removed) this.#size--;
      return removed;
    } catch (error) {
      this.#nodes.abandon();
      throw error;
    }
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
    return this.#branch.get(this.#path.code);
  }

  /** All routes in the order of their addresses, a covering one first. The table must not change meanwhile. */
  entries(): Generator<FibRoute> {
    return walk(this.#memory);
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

  #insert(value: number): boolean {
    const path = this.#path;
    const memory = this.#memory;
    switch (path.descend(memory)) {
      case BARE:
        this.#publish(ROOT, this.#nodes.tail(path.target, path.length, 0, value, memory[ROOT]!));
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

  /** Puts a branch over the node and the new route in the node's place. */
  #split(value: number): void {
    const path = this.#path;
    const memory = this.#memory;
    const branch = this.#branch;
    const { node, divergence: octet } = path;
    const bits = matchBitsOf(memory[node + 1]!);
    const beside = path.otherOctets[octet]!;
    branch.clear();
    if (kindOf(memory[node + 1]!) === TAIL && (bits - 1) >>> 3 === octet) {
      branch.set(codeOf(beside, bits - 8 * octet), memory[node + BODY]!);
    } else {
      branch.child[beside] = this.#nodes.rekeyed(node, path.other, octet + 1, 0);
    }
    if (path.octet === octet) branch.set(path.code, value);
    else branch.child[path.octets[octet]!] = this.#nodes.tail(path.target, path.length, octet + 1, value, 0);
    branch.pack(keysFor(path.from, 8 * octet), 8 * octet, false);
    const over = this.#nodes.branch(branch, path.target, memory[node]!);
    this.#settleChildren();
    this.#replace(path.at, node, over);
  }

  /** The route is the first beneath its slot. */
  #hang(value: number): void {
    const { node, at, octets, target, length } = this.#path;
    const head = this.#memory[node + 1]!;
    const octet = matchBitsOf(head) >>> 3;
    const slot = octets[octet]!;
    if (kindOf(head) === FULL) {
      const entry = node + BODY + slot;
      this.#publish(entry, this.#nodes.tail(target, length, octet + 1, value, this.#memory[entry]!));
      return;
    }
    this.#branch.unpack(this.#memory, node);
    this.#branch.child[slot] = this.#nodes.tail(target, length, octet + 1, value, 0);
    this.#commit(at, node);
  }

  #setInBranch(value: number): boolean {
    const { node, at, code } = this.#path;
    if (code >= 256 && kindOf(this.#memory[node + 1]!) === FULL) {
      return this.#setSlot(node + BODY + (code & 255), OWN | value);
    }
    this.#branch.unpack(this.#memory, node);
    const had = this.#branch.get(code) !== 0;
    this.#branch.set(code, value);
    this.#commit(at, node);
    return !had;
  }

  #remove(): boolean {
    const path = this.#path;
    const place = path.descend(this.#memory);
    if (place === MATCH) {
      this.#removeTail();
      return true;
    }
    if (place !== BRANCH) return false;
    this.#branch.unpack(this.#memory, path.node);
    if (this.#branch.get(path.code) === 0) return false;
    this.#branch.set(path.code, 0);
    this.#shrink(path.at, path.from, path.node);
    return true;
  }

  #removeTail(): void {
    const { node, above, aboveAt, aboveFrom, from, octets } = this.#path;
    if (above === 0) {
      Atomics.store(this.#memory, ROOT, this.#memory[node]!);
    } else {
      this.#branch.unpack(this.#memory, above);
      this.#branch.child[octets[from - 1]!] = 0;
      this.#shrink(aboveAt, aboveFrom, above);
    }
    this.#nodes.retire(node);
  }

  /** Publishes a branch that lost something; one with a single thing left gives way to it. */
  #shrink(at: number, from: number, node: number): void {
    const branch = this.#branch;
    if (branch.items() > 1) {
      this.#commit(at, node);
      return;
    }
    const path = this.#path;
    const leaf = this.#memory[node]!;
    const bits = matchBitsOf(this.#memory[node + 1]!);
    const code = branch.firstRoute();
    if (code !== 0) {
      path.turnAside(bits >>> 3, codeSlot(code));
      this.#replace(at, node, this.#nodes.tail(path.other, bits + codeBits(code), from, branch.get(code), leaf));
      return;
    }
    const slot = branch.child.findIndex((child) => child !== 0);
    const child = branch.child[slot]!;
    path.turnAside(bits >>> 3, slot);
    readKey(this.#memory, child, path.other);
    this.#replace(at, node, this.#nodes.rekeyed(child, path.other, from, leaf));
    this.#nodes.retire(child);
  }

  /** Makes the taken-apart branch what the entry at `at` refers to: in place if its shape allows, else as a new node. */
  #commit(at: number, node: number): void {
    const memory = this.#memory;
    const branch = this.#branch;
    const head = memory[node + 1]!;
    branch.pack(keysOf(head), matchBitsOf(head), kindOf(head) === FULL);
    if (!this.#hasShape(node)) {
      const fresh = this.#nodes.branch(branch, this.#path.target, memory[node]!);
      this.#settleChildren();
      this.#replace(at, node, fresh);
      return;
    }
    this.#settleChildren();
    for (let i = branch.shapeWords; i < branch.packedWords; i++) {
      if (memory[node + 1 + i] !== branch.packed[i]) Atomics.store(memory, node + 1 + i, branch.packed[i]!);
    }
  }

  /** True when the packed branch differs from the node in entries only: a lookup reads one of them, whichever version. */
  #hasShape(node: number): boolean {
    const { packed, packedWords, shapeWords } = this.#branch;
    for (let i = 0; i < shapeWords; i++) if (this.#memory[node + 1 + i] !== packed[i]) return false;
    return nodeWords(this.#memory, node) === keysOf(packed[0]!) + 1 + packedWords;
  }

  /** Gives each child the default that its slot has now. A lookup on its way through the child reads it once. */
  #settleChildren(): void {
    const { child, leaf } = this.#branch;
    for (let slot = 0; slot < 256; slot++) {
      const node = child[slot]!;
      if (node !== 0 && this.#memory[node] !== leaf[slot]) Atomics.store(this.#memory, node, leaf[slot]!);
    }
  }

  #replace(at: number, old: number, node: number): void {
    this.#publish(at, node);
    this.#nodes.retire(old);
  }

  /** One store, and the node is part of the table. */
  #publish(at: number, node: number): void {
    Atomics.store(this.#memory, at, CHILD | node);
  }
}
