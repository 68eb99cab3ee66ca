/**
 * Single entries of the connection table: taking, giving back, fields. Many threads work on them at once, without locks.
 *
 * The control word holds an entry's version and state. A slot changes hands only through the state CLAIMED, which a thread
 * enters by compare-and-exchange and with the next version; so one thread has the slot, and whoever remembers an
 * earlier version finds out. The thread then writes the other words and stores the control word last:
 *
 *   FREE, or an entry to be replaced or removed ──claim──▶ CLAIMED ──publish──▶ an entry's first state
 *                                                             └────release────▶ FREE
 *
 * Who compares a key reads the control word before and after (connections.ts): equal versions and no CLAIMED mean that
 * no word of the key changed between. A thread that stands still in CLAIMED keeps one slot out of use, and nobody waits.
 *
 * The words that packets change afterwards (last use, sides, rule) are stored plainly: a thread that was held up may
 * write one of them into the slot's next entry. That costs a packet's count, or makes the next RST doubtful. A rule's
 * generation must not be mistaken so; it is stored mixed with the version, and means nothing to another entry.
 */
import {
  E_CONTROL,
  E_GENERATION,
  E_MADE,
  E_PROTOCOL,
  E_RULE,
  E_SIDES,
  E_START,
  E_USED,
  ENTRY_WORDS,
  H_CURSOR,
  H_OWNERS,
  H_SETS,
  H_TIMEOUTS,
  O_COUNT,
  O_QUOTA,
  OWNER_WORDS,
  type Places,
  placesOf,
  S_OCTETS,
  S_PACKETS,
  S_START,
  SIDE_WORDS,
  WAYS,
} from "#fastpath/tables/connection-layout";
import {
  CLAIMED,
  FIRST_STATE,
  FREE,
  nextVersion,
  STATE_BITS,
  STATE_MASK,
  type Timeouts,
  timeoutTicks,
} from "#fastpath/tables/connection-states";

/** Direction of a packet: as the connection's first one, or back. */
export const FORWARD = 0;
export const BACK = 1;

const CAS_TRIES = 4;
const NOBODY = -1;

export class ConnectionEntries {
  readonly words: Int32Array;
  readonly places: Places;
  /** Entries are 1 … slots; 0 is none. */
  readonly slots: number;
  readonly #doubles: Float64Array;

  /** `buffer`: of createConnectionTable. */
  constructor(buffer: SharedArrayBuffer) {
    this.words = new Int32Array(buffer);
    this.#doubles = new Float64Array(buffer);
    this.places = placesOf(this.words[H_SETS]!, this.words[H_OWNERS]!);
    this.slots = this.words[H_SETS]! * WAYS;
  }

  /** Word index of an entry. */
  at(entry: number): number {
    return this.places.entries + (entry - 1) * ENTRY_WORDS;
  }

  /** Word index of an entry's side. */
  sideAt(entry: number, direction: number): number {
    return this.at(entry) + E_SIDES + direction * SIDE_WORDS;
  }

  /** A state, FREE or CLAIMED. */
  state(entry: number): number {
    return this.words[this.at(entry) + E_CONTROL]! & STATE_MASK;
  }

  /** 27 bits that count the slot's entries. */
  version(entry: number): number {
    return this.words[this.at(entry) + E_CONTROL]! >>> STATE_BITS;
  }

  /** True when the entry was idle for longer than its state allows. */
  isExpired(entry: number, now: number): boolean {
    const at = this.at(entry);
    const state = this.words[at + E_CONTROL]! & STATE_MASK;
    return ((now - this.words[at + E_USED]!) | 0) > this.words[H_TIMEOUTS + state]!;
  }

  owner(entry: number): number {
    return this.words[this.at(entry) + E_PROTOCOL]! >>> 8;
  }

  /** Number of the rule that allowed the connection. */
  rule(entry: number): number {
    return this.words[this.at(entry) + E_RULE]!;
  }

  /** Generation of the rules that the connection was judged by; some other number when `version` is not the entry's. */
  ruleGeneration(entry: number, version: number): number {
    return (this.words[this.at(entry) + E_GENERATION]! - mixOf(version)) | 0;
  }

  /** The connection was judged anew. `generation`: any 32 bits, signed. */
  setRule(entry: number, version: number, generation: number, rule: number): void {
    const at = this.at(entry);
    this.words[at + E_RULE] = rule;
    Atomics.store(this.words, at + E_GENERATION, (generation + mixOf(version)) | 0);
  }

  /** Counts packets that passed. Not exact when two forwarders have packets of the same direction. */
  count(entry: number, direction: number, packets: number, octets: number): void {
    const at = this.sideAt(entry, direction) >> 1;
    this.#doubles[at + S_PACKETS / 2]! += packets;
    this.#doubles[at + S_OCTETS / 2]! += octets;
  }

  packets(entry: number, direction: number): number {
    return this.#doubles[(this.sideAt(entry, direction) + S_PACKETS) >> 1]!;
  }

  octets(entry: number, direction: number): number {
    return this.#doubles[(this.sideAt(entry, direction) + S_OCTETS) >> 1]!;
  }

  /** Removes the entry if its version is still this. False: it was gone already. */
  remove(entry: number, version: number): boolean {
    const at = this.at(entry);
    for (let i = 0; i < CAS_TRIES; i++) {
      const control = this.words[at + E_CONTROL]!;
      if (control >>> STATE_BITS !== version || (control & STATE_MASK) < FIRST_STATE) return false;
      if (!this.claim(entry, control)) continue;
      this.release(entry);
      return true;
    }
    return false;
  }

  // ---- changing hands ----

  /**
   * The slot is this thread's from now on, if its control word still is `control`. Its entry, if any, is gone, and its owner
   * has one less; unless that is `heir`, who has another entry for it.
   */
  claim(entry: number, control: number, heir: number = NOBODY): boolean {
    const { words } = this;
    const at = this.at(entry);
    const claimed = nextVersion(control) | CLAIMED;
    if (Atomics.compareExchange(words, at + E_CONTROL, control, claimed) !== control) return false;
    if ((control & STATE_MASK) >= FIRST_STATE) {
      const owner = words[at + E_PROTOCOL]! >>> 8;
      if (owner !== heir) this.giveBack(owner);
      for (let i = 0; i < 2 * SIDE_WORDS; i++) words[at + E_SIDES + i] = 0;
    }
    return true;
  }

  /** Word index of the sequence number after an end's SYN. */
  startAt(entry: number, direction: number): number {
    return direction === FORWARD ? this.at(entry) + E_START : this.sideAt(entry, BACK) + S_START;
  }

  /** A claimed slot gets its entry. Everything else is written. */
  publish(entry: number, state: number): void {
    const at = this.at(entry) + E_CONTROL;
    Atomics.store(this.words, at, (this.words[at]! & ~STATE_MASK) | state);
  }

  /** A claimed slot becomes free. The tag goes first, while nobody else may write it. */
  release(entry: number): void {
    this.words[this.places.tags + entry - 1] = 0;
    this.publish(entry, FREE);
  }

  /** Writes the fields of a claimed slot that do not come from the packet. */
  begin(entry: number, now: number, generation: number, rule: number): void {
    const { words } = this;
    const at = this.at(entry);
    words[at + E_USED] = now;
    words[at + E_MADE] = now;
    words[at + E_RULE] = rule;
    words[at + E_GENERATION] = (generation + mixOf(words[at + E_CONTROL]! >>> STATE_BITS)) | 0;
    words[at + E_START] = 0;
  }

  // ---- owners ----

  /** Counts one entry more for the owner, unless it has as many as it may. */
  reserve(owner: number): boolean {
    const at = this.places.owners + owner * OWNER_WORDS;
    // Counted before it is compared, so that no number of threads gets past the quota together.
    if (Atomics.add(this.words, at + O_COUNT, 1) < this.words[at + O_QUOTA]!) return true;
    Atomics.sub(this.words, at + O_COUNT, 1);
    return false;
  }

  giveBack(owner: number): void {
    Atomics.sub(this.words, this.places.owners + owner * OWNER_WORDS + O_COUNT, 1);
  }

  /** Entries the owner has, expired ones that nobody has met yet included. */
  ownerCount(owner: number): number {
    return Atomics.load(this.words, this.places.owners + owner * OWNER_WORDS + O_COUNT);
  }

  /** Entries the owner may have from now on; none are taken away. */
  setQuota(owner: number, quota: number): void {
    Atomics.store(this.words, this.places.owners + owner * OWNER_WORDS + O_QUOTA, quota);
  }

  /** Entries of all owners. For the control thread. */
  get size(): number {
    let size = 0;
    for (let owner = 0; owner < this.words[H_OWNERS]!; owner++) size += this.ownerCount(owner);
    return size;
  }

  setTimeouts(timeouts: Timeouts): void {
    this.words.set(timeoutTicks(timeouts), H_TIMEOUTS);
  }

  /** Removes expired entries among the next `budget` slots; any thread may. Returns how many it removed. */
  sweep(now: number, budget: number): number {
    const { words, places, slots } = this;
    const steps = Math.min(budget, slots);
    let slot = (Atomics.add(words, H_CURSOR, steps) >>> 0) % slots;
    let removed = 0;
    for (let i = 0; i < steps; i++) {
      if (words[places.tags + slot] !== 0) {
        const entry = slot + 1;
        const control = words[this.at(entry) + E_CONTROL]!;
        // Reading the version first, an entry that comes in between has another one and stays.
        const live = (control & STATE_MASK) >= FIRST_STATE;
        if (live && this.isExpired(entry, now) && this.remove(entry, control >>> STATE_BITS)) removed++;
      }
      if (++slot === slots) slot = 0;
    }
    return removed;
  }
}

/** Spreads versions over all 32 bits: another version's generation looks like none that was ever counted to. */
const mixOf = (version: number): number => Math.imul(version, 0x9e37_79b1);
