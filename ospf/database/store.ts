/**
 * The LSAs of one flooding scope: a link's, an area's or the autonomous system's (RFC 5340 §4.4). What is in here has a
 * body that could be read, or a type that we do not know.
 */
import type { Millis } from "#base/time";
import { MAX_AGE } from "#ospf/constants";
import { Tombs } from "#ospf/database/tombs";
import type { Lsa, LsaBody, LsaHeader, LsaIdentity } from "#ospf/packet/lsa";
import { isMaxAge as isMaxAgeHeader } from "#ospf/packet/lsa-header";

/** One instance of an LSA. Replaced by another object when another instance comes, so `===` asks for the instance. */
export interface Entry {
  /** The age in the header is that of `installedAt`. */
  readonly lsa: Lsa;
  readonly body: LsaBody;
  readonly installedAt: Millis;
  /** It came by flooding: MinLSArrival counts from `installedAt`. */
  readonly received: boolean;
  /** Ours, and nobody has heard of it yet: it is not described, flooded or given as an answer (origination/silence.ts). */
  withheld: boolean;
  /** Neighbors that have yet to acknowledge it. */
  unacknowledged: number;
  /** When it was last sent to somebody who had an older one (RFC 2328 §13 step 8). */
  answeredAt: Millis;
}

type ByLinkStateId = Map<number, Entry>;
type ByRouter = Map<number, ByLinkStateId>;

export class LsaStore {
  readonly tombs = new Tombs();
  readonly #types = new Map<number, ByRouter>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  get(key: LsaIdentity): Entry | undefined {
    return this.#types.get(key.type)?.get(key.advertisingRouter)?.get(key.linkStateId);
  }

  /** Puts the instance in place of the one before. */
  set(entry: Entry): void {
    const { type, advertisingRouter, linkStateId } = entry.lsa.header;
    const routers = within(this.#types, type, () => new Map() as ByRouter);
    const ids = within(routers, advertisingRouter, () => new Map() as ByLinkStateId);
    const before = ids.size;
    ids.set(linkStateId, entry);
    this.#size += ids.size - before;
  }

  /** False: it was not there. */
  delete({ type, advertisingRouter, linkStateId }: LsaIdentity): boolean {
    const routers = this.#types.get(type);
    const ids = routers?.get(advertisingRouter);
    if (routers === undefined || ids === undefined || !ids.delete(linkStateId)) return false;
    this.#size--;
    if (ids.size === 0) routers.delete(advertisingRouter);
    if (routers.size === 0) this.#types.delete(type);
    return true;
  }

  /** All of one type and router, of every Link State ID, MaxAge ones included. */
  *ofRouter(type: number, advertisingRouter: number): IterableIterator<Entry> {
    const ids = this.#types.get(type)?.get(advertisingRouter);
    if (ids !== undefined) yield* ids.values();
  }

  /** All of one type, MaxAge ones included; those of one router follow one another. */
  *ofType(type: number): IterableIterator<Entry> {
    for (const ids of this.#types.get(type)?.values() ?? []) yield* ids.values();
  }

  /** As {@link ofType}, but what is there now, and faster: for computations. */
  listOf(type: number): Entry[] {
    const list: Entry[] = [];
    const routers = this.#types.get(type);
    if (routers === undefined) return list;
    for (const ids of routers.values()) for (const entry of ids.values()) list.push(entry);
    return list;
  }

  /** Advertising routers of one type. */
  routersOf(type: number): IterableIterator<number> {
    return (this.#types.get(type) ?? new Map<number, ByLinkStateId>()).keys();
  }

  /** Everything. */
  *entries(): IterableIterator<Entry> {
    for (const routers of this.#types.values()) for (const ids of routers.values()) yield* ids.values();
  }

  clear(): void {
    this.#types.clear();
    this.#size = 0;
  }
}

function within<V>(map: Map<number, V>, key: number, make: () => V): V {
  const found = map.get(key) ?? make();
  map.set(key, found);
  return found;
}

/** Seconds, 0 … MaxAge. */
export const ageOf = (entry: Entry, now: Millis): number =>
  Math.min(MAX_AGE, entry.lsa.header.age + Math.floor((now - entry.installedAt) / 1000));

/** On its way out: it is flooded, but says nothing any more. */
export const isMaxAge = (entry: Entry): boolean => isMaxAgeHeader(entry.lsa.header);

/** The header as it is now. */
export const agedHeader = (entry: Entry, now: Millis): LsaHeader => ({ ...entry.lsa.header, age: ageOf(entry, now) });
