/**
 * Requests that wait for an acknowledgement, and are repeated until it comes: Binding Revocation Indications (RFC 5846 §7)
 * and Localized Routing Initiations (RFC 6705). Registrations keep account of their own.
 */
import type { Millis } from "#base/time";
import { UNSCHEDULED } from "#pmip/agenda";
import type { AddressHex, Subject } from "#pmip/events";
import { octetsOf } from "#pmip/hex";
import { cancel, count, type Instance, note, nowOf, wakeAt } from "#pmip/instance";
import type { MobilityMessage } from "#pmip/packet/message";
import { REVOCATION_PROXY, REVOCATION_TRIGGER } from "#pmip/packet/numbers";
import { type Stamp, timestampOf } from "#pmip/stamp";
import type { Request, RequestKind } from "#pmip/state";
import { type NodeName, nodeOptions, nodeSubject } from "#pmip/subject";
import { backOff, send } from "#pmip/transmit";

/** Attempts. A gateway that was not told that its VM left hears it when it refreshes, at the latest. */
const MOST_TRIES: Record<RequestKind, number> = { revoke: 8, move: 5, introduce: 4, ask: 4 };
const LAST_SEQUENCE = 0xffff;
/** Half of the numbers: a free one is soon found. */
const MOST_REQUESTS = 0x8000;

export interface Asked {
  readonly what: RequestKind;
  readonly name: NodeName;
  readonly subject: Subject;
  readonly from: AddressHex;
  readonly to: AddressHex;
  readonly about?: AddressHex;
  readonly stamp?: Stamp;
  readonly lifetime?: Millis;
}

/** One to each receiver about a subject; of introductions, about each correspondent. */
const idOf = ({ what, name, to, about }: Asked): string =>
  what === "introduce" ? `${what} ${name} ${to} ${about}` : `${what} ${name} ${to}`;

/**
 * Sends it, in place of an older one of that kind to that receiver. Without room it is sent once and not repeated;
 * revocations, of which there are few and which matter most, have all the room that sequence numbers leave.
 */
export function request(instance: Instance, asked: Asked): void {
  const id = idOf(asked);
  const older = instance.requestIds.get(id);
  if (older !== undefined) finish(instance, older);
  const { what, name, subject, from, to, about = "", stamp = 0, lifetime = 0 } = asked;
  const room = what === "revoke" ? MOST_REQUESTS : instance.config.limits.requests;
  const isKept = instance.requests.size < room;
  const sequence = nextSequence(instance, isKept);
  const fields = { what, id, name, subject, sequence, from, to, about, stamp, lifetime };
  const made: Request = { ...UNSCHEDULED, kind: "request", ...fields, tries: 0 };
  if (isKept) {
    instance.requests.set(sequence, made);
    instance.requestIds.set(id, made);
  } else count(instance, "requests-full");
  attempt(instance, made);
}

function nextSequence(instance: Instance, mustBeFree: boolean): number {
  do instance.requestSequence = (instance.requestSequence + 1) & LAST_SEQUENCE;
  while (mustBeFree && instance.requests.has(instance.requestSequence));
  return instance.requestSequence;
}

function attempt(instance: Instance, made: Request): void {
  made.tries++;
  const { from, to, subject, about } = made;
  const what = made.what === "revoke" ? "bri-sent" : "lri-sent";
  note(instance, { what, subject, peer: to, ...(about !== "" && { about }) });
  send(instance, { from, to }, messageOf(instance, made));
  if (instance.requests.get(made.sequence) === made)
    wakeAt(instance, made, nowOf(instance) + backOff(instance, made.tries));
}

/** Answered, or no longer to be asked. */
export function finish(instance: Instance, made: Request): void {
  cancel(instance, made);
  instance.requests.delete(made.sequence);
  if (instance.requestIds.get(made.id) === made) instance.requestIds.delete(made.id);
}

export function withdraw(instance: Instance, asked: Pick<Asked, "what" | "name" | "to">): void {
  const older = instance.requestIds.get(idOf(asked as Asked));
  if (older !== undefined) finish(instance, older);
}

/** The request that an acknowledgement answers: number, peer and subject are its own. */
export function answered(
  instance: Instance,
  sequence: number,
  from: AddressHex,
  name: NodeName | undefined,
): Request | undefined {
  const made = instance.requests.get(sequence);
  return made !== undefined && made.to === from && made.name === name ? made : undefined;
}

/** False: it was the last attempt, and nobody has answered. */
export function repeat(instance: Instance, made: Request): boolean {
  if (made.tries < MOST_TRIES[made.what]) {
    attempt(instance, made);
    return true;
  }
  finish(instance, made);
  count(instance, `${made.what}-unanswered`);
  return false;
}

/**
 * An initiation names the subject first and then the correspondent, as a mobile node of tenant 0: whose address is the
 * sender's, the receiver's or neither's tells what is wanted of the receiver. A MAG IPv6 Address is where the one of the
 * two is that the receiver does not know.
 */
function messageOf(instance: Instance, made: Request): MobilityMessage {
  const { what, subject, sequence, from, to, about, stamp, lifetime } = made;
  const options = {
    ...(stamp > 0 && { timestamp: timestampOf(stamp) }),
    ...(about !== "" && { magAddress: octetsOf(about) }),
  };
  const node = nodeOptions(instance.plan, subject);
  if (what === "revoke") {
    const trigger = REVOCATION_TRIGGER.HANDOVER_SAME_ACCESS_TYPE;
    return { type: "revocation", trigger, sequence, flags: REVOCATION_PROXY, options: { ...node, ...options } };
  }
  const correspondent = what === "ask" ? from : what === "move" ? to : about;
  return {
    type: "localized-routing-initiation",
    sequence,
    lifetime: Math.floor(lifetime / 1000),
    mobileNodes: [node, nodeOptions(instance.plan, nodeSubject(correspondent))],
    options,
  };
}
