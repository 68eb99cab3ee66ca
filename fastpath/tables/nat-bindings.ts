/**
 * Bindings of a NAT: inside address, protocol and port ↔ pool address and port. One for each inside end, whomever it talks
 * to (RFC 4787 §4.1, REQ-1; RFC 6146 §3.1 calls the table BIB), and one inside end for each outside port (REQ-3).
 *
 * A binding is *used* while connections are counted for it: its number is their owner in the connection table (nat.ts).
 * It goes when there are none and the last one began long enough ago. That is for a sweep, or for who needs the room.
 */
import type { ConnectionEntries } from "#fastpath/tables/connection-entries";
import { K_KEY, K_REST, KEY_WORDS, KeyedSlots } from "#fastpath/tables/keyed-slots";
import { NatBlocks, NONE } from "#fastpath/tables/nat-blocks";
import {
  H_BINDING_CURSOR,
  H_BLOCK_CURSOR,
  H_IDLE,
  hashKeyOf,
  NAT_PROTOCOLS,
  type NatPlaces,
  natPlaces,
  PORTS,
  PROTOCOL_OF_INDEX,
  protocolIndex,
} from "#fastpath/tables/nat-layout";
import { AGAIN, NatSubscribers, NO_MORE } from "#fastpath/tables/nat-subscribers";

/** Index of its outside port's word: (protocol · addresses + address) << 16 | port. */
const BN_OUTSIDE: number = K_REST;
/** Tick when its last connection began. */
const BN_USED: number = K_REST + 1;
const BN_MADE: number = K_REST + 2;

/** bind(): no room for a binding, or for an inside address more. */
export const REFUSED_FULL: number = -1;
/** bind(): the inside address has all blocks that it may have, and their ports are in use. */
export const REFUSED_QUOTA: number = -2;
/** bind(): no block is free in the share. */
export const REFUSED_BLOCKS: number = -3;
/** bind(): other threads were in the way each time. */
export const REFUSED_BUSY: number = -4;
/** bind(): a protocol without ports that could be changed. */
export const REFUSED_PROTOCOL: number = -5;

const TRIES = 8;
const TCP_INDEX: number = protocolIndex(6);

/** Index of the raw IPv4 address of a pool; −1: not of it. */
type PoolIndex = (raw: number) => number;

export class NatBindings extends KeyedSlots {
  readonly places: NatPlaces;
  readonly subscribers: NatSubscribers;
  readonly blocks: NatBlocks;
  readonly #sessions: ConnectionEntries;
  readonly #poolIndex: PoolIndex;

  /**
   * `buffer`: of createNatTable. `sessions`: the connection table, with an owner for each binding. `seed`: 32 secret
   * random bits, different in each thread.
   */
  constructor(buffer: SharedArrayBuffer, sessions: ConnectionEntries, seed: number) {
    const words = new Int32Array(buffer);
    const places = natPlaces(words);
    super(words, places.bindings, hashKeyOf(words));
    this.places = places;
    this.blocks = new NatBlocks(words, places, seed);
    this.subscribers = new NatSubscribers(words, places, this.blocks);
    this.#sessions = sessions;
    this.#poolIndex = poolIndex(words.slice(places.addresses, places.addresses + places.addressCount));
  }

  /** The inside end that all is about. `words[at …]`: its address, 4 raw words. `rawPort`: port or ICMP identifier, raw. */
  describe(words: Int32Array, at: number, rawPort: number, protocol: number): void {
    for (let k = 0; k < 4; k++) this.key[k] = words[at + k]!;
    const index = protocolIndex(protocol);
    this.key[4] = (rawPort & 0xffff) | ((index < 0 ? protocol : PROTOCOL_OF_INDEX[index]!) << 16);
  }

  /** True when the raw IPv4 address is of the pool. */
  isPool(raw: number): boolean {
    return this.#poolIndex(raw) >= 0;
  }

  /** Binding of an outside end; 0: none. Sets version, and `key` to the inside end. */
  findOutside(rawAddress: number, rawPort: number, protocol: number): number {
    const address = this.#poolIndex(rawAddress);
    const index = protocolIndex(protocol);
    if (address < 0 || index < 0) return 0;
    const outside = this.blocks.portIndex(address, index, swapped(rawPort));
    const entry = this.blocks.bindingAt(outside);
    if (entry === 0) return 0;
    const version = this.versionOf(entry);
    const at = this.at(entry);
    if (version < 0 || this.words[at + BN_OUTSIDE] !== outside) return 0;
    for (let k = 0; k < KEY_WORDS; k++) this.key[k] = this.words[at + K_KEY + k]!;
    if (!this.isLive(entry, version)) return 0;
    this.version = version;
    return entry;
  }

  /**
   * The binding of the inside end in `key`, a new one if need be with ports of `share`: sets version; or one of the REFUSED_.
   * Who means to keep it counts a connection for it, and asks keep().
   */
  bind(share: number, now: number): number {
    const protocol = protocolIndex(this.key[4]! >>> 16);
    if (protocol < 0) return REFUSED_PROTOCOL;
    for (let i = 0; i < TRIES; i++) {
      const known = this.find();
      if (known !== 0) return known;
      const made = this.#make(share, protocol, now);
      if (made !== AGAIN) return made;
    }
    return REFUSED_BUSY;
  }

  /** A connection of the binding begins. */
  markUsed(entry: number, now: number): void {
    this.words[this.at(entry) + BN_USED] = now;
  }

  /** Raw pool address of a binding. */
  outsideAddress(entry: number): number {
    const { addressCount, addresses } = this.places;
    return this.words[addresses + ((this.words[this.at(entry) + BN_OUTSIDE]! >>> 16) % addressCount)]!;
  }

  /** Raw outside port, or ICMP identifier. */
  outsidePort(entry: number): number {
    return swapped(this.words[this.at(entry) + BN_OUTSIDE]!);
  }

  /** A pool address by its index, a raw word. */
  poolAddress(index: number): Int32Array {
    return this.words.slice(this.places.addresses + index, this.places.addresses + index + 1);
  }

  /** Copies a binding's inside address, 4 raw words. */
  copyInside(entry: number, to: Int32Array, at: number): void {
    const from = this.at(entry) + K_KEY;
    for (let k = 0; k < 4; k++) to[at + k] = this.words[from + k]!;
  }

  /** A copy of a binding's inside address, 4 raw words. For the control thread. */
  insideAddress(entry: number): Int32Array {
    return this.words.slice(this.at(entry) + K_KEY, this.at(entry) + K_KEY + 4);
  }

  /** Raw inside port, or ICMP identifier. */
  insidePort(entry: number): number {
    return this.words[this.at(entry) + K_KEY + 4]! & 0xffff;
  }

  protocol(entry: number): number {
    return this.words[this.at(entry) + K_KEY + 4]! >>> 16;
  }

  /** Ticks since it was made. */
  age(entry: number, now: number): number {
    return (now - this.words[this.at(entry) + BN_MADE]!) | 0;
  }

  /** Removes the binding, unless it has connections or had its last one lately. */
  removeIdle(entry: number, version: number, now: number): boolean {
    return this.#isIdle(entry, now) && this.removeUnused(entry, version, now);
  }

  /**
   * Removes idle bindings among the next `budget`, and gives back idle blocks among as many; any thread may. To be called
   * after expired connections are swept. Returns how many bindings it removed.
   */
  sweep(now: number, budget: number): number {
    const { words, slots, places } = this;
    let removed = 0;
    const steps = Math.min(budget, slots);
    let slot = (Atomics.add(words, H_BINDING_CURSOR, steps) >>> 0) % slots;
    for (let i = 0; i < steps; i++) {
      if (this.isTaken(slot + 1)) {
        const version = this.versionOf(slot + 1);
        if (version >= 0 && this.removeIdle(slot + 1, version, now)) removed++;
      }
      if (++slot === slots) slot = 0;
    }
    const looks = Math.min(budget, places.blockCount);
    let block = (Atomics.add(words, H_BLOCK_CURSOR, looks) >>> 0) % places.blockCount;
    for (let i = 0; i < looks; i++) {
      this.subscribers.sweep(block, now);
      if (++block === places.blockCount) block = 0;
    }
    return removed;
  }

  protected override isUsed(entry: number): boolean {
    return this.#sessions.ownerCount(entry) > 0;
  }

  /** TCP's ports need no rest: their connections have just been seen to end (RFC 6888 §3, REQ-8 A). */
  protected override giveUp(entry: number, now: number): void {
    const outside = this.words[this.at(entry) + BN_OUTSIDE]!;
    const isTcp = outside < ((TCP_INDEX + 1) * this.places.addressCount) << 16;
    this.blocks.freePort(outside, !isTcp, now);
  }

  // ---- making ----

  #make(share: number, protocol: number, now: number): number {
    const entry = this.take() || this.#makeRoom(now);
    if (entry === 0) return REFUSED_FULL;
    this.blocks.binding = entry;
    this.blocks.protocol = protocol;
    const outside = this.#port(share, now);
    if (outside < 0) {
      this.release(entry);
      return outside;
    }
    const at = this.at(entry);
    this.words[at + BN_OUTSIDE] = outside;
    this.words[at + BN_USED] = now;
    this.words[at + BN_MADE] = now;
    return this.settle(entry, now);
  }

  /** A slot of one that is idle; 0: none within reach. */
  #makeRoom(now: number): number {
    for (let i = 0; i < 32; i++) {
      const entry = this.candidate(i);
      if (entry === 0) continue;
      const version = this.versionOf(entry);
      if (version >= 0 && this.removeIdle(entry, version, now)) return this.take();
    }
    return 0;
  }

  /** A port in a block of the key's inside address: index of its word, or one of the REFUSED_. */
  #port(share: number, now: number): number {
    const { subscribers, blocks } = this;
    for (let k = 0; k < 4; k++) subscribers.key[k] = this.key[k]!;
    for (let i = 0; i < TRIES; i++) {
      const subscriber = subscribers.obtain(now);
      if (subscriber === NONE) return REFUSED_FULL;
      if (subscriber === AGAIN) continue;
      const { version } = subscribers;
      const port = subscribers.takePort(subscriber, version, now);
      if (port >= 0) {
        if (subscribers.keep(subscriber, version)) return port;
        blocks.freePort(port, false, now);
        continue;
      }
      const grown = subscribers.grow(subscriber, version, share, now);
      if (grown >= AGAIN) continue;
      subscribers.removeUnused(subscriber, version, now); // it got none at all
      return grown === NO_MORE ? REFUSED_QUOTA : REFUSED_BLOCKS;
    }
    return REFUSED_BUSY;
  }

  #isIdle(entry: number, now: number): boolean {
    if (this.isUsed(entry)) return false;
    const at = this.at(entry);
    const protocol = Math.floor(this.words[at + BN_OUTSIDE]! / (this.places.addressCount * PORTS));
    const idle = this.words[H_IDLE + Math.min(protocol, NAT_PROTOCOLS - 1)]!;
    return ((now - this.words[at + BN_USED]!) | 0) > idle;
  }
}

/** Octets of a 16-bit number exchanged: host order ↔ raw. */
const swapped = (port: number): number => ((port & 0xff) << 8) | ((port >>> 8) & 0xff);

/** A small hash table of our own: which thread asks does not matter, the pool does not change. */
function poolIndex(addresses: Int32Array): PoolIndex {
  const mask = 1023;
  const table = new Int32Array(mask + 1).fill(-1);
  const slot = (raw: number): number => (Math.imul(raw, 0x9e37_79b1) >>> 22) & mask;
  addresses.forEach((raw, i) => {
    let at = slot(raw);
    while (table[at] !== -1) at = (at + 1) & mask;
    table[at] = i;
  });
  return (raw) => {
    for (let at = slot(raw); ; at = (at + 1) & mask) {
      const i = table[at]!;
      if (i < 0 || addresses[i] === raw) return i;
    }
  };
}
