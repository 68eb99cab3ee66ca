/**
 * Single entries of the connection table: taking, giving back, fields. Many threads work on them at once, without locks.
 *
 * A slot's tag says that it is taken, and under which part of a hash it is found. The control word holds the entry's
 * version and state. A slot changes hands in one of two ways, either a compare-and-exchange that one thread wins:
 *
 *   tag 0 ──take──▶ tag, FREE ───────publish──▶ tag, the entry's first state
 *     ▲                                            │
 *     │                                          claim, with the next version
 *     │                                            ▼
 *     └───────────release───────────────── tag, CLAIMED ──publish──▶ the state of an entry that replaces it
 *
 * Taking a free slot is an affair of the tag alone, which is in the cache as it has just been looked at: the entry's
 * memory is a long way off, and what is written there need not be waited for. Whoever has the slot writes the other words and
 * the control word last, with a version that the slot never had; who remembers an earlier one finds out.
 *
 * Who compares a key reads the control word before and after (connections.ts): equal versions and no CLAIMED mean that
 * no word of the key changed between. A thread that stands still with a slot keeps that one out of use, and nobody waits.
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
  H_VERSION,
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
import { LoadOrder } from "#fastpath/tables/load-order";

/** Direction of a packet: as the connection's first one, or back. */
export const FORWARD = 0;
export const BACK = 1;

/** Versions that a thread takes at once, a power of two. */
const VERSIONS = 1024;
const CAS_TRIES = 4;
const NOBODY = -1;

export class ConnectionEntries {
  readonly words: Int32Array;
  readonly places: Places;
  /** Entries are 1 … slots; 0 is none. */
  readonly slots: number;
  readonly #doubles: Float64Array;
  readonly #tags: Uint16Array;
  readonly #order = new LoadOrder();
  /** This thread's next version; a multiple of VERSIONS: it has none. */
  #version = 0;

  /** `buffer`: of createConnectionTable. */
  constructor(buffer: SharedArrayBuffer) {
    this.words = new Int32Array(buffer);
    this.#doubles = new Float64Array(buffer);
    this.places = placesOf(this.words[H_SETS]!, this.words[H_OWNERS]!);
    this.slots = this.words[H_SETS]! * WAYS;
    this.#tags = new Uint16Array(buffer, this.places.tags * 4, this.slots);
  }

  /** Word index of an entry. */
  at(entry: number): number {
    return this.places.entries + (entry - 1) * ENTRY_WORDS;
  }

  /** Word index of an entry's side. */
  sideAt(entry: number, direction: number): number {
    return this.at(entry) + E_SIDES + direction * SIDE_WORDS;
  }

  /** True when there is an entry, or one comes or goes: whether to look closer. */
  isTaken(entry: number): boolean {
    return this.#tags[entry - 1] !== 0;
  }

  /** True when the slot's entry, if any, is found under this tag. */
  hasTag(entry: number, tag: number): boolean {
    return this.#tags[entry - 1] === tag;
  }

  /** A state, FREE or CLAIMED. */
  state(entry: number): number {
    return this.words[this.at(entry) + E_CONTROL]! & STATE_MASK;
  }

  /** 27 bits that tell an entry from those that its slot had before. */
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

  /** The free slot is this thread's from now on, and is found under this tag. False: another thread was faster. */
  take(entry: number, tag: number): boolean {
    return Atomics.compareExchange(this.#tags, entry - 1, 0, tag) === 0;
  }

  /**
   * The entry with this control word is this thread's from now on, to be removed or replaced; its owner has one less,
   * unless that is `heir`, who has another entry for it.
   */
  claim(entry: number, control: number, heir: number = NOBODY): boolean {
    const { words } = this;
    const at = this.at(entry);
    if (Atomics.compareExchange(words, at + E_CONTROL, control, nextVersion(control) | CLAIMED) !== control)
      return false;
    const owner = words[at + E_PROTOCOL]! >>> 8;
    if (owner !== heir) this.giveBack(owner);
    for (let i = 0; i < 2 * SIDE_WORDS; i++) words[at + E_SIDES + i] = 0;
    return true;
  }

  /** A claimed entry is to be found under another tag. What is read after this was read after everybody could see it. */
  rename(entry: number, tag: number): void {
    Atomics.store(this.#tags, entry - 1, tag);
  }

  /** Word index of the sequence number after an end's SYN. */
  startAt(entry: number, direction: number): number {
    return direction === FORWARD ? this.at(entry) + E_START : this.sideAt(entry, BACK) + S_START;
  }

  /**
   * A slot of this thread's gets its entry, everything else is written; `control`: of begin(). What this thread reads next
   * it may read before others can see the entry.
   */
  publish(entry: number, control: number, state: number): void {
    this.#order.publish(this.words, this.at(entry) + E_CONTROL, control | state);
  }

  /** What was published is seen by all, before anything that is read after this. */
  show(entry: number): void {
    Atomics.add(this.words, this.at(entry) + E_CONTROL, 0);
  }

  /** True when an entry that a thread has taken the slot for is published. */
  isShown(entry: number): boolean {
    return (Atomics.load(this.words, this.at(entry) + E_CONTROL) & STATE_MASK) >= FIRST_STATE || !this.isTaken(entry);
  }

  /** A claimed slot becomes free. The tag goes last: who finds it gone may write the rest. */
  release(entry: number): void {
    const at = this.at(entry) + E_CONTROL;
    Atomics.store(this.words, at, (this.words[at]! & ~STATE_MASK) | FREE);
    Atomics.store(this.#tags, entry - 1, 0);
  }

  /**
   * Writes the fields that do not come from the packet. Returns the control word that the entry will have, without a state.
   * Nothing of the slot is read, as that would have to be waited for: the version is none that any entry had.
   */
  begin(entry: number, now: number, generation: number, rule: number): number {
    const { words } = this;
    const at = this.at(entry);
    const control = this.#freshVersion() << STATE_BITS;
    words[at + E_USED] = now;
    words[at + E_MADE] = now;
    words[at + E_RULE] = rule;
    words[at + E_GENERATION] = (generation + mixOf(control >>> STATE_BITS)) | 0;
    words[at + E_START] = 0;
    return control;
  }

  /** May come again after 2^27 others, of which one in a million or so is of the same slot. */
  #freshVersion(): number {
    if (this.#version % VERSIONS === 0) this.#version = Atomics.add(this.words, H_VERSION, VERSIONS);
    return this.#version++;
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
    const { words, slots } = this;
    const steps = Math.min(budget, slots);
    let slot = (Atomics.add(words, H_CURSOR, steps) >>> 0) % slots;
    let removed = 0;
    for (let i = 0; i < steps; i++) {
      const entry = slot + 1;
      if (this.isTaken(entry)) {
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
