/**
 * Blocks of 32-bit words in one buffer: exact bins by size, split on demand, joined with their free neighbours when freed
 * (boundary tags: Knuth, TAOCP 1, §2.5). Above `#top` lies what was never handed out, so that its pages stay untouched.
 *
 * A free block keeps its size in its first and last word and its bin's links between them. Which words are such ends is
 * written in a bitmap beside the buffer: a block in use costs nothing beyond its words.
 */

/** Sizes are even and at least this, so that a free block has room for its two sizes and two links. */
const SMALLEST = 4;
/** Blocks of this many words and more share the last bin; no request is larger than {@link LARGEST_REQUEST}. */
const LARGE = 1024;
export const LARGEST_REQUEST: number = LARGE - SMALLEST;

const NEXT = 1;
const PREVIOUS = 2;

export class FibMemory {
  readonly words: Int32Array;
  readonly #from: number;
  readonly #capacity: number;
  readonly #ends: Uint8Array; // a bit for each pair of words: an end of a free block
  readonly #bins = new Int32Array(LARGE / 2 + 1); // first block of each even size, 0 none
  readonly #filled = new Int32Array(LARGE / 64 + 1); // a bit for each bin that has a block
  #top: number;
  #used = 0;
  #large = 0; // words in the last bin

  /** Blocks are handed out from word `from` (even, > 0) to the end of `words`. */
  constructor(words: Int32Array, from: number) {
    this.words = words;
    this.#from = from;
    this.#capacity = words.length & ~1;
    this.#top = from;
    this.#ends = new Uint8Array((words.length >>> 4) + 1);
  }

  get usedWords(): number {
    return this.#used;
  }

  /** Words not in use, wherever they lie. */
  get freeWords(): number {
    return this.#capacity - this.#from - this.#used;
  }

  /** Words in blocks that are large enough for any request. */
  get roomWords(): number {
    const untouched = this.#capacity - this.#top;
    return this.#large + (untouched >= LARGEST_REQUEST ? untouched : 0);
  }

  /** A block of `size` (1 … LARGEST_REQUEST) words with arbitrary content: its first word's index; 0 when there is none. */
  allocate(size: number): number {
    const wanted = Math.max(SMALLEST, (size + 1) & ~1);
    const found = this.#bins[wanted >>> 1] !== 0 ? wanted : this.#binFrom(wanted + SMALLEST);
    let at: number;
    if (found > 0) {
      at = this.#bins[found >>> 1]!;
      const whole = this.words[at]!;
      this.#unlink(at, whole);
      if (whole > wanted) this.#link(at + wanted, whole - wanted);
    } else {
      if (this.#top + wanted > this.#capacity) return 0;
      at = this.#top;
      this.#top += wanted;
    }
    this.#used += wanted;
    return at;
  }

  /** Takes back a block that was allocated with the same `size`. */
  free(at: number, size: number): void {
    const { words } = this;
    let start = at;
    let whole = Math.max(SMALLEST, (size + 1) & ~1);
    this.#used -= whole;
    const end = at + whole;
    if (end < this.#top && this.#isEnd(end)) {
      const after = words[end]!;
      this.#unlink(end, after);
      whole += after;
    }
    if (this.#isEnd(at - 2)) {
      const before = words[at - 1]!;
      start = at - before;
      this.#unlink(start, before);
      whole += before;
    }
    if (start + whole === this.#top) this.#top = start;
    else this.#link(start, whole);
  }

  /** The smallest size with a free block, from `size` on; 0 when there is none. */
  #binFrom(size: number): number {
    const first = Math.min(size, LARGE) >>> 1;
    let group = first >>> 5;
    let bits = this.#filled[group]! & (-1 << (first & 31));
    while (bits === 0) {
      if (++group === this.#filled.length) return 0;
      bits = this.#filled[group]!;
    }
    return 2 * (32 * group + 31 - Math.clz32(bits & -bits));
  }

  #link(at: number, size: number): void {
    const { words } = this;
    const bin = Math.min(size, LARGE) >>> 1;
    const next = this.#bins[bin]!;
    words[at] = size;
    words[at + size - 1] = size;
    words[at + NEXT] = next;
    words[at + PREVIOUS] = 0;
    if (next !== 0) words[next + PREVIOUS] = at;
    else this.#filled[bin >>> 5]! |= 1 << (bin & 31);
    this.#bins[bin] = at;
    if (size >= LARGE) this.#large += size;
    this.#flipEnds(at, size);
  }

  #unlink(at: number, size: number): void {
    const { words } = this;
    const bin = Math.min(size, LARGE) >>> 1;
    const next = words[at + NEXT]!;
    const previous = words[at + PREVIOUS]!;
    if (next !== 0) words[next + PREVIOUS] = previous;
    if (previous !== 0) words[previous + NEXT] = next;
    else {
      this.#bins[bin] = next;
      if (next === 0) this.#filled[bin >>> 5]! &= ~(1 << (bin & 31));
    }
    if (size >= LARGE) this.#large -= size;
    this.#flipEnds(at, size);
  }

  #isEnd(at: number): boolean {
    return ((this.#ends[at >>> 4]! >>> ((at >>> 1) & 7)) & 1) !== 0;
  }

  #flipEnds(at: number, size: number): void {
    const last = at + size - 2;
    this.#ends[at >>> 4]! ^= 1 << ((at >>> 1) & 7);
    this.#ends[last >>> 4]! ^= 1 << ((last >>> 1) & 7);
  }
}
