/** Lists of numbers that grow, and vertices by name: what a computation over a hundred thousand LSAs is made of. */

/** 32-bit signed numbers. */
export class IntList {
  /** The first {@link length} count. Another array once it has grown. */
  array: Int32Array;
  length = 0;

  constructor(capacity = 64) {
    this.array = new Int32Array(capacity);
  }

  push(value: number): void {
    if (this.length === this.array.length) this.array = grown(this.array, new Int32Array(2 * this.length));
    this.array[this.length++] = value;
  }
}

/** Costs: whole numbers up to 2^53, so that no sum of 16- and 24-bit metrics overflows. */
export class CostList {
  array: Float64Array;
  length = 0;

  constructor(capacity = 64) {
    this.array = new Float64Array(capacity);
  }

  push(value: number): void {
    if (this.length === this.array.length) this.array = grown(this.array, new Float64Array(2 * this.length));
    this.array[this.length++] = value;
  }
}

function grown<T extends Int32Array | Float64Array>(from: T, to: T): T {
  to.set(from);
  return to;
}

/**
 * Numbers 0, 1, 2 … for pairs of 32-bit numbers, in the order of their coming. The hash is salted: whoever chooses
 * router ids and Link State IDs shall not be able to make it slow.
 */
export class PairIndex {
  readonly #salt: number;
  #slots = new Int32Array(128).fill(-1);
  #first: IntList = new IntList();
  #second: IntList = new IntList();

  /** `salt`: 32 bits that nobody outside knows. */
  constructor(salt: number) {
    this.#salt = salt;
  }

  get size(): number {
    return this.#first.length;
  }

  /** −1: never added. */
  get(a: number, b: number): number {
    return this.#slots[this.#slot(a | 0, b | 0)]!;
  }

  /** The pair's number, a new one if need be. */
  add(a: number, b: number): number {
    let slot = this.#slot(a | 0, b | 0);
    const known = this.#slots[slot]!;
    if (known >= 0) return known;
    if (2 * this.size >= this.#slots.length) {
      this.#grow();
      slot = this.#slot(a | 0, b | 0);
    }
    const index = this.size;
    this.#slots[slot] = index;
    this.#first.push(a);
    this.#second.push(b);
    return index;
  }

  /** The first of the pair with that number, 0 … 2^32 − 1. */
  first(index: number): number {
    return this.#first.array[index]! >>> 0;
  }

  second(index: number): number {
    return this.#second.array[index]! >>> 0;
  }

  /** Where the pair is, or would be put. At most half of the slots are taken, so the search ends. */
  #slot(a: number, b: number): number {
    const mask = this.#slots.length - 1;
    const first = this.#first.array;
    const second = this.#second.array;
    for (let slot = mixed(a, b, this.#salt) & mask; ; slot = (slot + 1) & mask) {
      const index = this.#slots[slot]!;
      if (index < 0 || (first[index] === a && second[index] === b)) return slot;
    }
  }

  #grow(): void {
    this.#slots = new Int32Array(2 * this.#slots.length).fill(-1);
    const first = this.#first.array;
    const second = this.#second.array;
    for (let i = 0; i < this.size; i++) this.#slots[this.#slot(first[i]!, second[i]!)] = i;
  }
}

/** Finalizer of MurmurHash3 (Appleby, public domain), salted before each round. */
function mixed(a: number, b: number, salt: number): number {
  let h = Math.imul(a ^ salt, 0x85eb_ca6b);
  h ^= h >>> 13;
  h = Math.imul(h ^ b ^ (salt >>> 7), 0xc2b2_ae35);
  h ^= h >>> 16;
  h = Math.imul(h ^ salt, 0x85eb_ca6b);
  return h ^ (h >>> 13);
}
