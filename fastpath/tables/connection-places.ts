/** Where a new connection may lie, in the two sets of its packet: a free slot, else one whose entry has to give way. */
import type { ConnectionFinder } from "#fastpath/tables/connection-finder";
import { E_CONTROL, E_PROTOCOL, E_USED, ENTRY_WORDS, H_TIMEOUTS, WAYS } from "#fastpath/tables/connection-layout";
import { CLAIMED, REPLACEABLE, STATE_MASK } from "#fastpath/tables/connection-states";

/** Times that another thread may take the chosen place away before the packet is given up. */
const TRIES = 8;
/** Free ways of a set that takes all that has it first: as many as the quarter of spare slots comes to. */
const UNCROWDED = 4;
/** Ways of the first set. */
const FIRST = 0xff00_ff00;
/** take(): anybody's entry may give way. */
export const ANY_OWNER: number = -1;

export class ConnectionPlaces {
  readonly #finder: ConnectionFinder;
  readonly #words: Int32Array;
  readonly #firstEntry: number;
  /** Control word that the place chosen last was chosen by. */
  #control = 0;

  constructor(finder: ConnectionFinder) {
    this.#finder = finder;
    this.#words = finder.entries.words;
    this.#firstEntry = finder.entries.places.entries;
  }

  /**
   * A slot claimed for the packet, and found under its tag; 0: none to be had. `owner`: whose entries alone may be replaced,
   * the new one counting for the old one; or ANY_OWNER.
   */
  take(owner: number, now: number): number {
    const { entries, tag } = this.#finder;
    for (let i = 0; i < TRIES; i++) {
      const free = owner === ANY_OWNER ? this.#freePlace() : 0;
      if (free !== 0) {
        if (entries.take(free, tag)) return free;
        continue;
      }
      const entry = this.#replaceable(owner, now);
      if (entry === 0) return 0;
      if (!entries.claim(entry, this.#control, owner)) continue;
      entries.rename(entry, tag);
      return entry;
    }
    return 0;
  }

  /**
   * A free slot; 0: none in either set. The one that lookups try first while its set is not crowded; else in the set that
   * has more of them, so that sets fill alike.
   */
  #freePlace(): number {
    const { entries, likely } = this.#finder;
    const free = this.#finder.waysWith(0);
    if (free === 0) return 0;
    const first = bitsIn(free & FIRST);
    const second = bitsIn(free & ~FIRST);
    if (!entries.isTaken(likely + 1) && (first >= UNCROWDED || first >= second)) return likely + 1;
    const fuller = (first - second) >> 31; // −1: the first
    return this.#finder.entryOf(free & (FIRST ^ fuller));
  }

  /** An expired entry of both sets, else the replaceable one that was idle longest; 0: there is none. */
  #replaceable(owner: number, now: number): number {
    const words = this.#words;
    let best = 0;
    let bestIdle = -0x8000_0000;
    let control = 0;
    for (let i = 0; i < 2 * WAYS; i++) {
      const slot = i < WAYS ? this.#finder.first + i : this.#finder.second + i - WAYS;
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

/** How many bits are set. */
function bitsIn(word: number): number {
  let bits = word - ((word >>> 1) & 0x5555_5555);
  bits = (bits & 0x3333_3333) + ((bits >>> 2) & 0x3333_3333);
  return Math.imul((bits + (bits >>> 4)) & 0x0f0f_0f0f, 0x0101_0101) >>> 24;
}
