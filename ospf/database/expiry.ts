/** When LSAs reach MaxAge: by whole seconds, so that a hundred thousand of them are searched second by second. */
import { type Millis, NEVER } from "#base/time";
import { MAX_AGE } from "#ospf/constants";
import { type Entry, isMaxAge } from "#ospf/database/store";
import type { Scope } from "#ospf/scope";

export interface Expiring {
  readonly entry: Entry;
  readonly scope: Scope;
}

export class Expiry {
  readonly #bySecond = new Map<number, Map<Entry, Scope>>();
  #earliest = NEVER;

  /** LSAs waiting. */
  get size(): number {
    let size = 0;
    for (const bucket of this.#bySecond.values()) size += bucket.size;
    return size;
  }

  /** Nothing for an LSA that has MaxAge already. */
  add(entry: Entry, scope: Scope): void {
    if (isMaxAge(entry)) return;
    const second = secondOf(entry);
    const bucket = this.#bySecond.get(second) ?? new Map<Entry, Scope>();
    this.#bySecond.set(second, bucket);
    bucket.set(entry, scope);
    this.#earliest = Math.min(this.#earliest, second);
  }

  /** It was replaced or is gone: kept until its time, instances that come each second would fill the memory. */
  remove(entry: Entry): void {
    const second = secondOf(entry);
    const bucket = this.#bySecond.get(second);
    if (bucket?.delete(entry) && bucket.size === 0) this.#bySecond.delete(second);
  }

  deadline(): Millis {
    return this.#earliest * 1000;
  }

  /** Those whose time has come. */
  due(now: Millis): Expiring[] {
    if (this.deadline() > now) return [];
    const due: Expiring[] = [];
    let earliest = NEVER;
    for (const [second, bucket] of this.#bySecond) {
      if (second * 1000 > now) {
        earliest = Math.min(earliest, second);
        continue;
      }
      for (const [entry, scope] of bucket) due.push({ entry, scope });
      this.#bySecond.delete(second);
    }
    this.#earliest = earliest;
    return due;
  }
}

const secondOf = ({ installedAt, lsa }: Entry): number => Math.ceil(installedAt / 1000) + MAX_AGE - lsa.header.age;
