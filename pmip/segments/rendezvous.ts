/**
 * A rendezvous of a segment's members: an anchor that they register at, and which tells each of them of all the others. It
 * cannot know who has VMs there: it takes whoever is a hypervisor.
 */
import { type Millis, NEVER } from "#base/time";
import { UNSCHEDULED } from "#pmip/agenda";
import type { AddressHex, GroupSet, Segment } from "#pmip/events";
import { cancel, count, type Instance, nowOf, wakeAt } from "#pmip/instance";
import { dismiss, tell, tellEverything } from "#pmip/segments/listeners";
import { keyOf, type SegmentKey } from "#pmip/segments/segment";
import type { Listener, Member, Rendezvous } from "#pmip/segments/state";
import type { Stamp } from "#pmip/stamp";

/** What a member says of itself. */
export interface Enrolment {
  readonly segment: Segment;
  /** Which rendezvous of ours it speaks to. */
  readonly lma: AddressHex;
  readonly mag: AddressHex;
  readonly stamp: Stamp;
  readonly groups: GroupSet;
}

export interface EnrolmentTerms {
  /** NEVER: it is ourselves. */
  readonly until: Millis;
  /** It asks to be told of all others, whether they are new or not. */
  readonly tellAll: boolean;
}

const rendezvousKey = (key: SegmentKey, lma: AddressHex): string => `${key} ${lma}`;

export const findRendezvous = ({ segments }: Instance, segment: Segment, lma: AddressHex): Rendezvous | undefined =>
  segments.rendezvous.get(rendezvousKey(keyOf(segment), lma));

/** False: there is no room. Its stamp is not before the one that is known. */
export function enrol(instance: Instance, enrolment: Enrolment, { until, tellAll }: EnrolmentTerms): boolean {
  const { segment, lma, mag, stamp, groups } = enrolment;
  const rendezvous = findRendezvous(instance, segment, lma) ?? newRendezvous(instance, segment, lma);
  const member = rendezvous && (rendezvous.members.get(mag) ?? newMember(instance, rendezvous, mag));
  if (rendezvous === undefined || member === undefined) return false;
  const isNew = member.groups === undefined || member.isLost;
  const isNews = isNew || stamp > member.stamp;
  Object.assign(member, { groups, stamp, isLost: false });
  if (until === NEVER) cancel(instance, member);
  else wakeAt(instance, member, until);
  if (isNews) tellOthers(instance, member);
  tellEverything(instance, member.listener, isNew || tellAll);
  return true;
}

/** It says that it leaves. */
export function strike(instance: Instance, { segment, lma, mag, stamp }: Omit<Enrolment, "groups">): void {
  const member = findRendezvous(instance, segment, lma)?.members.get(mag);
  if (member === undefined || stamp < member.stamp) return;
  const isNews = member.groups !== undefined;
  Object.assign(member, { groups: undefined, stamp, isLost: false });
  dismiss(instance, member.listener);
  wakeAt(instance, member, nowOf(instance) + instance.config.timers.lifetime);
  if (isNews) tellOthers(instance, member);
}

function newRendezvous(instance: Instance, segment: Segment, lma: AddressHex): Rendezvous | undefined {
  const { segments, config } = instance;
  if (segments.rendezvous.size >= config.limits.segments) {
    count(instance, "segments-full");
    return undefined;
  }
  const rendezvous: Rendezvous = { key: keyOf(segment), segment, lma, members: new Map() };
  segments.rendezvous.set(rendezvousKey(rendezvous.key, lma), rendezvous);
  return rendezvous;
}

function newMember(instance: Instance, rendezvous: Rendezvous, mag: AddressHex): Member | undefined {
  const { members } = rendezvous;
  if (members.size >= instance.config.limits.segmentMembers && !makeRoom(instance, rendezvous)) {
    count(instance, "segment-members-full");
    return undefined;
  }
  const listener: Listener = {
    ...{ ...UNSCHEDULED, kind: "segment", what: "listener", rendezvous, mag },
    ...{ untold: new Set(), inFlight: new Map(), tries: 0 },
  };
  const member: Member = {
    ...{ ...UNSCHEDULED, kind: "segment", what: "member", rendezvous, mag },
    ...{ groups: undefined, isLost: false, stamp: 0, listener },
  };
  members.set(mag, member);
  return member;
}

/** Memories of those who have left go first. */
function makeRoom(instance: Instance, rendezvous: Rendezvous): boolean {
  for (const member of rendezvous.members.values()) {
    if (member.groups !== undefined && !member.isLost) continue;
    remove(instance, member);
    return true;
  }
  return false;
}

function tellOthers(instance: Instance, { rendezvous, mag }: Member): void {
  for (const other of rendezvous.members.values()) {
    if (other.mag !== mag && other.groups !== undefined) tell(instance, other.listener, mag);
  }
}

/** The deadline of {@link Member}: after the lifetime it is lost, after another one forgotten. */
export function memberTimer(instance: Instance, member: Member): void {
  if (member.groups === undefined || member.isLost) {
    remove(instance, member);
    return;
  }
  count(instance, "segment-member-expired");
  member.isLost = true;
  dismiss(instance, member.listener);
  wakeAt(instance, member, nowOf(instance) + instance.config.timers.lifetime);
  tellOthers(instance, member);
}

function remove(instance: Instance, member: Member): void {
  const { rendezvous, mag, listener } = member;
  cancel(instance, member);
  dismiss(instance, listener);
  rendezvous.members.delete(mag);
  if (rendezvous.members.size === 0) instance.segments.rendezvous.delete(rendezvousKey(rendezvous.key, rendezvous.lma));
}

/** It is a rendezvous of this segment no more. */
export function closeRendezvous(instance: Instance, { members, key, lma }: Rendezvous): void {
  for (const member of members.values()) {
    cancel(instance, member);
    dismiss(instance, member.listener);
  }
  instance.segments.rendezvous.delete(rendezvousKey(key, lma));
}
