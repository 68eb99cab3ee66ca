/**
 * What rendezvous say of a segment's other members. Each member is the only one who makes news of itself, and stamps it; two
 * rendezvous pass it on, so that the later stamp is the truth, whoever told it.
 *
 * What a rendezvous said holds until it says anything else, also while it is silent: its loss costs nothing. Once it answers
 * again it says all of it anew, and what it does not say then was no longer true. One that is silent for long while another
 * speaks is believed no more: nobody can tell it that somebody left.
 */
import { type Millis, NEVER } from "#base/time";
import type { AddressHex, GroupSet, SegmentMember } from "#pmip/events";
import { cancel, count, type Instance, nowOf, wakeAt } from "#pmip/instance";
import { wordOf } from "#pmip/segments/segment";
import type { Claim, Joined } from "#pmip/segments/state";
import type { Stamp } from "#pmip/stamp";

export interface News {
  readonly about: AddressHex;
  readonly stamp: Stamp;
  /** Undefined: it left; "lost": it has not been heard of for long, so that nothing is known. */
  readonly groups: GroupSet | undefined | "lost";
  /** How long that is said to be so; NEVER: until further notice. */
  readonly lifetime: Millis;
}

/** After a rendezvous answers again, others have this long to register there, and it to tell of them. */
const grace = ({ config: { timers } }: Instance): Millis => 2 * timers.retransmitLongest + timers.heartbeat;

export function hear(instance: Instance, joined: Joined, lma: AddressHex, news: News): void {
  const { about, stamp, groups, lifetime } = news;
  if (about === instance.config.address || joined.groups === undefined) return;
  instance.segments.touched.add(joined);
  if (groups === "lost") {
    lose(joined, lma, news);
    return;
  }
  const isLeft = groups === undefined;
  const now = nowOf(instance);
  const until = isLeft ? now + instance.config.timers.lifetime : lifetime === NEVER ? NEVER : now + lifetime;
  if (isLeft) outdate(joined, news);
  else if (stamp < leftAt(joined, about)) return;
  put(instance, joined, { about, lma, claim: { stamp, groups, until, toldAt: now } });
  if (until !== NEVER) sweepBy(instance, joined, until);
}

/** What any of them said of before it left is not true any more. */
function outdate({ others }: Joined, { about, stamp }: News): void {
  const claims = others.get(about);
  for (const [lma, claim] of claims ?? []) if (claim.stamp < stamp) claims!.delete(lma);
}

/** When it left; 0: it did not. */
function leftAt({ others }: Joined, about: AddressHex): Stamp {
  let stamp = 0;
  for (const claim of others.get(about)?.values() ?? []) {
    if (claim.groups === undefined) stamp = Math.max(stamp, claim.stamp);
  }
  return stamp;
}

/** That it left is known longer than by whom it was told. */
function lose({ others }: Joined, lma: AddressHex, { about, stamp }: News): void {
  const claims = others.get(about);
  const claim = claims?.get(lma);
  if (claims === undefined || claim?.groups === undefined || claim.stamp > stamp) return;
  claims.delete(lma);
  if (claims.size === 0) others.delete(about);
}

interface Said {
  readonly about: AddressHex;
  readonly lma: AddressHex;
  readonly claim: Claim;
}

/** A rendezvous's own older word does not come after its newer one. */
function put(instance: Instance, { others }: Joined, { about, lma, claim }: Said): void {
  let claims = others.get(about);
  if (claims === undefined) {
    if (others.size >= instance.config.limits.segmentMembers && !makeRoom(others)) {
      count(instance, "segment-members-full");
      return;
    }
    claims = new Map();
    others.set(about, claims);
  }
  const before = claims.get(lma);
  if (before === undefined || before.stamp <= claim.stamp) claims.set(lma, claim);
}

/** Those who have left go first. */
function makeRoom(others: Joined["others"]): boolean {
  for (const [about, claims] of others) {
    if (truth(claims) === undefined) return others.delete(about);
  }
  return false;
}

/** What the member listens to; undefined: it is none. */
function truth(claims: ReadonlyMap<AddressHex, Claim>): GroupSet | undefined {
  let best: Claim | undefined;
  for (const claim of claims.values()) if (best === undefined || claim.stamp > best.stamp) best = claim;
  return best?.groups;
}

/** It answers again, and was asked for everything at `asked`: what it said before that, and does not repeat, is over. */
export function doubt(instance: Instance, joined: Joined, lma: AddressHex, asked: Millis): void {
  const until = nowOf(instance) + grace(instance);
  for (const claims of joined.others.values()) {
    const claim = claims.get(lma);
    if (claim !== undefined && claim.toldAt < asked) claim.until = Math.min(claim.until, until);
  }
  sweepBy(instance, joined, until);
}

/** A rendezvous is silent from now on. */
export function mistrust(instance: Instance, joined: Joined): void {
  sweepBy(instance, joined, nowOf(instance) + instance.config.timers.lifetime);
}

/** Nobody of the segment is here any more. */
export function forgetClaims(instance: Instance, joined: Joined): void {
  cancel(instance, joined);
  joined.others.clear();
  instance.segments.touched.add(joined);
}

const sweepBy = (instance: Instance, joined: Joined, at: Millis): void => {
  if (at < joined.due) wakeAt(instance, joined, at);
};

/** The deadline of {@link Joined}. */
export function sweep(instance: Instance, joined: Joined): void {
  instance.segments.touched.add(joined);
  const silent = silentOnes(instance, joined);
  for (const [about, claims] of joined.others) {
    for (const [lma, claim] of claims) {
      if (claim.until <= nowOf(instance) || (silent.has(lma) && claim.groups !== undefined)) claims.delete(lma);
      else if (claim.until !== NEVER) sweepBy(instance, joined, claim.until);
    }
    if (claims.size === 0) joined.others.delete(about);
  }
  const isWaiting = [...joined.registrations.values()].some(({ since }) => since === undefined);
  if (isWaiting && joined.others.size > 0) sweepBy(instance, joined, nowOf(instance) + grace(instance));
}

/** Rendezvous that have been silent for a lifetime, while another has had time to tell all. */
function silentOnes(instance: Instance, { registrations }: Joined): ReadonlySet<AddressHex> {
  const now = nowOf(instance);
  const { lifetime } = instance.config.timers;
  const speaks = [...registrations.values()].some(({ since }) => since !== undefined && now - since >= grace(instance));
  const silent = [...registrations.values()].filter(
    ({ since, lapsedAt }) => since === undefined && now - lapsedAt >= lifetime,
  );
  return new Set(speaks ? silent.map(({ lma }) => lma) : []);
}

/** Other members, in the order of their addresses. */
export function membersOf({ groups, others }: Joined): SegmentMember[] {
  if (groups === undefined) return [];
  const members: SegmentMember[] = [];
  for (const [mag, claims] of others) {
    const wanted = truth(claims);
    if (wanted !== undefined) members.push({ mag, groups: wanted });
  }
  return members.sort((a, b) => (a.mag < b.mag ? -1 : 1));
}

/** At the end of a call of handle(): lists that are others now. */
export function tellSegments(instance: Instance): void {
  const { touched } = instance.segments;
  for (const joined of touched) {
    const members = membersOf(joined);
    const told = members.map(({ mag, groups }) => `${mag} ${wordOf(groups)}`).join(",");
    if (told === joined.told) continue;
    joined.told = told;
    instance.turn.effects.push({ type: "segment", segment: joined.segment, members });
  }
  touched.clear();
}
