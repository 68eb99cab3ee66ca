/** LSAs of this router, wanted or not: what the originator remembers of each, and how it numbers them. */
import type { Millis } from "#base/time";
import { NEVER } from "#base/time";
import type { Entry } from "#ospf/database/store";
import { nameOf } from "#ospf/origination/desired";
import type { LsaBody } from "#ospf/packet/lsa-body";
import { INITIAL_SEQUENCE_NUMBER } from "#ospf/packet/lsa-header";
import type { Scope } from "#ospf/scope";

/** The sequence number before the first (RFC 2328 §12.1.6). */
export const NO_SEQUENCE = INITIAL_SEQUENCE_NUMBER - 1;

export interface OwnLsa {
  readonly scope: Scope;
  readonly type: number;
  readonly linkStateId: number;
  readonly name: string | undefined;
  /** What it shall say; undefined: it shall not be out. */
  wanted: LsaBody | undefined;
  /** An instance that was found to say it. */
  said: Entry | undefined;
  /** Of the last instance that we know of. */
  sequence: number;
  /** When we made the last instance. */
  originatedAt: Millis;
  /** When others could hear of one of ours last: MinLSInterval counts from here. */
  toldAt: Millis;
  /** How many others can have heard of since the last rest, less one: the next may follow sooner while they are few. */
  followUps: number;
  /** An instance newer than ours came in, and waits for our answer (RFC 2328 §13.4). */
  contested: boolean;
  answeredAt: Millis;
  refreshAt: Millis;
  /** Agenda's: when it is to be looked at. */
  dueAt: Millis;
}

/** Those of one flooding scope. */
export class OwnLsas {
  readonly scope: Scope;
  readonly #byType = new Map<number, Map<number, OwnLsa>>();
  readonly #byName = new Map<number, Map<string, OwnLsa>>();

  constructor(scope: Scope) {
    this.scope = scope;
  }

  get size(): number {
    let size = 0;
    for (const ids of this.#byType.values()) size += ids.size;
    return size;
  }

  find(type: number, linkStateId: number): OwnLsa | undefined {
    return this.#byType.get(type)?.get(linkStateId);
  }

  /** By Link State ID, or by its name: a new name gets a number that no other has. */
  claim(type: number, id: number | string): OwnLsa {
    if (typeof id === "number") return this.find(type, id) ?? this.#add(type, id, undefined);
    return this.#byName.get(type)?.get(id) ?? this.#add(type, this.#freeId(type, id), id);
  }

  /**
   * One that came in, from an earlier life or the mistake of another. It keeps its number, and that number the prefix
   * (RFC 5187 §3.1), unless the prefix has another number by now.
   */
  adopt({ lsa: { header }, body }: Entry): OwnLsa {
    const { type, linkStateId } = header;
    const known = this.find(type, linkStateId);
    if (known !== undefined) return known;
    const name = nameOf(body);
    const isTaken = name === undefined || this.#byName.get(type)?.has(name);
    return this.#add(type, linkStateId, isTaken ? undefined : name);
  }

  *ofType(type: number): IterableIterator<OwnLsa> {
    yield* this.#byType.get(type)?.values() ?? [];
  }

  *all(): IterableIterator<OwnLsa> {
    for (const ids of this.#byType.values()) yield* ids.values();
  }

  forget({ type, linkStateId, name }: OwnLsa): void {
    this.#byType.get(type)?.delete(linkStateId);
    if (name !== undefined) this.#byName.get(type)?.delete(name);
  }

  #add(type: number, linkStateId: number, name: string | undefined): OwnLsa {
    const own: OwnLsa = {
      scope: this.scope,
      type,
      linkStateId,
      name,
      wanted: undefined,
      said: undefined,
      sequence: NO_SEQUENCE,
      originatedAt: Number.NEGATIVE_INFINITY,
      toldAt: Number.NEGATIVE_INFINITY,
      followUps: 0,
      contested: false,
      answeredAt: Number.NEGATIVE_INFINITY,
      refreshAt: NEVER,
      dueAt: NEVER,
    };
    mapIn(this.#byType, type).set(linkStateId, own);
    if (name !== undefined) mapIn(this.#byName, type).set(name, own);
    return own;
  }

  /**
   * Made of the name, so that a router that starts anew, in whatever order it learns its prefixes, finds them under the
   * numbers that its neighbors still know them by.
   */
  #freeId(type: number, name: string): number {
    let id = hash(name);
    while (this.find(type, id) !== undefined) id = (id + 1) >>> 0;
    return id;
  }
}

function mapIn<K>(maps: Map<number, Map<K, OwnLsa>>, type: number): Map<K, OwnLsa> {
  const map = maps.get(type) ?? new Map<K, OwnLsa>();
  maps.set(type, map);
  return map;
}

/** FNV-1a, 32 bits. */
function hash(text: string): number {
  let h = 0x811c_9dc5;
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x0100_0193);
  return h >>> 0;
}
