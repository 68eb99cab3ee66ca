/** Flooding as origination sees it, without neighbors: databases, and a record of what went out. */
import { type Millis, NEVER } from "#base/time";
import { MAX_AGE } from "#ospf/constants";
import type { Entry } from "#ospf/database/store";
import { isMaxAge, type LsaStore } from "#ospf/database/store";
import type { Originator } from "#ospf/origination/originator";
import type { Outlet } from "#ospf/origination/outlet";
import type { Upkeep } from "#ospf/origination/upkeep";
import { type Lsa, withAge } from "#ospf/packet/lsa";
import type { LsaBody } from "#ospf/packet/lsa-body";
import { readLsaBody } from "#ospf/packet/lsa-reader";
import { type Scope, storeOf } from "#ospf/scope";
import { type Instance, keyOf } from "#ospf/state";

export interface Origination {
  readonly at: Millis;
  readonly store: LsaStore;
  readonly lsa: Lsa;
  readonly body: LsaBody;
}

export class MemoryOutlet implements Outlet {
  /** The time that things happen at. */
  now: Millis = 0;
  /** Everything since the start, in order. */
  readonly originated: Origination[] = [];
  /** As others could hear of them: what was withheld, when it no longer was. */
  readonly told: Origination[] = [];
  readonly flushed: Origination[] = [];
  readonly #instance: Instance;
  readonly #leaving = new Map<Entry, Scope>();

  constructor(instance: Instance) {
    this.#instance = instance;
  }

  install(scope: Scope, lsa: Lsa, withheld: boolean): Entry {
    const store = storeOf(this.#instance, scope);
    const entry = this.#put(scope, lsa, false);
    entry.withheld = withheld;
    this.originated.push({ at: this.now, store, lsa, body: entry.body });
    if (!withheld) this.told.push({ at: this.now, store, lsa, body: entry.body });
    return entry;
  }

  publish(scope: Scope, entry: Entry): void {
    entry.withheld = false;
    this.told.push({ at: this.now, store: storeOf(this.#instance, scope), lsa: entry.lsa, body: entry.body });
  }

  flush(scope: Scope, entry: Entry): void {
    const lsa = withAge(entry.lsa, MAX_AGE);
    this.#leaving.set(this.#put(scope, lsa, false), scope);
    this.flushed.push({ at: this.now, store: storeOf(this.#instance, scope), lsa, body: entry.body });
  }

  /** As flooding does with an instance that a neighbor sent: into the database, and if it is ours the originator hears of it. */
  receive(originator: Pick<Originator, "receivedOwn">, scope: Scope, lsa: Lsa): Entry {
    const entry = this.#put(scope, lsa, true);
    if (isMaxAge(entry)) this.#leaving.set(entry, scope);
    if (lsa.header.advertisingRouter === this.#instance.config.routerId) {
      originator.receivedOwn({ now: this.now, effects: [] }, scope, entry);
    }
    return entry;
  }

  /** Every neighbor has acknowledged everything: MaxAge LSAs leave the databases. */
  acknowledge(originator: Pick<Originator, "removed"> | Pick<Upkeep, "removed">): void {
    for (const [entry, scope] of this.#leaving) {
      const store = storeOf(this.#instance, scope);
      if (store.get(entry.lsa.header) !== entry) continue;
      store.delete(entry.lsa.header);
      originator.removed(scope, entry);
    }
    this.#leaving.clear();
  }

  #put(scope: Scope, lsa: Lsa, received: boolean): Entry {
    const body = readLsaBody(lsa);
    if (!("kind" in body)) throw new Error(`${keyOf(lsa.header)} cannot be read: ${body.error}`);
    const fresh = { installedAt: this.now, unacknowledged: 0, answeredAt: -NEVER };
    const entry: Entry = { lsa, body, received, withheld: false, ...fresh };
    storeOf(this.#instance, scope).set(entry);
    return entry;
  }
}
