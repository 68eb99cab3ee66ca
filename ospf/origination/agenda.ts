/** When which LSA is to be looked at again. Many share a moment, so moments are what is searched. */
import { type Millis, NEVER } from "#base/time";
import type { OwnLsa } from "#ospf/origination/own-lsas";

export class Agenda {
  readonly #moments = new Map<Millis, Set<OwnLsa>>();
  #earliest = NEVER;

  deadline(): Millis {
    return this.#earliest;
  }

  /** In place of the time set before; NEVER: not at all. */
  set(own: OwnLsa, at: Millis): void {
    if (own.dueAt === at) return;
    this.#remove(own);
    own.dueAt = at;
    if (at === NEVER) return;
    const moment = this.#moments.get(at) ?? new Set<OwnLsa>();
    this.#moments.set(at, moment);
    moment.add(own);
    this.#earliest = Math.min(this.#earliest, at);
  }

  /** Those whose time has come, which have no time set after that. */
  take(now: Millis): OwnLsa[] {
    const due: OwnLsa[] = [];
    while (this.#earliest <= now) {
      const moment = this.#moments.get(this.#earliest)!;
      for (const own of moment) own.dueAt = NEVER;
      due.push(...moment);
      this.#moments.delete(this.#earliest);
      this.#seek();
    }
    return due;
  }

  #remove(own: OwnLsa): void {
    const moment = this.#moments.get(own.dueAt);
    if (moment === undefined) return;
    moment.delete(own);
    if (moment.size > 0) return;
    this.#moments.delete(own.dueAt);
    if (own.dueAt === this.#earliest) this.#seek();
  }

  #seek(): void {
    this.#earliest = NEVER;
    for (const at of this.#moments.keys()) this.#earliest = Math.min(this.#earliest, at);
  }
}
