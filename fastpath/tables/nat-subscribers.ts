/**
 * Inside addresses that have port blocks, each of one pool address as long as it has any (RFC 4787 §4.1, REQ-2: paired).
 * A subscriber is there while blocks are on its list; who puts one there asks afterwards whether it still is.
 */
import { K_KEY, K_REST, KeyedSlots } from "#fastpath/tables/keyed-slots";
import { ANY_ADDRESS, type NatBlocks, NONE } from "#fastpath/tables/nat-blocks";
import {
  hashKeyOf,
  MOST_BLOCKS,
  NAT_PROTOCOLS,
  type NatPlaces,
  RESTING,
  SH_BLOCKS_EACH,
  SHARE_WORDS,
} from "#fastpath/tables/nat-layout";
import { BLOCK_ALLOCATED, BLOCK_RELEASED, logBlock } from "#fastpath/tables/nat-log";

/** Index of its pool address, plus 1; 0: none yet. */
const S_ADDRESS: number = K_REST;
/** By protocol index, 3 words: the block of its list where a port was found last. Wrong ones do no harm. */
const S_LATEST: number = K_REST + 1;
/** Its blocks, plus 1; 0: none. */
const S_BLOCKS = 16;

/** grow(): the subscriber has as many blocks as it may. */
export const NO_MORE: number = -1;
/** grow(): its share of its pool address has no free block. */
export const NONE_FREE: number = -2;
/** Another thread was in the way: begin again. */
export const AGAIN = 0;
const GROWN = 1;

/** A subscriber as a block's owner: the entry, and so much of its version that its slot's next is told apart. */
const ENTRY_BITS = 20;
const ENTRY_MASK = (1 << ENTRY_BITS) - 1;
const VERSION_MASK = 0x7ff;
const ownerOf = (entry: number, version: number): number => entry | ((version & VERSION_MASK) << ENTRY_BITS);

export class NatSubscribers extends KeyedSlots {
  readonly #places: NatPlaces;
  readonly #blocks: NatBlocks;

  constructor(words: Int32Array, places: NatPlaces, blocks: NatBlocks) {
    super(words, places.subscribers, hashKeyOf(words));
    this.#places = places;
    this.#blocks = blocks;
  }

  /** The subscriber of the address in `key` (its last word 0). Sets version. AGAIN, or NONE: there is no room for one. */
  obtain(now: number): number {
    const known = this.find();
    if (known !== 0) return known;
    const entry = this.take();
    if (entry === 0) return NONE;
    const at = this.at(entry);
    this.words[at + S_ADDRESS] = 0;
    for (let i = 0; i < NAT_PROTOCOLS; i++) this.words[at + S_LATEST + i] = 0;
    for (let i = 0; i < MOST_BLOCKS; i++) this.words[at + S_BLOCKS + i] = 0;
    return this.settle(entry, now);
  }

  /**
   * A free port of its blocks, as NatBlocks.takePort() finds it: index of its word; NONE. The block that had one last is asked
   * first: most others are full.
   */
  takePort(entry: number, version: number, now: number): number {
    const { words } = this;
    const at = this.at(entry);
    const owner = ownerOf(entry, version);
    const latestAt = at + S_LATEST + this.#blocks.protocol;
    const latest = words[latestAt]!;
    for (let i = 0; i < MOST_BLOCKS; i++) {
      const place = (latest + i) & (MOST_BLOCKS - 1);
      const block = words[at + S_BLOCKS + place]! - 1;
      if (block < 0) continue;
      const port = this.#blocks.takePort(block, owner, now);
      if (port < 0) continue;
      if (i > 0) words[latestAt] = place;
      return port;
    }
    return NONE;
  }

  /**
   * Another block of the share for the subscriber: GROWN (1), AGAIN, NO_MORE or NONE_FREE. A block that was taken in vain is
   * left to a sweep, which alone gives blocks back: this thread may have stood still since it took it.
   */
  grow(entry: number, version: number, share: number, now: number): number {
    const { words } = this;
    const place = this.#freePlace(entry, share);
    if (place < 0) return NO_MORE;
    const address = this.at(entry) + S_ADDRESS;
    const paired = words[address]! - 1;
    const block = this.#blocks.take(share, paired < 0 ? ANY_ADDRESS : paired, ownerOf(entry, version), now);
    if (block < 0) return NONE_FREE;
    if (paired < 0) {
      const first = this.#blocks.address(block) + 1;
      const found = Atomics.compareExchange(words, address, 0, first);
      if (found !== 0 && found !== first) return AGAIN;
    }
    if (Atomics.compareExchange(words, place, 0, block + 1) !== 0) return AGAIN;
    if (!this.keep(entry, version)) {
      // The slot may be another subscriber's by now: it takes no notice of a block that is not its own.
      Atomics.compareExchange(words, place, block + 1, 0);
      return AGAIN;
    }
    this.#log(BLOCK_ALLOCATED, block, this.at(entry) + K_KEY, now);
    return GROWN;
  }

  /** Looks at a block of these once: gives it back, or makes it free, when its time has come. */
  sweep(block: number, now: number): void {
    const found = this.#blocks.owner(block);
    if (found === RESTING) this.#blocks.wake(block, now);
    if (found === 0 || found === RESTING) return;
    const owner = Math.abs(found);
    const entry = owner & ENTRY_MASK;
    const version = this.versionOf(entry);
    const isThere = version >= 0 && ownerOf(entry, version) === owner;
    if (!this.#blocks.release(block, owner, now) || !isThere) return;
    const from = this.at(entry) + S_BLOCKS;
    for (let i = from; i < from + MOST_BLOCKS; i++)
      if (Atomics.compareExchange(this.words, i, block + 1, 0) === block + 1)
        this.#log(BLOCK_RELEASED, block, this.at(entry) + K_KEY, now);
    this.removeUnused(entry, version, now);
  }

  /** Inside address of a block's owner, 4 raw words; undefined: it is nobody's any more. For the control thread. */
  insideOf(owner: number): Int32Array | undefined {
    const entry = Math.abs(owner) & ENTRY_MASK;
    if (owner === RESTING || entry === 0) return undefined;
    const version = this.versionOf(entry);
    const inside = this.words.slice(this.at(entry) + K_KEY, this.at(entry) + K_KEY + 4);
    return version >= 0 && ownerOf(entry, version) === Math.abs(owner) && this.isLive(entry, version)
      ? inside
      : undefined;
  }

  protected override isUsed(entry: number): boolean {
    const from = this.at(entry) + S_BLOCKS;
    for (let i = from; i < from + MOST_BLOCKS; i++) if (Atomics.load(this.words, i) !== 0) return true;
    return false;
  }

  /** Whatever had a block is not given up. */
  protected override giveUp(): void {}

  /** Word index of a free place in its list, as far as the share lets it have more blocks; −1: none. */
  #freePlace(entry: number, share: number): number {
    const each = this.words[this.#places.shares + share * SHARE_WORDS + SH_BLOCKS_EACH]!;
    const from = this.at(entry) + S_BLOCKS;
    let free = NONE;
    let taken = 0;
    for (let i = from + MOST_BLOCKS - 1; i >= from; i--) {
      if (this.words[i] === 0) free = i;
      else taken++;
    }
    return taken < each ? free : NONE;
  }

  #log(kind: number, block: number, inside: number, tick: number): void {
    const outside = this.words[this.#places.addresses + this.#blocks.address(block)]!;
    logBlock(this.words, this.#places, { kind, tick, inside, outside, firstPort: this.#blocks.firstPort(block) });
  }
}
