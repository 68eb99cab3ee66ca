/**
 * Has out what is wanted, LSA by LSA: RFC 2328 §12.1.6, §12.4, §13.4, §14.1.
 *
 * What is out already, octet for octet, is left alone. An LSA is renewed before it is LSRefreshTime old, and no instance
 * follows another of ours within MinLSInterval, save the answer to one that is not ours. In an area where we are silent
 * (silence.ts) LSAs are made at once, and withheld.
 */
import { nextBetween } from "#base/random";
import { type Millis, NEVER } from "#base/time";
import { FOLLOW_UP_INTERVAL, LS_REFRESH_TIME, MIN_LS_INTERVAL } from "#ospf/constants";
import { type Entry, isMaxAge, type LsaStore } from "#ospf/database/store";
import { Agenda } from "#ospf/origination/agenda";
import type { Desired } from "#ospf/origination/desired";
import type { Outlet } from "#ospf/origination/outlet";
import { NO_SEQUENCE, type OwnLsa, OwnLsas } from "#ospf/origination/own-lsas";
import { type Lsa, sameContents } from "#ospf/packet/lsa";
import type { LsaBody } from "#ospf/packet/lsa-body";
import { MAX_SEQUENCE_NUMBER } from "#ospf/packet/lsa-header";
import { typeOf, writeLsa } from "#ospf/packet/lsa-writer";
import { type Scope, storeOf } from "#ospf/scope";
import type { Area, Instance } from "#ospf/state";

/** Seconds of age between which LSAs are renewed, each at another: what began together shall not come due together. */
const REFRESH_FROM = LS_REFRESH_TIME - 300;
const REFRESH_TO = LS_REFRESH_TIME;

export class Upkeep {
  readonly #instance: Instance;
  readonly #outlet: Outlet;
  readonly #scopes = new Map<LsaStore, OwnLsas>();
  readonly #agenda = new Agenda();

  constructor(instance: Instance, outlet: Outlet) {
    this.#instance = instance;
    this.#outlet = outlet;
  }

  deadline(): Millis {
    return this.#agenda.deadline();
  }

  /** LSAs remembered: those out, and those that left just now. */
  get size(): number {
    let size = 0;
    for (const own of this.#scopes.values()) size += own.size;
    return size;
  }

  /** In this scope, of these types, `desired` shall be out and nothing else. New LSAs go out before old ones leave. */
  want(scope: Scope, types: readonly number[], desired: readonly Desired[], now: Millis): void {
    const own = this.#ownIn(scope);
    const wanted = new Set<OwnLsa>();
    for (const { id, body } of desired) {
      const lsa = own.claim(typeOf(body), id);
      wanted.add(lsa);
      if (!this.#isSaidAlready(lsa, body)) this.#say(lsa, body, now);
    }
    for (const type of types) {
      for (const lsa of own.ofType(type)) if (!wanted.has(lsa)) this.#say(lsa, undefined, now);
    }
  }

  /** Takes back whatever is out and was not asked for by {@link want}: LSAs of an earlier life, of any type. */
  sweep(now: Millis): void {
    for (const own of this.#scopes.values()) {
      for (const lsa of own.all()) if (lsa.wanted === undefined) this.#settle(lsa, now);
    }
  }

  withdrawAll(now: Millis): void {
    for (const own of this.#scopes.values()) for (const lsa of own.all()) this.#say(lsa, undefined, now);
  }

  /** The silence in the area is over: what was withheld goes out, and what came in of ours is answered. */
  speak(area: Area, now: Millis): void {
    for (const lsa of this.#ownIn({ kind: "area", area }).all()) {
      if (lsa.contested || this.#entryOf(lsa)?.withheld) this.#settle(lsa, now);
    }
  }

  /** What is due. */
  work(now: Millis): void {
    for (const lsa of this.#agenda.take(now)) this.#settle(lsa, now);
  }

  /**
   * An instance of an LSA of ours that is newer than ours is in the database (RFC 2328 §13.4). `isAnswered`: we shall say
   * ours again, at the next {@link work}; else it is taken for our own.
   */
  received(scope: Scope, entry: Entry, isAnswered: boolean): void {
    const lsa = this.#ownIn(scope).adopt(entry);
    lsa.sequence = Math.max(lsa.sequence, entry.lsa.header.sequence);
    lsa.refreshAt = NEVER;
    if (!isAnswered) return;
    lsa.contested = true;
    this.#agenda.set(lsa, entry.installedAt);
  }

  /** A flushed instance has left the database, everybody having acknowledged it. */
  removed(scope: Scope, entry: Entry): void {
    const { type, linkStateId } = entry.lsa.header;
    const lsa = this.#ownIn(scope).find(type, linkStateId);
    if (lsa !== undefined) this.#agenda.set(lsa, entry.installedAt);
  }

  /** Areas and interfaces that are no more. */
  prune(): void {
    for (const [store, own] of this.#scopes) {
      if (this.#isThere(own.scope)) continue;
      for (const lsa of own.all()) this.#agenda.set(lsa, NEVER);
      this.#scopes.delete(store);
    }
  }

  #isThere(scope: Scope): boolean {
    switch (scope.kind) {
      case "link":
        return this.#instance.interfaces.get(scope.interface.name) === scope.interface;
      case "area":
        return this.#instance.areas.get(scope.area.id) === scope.area;
      case "as":
        return true;
    }
  }

  #ownIn(scope: Scope): OwnLsas {
    const store = storeOf(this.#instance, scope);
    const own = this.#scopes.get(store) ?? new OwnLsas(scope);
    this.#scopes.set(store, own);
    return own;
  }

  /** Without writing it: summaries are many, and seldom change. */
  #isSaidAlready(lsa: OwnLsa, body: LsaBody): boolean {
    const before = lsa.wanted;
    if (before?.kind !== "interAreaPrefix" || body.kind !== "interAreaPrefix" || lsa.said === undefined) return false;
    if (before.metric !== body.metric || before.prefix.options !== body.prefix.options) return false;
    return !lsa.contested && this.#entryOf(lsa) === lsa.said;
  }

  #say(lsa: OwnLsa, body: LsaBody | undefined, now: Millis): void {
    lsa.wanted = body;
    this.#settle(lsa, now);
  }

  /** Does what is to be done now, or notes when. */
  #settle(lsa: OwnLsa, now: Millis): void {
    const entry = this.#entryOf(lsa);
    lsa.sequence = Math.max(lsa.sequence, entry?.lsa.header.sequence ?? NO_SEQUENCE);
    if (lsa.wanted === undefined) this.#takeBack(lsa, entry, now);
    else this.#keepUp(lsa, lsa.wanted, entry, now);
  }

  #entryOf({ scope, type, linkStateId }: OwnLsa): Entry | undefined {
    const { routerId: advertisingRouter } = this.#instance.config;
    return storeOf(this.#instance, scope).get({ type, linkStateId, advertisingRouter });
  }

  /** Premature aging (§14.1). What is remembered of an LSA goes with it, but not before it might be originated again. */
  #takeBack(lsa: OwnLsa, entry: Entry | undefined, now: Millis): void {
    if (lsa.contested && entry !== undefined && !isMaxAge(entry) && now < silenceOf(lsa.scope)) {
      this.#agenda.set(lsa, silenceOf(lsa.scope)); // our earlier life said it: it may be wanted again when we speak
      return;
    }
    lsa.contested = false;
    if (entry !== undefined && !isMaxAge(entry)) this.#outlet.flush(lsa.scope, entry);
    const forgetAt = lsa.originatedAt + 2 * MIN_LS_INTERVAL; // till then it has not rested
    if (this.#entryOf(lsa) !== undefined) this.#agenda.set(lsa, NEVER);
    else if (now < forgetAt) this.#agenda.set(lsa, forgetAt);
    else this.#forget(lsa);
  }

  #forget(lsa: OwnLsa): void {
    this.#agenda.set(lsa, NEVER);
    this.#ownIn(lsa.scope).forget(lsa);
  }

  #keepUp(lsa: OwnLsa, body: LsaBody, entry: Entry | undefined, now: Millis): void {
    const next = this.#write(lsa, body, Math.min(lsa.sequence + 1, MAX_SEQUENCE_NUMBER));
    lsa.said = entry !== undefined && this.#isSaid(lsa, next, entry) ? entry : undefined;
    if (entry !== undefined && lsa.said === entry) {
      if (entry.withheld && !isSilent(lsa.scope)) {
        this.#publish(lsa, entry, now);
        return;
      }
      if (lsa.refreshAt === NEVER) lsa.refreshAt = entry.installedAt - 1000 * entry.lsa.header.age + this.#refreshAge();
      if (now < lsa.refreshAt) {
        this.#agenda.set(lsa, lsa.refreshAt);
        return;
      }
    }
    const mayAt = this.#mayOriginateAt(lsa, now);
    // What nobody has heard of may change meanwhile, for our own routes.
    if (now < mayAt && !entry?.withheld) this.#agenda.set(lsa, mayAt);
    else if (lsa.sequence === MAX_SEQUENCE_NUMBER) this.#wrap(lsa, body, entry, now);
    else this.#originate(lsa, next, now);
  }

  /** The database has it, and nobody says otherwise. */
  #isSaid(lsa: OwnLsa, next: Lsa, entry: Entry): boolean {
    return !lsa.contested && !isMaxAge(entry) && sameContents(next, entry.lsa);
  }

  /** Claims of others are answered at once, but not again and again: one that is persistent must not make us flood the area. */
  #mayOriginateAt({ scope, contested, toldAt, answeredAt, followUps }: OwnLsa, now: Millis): Millis {
    if (contested) return Math.max(now, answeredAt + MIN_LS_INTERVAL);
    if (isSilent(scope)) return now;
    return toldAt + Math.min(MIN_LS_INTERVAL, FOLLOW_UP_INTERVAL * 2 ** followUps);
  }

  /** After the last sequence number the first comes only when no router knows the last one any more (§12.1.6). */
  #wrap(lsa: OwnLsa, body: LsaBody, entry: Entry | undefined, now: Millis): void {
    if (entry !== undefined && !isMaxAge(entry)) this.#outlet.flush(lsa.scope, entry);
    if (this.#entryOf(lsa) !== undefined) {
      this.#agenda.set(lsa, NEVER); // until it is removed
      return;
    }
    this.#originate(lsa, this.#write(lsa, body, NO_SEQUENCE + 1), now);
  }

  #originate(lsa: OwnLsa, next: Lsa, now: Millis): void {
    const mayAt = this.#mayOriginateAt(lsa, now);
    if (lsa.contested) lsa.answeredAt = now;
    lsa.contested = false;
    lsa.sequence = next.header.sequence;
    lsa.originatedAt = now;
    const withheld = isSilent(lsa.scope) || now < mayAt;
    if (!withheld) this.#noteTold(lsa, now);
    // On the second: those renewed together share packets.
    lsa.refreshAt = Math.floor((now + this.#refreshAge()) / 1000) * 1000;
    this.#agenda.set(lsa, now < mayAt ? mayAt : lsa.refreshAt);
    lsa.said = this.#outlet.install(lsa.scope, next, withheld);
  }

  #publish(lsa: OwnLsa, entry: Entry, now: Millis): void {
    const mayAt = this.#mayOriginateAt(lsa, now);
    if (now < mayAt) {
      this.#agenda.set(lsa, mayAt);
      return;
    }
    this.#noteTold(lsa, now);
    this.#agenda.set(lsa, lsa.refreshAt);
    this.#outlet.publish(lsa.scope, entry);
  }

  #noteTold(lsa: OwnLsa, now: Millis): void {
    lsa.followUps = now - lsa.toldAt >= 2 * MIN_LS_INTERVAL ? 0 : lsa.followUps + 1;
    lsa.toldAt = now;
  }

  #refreshAge(): Millis {
    return 1000 * nextBetween(this.#instance.random, REFRESH_FROM, REFRESH_TO);
  }

  #write({ linkStateId }: OwnLsa, body: LsaBody, sequence: number): Lsa {
    return writeLsa({ age: 0, linkStateId, advertisingRouter: this.#instance.config.routerId, sequence }, body);
  }
}

const isSilent = (scope: Scope): boolean => scope.kind === "area" && scope.area.isSilent;

/** Until when we keep silent at the latest, if there is an end to it. */
function silenceOf(scope: Scope): Millis {
  const isLimited = scope.kind === "area" && scope.area.isSilent && scope.area.silentUntil !== NEVER;
  return isLimited ? scope.area.silentUntil : Number.NEGATIVE_INFINITY;
}
