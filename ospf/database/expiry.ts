/** When LSAs reach MaxAge: by whole seconds, so that a hundred thousand of them cost one map entry each second. */
import { type Millis, NEVER } from "#base/time";
import { MAX_AGE } from "#ospf/constants";
import { type Entry, isMaxAge } from "#ospf/database/store";
import type { Scope } from "#ospf/scope";

export interface Expiring {
  readonly entry: Entry;
  readonly scope: Scope;
}

export class Expiry {
  readonly #bySecond = new Map<number, Expiring[]>();
  #earliest = NEVER;

  /** Nothing for an LSA that has MaxAge already. What is replaced before its time need not be taken out. */
  add(entry: Entry, scope: Scope): void {
    if (isMaxAge(entry)) return;
    const second = Math.ceil(entry.installedAt / 1000) + MAX_AGE - entry.lsa.header.age;
    const bucket = this.#bySecond.get(second);
    if (bucket === undefined) this.#bySecond.set(second, [{ entry, scope }]);
    else bucket.push({ entry, scope });
    this.#earliest = Math.min(this.#earliest, second);
  }

  deadline(): Millis {
    return this.#earliest * 1000;
  }

  /** Those whose time has come, instances that were replaced since among them. */
  due(now: Millis): Expiring[] {
    if (this.deadline() > now) return [];
    const due: Expiring[] = [];
    let earliest = NEVER;
    for (const [second, bucket] of this.#bySecond) {
      if (second * 1000 > now) {
        earliest = Math.min(earliest, second);
        continue;
      }
      due.push(...bucket);
      this.#bySecond.delete(second);
    }
    this.#earliest = earliest;
    return due;
  }
}
