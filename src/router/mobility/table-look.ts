/** The periodic look at the binding table: what nobody has asked for yet, what was used, what nobody uses any more. */
import { TICKS_PER_SECOND } from "#fastpath/tables/connection-states";
import type { Subject } from "#pmip/events";
import type { Places } from "#router/mobility/places";

export interface Looked {
  /** Packets go there, and nobody knows yet where it is. */
  readonly wanted: readonly Subject[];
  /** Places that control told and that packets were sent to since the last look. */
  readonly used: readonly Subject[];
}

/** Parts that the table is looked at in, so that no look holds up what is urgent. */
export const PARTS = 10;

/** Questions handed on at a time: a VM that tries all addresses must not keep the core from its work. */
const MOST_WANTED = 50;
/** Looks after which a question is asked again that had no answer. */
const PATIENCE = 10;

/** A question that was asked: of which version of its entry, and how many looks ago. */
interface Asked {
  readonly version: number;
  looks: number;
}

export class TableLook {
  readonly #places: Places;
  /** By entry. */
  readonly #asked = new Map<number, Asked>();
  /** When each part was looked at last. */
  readonly #last: (number | undefined)[] = new Array(PARTS);
  #part = 0;

  constructor(places: Places) {
    this.#places = places;
  }

  /** True: it was not asked before, and is now, at its first packet. */
  isNew(entry: number, version: number): boolean {
    if (this.#asked.get(entry)?.version === version) return false;
    this.#asked.set(entry, { version, looks: 0 });
    return true;
  }

  /** At the next part: each about once a second. `now`: ticks, as forwarders count them; `idle`: ticks. */
  look(now: number, idle: number): Looked {
    const part = this.#part;
    this.#part = (part + 1) % PARTS;
    const places = this.#places;
    const wanted: Subject[] = [];
    const used: Subject[] = [];
    const last = this.#last[part] ?? (now - TICKS_PER_SECOND) | 0;
    places.scan({ part, parts: PARTS }, (seen, told) => {
      if (told !== undefined) {
        this.#asked.delete(seen.entry);
        const isUsed = ((seen.usedAt - last) | 0) >= 0 && seen.packets > 0;
        if (isUsed && told.role !== "home") used.push(told.subject);
      } else if (((now - seen.usedAt) | 0) > idle) {
        this.#asked.delete(seen.entry);
        places.forget(seen);
      } else if (seen.isUnknown && wanted.length < MOST_WANTED && this.#isDue(seen.entry, seen.version)) {
        const subject = places.subjectAt(seen.entry);
        if (subject !== undefined) wanted.push(subject);
      }
    });
    this.#last[part] = now;
    return { wanted, used };
  }

  #isDue(entry: number, version: number): boolean {
    if (this.isNew(entry, version)) return true;
    const asked = this.#asked.get(entry)!;
    asked.looks = asked.looks < PATIENCE ? asked.looks + 1 : 0;
    return asked.looks === 0;
  }
}
