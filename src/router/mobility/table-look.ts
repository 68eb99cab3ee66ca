/** The periodic look at the binding table: what nobody has asked for yet, what was used, what nobody uses any more. */

import { PLACE_UNKNOWN } from "#fastpath/tables/bindings";
import { TICKS_PER_SECOND } from "#fastpath/tables/connection-states";
import type { Subject } from "#pmip/events";
import type { Places } from "#router/mobility/places";
import { subjectKey } from "#router/mobility/subjects";

export interface Looked {
  /** Packets go there, and nobody knows yet where it is. */
  readonly wanted: readonly Subject[];
  /** Places that control told and that packets were sent to since the last look. */
  readonly used: readonly Subject[];
}

/** Questions handed on at a time: a VM that tries all addresses must not keep the core from its work. */
const MOST_WANTED = 500;
/** Looks after which a question is asked again that had no answer. */
const PATIENCE = 10;

export class TableLook {
  readonly #places: Places;
  /** Questions asked, and how many looks ago. */
  #asked = new Map<string, number>();
  #last: number | undefined;

  constructor(places: Places) {
    this.#places = places;
  }

  /** This one was asked already, at its first packet. */
  noteAsked(subject: Subject): boolean {
    const key = subjectKey(subject);
    if (this.#asked.has(key)) return false;
    this.#asked.set(key, 0);
    return true;
  }

  /** About once a second. `now`: ticks, as forwarders count them; `idle`: ticks. */
  look(now: number, idle: number): Looked {
    const wanted: Subject[] = [];
    const used: Subject[] = [];
    const asked = new Map<string, number>();
    const last = this.#last ?? (now - TICKS_PER_SECOND) | 0;
    for (const { entry, subject, told } of this.#places.entries()) {
      const sinceLast = (entry.usedAt - last) | 0;
      if (told !== undefined) {
        if (sinceLast >= 0 && entry.packets > 0 && told.role !== "home") used.push(subject);
      } else if (((now - entry.usedAt) | 0) > idle) {
        this.#places.forget(entry);
      } else if (entry.place === PLACE_UNKNOWN) {
        const looks = this.#asked.get(subjectKey(subject));
        if (looks !== undefined && looks < PATIENCE) asked.set(subjectKey(subject), looks + 1);
        else if (wanted.length < MOST_WANTED) {
          asked.set(subjectKey(subject), 0);
          wanted.push(subject);
        }
      }
    }
    this.#asked = asked;
    this.#last = now;
    return { wanted, used };
  }
}
