/**
 * The log of port blocks: who got which, and who gave it back. Forwarders write, control reads. A reader that is too slow
 * loses the oldest events and is told how many; who has which block now is in the table all the same (nat-list.ts).
 */
import { H_LOGGED, LOG_WORDS, type NatPlaces, natPlaces } from "#fastpath/tables/nat-layout";

export const BLOCK_ALLOCATED = 1;
export const BLOCK_RELEASED = 2;

// A record, words.
/** The event's number, plus 1; written last. */
const L_NUMBER = 0;
const L_KIND = 1;
const L_TICK = 2;
const L_INSIDE = 3;
const L_OUTSIDE = 7;
const L_FIRST_PORT = 8;
const L_PORTS = 9;

export interface BlockEvent {
  readonly kind: "allocated" | "released";
  readonly tick: number;
  /** Inside address, 16 octets: 8 zeros, tags and IPv4 address; or an IPv6 address. */
  readonly inside: Uint8Array;
  /** Pool address, 4 octets. */
  readonly outside: Uint8Array;
  readonly firstPort: number;
  readonly ports: number;
}

/** A writer's event, words read from `words` at `inside`. */
export interface NewBlockEvent {
  readonly kind: number;
  readonly tick: number;
  readonly inside: number;
  readonly outside: number;
  readonly firstPort: number;
}

export function logBlock(words: Int32Array, places: NatPlaces, event: NewBlockEvent): void {
  const number = Atomics.add(words, H_LOGGED, 1);
  const at = places.log + ((number >>> 0) % places.logRecords) * LOG_WORDS;
  Atomics.store(words, at + L_NUMBER, 0);
  words[at + L_KIND] = event.kind;
  words[at + L_TICK] = event.tick;
  for (let i = 0; i < 4; i++) words[at + L_INSIDE + i] = words[event.inside + i]!;
  words[at + L_OUTSIDE] = event.outside;
  words[at + L_FIRST_PORT] = event.firstPort;
  words[at + L_PORTS] = 1 << places.blockBits;
  Atomics.store(words, at + L_NUMBER, (number + 1) | 0);
}

export class NatLogReader {
  readonly #words: Int32Array;
  readonly #places: NatPlaces;
  #next: number;

  /** `buffer`: of createNatTable. Events from now on are read. */
  constructor(buffer: SharedArrayBuffer) {
    this.#words = new Int32Array(buffer);
    this.#places = natPlaces(this.#words);
    this.#next = Atomics.load(this.#words, H_LOGGED);
  }

  /** What was logged since the last call, oldest first, and how many events were lost before them. */
  read(): { events: BlockEvent[]; lost: number } {
    const end = Atomics.load(this.#words, H_LOGGED);
    const { logRecords } = this.#places;
    const behind = (end - this.#next) >>> 0;
    let lost = Math.max(0, behind - logRecords);
    this.#next = (this.#next + lost) | 0;
    const events: BlockEvent[] = [];
    for (; this.#next !== end; this.#next = (this.#next + 1) | 0) {
      const event = this.#event(this.#next);
      if (event === undefined) break; // still being written: next time
      if (event === "lost") lost++;
      else events.push(event);
    }
    return { events, lost };
  }

  #event(number: number): BlockEvent | "lost" | undefined {
    const words = this.#words;
    const at = this.#places.log + ((number >>> 0) % this.#places.logRecords) * LOG_WORDS;
    const before = Atomics.load(words, at + L_NUMBER);
    if (before !== ((number + 1) | 0)) return this.#wasOvertaken(number) ? "lost" : undefined;
    const event: BlockEvent = {
      kind: words[at + L_KIND] === BLOCK_ALLOCATED ? "allocated" : "released",
      tick: words[at + L_TICK]!,
      inside: new Uint8Array(words.slice(at + L_INSIDE, at + L_INSIDE + 4).buffer),
      outside: new Uint8Array(words.slice(at + L_OUTSIDE, at + L_OUTSIDE + 1).buffer),
      firstPort: words[at + L_FIRST_PORT]!,
      ports: words[at + L_PORTS]!,
    };
    return Atomics.load(words, at + L_NUMBER) === before ? event : "lost";
  }

  #wasOvertaken(number: number): boolean {
    return (Atomics.load(this.#words, H_LOGGED) - number) >>> 0 > this.#places.logRecords;
  }
}
