/**
 * Packets whose first fragment was accepted: its later fragments have no ports, and are let through on the strength of it.
 * A table of its own, so that no flood of fragments costs a connection its place. Shared by all forwarders; a fragment
 * that comes before the first one finds nothing, and the sender has to send again.
 *
 * A record lies in one of 8 ways of a set. A new one takes the place of the oldest: a flood shortens how long records
 * last, far above the time between the fragments of one packet. Control words work as those of connections
 * (connection-entries.ts). Two records of one packet say the same, so nobody looks for a second.
 */
import { hashEnd } from "#fastpath/tables/connection-hash";
import { TICKS_PER_SECOND } from "#fastpath/tables/connection-states";
import { LoadOrder } from "#fastpath/tables/load-order";

/** A described fragment, words of {@link Fragments.packet}; addresses as the connection table's. */
export const F_SOURCE = 0;
export const F_DESTINATION = 4;
export const F_PROTOCOL = 8;
/** 16 bits of IPv4 or 32 bits of IPv6. */
export const F_IDENTIFICATION = 9;
const F_WORDS = 10;

/** RFC 8200 §4.5 gives fragments 60 s to come together, RFC 6146 §3.4 at least 2 s. */
const LIFE = 30 * TICKS_PER_SECOND;

const WAYS = 8;
const TRIES = 4;

// Header.
const H_SETS = 0;
const H_KEY = 1;
const H_WORDS = 16;

// A record: one cache line.
const RECORD_WORDS = 16;
/** Version << 2 | FREE, CLAIMED or LIVE. */
const A_CONTROL = 0;
/** Tick of the first fragment. */
const A_MADE = 1;
const A_KEY = 2;
/** What the first fragment's packet was decided by, two words. */
const A_CARRIED = 12;
const FREE = 0;
const CLAIMED = 1;
const LIVE = 2;
const STATE = 3;

/** `records`: 8 … 2^20. `key`: two secret random words. */
export function createFragmentTable(records: number, key: Int32Array): SharedArrayBuffer {
  if (!(records >= WAYS && records <= 1 << 20)) throw new RangeError(`a table of ${records} fragmented packets`);
  const sets = Math.ceil(records / WAYS);
  const buffer = new SharedArrayBuffer(4 * (H_WORDS + sets * WAYS * RECORD_WORDS));
  const words = new Int32Array(buffer);
  words[H_SETS] = sets;
  words.set(key.subarray(0, 2), H_KEY);
  return buffer;
}

export class Fragments {
  /** The fragment that accept and isAccepted are about; F_ words. */
  readonly packet: Int32Array = new Int32Array(F_WORDS);
  /** Two words that go with the record: accept() keeps them, isAccepted() brings them back. */
  readonly carried: Int32Array = new Int32Array(2);
  readonly #words: Int32Array;
  readonly #key: Int32Array;
  readonly #order = new LoadOrder();

  /** `buffer`: of createFragmentTable. */
  constructor(buffer: SharedArrayBuffer) {
    this.#words = new Int32Array(buffer);
    this.#key = this.#words.slice(H_KEY, H_KEY + 2);
  }

  /** The first fragment was accepted. False: other threads took every place within reach; later fragments will not pass. */
  accept(now: number): boolean {
    const words = this.#words;
    const set = this.#set();
    const known = this.#find(set, now);
    if (known !== 0) {
      words[known + A_MADE] = now;
      this.#carry(known);
      return true;
    }
    for (let i = 0; i < TRIES; i++) {
      const at = this.#oldest(set, now);
      const control = words[at + A_CONTROL]!;
      if ((control & STATE) === CLAIMED) continue;
      const claimed = ((control & ~STATE) + STATE + 1) | CLAIMED;
      if (Atomics.compareExchange(words, at + A_CONTROL, control, claimed) !== control) continue;
      words[at + A_MADE] = now;
      for (let k = 0; k < F_WORDS; k++) words[at + A_KEY + k] = this.packet[k]!;
      this.#carry(at);
      Atomics.store(words, at + A_CONTROL, (claimed & ~STATE) | LIVE); // last: the record is whole
      return true;
    }
    return false;
  }

  /** True when the first fragment of the fragment's packet was accepted in the last 30 s. `now`: ticks, 10 a second. */
  isAccepted(now: number): boolean {
    const at = this.#find(this.#set(), now);
    if (at === 0) return false;
    const control = this.#words[at + A_CONTROL];
    this.#order.keep();
    this.carried[0] = this.#words[at + A_CARRIED]!;
    this.carried[1] = this.#words[at + A_CARRIED + 1]!;
    this.#order.keep();
    return this.#isPackets(at) && this.#words[at + A_CONTROL] === control;
  }

  /** The two may be of two packets for a moment: entry and version of something, which then do not fit. */
  #carry(at: number): void {
    this.#words[at + A_CARRIED] = this.carried[0]!;
    this.#words[at + A_CARRIED + 1] = this.carried[1]!;
  }

  /** Word index of the packet's set. */
  #set(): number {
    const p = this.packet;
    const id = p[F_IDENTIFICATION]!;
    const source = hashEnd(this.#key, p, F_SOURCE, id);
    // Mixed before it is added, so that both directions of a flow do not share their sets.
    const hash = Math.imul(source, 0x9e37_79b1) + hashEnd(this.#key, p, F_DESTINATION, ~id ^ p[F_PROTOCOL]!);
    const set = Math.floor((hash >>> 0) * this.#words[H_SETS]! * (1 / 0x1_0000_0000));
    return H_WORDS + set * WAYS * RECORD_WORDS;
  }

  /** Word index of the packet's record; 0: none. */
  #find(set: number, now: number): number {
    const words = this.#words;
    for (let at = set; at < set + WAYS * RECORD_WORDS; at += RECORD_WORDS) {
      const control = words[at + A_CONTROL]!;
      if ((control & STATE) !== LIVE) continue;
      this.#order.keep();
      if (!this.#isPackets(at) || this.#age(at, now) > LIFE) continue;
      this.#order.keep();
      if (words[at + A_CONTROL] === control) return at;
    }
    return 0;
  }

  #isPackets(at: number): boolean {
    for (let k = F_WORDS - 1; k >= 0; k--) if (this.#words[at + A_KEY + k] !== this.packet[k]) return false;
    return true;
  }

  /** Word index of the record to be replaced: one that is free, or the oldest. */
  #oldest(set: number, now: number): number {
    let best = set;
    let bestAge = -0x8000_0000;
    for (let at = set; at < set + WAYS * RECORD_WORDS; at += RECORD_WORDS) {
      const state = this.#words[at + A_CONTROL]! & STATE;
      if (state === FREE) return at;
      const age = this.#age(at, now);
      if (state !== LIVE || age <= bestAge) continue;
      best = at;
      bestAge = age;
    }
    return best;
  }

  #age(at: number, now: number): number {
    return (now - this.#words[at + A_MADE]!) | 0;
  }
}
