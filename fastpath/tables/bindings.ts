/**
 * Where subjects are (a VM's address in its network): what control knows of it, and the questions that forwarders have. An
 * entry's *place* is one word that control changes at any time, and every packet reads it; so a change of whereabouts counts
 * for the next packet and needs no new table generation. Who remembers an entry remembers its version too, as the slot
 * may have become another subject's.
 *
 * Forwarders make entries (UNKNOWN, for whom nobody has asked yet), control alone removes them. Nothing is replaced: a
 * full table makes no entries, and packets go by the home, which always works.
 */
import { STATE_BITS } from "#fastpath/tables/connection-states";
import {
  K_CONTROL,
  K_KEY,
  K_REST,
  KEY_WORDS,
  KeyedSlots,
  type SlotArea,
  setsFor,
  slotArea,
} from "#fastpath/tables/keyed-slots";

/** Nobody has said yet: by the home. */
export const PLACE_UNKNOWN = 0;
/** At home: by the home. */
export const PLACE_NATIVE = 1;
/** Plus the index of a tunnel (tunnels.ts). */
export const PLACE_TUNNEL = 2;
/**
 * Of no entry, but of packets: what they are to, or from, is no address of the fabric's, so they go to the home in a tunnel
 * as long as the entry says neither.
 */
export const PLACE_HOME = 0xf_ffff;

// The key, raw words.
export const B_TAGS = 0;
/** Four words; an IPv4 address as ::ffff:a.b.c.d (RFC 4291 §2.5.5.2). */
export const B_ADDRESS = 1;
/** The third word of an IPv4 address written so; the first two are 0. */
export const IPV4_MAPPED: number = 0xffff_0000 | 0;

// An entry's other words.
const B_PLACE = K_REST;
/** Tick of the last packet, ten a second. */
const B_USED = K_REST + 1;
/** Doubles. */
const B_PACKETS = K_REST + 2;
const B_OCTETS = K_REST + 4;
export const BINDING_ENTRY_WORDS = 16;

// The buffer's first words.
const H_SETS = 0;
const H_KEY = 1;
export const BINDING_HEADER_WORDS = 16;

/** Entries a thread remembers, a power of two. */
const LATELY = 4096;

/** Times that other threads may be in the way of one that makes an entry. */
const TRIES = 8;

export interface BindingTableSize {
  /** Subjects that there is sure to be room for, 1 … 2^22. */
  readonly entries: number;
  /** Two secret random words: tenants choose addresses. */
  readonly key: Int32Array;
}

export function createBindingTable({ entries, key }: BindingTableSize): SharedArrayBuffer {
  const sets = setsFor(entries);
  const buffer = new SharedArrayBuffer(areaOf(sets).end * 4);
  const words = new Int32Array(buffer);
  words[H_SETS] = sets;
  words.set(key.subarray(0, 2), H_KEY);
  return buffer;
}

const areaOf = (sets: number): SlotArea => slotArea(BINDING_HEADER_WORDS, sets, BINDING_ENTRY_WORDS);

/** An entry as control's periodic look sees it. */
export interface BindingEntry {
  readonly entry: number;
  readonly version: number;
  /** {@link KEY_WORDS} raw words: B_TAGS, B_ADDRESS. */
  readonly key: Int32Array;
  readonly place: number;
  /** Tick of the last packet, or of when the entry was made; ten a second, signed 32 bits. */
  readonly usedAt: number;
  readonly packets: number;
  readonly octets: number;
}

/** A thread's view of the table. All is about the subject in `key`, unless an entry is named. */
export class Bindings extends KeyedSlots {
  /** True: the last ensure() made its entry. */
  isNew = false;
  readonly #doubles: Float64Array;
  /** Entries by a hash of their subject, of those that this thread asked about last. */
  readonly #lately = new Int32Array(LATELY);

  /** `buffer`: of createBindingTable. */
  constructor(buffer: SharedArrayBuffer) {
    const words = new Int32Array(buffer);
    super(words, areaOf(words[H_SETS]!), words.slice(H_KEY, H_KEY + 2));
    this.#doubles = new Float64Array(buffer);
  }

  /** Puts an IPv4 host into `key`: tags and address, both raw. */
  aboutIpv4(tags: number, host: number): void {
    const { key } = this;
    key[B_TAGS] = tags;
    key[B_ADDRESS] = 0;
    key[B_ADDRESS + 1] = 0;
    key[B_ADDRESS + 2] = IPV4_MAPPED;
    key[B_ADDRESS + 3] = host;
  }

  /** Puts the IPv6 address at `word` of `words` into `key`. */
  aboutIpv6(tags: number, words: Int32Array, word: number): void {
    const { key } = this;
    key[B_TAGS] = tags;
    for (let i = 0; i < 4; i++) key[B_ADDRESS + i] = words[word + i]!;
  }

  /** As find(), but sooner if the subject was asked about lately. */
  recall(): number {
    const { key } = this;
    const slot = Math.imul(key[B_TAGS]! ^ key[B_ADDRESS + 3]! ^ key[B_ADDRESS + 1]!, 0x9e37_79b1) >>> 20;
    const known = this.#lately[slot]!;
    if (known !== 0 && this.hasKey(known)) return known;
    const found = this.find();
    this.#lately[slot] = found;
    return found;
  }

  /** The subject's entry, a new one of place UNKNOWN if need be; sets version and isNew. 0: there is no room. */
  ensure(now: number): number {
    this.isNew = false;
    for (let i = 0; i < TRIES; i++) {
      const known = this.find();
      if (known !== 0) return known;
      const mine = this.take();
      if (mine === 0) return 0;
      this.#begin(mine, now);
      const settled = this.settle(mine, now);
      if (settled === 0) continue;
      this.isNew = settled === mine;
      return settled;
    }
    return 0;
  }

  place(entry: number): number {
    return this.words[this.at(entry) + B_PLACE]!;
  }

  // ---- for who remembers an entry: `at` is its word index, at(entry) ----

  /** True when it is of this version, and its subject is still at `place`. */
  isStill(at: number, version: number, place: number): boolean {
    const { words } = this;
    if (words[at + K_CONTROL]! >>> STATE_BITS !== version) return false;
    const now = words[at + B_PLACE]!;
    return now === place || (place === PLACE_HOME && now < PLACE_TUNNEL);
  }

  /**
   * A packet goes to the subject: `octets` of IP. Not exact when two forwarders have packets to it at once. `now`: ticks, ten a
   * second.
   */
  use(at: number, octets: number, now: number): void {
    // Most of the time it says so already.
    if (this.words[at + B_USED] !== now) this.words[at + B_USED] = now;
    this.#doubles[(at + B_PACKETS) >> 1]! += 1;
    this.#doubles[(at + B_OCTETS) >> 1]! += octets;
  }

  // ---- for the control thread ----

  /** Tick of the last packet, or of when the entry was made. */
  usedAt(entry: number): number {
    return this.words[this.at(entry) + B_USED]!;
  }

  /** Counted so far. */
  packets(entry: number): number {
    return this.#doubles[(this.at(entry) + B_PACKETS) >> 1]!;
  }

  /** The subject is at `place` from now on. Returns its entry and sets version; 0: there is no room. */
  put(place: number, now: number): number {
    const entry = this.ensure(now);
    if (entry !== 0) Atomics.store(this.words, this.at(entry) + B_PLACE, place);
    return entry;
  }

  /** Removes the entry if its version is still this: packets go by the home, and the next one makes a new entry. */
  remove(entry: number, version: number): void {
    this.removeUnused(entry, version, 0);
  }

  /** All entries, in no order. Those that come or go meanwhile may be missed. */
  *entries(): Generator<BindingEntry> {
    for (let entry = 1; entry <= this.slots; entry++) {
      if (!this.isTaken(entry)) continue;
      const version = this.versionOf(entry);
      if (version < 0) continue;
      const seen = this.#look(entry, version);
      if (this.isLive(entry, version)) yield seen;
    }
  }

  #look(entry: number, version: number): BindingEntry {
    const at = this.at(entry);
    return {
      entry,
      version,
      key: this.words.slice(at + K_KEY, at + K_KEY + KEY_WORDS),
      place: this.words[at + B_PLACE]!,
      usedAt: this.words[at + B_USED]!,
      packets: this.#doubles[(at + B_PACKETS) >> 1]!,
      octets: this.#doubles[(at + B_OCTETS) >> 1]!,
    };
  }

  #begin(entry: number, now: number): void {
    const at = this.at(entry);
    this.words[at + B_PLACE] = PLACE_UNKNOWN;
    this.words[at + B_USED] = now;
    this.#doubles[(at + B_PACKETS) >> 1] = 0;
    this.#doubles[(at + B_OCTETS) >> 1] = 0;
  }

  /** Packets in flight to a removed entry's place do no harm, so nobody's use holds it. */
  protected override isUsed(_entry: number): boolean {
    return false;
  }

  protected override giveUp(_entry: number, _now: number): void {}
}
