/** Segments that VMs here are on: this hypervisor registers at their rendezvous, and keeps itself registered. */
import { type Millis, NEVER } from "#base/time";
import { UNSCHEDULED } from "#pmip/agenda";
import type { AddressHex, GroupSet, Segment } from "#pmip/events";
import { cancel, type Instance, nowOf, wakeAt } from "#pmip/instance";
import type { BindingUpdate } from "#pmip/packet/message";
import { ACCESS_TECHNOLOGY, HANDOFF, UPDATE_ACKNOWLEDGE, UPDATE_PROXY } from "#pmip/packet/numbers";
import { type Heard, join, leave } from "#pmip/peers";
import { LIFETIME_UNIT } from "#pmip/registrations";
import { doubt, forgetClaims, mistrust } from "#pmip/segments/claims";
import { MEMBERSHIP, type MembershipAction, type MembershipEvent } from "#pmip/segments/membership-machine";
import { enrol, strike } from "#pmip/segments/rendezvous";
import { keyOf, type Membership, memberOptions, rendezvousOf, wordOf } from "#pmip/segments/segment";
import type { Joined, Registration } from "#pmip/segments/state";
import { stampOf, timestampOf } from "#pmip/stamp";
import { backOff, jittered, send } from "#pmip/transmit";

/** It ends by itself. */
const MOST_TRIES_END = 5;
/** Updates of which an answer is still taken. */
const MOST_SENT = 8;
const LAST_SEQUENCE = 0xffff;
/** Each so many refreshes everything is asked for again; one more for each so many members. */
const REFRESHES = 4;
const MORE_REFRESHES = 64;

/** What was sent before is not what counts now, and an answer to it no answer. */
const OUTDATING: ReadonlySet<MembershipEvent> = new Set(["join", "leave", "changed", "restarted", "expired"]);

/** What the segment's VMs here listen to; undefined: none is here any more. */
export function setMembership(instance: Instance, segment: Segment, groups: GroupSet | undefined): void {
  const key = keyOf(segment);
  const known = instance.segments.joined.get(key);
  if (groups === undefined) {
    if (known?.groups !== undefined) leaveSegment(instance, known);
  } else if (known === undefined || known.groups === undefined) {
    joinSegment(instance, known ?? newJoined(instance, segment), groups);
  } else if (wordOf(known.groups) !== wordOf(groups)) {
    known.groups = groups;
    restamp(instance, known);
    postAll(instance, known, "changed");
  }
}

function newJoined(instance: Instance, segment: Segment): Joined {
  const joined: Joined = {
    ...{ ...UNSCHEDULED, kind: "segment", what: "joined", key: keyOf(segment), segment, groups: undefined, stamp: 0 },
    ...{ registrations: new Map(), others: new Map(), told: "" },
  };
  instance.segments.joined.set(joined.key, joined);
  return joined;
}

/** A later version of what is true of us, even if our clock was put back. */
function restamp(instance: Instance, joined: Joined): void {
  joined.stamp = Math.max(stampOf(nowOf(instance)), joined.stamp + 1);
}

function joinSegment(
  instance: Instance,
  joined: Joined,
  groups: GroupSet,
  wanted = rendezvousOf(instance.plan, joined.segment),
): void {
  joined.groups = groups;
  restamp(instance, joined);
  for (const lma of wanted) registerAt(instance, joined, lma);
}

function registerAt(instance: Instance, joined: Joined, lma: AddressHex): void {
  let registration = joined.registrations.get(lma);
  if (registration === undefined) {
    registration = newRegistration(joined, lma, nowOf(instance));
    joined.registrations.set(lma, registration);
    if (!isOwn(instance, lma)) join(instance, lma);
  }
  const { state } = registration;
  if (state === "idle" || state === "leaving") registration.handoff = HANDOFF.NEW_INTERFACE;
  postMembership(instance, registration, "join");
}

const newRegistration = (joined: Joined, lma: AddressHex, now: Millis): Registration => ({
  ...{ ...UNSCHEDULED, kind: "segment", what: "registration", joined, lma, state: "idle" },
  ...{
    handoff: HANDOFF.NEW_INTERFACE,
    sent: [],
    sentAt: 0,
    lastSentAt: 0,
    tries: 0,
    refreshes: 0,
    expiresAt: 0,
    refreshAt: NEVER,
  },
  ...{ since: undefined, lapsedAt: now, status: undefined },
});

const isOwn = ({ plan }: Instance, address: AddressHex): boolean => plan.addresses.has(address);

function leaveSegment(instance: Instance, joined: Joined): void {
  joined.groups = undefined;
  restamp(instance, joined);
  forgetClaims(instance, joined);
  postAll(instance, joined, "leave");
}

function postAll(instance: Instance, joined: Joined, event: MembershipEvent): void {
  for (const registration of [...joined.registrations.values()]) postMembership(instance, registration, event);
}

export function postMembership(instance: Instance, registration: Registration, event: MembershipEvent): void {
  const transition = MEMBERSHIP[registration.state][event];
  if (transition === undefined) return;
  registration.state = transition.to;
  if (OUTDATING.has(event)) registration.sent = [];
  for (const action of transition.actions) act(instance, registration, action);
  plan(instance, registration);
}

function act(instance: Instance, registration: Registration, action: MembershipAction): void {
  switch (action) {
    case "restart":
      registration.tries = 0;
      return;
    case "send":
      sendUpdate(instance, registration, instance.config.timers.lifetime);
      return;
    case "sendEnd":
      sendUpdate(instance, registration, 0);
      return;
    case "lapse":
      registration.since = undefined;
      registration.lapsedAt = nowOf(instance);
      registration.handoff = HANDOFF.UNKNOWN;
      restamp(instance, registration.joined); // it may have said that it has lost us
      mistrust(instance, registration.joined);
      return;
    case "putOff":
      registration.refreshAt = nowOf(instance) + jittered(instance, instance.config.timers.retransmitLongest);
      return;
    case "adopt":
      return; // its caller did, who knows what was granted
    case "forget":
      forget(instance, registration);
  }
}

/** All attempts have one stamp: that of what they tell. At a rendezvous of our own nothing has to be sent. */
function sendUpdate(instance: Instance, registration: Registration, lifetime: Millis): void {
  const { joined, lma, handoff } = registration;
  const { segment, groups, stamp } = joined;
  if (isOwn(instance, lma)) {
    actAtOwn(instance, registration, lifetime);
    return;
  }
  const membership: Membership = { segment, mag: instance.config.address };
  const now = nowOf(instance);
  instance.updateSequence = (instance.updateSequence + 1) & LAST_SEQUENCE;
  if (registration.sent.length === 0) registration.sentAt = now;
  registration.lastSentAt = now;
  registration.tries++;
  registration.sent.push(instance.updateSequence);
  if (registration.sent.length > MOST_SENT) registration.sent.shift();
  const update: BindingUpdate = {
    type: "binding-update",
    sequence: instance.updateSequence,
    flags: UPDATE_ACKNOWLEDGE | UPDATE_PROXY,
    lifetime: lifetime / LIFETIME_UNIT,
    options: {
      ...memberOptions(lma, membership, groups),
      ...{ handoff, accessTechnology: ACCESS_TECHNOLOGY.VIRTUAL, timestamp: timestampOf(stamp), greKey: segment.tags },
    },
  };
  send(instance, { from: instance.config.address, to: lma }, update);
}

/** As if it had been sent and answered. */
function actAtOwn(instance: Instance, registration: Registration, lifetime: Millis): void {
  const { joined, lma } = registration;
  const { segment, groups = [], stamp } = joined;
  const self = { segment, lma, mag: instance.config.address, stamp };
  registration.tries = 0;
  if (lifetime === 0) {
    strike(instance, self);
    postMembership(instance, registration, "ended");
  } else {
    enrol(instance, { ...self, groups }, { until: NEVER, tellAll: registration.handoff !== HANDOFF.NOT_CHANGED });
    Object.assign(registration, { refreshAt: NEVER, expiresAt: NEVER, handoff: HANDOFF.NOT_CHANGED });
    registration.since ??= nowOf(instance);
    postMembership(instance, registration, "accepted");
  }
}

function forget(instance: Instance, registration: Registration): void {
  const { joined, lma } = registration;
  cancel(instance, registration);
  if (joined.registrations.get(lma) !== registration) return;
  joined.registrations.delete(lma);
  if (!isOwn(instance, lma)) leave(instance, lma);
  if (joined.groups === undefined && joined.registrations.size === 0) {
    cancel(instance, joined);
    instance.segments.joined.delete(joined.key);
  }
}

function plan(instance: Instance, registration: Registration): void {
  switch (registration.state) {
    case "idle":
      cancel(instance, registration);
      return;
    case "registered":
    case "refused":
      wakeAt(instance, registration, registration.refreshAt);
      return;
    default:
      wakeAt(instance, registration, registration.lastSentAt + backOff(instance, Math.max(1, registration.tries)));
  }
}

export function membershipTimer(instance: Instance, registration: Registration): void {
  const { state, tries, expiresAt } = registration;
  if (state === "registered") refresh(instance, registration);
  else {
    if (state === "refreshing" && expiresAt <= nowOf(instance)) postMembership(instance, registration, "expired");
    const isOver = state === "leaving" && tries >= MOST_TRIES_END;
    postMembership(instance, registration, isOver ? "exhausted" : "timeout");
  }
}

/**
 * Now and then everything is asked for again: a rendezvous that was restarted before its first heartbeat is not known to
 * have been.
 */
function refresh(instance: Instance, registration: Registration): void {
  const { others } = registration.joined;
  registration.refreshes++;
  if (registration.refreshes >= REFRESHES + others.size / MORE_REFRESHES) {
    registration.refreshes = 0;
    registration.handoff = HANDOFF.UNKNOWN;
  }
  postMembership(instance, registration, "refreshDue");
}

/** RFC 5847 §3.2: a rendezvous that was restarted has forgotten us, and what it had not told us yet. */
export function rendezvousHeard(instance: Instance, address: AddressHex, heard: Heard): void {
  if (heard === "nothing") return;
  for (const { registrations } of instance.segments.joined.values()) {
    const registration = registrations.get(address);
    if (registration !== undefined) postMembership(instance, registration, heard);
  }
}

/**
 * After another configuration: who is a rendezvous follows from it. What those said that are none any more holds until the
 * others have said it too; they are told nothing, and forget us in time. `wasOwn`: our addresses before.
 */
export function moveRendezvous(instance: Instance, isElsewhere: boolean, wasOwn: ReadonlySet<AddressHex>): void {
  for (const joined of [...instance.segments.joined.values()]) {
    const wanted = rendezvousOf(instance.plan, joined.segment);
    for (const [lma, registration] of [...joined.registrations]) {
      const isSame = wanted.includes(lma) && wasOwn.has(lma) === isOwn(instance, lma) && !isElsewhere;
      if (isSame) continue;
      cancel(instance, registration);
      joined.registrations.delete(lma);
      if (!wasOwn.has(lma)) leave(instance, lma);
      doubt(instance, joined, lma, NEVER);
    }
    if (joined.groups !== undefined) joinSegment(instance, joined, joined.groups, wanted);
    else if (joined.registrations.size === 0) instance.segments.joined.delete(joined.key);
  }
}
