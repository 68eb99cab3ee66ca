/**
 * Port blocks of a NAT: who has which, and which of their ports are in use. An inside address gets its ports in blocks, so
 * that one line of a log says whose a port was (RFC 7422 §1; RFC 6888 §3, REQ-12 to REQ-14).
 *
 * A block is taken, and lost, by compare-and-exchange of its owner. It is lost only while none of its ports is in use:
 * who wants one counts it first and looks at the owner then; who takes the block away marks it first and looks at the
 * count then.
 */
import {
  B_IDLE_SINCE,
  B_OWNER,
  B_RANGE,
  B_USED,
  BLOCK_WORDS,
  H_LINGER,
  H_REST,
  type NatPlaces,
  PORTS,
  RANGE_WORDS,
  RESTING,
  RG_ADDRESS,
  RG_BLOCKS,
  RG_FIRST_BLOCK,
  RG_FREE,
  SH_FIRST_RANGE,
  SH_RANGES,
  SHARE_WORDS,
} from "#fastpath/tables/nat-layout";

/** No block, no port. */
export const NONE: number = -1;
/** Any pool address will do. */
export const ANY_ADDRESS: number = -1;

/** A port's word: 0, never used; positive, its binding; negative, 31 bits of the tick when it was given back. */
const TICK_BITS = 0x7fff_ffff;
const TRIES = 4;

export class NatBlocks {
  /** What takePort() is about: the binding that wants a port, and the protocol's index. */
  binding = 0;
  protocol = 0;
  readonly #words: Int32Array;
  readonly #places: NatPlaces;
  readonly #size: number;
  /** xorshift32, never 0: which port a binding gets shall be hard to guess (RFC 6056 §3.3.1). */
  #random: number;

  /** `seed`: any 32 secret bits, different in each thread. */
  constructor(words: Int32Array, places: NatPlaces, seed: number) {
    this.#words = words;
    this.#places = places;
    this.#size = 1 << places.blockBits;
    this.#random = seed | 1;
  }

  /** A subscriber, or 0, a negative number: see B_OWNER. */
  owner(block: number): number {
    return Atomics.load(this.#words, this.#at(block) + B_OWNER);
  }

  /** Index of a block's pool address. */
  address(block: number): number {
    return block >>> (16 - this.#places.blockBits);
  }

  firstPort(block: number): number {
    return (block << this.#places.blockBits) & (PORTS - 1);
  }

  /**
   * A free block of the share becomes `owner`'s; NONE: there is none. Of the pool address at index `address`, or of that
   * with most free blocks.
   */
  take(share: number, address: number, owner: number, now: number): number {
    for (let i = 0; i < TRIES; i++) {
      const range = this.#bestRange(share, address);
      if (range < 0) return NONE;
      const block = this.#takeFrom(range, owner);
      if (block < 0) continue;
      this.#words[this.#at(block) + B_IDLE_SINCE] = now;
      return block;
    }
    return NONE;
  }

  /**
   * A free port of the owner's block becomes the binding's. Returns the index of its word, counted from the first port's;
   * NONE: there is none, or the block is not the owner's any more.
   */
  takePort(block: number, owner: number, now: number): number {
    const words = this.#words;
    const at = this.#at(block);
    Atomics.add(words, at + B_USED, 1);
    if (this.#keep(at, owner)) {
      const first = this.portIndex(this.address(block), this.protocol, this.firstPort(block));
      const start = this.#next();
      for (let i = 0; i < this.#size; i++) {
        const index = first + ((start + i) & (this.#size - 1));
        const word = words[this.#places.ports + index]!;
        if (!this.#isFree(word, now)) continue;
        if (Atomics.compareExchange(words, this.#places.ports + index, word, this.binding) === word) return index;
      }
    }
    Atomics.sub(words, at + B_USED, 1);
    return NONE;
  }

  /** The port's binding is gone. `rests`: nobody shall have the port for a while. */
  freePort(index: number, rests: boolean, now: number): void {
    const words = this.#words;
    Atomics.store(words, this.#places.ports + index, rests && words[H_REST]! > 0 ? now | ~TICK_BITS : 0);
    const at = this.#at(this.#blockOf(index));
    words[at + B_IDLE_SINCE] = now;
    Atomics.sub(words, at + B_USED, 1);
  }

  /** Index of a port's word. */
  portIndex(address: number, protocol: number, port: number): number {
    return ((protocol * this.#places.addressCount + address) << 16) | port;
  }

  /** The port's binding; 0: none. */
  bindingAt(index: number): number {
    return Math.max(0, this.#words[this.#places.ports + index]!);
  }

  /**
   * Ends the ownership of a block that has had no port in use for as long as blocks linger. True: it is nobody's now. The
   * caller takes it off its owner's list.
   */
  release(block: number, owner: number, now: number): boolean {
    const words = this.#words;
    const at = this.#at(block);
    if (words[at + B_USED] !== 0 || ((now - words[at + B_IDLE_SINCE]!) | 0) < words[H_LINGER]!) return false;
    if (Atomics.compareExchange(words, at + B_OWNER, owner, -owner) !== owner && words[at + B_OWNER] !== -owner)
      return false;
    if (Atomics.load(words, at + B_USED) !== 0) {
      Atomics.compareExchange(words, at + B_OWNER, -owner, owner);
      return false;
    }
    words[at + B_IDLE_SINCE] = now; // that of a block without ports: nobody else may write it
    return Atomics.compareExchange(words, at + B_OWNER, -owner, RESTING) === -owner;
  }

  /** A block that has rested long enough is free again. */
  wake(block: number, now: number): void {
    const words = this.#words;
    const at = this.#at(block);
    if (((now - words[at + B_IDLE_SINCE]!) | 0) < words[H_REST]!) return;
    if (Atomics.compareExchange(words, at + B_OWNER, RESTING, 0) === RESTING) this.#countFree(block);
  }

  /** Ports in use, of all protocols. */
  used(block: number): number {
    return this.#words[this.#at(block) + B_USED]!;
  }

  // ---- within ----

  #at(block: number): number {
    return this.#places.blocks + block * BLOCK_WORDS;
  }

  #blockOf(index: number): number {
    const { addressCount, blockBits } = this.#places;
    const protocol = Math.floor(index / (addressCount << 16));
    return (index - protocol * (addressCount << 16)) >>> blockBits;
  }

  #isFree(word: number, now: number): boolean {
    if (word >= 0) return word === 0;
    const rested = (now - word) & TICK_BITS;
    // Another thread's clock may be ahead a little: then it has not rested at all.
    return rested >= this.#words[H_REST]! && rested < 0x7fff_0000;
  }

  /** True when the owner has the block, for as long as a port of it is counted. */
  #keep(at: number, owner: number): boolean {
    const found = Atomics.load(this.#words, at + B_OWNER);
    if (found === owner) return true;
    return found === -owner && Atomics.compareExchange(this.#words, at + B_OWNER, found, owner) === found;
  }

  /** Of the share's ranges that one with most free blocks; NONE: all are used up. */
  #bestRange(share: number, address: number): number {
    const words = this.#words;
    const at = this.#places.shares + share * SHARE_WORDS;
    const first = words[at + SH_FIRST_RANGE]!;
    let best = NONE;
    let most = 0;
    for (let range = first; range < first + words[at + SH_RANGES]!; range++) {
      const r = this.#places.ranges + range * RANGE_WORDS;
      if (words[r + RG_FREE]! <= most || (address !== ANY_ADDRESS && words[r + RG_ADDRESS] !== address)) continue;
      best = range;
      most = words[r + RG_FREE]!;
    }
    return best;
  }

  #takeFrom(range: number, owner: number): number {
    const words = this.#words;
    const r = this.#places.ranges + range * RANGE_WORDS;
    const blocks = words[r + RG_BLOCKS]!;
    // Counted before it is looked for: whoever gets past here finds one.
    if (Atomics.sub(words, r + RG_FREE, 1) > 0) {
      const start = (this.#next() >>> 0) % blocks;
      for (let i = 0; i < blocks; i++) {
        const block = words[r + RG_FIRST_BLOCK]! + ((start + i) % blocks);
        const at = this.#at(block) + B_OWNER;
        if (words[at] === 0 && Atomics.compareExchange(words, at, 0, owner) === 0) return block;
      }
    }
    Atomics.add(words, r + RG_FREE, 1);
    return NONE;
  }

  #countFree(block: number): void {
    const range = this.#words[this.#at(block) + B_RANGE]! - 1;
    Atomics.add(this.#words, this.#places.ranges + range * RANGE_WORDS + RG_FREE, 1);
  }

  #next(): number {
    let x = this.#random;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.#random = x;
    return x >>> 3;
  }
}
