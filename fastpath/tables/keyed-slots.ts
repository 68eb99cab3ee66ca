/**
 * Slots with entries that are found by a key of five words, shared by many threads without locks: set-associative like the
 * connection table, whose control words, hash and order of reads these are too (connection-entries.ts). Nothing is ever
 * replaced: an entry stays until it is removed.
 *
 *   FREE ──take──▶ CLAIMED ──settle──▶ PENDING ──▶ LIVE ◀──keep── DYING
 *     ▲               ▲                   │         └───removeUnused─▲ │
 *     └──release──────┴───────────────────┴──────────────────────────┘
 *
 * One entry a key, always: whoever made one shows it as PENDING and *then* looks for others. One that is live is taken instead
 * of it; one that is pending too is discarded, which its maker notices when it fails to become live. A lookup takes no
 * notice of what is pending.
 *
 * Nothing goes that is in use: an entry to be removed is DYING first, and only then it is asked who uses it. Who begins
 * to use one says so first (a count that isUsed() reads), and then looks at the state (keep()). At least one of the
 * two sees the other; a dying entry is as good as any, and its user brings it back.
 */
import { hashEnd, secondHash, setOf } from "#fastpath/tables/connection-hash";
import { WAYS } from "#fastpath/tables/connection-layout";
import { CLAIMED, FREE, nextVersion, STATE_BITS, STATE_MASK } from "#fastpath/tables/connection-states";
import { LoadOrder } from "#fastpath/tables/load-order";

const PENDING = 2;
const LIVE = 3;
const DYING = 4;

export const KEY_WORDS = 5;

// An entry's first words.
/** Version << STATE_BITS | state. */
export const K_CONTROL = 0;
/** The key. */
export const K_KEY = 1;
/** The words from here on are the user's. */
export const K_REST = 6;

/** Times that another thread may be in the way. */
const TRIES = 8;

/** Where the slots lie; word indexes. */
export interface SlotArea {
  readonly sets: number;
  readonly tags: number;
  readonly entries: number;
  readonly entryWords: number;
  readonly end: number;
}

/**
 * Sets that have room for `entries`: there are a quarter more slots. Of keys that come when all but those are taken, one in a
 * million or so finds both its sets full.
 */
export const setsFor = (entries: number): number => Math.ceil((entries * 1.25) / WAYS) + 1;

/** `entryWords`: a power of two. */
export function slotArea(from: number, sets: number, entryWords: number): SlotArea {
  const tags = (from + WAYS - 1) & -WAYS;
  const entries = (tags + sets * WAYS + entryWords - 1) & -entryWords;
  return { sets, tags, entries, entryWords, end: entries + sets * WAYS * entryWords };
}

export abstract class KeyedSlots {
  /** The key that all is about. */
  readonly key: Int32Array = new Int32Array(KEY_WORDS);
  /** Version of what was found. */
  version = 0;
  /** Entries are 1 … slots. */
  readonly slots: number;

  protected readonly words: Int32Array;
  protected readonly tags: number;
  readonly #entries: number;
  readonly #entryWords: number;
  readonly #sets: number;
  readonly #hashKey: Int32Array;
  readonly #order = new LoadOrder();
  /** Of the key: its hash (never 0), and the first slots of its two sets. */
  #tag = 0;
  protected first = 0;
  protected second = 0;

  /** `hashKey`: two secret random words. */
  constructor(words: Int32Array, area: SlotArea, hashKey: Int32Array) {
    this.words = words;
    this.slots = area.sets * WAYS;
    this.tags = area.tags;
    this.#entries = area.entries;
    this.#entryWords = area.entryWords;
    this.#sets = area.sets;
    this.#hashKey = hashKey;
  }

  /** What a claimed entry holds besides its slot is to be given back. */
  protected abstract giveUp(entry: number, now: number): void;
  /** True when somebody uses the entry. */
  protected abstract isUsed(entry: number): boolean;

  /** Word index of an entry. */
  at(entry: number): number {
    return this.#entries + (entry - 1) * this.#entryWords;
  }

  /** The key's entry; 0: none. Sets version. */
  find(): number {
    this.hash();
    const entry = this.#search(this.first);
    return entry !== 0 ? entry : this.#search(this.second);
  }

  /** True when the entry is there and of this version: words read before are its own, as far as `settle` wrote them. */
  isLive(entry: number, version: number): boolean {
    this.#order.keep();
    const control = this.words[this.at(entry) + K_CONTROL]!;
    return control >>> STATE_BITS === version && (control & STATE_MASK) >= LIVE;
  }

  /** True when the entry is there and is the key's. Sets version. */
  hasKey(entry: number): boolean {
    return this.#stateIfKeys(entry) >= LIVE;
  }

  /** Version of the entry in the slot; −1: none. */
  versionOf(entry: number): number {
    const control = this.words[this.at(entry) + K_CONTROL]!;
    if ((control & STATE_MASK) < LIVE) return -1;
    this.#order.keep();
    return control >>> STATE_BITS;
  }

  /** For one who has said that it uses the entry: true when it stays, for as long as isUsed() says so. */
  keep(entry: number, version: number): boolean {
    const { words } = this;
    const at = this.at(entry) + K_CONTROL;
    for (let i = 0; i < TRIES; i++) {
      const control = Atomics.load(words, at);
      if (control >>> STATE_BITS !== version || (control & STATE_MASK) < LIVE) return false;
      if ((control & STATE_MASK) === LIVE) return true;
      if (Atomics.compareExchange(words, at, control, (control & ~STATE_MASK) | LIVE) === control) return true;
    }
    return false;
  }

  /** Removes the entry unless somebody uses it. True: it is gone, by this call. */
  removeUnused(entry: number, version: number, now: number): boolean {
    const { words } = this;
    const at = this.at(entry) + K_CONTROL;
    const seen = words[at]!;
    if (seen >>> STATE_BITS !== version || (seen & STATE_MASK) < LIVE) return false;
    const dying = (seen & ~STATE_MASK) | DYING;
    if (seen !== dying && Atomics.compareExchange(words, at, seen, dying) !== seen) return false;
    if (this.isUsed(entry)) {
      Atomics.compareExchange(words, at, dying, (dying & ~STATE_MASK) | LIVE);
      return false;
    }
    if (Atomics.compareExchange(words, at, dying, nextVersion(dying) | CLAIMED) !== dying) return false;
    this.giveUp(entry, now);
    this.release(entry);
    return true;
  }

  // ---- making an entry of the key that was looked for last ----

  /** A slot claimed for the key, which is written there; 0: all 32 are taken. */
  protected take(): number {
    const { words } = this;
    for (let i = 0; i < TRIES; i++) {
      const entry = this.#freeEntry();
      if (entry === 0) return 0;
      const at = this.at(entry);
      const control = words[at + K_CONTROL]!;
      if ((control & STATE_MASK) !== FREE) continue;
      if (Atomics.compareExchange(words, at + K_CONTROL, control, nextVersion(control) | CLAIMED) !== control) continue;
      for (let k = 0; k < KEY_WORDS; k++) words[at + K_KEY + k] = this.key[k]!;
      words[this.tags + entry - 1] = this.#tag;
      return entry;
    }
    return 0;
  }

  /**
   * A claimed entry is written and shall be live. Returns the key's entry, this or another that was there before, and sets
   * version; 0: another thread discarded it, begin again. What the entry held is given up unless it is the one returned.
   */
  protected settle(mine: number, now: number): number {
    const { words } = this;
    const at = this.at(mine) + K_CONTROL;
    const pending = (words[at]! & ~STATE_MASK) | PENDING;
    Atomics.store(words, at, pending);
    const other = this.#liveOther(mine, now);
    if (other === 0) {
      if (Atomics.compareExchange(words, at, pending, (pending & ~STATE_MASK) | LIVE) !== pending) return 0;
      this.version = pending >>> STATE_BITS;
      return mine;
    }
    this.#discard(mine, pending, now);
    return other;
  }

  /** A claimed slot becomes free. The tag goes first, while nobody else may write it. */
  protected release(entry: number): void {
    const at = this.at(entry) + K_CONTROL;
    this.words[this.tags + entry - 1] = 0;
    Atomics.store(this.words, at, (this.words[at]! & ~STATE_MASK) | FREE);
  }

  /** Entry of the `i`th of the 32 slots that the key may have, 1 …; 0 when it is free. */
  protected candidate(i: number): number {
    const slot = i < WAYS ? this.first + i : this.second + i - WAYS;
    return this.words[this.tags + slot] === 0 ? 0 : slot + 1;
  }

  /** True when the slot may hold an entry: whether to look closer. */
  protected isTaken(entry: number): boolean {
    return this.words[this.tags + entry - 1] !== 0;
  }

  /** To be called once for a key, before its sets are looked at. */
  protected hash(): void {
    const hash = hashEnd(this.#hashKey, this.key, 0, this.key[KEY_WORDS - 1]!);
    this.#tag = hash === 0 ? 1 : hash;
    const first = setOf(hash, this.#sets);
    const second = setOf(secondHash(hash), this.#sets);
    this.first = first * WAYS;
    // Two sets, always: of a small table's keys so many would else have one that it fills while others have room.
    this.second = (second !== first ? second : first + 1 === this.#sets ? 0 : first + 1) * WAYS;
  }

  // ---- within ----

  #search(slot: number): number {
    const { words } = this;
    const tag = this.#tag;
    const from = this.tags + slot;
    for (let i = 0; i < WAYS; i++)
      if (words[from + i] === tag && this.#stateIfKeys(slot + i + 1) >= LIVE) return slot + i + 1;
    return 0;
  }

  /** The entry's state if it has the key, and sets version; else FREE. */
  #stateIfKeys(entry: number): number {
    const { words, key } = this;
    const at = this.at(entry);
    const control = words[at + K_CONTROL]!;
    if ((control & STATE_MASK) < PENDING) return FREE;
    this.#order.keep();
    const k = at + K_KEY;
    const differs =
      (words[k]! ^ key[0]!) |
      (words[k + 1]! ^ key[1]!) |
      (words[k + 2]! ^ key[2]!) |
      (words[k + 3]! ^ key[3]!) |
      (words[k + 4]! ^ key[4]!);
    if (differs !== 0) return FREE;
    this.#order.keep();
    const after = words[at + K_CONTROL]!;
    if (after >>> STATE_BITS !== control >>> STATE_BITS || (after & STATE_MASK) < PENDING) return FREE;
    this.version = control >>> STATE_BITS;
    return after & STATE_MASK;
  }

  /** Another entry of the key that is live; 0: none. Those that were only pending are discarded. */
  #liveOther(mine: number, now: number): number {
    const { words } = this;
    for (let i = 0; i < 2 * WAYS; i++) {
      if (i === WAYS && this.second === this.first) break;
      const slot = i < WAYS ? this.first + i : this.second + i - WAYS;
      if (slot === mine - 1 || words[this.tags + slot] !== this.#tag) continue;
      for (let tries = 0; tries < TRIES; tries++) {
        const state = this.#stateIfKeys(slot + 1);
        if (state >= LIVE) return slot + 1;
        if (state === FREE || this.#discard(slot + 1, (this.version << STATE_BITS) | PENDING, now)) break;
      }
    }
    return 0;
  }

  /** Takes a pending entry away, whosever it is. */
  #discard(entry: number, pending: number, now: number): boolean {
    const at = this.at(entry) + K_CONTROL;
    if (Atomics.compareExchange(this.words, at, pending, nextVersion(pending) | CLAIMED) !== pending) return false;
    this.giveUp(entry, now);
    this.release(entry);
    return true;
  }

  /** Entry of a free slot, in the set that has more of them; 0: none. */
  #freeEntry(): number {
    const emptier = this.#takenIn(this.first) <= this.#takenIn(this.second) ? this.first : this.second;
    return this.#freeIn(emptier) || this.#freeIn(this.first + this.second - emptier);
  }

  #takenIn(slot: number): number {
    const from = this.tags + slot;
    let taken = 0;
    for (let i = from; i < from + WAYS; i++) if (this.words[i] !== 0) taken++;
    return taken;
  }

  #freeIn(slot: number): number {
    const { words } = this;
    for (let entry = slot + 1; entry <= slot + WAYS; entry++) {
      if (words[this.tags + entry - 1] !== 0) continue;
      if ((words[this.at(entry) + K_CONTROL]! & STATE_MASK) === FREE) return entry;
    }
    return 0;
  }
}
