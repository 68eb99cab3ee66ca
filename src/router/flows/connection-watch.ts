/**
 * Sees connections begin and end, by looking at the whole table every second: forwarders tell nobody, and an entry stays for seconds after
 * its last packet. What an entry had carried when it was looked at last is what it had carried in the end.
 */
import { BACK, type ConnectionEntries, FORWARD } from "#fastpath/tables/connection-entries";
import { E_CONTROL, E_USED } from "#fastpath/tables/connection-layout";
import { type ConnectionView, connectionAt } from "#fastpath/tables/connection-list";
import { FIRST_STATE, STATE_BITS, STATE_MASK, STATE_NAMES } from "#fastpath/tables/connection-states";

/** A connection that is followed. */
export interface Followed<About> {
  readonly about: About;
  readonly version: number;
  /** Tick of its first packet. */
  readonly madeAt: number;
  /** As it was when it was looked at last. */
  packets: number;
  octets: number;
  packetsBack: number;
  octetsBack: number;
  state: string;
  /** Tick of its last packet. */
  usedAt: number;
}

export interface ConnectionWatchOptions<About> {
  /** What is to be remembered of it; undefined: it is nobody's to follow. */
  readonly began: (connection: ConnectionView) => About | undefined;
  readonly ended: (connection: Followed<About>) => void;
}

/** Followed at once. */
const MOST = 65_536;

export class ConnectionWatch<About> {
  /** Connections that were not followed because there were too many. */
  missed = 0;
  readonly #entries: ConnectionEntries;
  readonly #options: ConnectionWatchOptions<About>;
  readonly #followed = new Map<number, Followed<About>>();
  /** By entry: 1 + version of the connection that was seen there last, however it was; 0: none. */
  #seen = new Int32Array(0);
  #next = 1;

  constructor(entries: ConnectionEntries, options: ConnectionWatchOptions<About>) {
    this.#entries = entries;
    this.#options = options;
  }

  get size(): number {
    return this.#followed.size;
  }

  /** Looks at so many slots. `now`: ticks. */
  look(now: number, slots: number): void {
    const all = this.#entries.slots;
    if (this.#seen.length === 0) this.#seen = new Int32Array(all + 1); // not before somebody wants it
    for (let i = Math.min(slots, all); i > 0; i--) {
      const entry = this.#next;
      this.#next = entry === all ? 1 : entry + 1;
      if (this.#entries.isTaken(entry) || this.#seen[entry] !== 0) this.#lookAt(entry, now);
    }
  }

  /** All that are followed end now, for this router does. */
  end(): void {
    for (const [entry, followed] of this.#followed) {
      this.#refresh(entry, followed);
      this.#options.ended(followed);
    }
    this.#followed.clear();
  }

  #lookAt(entry: number, now: number): void {
    const control = Atomics.load(this.#entries.words, this.#entries.at(entry) + E_CONTROL);
    const isLive = (control & STATE_MASK) >= FIRST_STATE && !this.#entries.isExpired(entry, now);
    const version = isLive ? control >>> STATE_BITS : -1;
    const followed = this.#followed.get(entry);
    if (followed !== undefined && followed.version !== version) {
      this.#followed.delete(entry);
      this.#options.ended(followed);
    } else if (followed !== undefined) {
      this.#refresh(entry, followed);
    }
    if (this.#seen[entry] === version + 1) return;
    if (version >= 0) this.#begin(entry, now);
    this.#seen[entry] = version + 1;
  }

  #begin(entry: number, now: number): void {
    const view = connectionAt(this.#entries, entry, now);
    if (view === undefined) return;
    const about = this.#options.began(view);
    if (about === undefined) return;
    if (this.#followed.size >= MOST) {
      this.missed++;
      return;
    }
    this.#followed.set(entry, {
      ...{ about, version: view.version, madeAt: (now - view.ageTicks) | 0, state: view.state },
      ...{ packets: view.source.packets, octets: view.source.octets },
      ...{ packetsBack: view.destination.packets, octetsBack: view.destination.octets },
      usedAt: (now - view.idleTicks) | 0,
    });
  }

  /** Unless the slot has changed hands meanwhile. */
  #refresh(entry: number, followed: Followed<About>): void {
    const entries = this.#entries;
    const [packets, octets] = [entries.packets(entry, FORWARD), entries.octets(entry, FORWARD)];
    const [packetsBack, octetsBack] = [entries.packets(entry, BACK), entries.octets(entry, BACK)];
    const usedAt = entries.words[entries.at(entry) + E_USED]!;
    const control = Atomics.load(entries.words, entries.at(entry) + E_CONTROL);
    if (control >>> STATE_BITS !== followed.version || (control & STATE_MASK) < FIRST_STATE) return;
    Object.assign(followed, {
      packets,
      octets,
      packetsBack,
      octetsBack,
      usedAt,
      state: STATE_NAMES[control & STATE_MASK],
    });
  }
}
