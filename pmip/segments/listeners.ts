/**
 * A rendezvous tells a member of the others, a few at a time, until it has acknowledged all of it: Localized Routing
 * Initiations (RFC 6705) that name the member told of, with the MAG IPv6 Address option, and the one that is told.
 */
import { NEVER } from "#base/time";
import type { AddressHex } from "#pmip/events";
import { octetsOf } from "#pmip/hex";
import { cancel, count, type Instance, nowOf, wakeAt } from "#pmip/instance";
import type { LocalizedRoutingAck, LocalizedRoutingInitiation } from "#pmip/packet/message";
import { FIRST_REFUSAL, FOREVER } from "#pmip/packet/numbers";
import { hear } from "#pmip/segments/claims";
import { type Membership, memberOptions } from "#pmip/segments/segment";
import type { Listener, Member } from "#pmip/segments/state";
import { timestampOf } from "#pmip/stamp";
import { backOff, send } from "#pmip/transmit";

/** Initiations without an answer to one member. */
const WINDOW = 16;
/** Then it is told nothing more until it registers again. */
const MOST_TRIES = 8;
const LAST_SEQUENCE = 0xffff;

/** There is news of a member. */
export function tell(instance: Instance, listener: Listener, about: AddressHex): void {
  for (const [sequence, told] of listener.inFlight) {
    if (told.about === about) listener.inFlight.delete(sequence); // that was older
  }
  listener.untold.add(about);
  if (listener.tries <= MOST_TRIES) pump(instance, listener);
}

/** It was heard: what it does not know yet is said again; `all`: of everybody. */
export function tellEverything(instance: Instance, listener: Listener, all: boolean): void {
  if (all) {
    for (const { mag, groups } of listener.rendezvous.members.values()) {
      if (groups !== undefined && mag !== listener.mag) listener.untold.add(mag);
    }
  }
  listener.tries = 0;
  listener.inFlight.clear();
  pump(instance, listener);
}

/** It is not to be told anything any more. */
export function dismiss(instance: Instance, listener: Listener): void {
  cancel(instance, listener);
  listener.untold.clear();
  listener.inFlight.clear();
}

function pump(instance: Instance, listener: Listener): void {
  if (instance.plan.addresses.has(listener.mag)) {
    tellOurselves(instance, listener);
    return;
  }
  const flying = new Set([...listener.inFlight.values()].map(({ about }) => about));
  for (const about of listener.untold) {
    if (listener.inFlight.size >= WINDOW) break;
    if (flying.has(about)) continue;
    const member = listener.rendezvous.members.get(about);
    if (member === undefined) listener.untold.delete(about);
    else begin(instance, listener, member);
  }
  plan(instance, listener);
}

function begin(instance: Instance, listener: Listener, member: Member): void {
  const { segments } = instance;
  segments.sequence = (segments.sequence + 1) & LAST_SEQUENCE;
  listener.inFlight.set(segments.sequence, { about: member.mag, stamp: member.stamp });
  initiate(instance, listener, member, segments.sequence);
}

function plan(instance: Instance, listener: Listener): void {
  if (listener.inFlight.size === 0) cancel(instance, listener);
  else if (listener.slot < 0) wakeAt(instance, listener, nowOf(instance) + backOff(instance, listener.tries + 1));
}

/** A member that is ourselves. */
function tellOurselves(instance: Instance, { rendezvous, untold }: Listener): void {
  const joined = instance.segments.joined.get(rendezvous.key);
  for (const about of untold) {
    const member = rendezvous.members.get(about);
    if (joined === undefined || member === undefined) continue;
    const { stamp, groups, isLost } = member;
    hear(instance, joined, rendezvous.lma, { about, stamp, groups: isLost ? "lost" : groups, lifetime: NEVER });
  }
  untold.clear();
}

/** Lifetime 0 says that it left; without a MAG IPv6 Address, that nothing is known of it. */
function initiate(instance: Instance, { rendezvous, mag }: Listener, member: Member, sequence: number): void {
  const { segment, lma } = rendezvous;
  const { stamp, groups, isLost } = member;
  const about: Membership = { segment, mag: member.mag };
  const message: LocalizedRoutingInitiation = {
    type: "localized-routing-initiation",
    sequence,
    lifetime: groups === undefined || isLost ? 0 : FOREVER,
    mobileNodes: [memberOptions(lma, about, isLost ? [] : groups), memberOptions(lma, { segment, mag })],
    options: { timestamp: timestampOf(stamp), ...(!isLost && { magAddress: octetsOf(member.mag) }) },
  };
  send(instance, { from: lma, to: mag }, message);
}

/** The deadline of {@link Listener}. */
export function listenerTimer(instance: Instance, listener: Listener): void {
  const { inFlight, rendezvous } = listener;
  if (inFlight.size === 0) return;
  listener.tries++;
  if (listener.tries > MOST_TRIES) {
    count(instance, "segment-member-deaf");
    inFlight.clear();
    return;
  }
  for (const [sequence, { about }] of inFlight) {
    const member = rendezvous.members.get(about);
    if (member === undefined) inFlight.delete(sequence);
    else initiate(instance, listener, member, sequence);
  }
  pump(instance, listener);
}

/** RFC 6705 §10.2. A member that has left in the meantime says so; when it is one again it will register. */
export function receiveMemberAck(
  instance: Instance,
  listener: Listener,
  { sequence, status }: LocalizedRoutingAck,
  about: AddressHex,
): void {
  const told = listener.inFlight.get(sequence);
  if (told?.about !== about) {
    count(instance, "lra-unmatched");
    return;
  }
  listener.inFlight.delete(sequence);
  listener.tries = 0;
  if (status >= FIRST_REFUSAL) {
    dismiss(instance, listener);
    return;
  }
  listener.untold.delete(about);
  cancel(instance, listener);
  pump(instance, listener);
}
