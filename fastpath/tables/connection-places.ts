/** Where a new connection may lie, in the two sets of its packet: a free slot, else one whose entry has to give way. */
import type { ConnectionFinder } from "#fastpath/tables/connection-finder";
import { E_CONTROL, E_PROTOCOL, E_USED, ENTRY_WORDS, H_TIMEOUTS, WAYS } from "#fastpath/tables/connection-layout";
import { CLAIMED, FREE, REPLACEABLE, STATE_MASK } from "#fastpath/tables/connection-states";

/** Times that another thread may take the chosen place away before the packet is given up. */
const TRIES = 8;
/** Free ways of a set that takes all that has it first: more than 4 and the quarter of spare slots would not do. */
const UNCROWDED = 6;
/** take(): anybody's entry may give way. */
export const ANY_OWNER: number = -1;

export class ConnectionPlaces {
  readonly #finder: ConnectionFinder;
  readonly #words: Int32Array;
  readonly #tags: number;
  readonly #firstEntry: number;
  /** Control word that the place chosen last was chosen by. */
  #control = 0;

  constructor(finder: ConnectionFinder) {
    this.#finder = finder;
    this.#words = finder.entries.words;
    this.#tags = finder.entries.places.tags;
    this.#firstEntry = finder.entries.places.entries;
  }

  /**
   * A slot claimed for the packet; 0: none to be had. `owner`: whose entries alone may be replaced, the new one counting for
   * the old one; or ANY_OWNER.
   */
  take(owner: number, now: number): number {
    for (let i = 0; i < TRIES; i++) {
      const free = owner === ANY_OWNER ? this.#freePlace() : 0;
      const entry = free !== 0 ? free : this.#replaceable(owner, now);
      if (entry === 0) return 0;
      if (this.#finder.entries.claim(entry, this.#control, owner)) return entry;
    }
    return 0;
  }

  /**
   * A free slot; 0: none in either set. In the first set while it is not crowded, since lookups begin there; else in the
   * set that has more of them, so that sets fill alike.
   */
  #freePlace(): number {
    const { first, second, likely } = this.#finder;
    const free = this.#freeIn(first);
    if (free < UNCROWDED && free < this.#freeIn(second)) return this.#freeSlot(second) || this.#freeSlot(first);
    return this.#isFree(likely) ? likely + 1 : this.#freeSlot(first) || this.#freeSlot(second);
  }

  /** Free ways of a set. Without branches: which ways are taken, no processor can foresee. */
  #freeIn(slot: number): number {
    const words = this.#words;
    const from = this.#tags + slot;
    let free = WAYS;
    for (let i = from; i < from + WAYS; i++) free -= (words[i]! | -words[i]!) >>> 31; // 1 unless 0
    return free;
  }

  /** Entry of the first free slot of a set; 0: none. */
  #freeSlot(slot: number): number {
    for (let i = slot; i < slot + WAYS; i++) if (this.#isFree(i)) return i + 1;
    return 0;
  }

  /** True when the slot may be claimed by what #control holds then. */
  #isFree(slot: number): boolean {
    if (this.#words[this.#tags + slot] !== 0) return false;
    this.#control = this.#words[this.#firstEntry + slot * ENTRY_WORDS + E_CONTROL]!;
    return (this.#control & STATE_MASK) === FREE;
  }

  /** An expired entry of both sets, else the replaceable one that was idle longest; 0: there is none. */
  #replaceable(owner: number, now: number): number {
    const words = this.#words;
    let best = 0;
    let bestIdle = -0x8000_0000;
    let control = 0;
    for (let i = 0; i < 2 * WAYS; i++) {
      const slot = this.#finder.slotAt(i);
      const at = this.#firstEntry + slot * ENTRY_WORDS;
      const seen = words[at + E_CONTROL]!;
      const state = seen & STATE_MASK;
      if (state <= CLAIMED || (owner !== ANY_OWNER && words[at + E_PROTOCOL]! >>> 8 !== owner)) continue;
      const idle = (now - words[at + E_USED]!) | 0;
      const expired = idle > words[H_TIMEOUTS + state]!;
      if (!expired && (REPLACEABLE[state] === 0 || idle <= bestIdle)) continue;
      best = slot + 1;
      bestIdle = idle;
      control = seen;
      if (expired) break;
    }
    this.#control = control;
    return best;
  }
}
