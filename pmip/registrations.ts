/**
 * The binding update list: what this gateway has sent to the anchors of VMs attached here, and what they said. RFC 5213
 * §6.9.1; timers of RFC 6275 §11.8.
 */
import { type Millis, NEVER } from "#base/time";
import { UNSCHEDULED } from "#pmip/agenda";
import type { AddressHex, Subject } from "#pmip/events";
import { octetsOf } from "#pmip/hex";
import { cancel, type Instance, note, nowOf, wakeAt } from "#pmip/instance";
import type { BindingUpdate } from "#pmip/packet/message";
import { ACCESS_TECHNOLOGY, HANDOFF, UPDATE_ACKNOWLEDGE, UPDATE_PROXY } from "#pmip/packet/numbers";
import { join, leave } from "#pmip/peers";
import { REGISTRATION, type RegistrationAction, type RegistrationEvent } from "#pmip/registration-machine";
import { nextStamp, type Stamp, timestampOf } from "#pmip/stamp";
import type { Hosting, Registration } from "#pmip/state";
import { nameOf, nodeOptions } from "#pmip/subject";
import { backOff, jittered, send } from "#pmip/transmit";

/** A correspondent is no loss: packets from it come by way of the home. */
const MOST_TRIES_CORRESPONDENT = 5;
/** The binding ends by itself. */
const MOST_TRIES_END = 5;
/** Updates of which an answer is still taken. */
const MOST_SENT = 8;
const LAST_SEQUENCE = 0xffff;
/** Lifetimes are in units of this: RFC 6275 §6.1.7. */
export const LIFETIME_UNIT: Millis = 4000;
/** Of the lifetime, after which it is refreshed. */
const REFRESH = 0.75;

/** What goes with an event. */
export interface Outcome {
  /** accepted: granted. */
  readonly lifetime?: Millis;
  /** superseded: by whom, if that was told. */
  readonly mag?: AddressHex;
}

function newRegistration(hosting: Hosting, lma: AddressHex, role: Registration["role"]): Registration {
  return {
    ...UNSCHEDULED,
    kind: "registration",
    hosting,
    lma,
    role,
    state: "idle",
    stamp: 0,
    handoff: hosting.handoff,
    sent: [],
    tries: 0,
    expiresAt: 0,
    refreshAt: NEVER,
    status: undefined,
    wasAccepted: false,
    wasBehind: false,
    corrections: 0,
  };
}

export function register(instance: Instance, hosting: Hosting, lma: AddressHex, role: Registration["role"]): void {
  const registration = newRegistration(hosting, lma, role);
  const left = instance.leaving.get(leavingKey(registration));
  if (left !== undefined) forget(instance, left); // this attachment is later than the one that is being ended
  hosting.registrations.set(lma, registration);
  if (role === "home") join(instance, lma);
  postRegistration(instance, registration, "attach");
}

/** A binding that names us, though nothing of it is attached here: it is ended, as after a detachment. */
export function endElsewhere(instance: Instance, subject: Subject, lma: AddressHex, stamp: Stamp): void {
  const name = nameOf(subject);
  if (leavingRegistration(instance, name, lma) !== undefined) return;
  const hosting: Hosting = {
    ...{ name, subject, vm: "", claim: stamp + 1, handoff: HANDOFF.UNKNOWN, linkLayer: undefined },
    registrations: new Map(),
  };
  const registration: Registration = { ...newRegistration(hosting, lma, "home"), state: "registered" };
  join(instance, lma);
  postRegistration(instance, registration, "detach");
}

const leavingKey = ({ hosting, lma }: Registration): string => `${hosting.name} ${lma}`;

export const leavingRegistration = (instance: Instance, name: string, lma: AddressHex): Registration | undefined =>
  instance.leaving.get(`${name} ${lma}`);

export function postRegistration(
  instance: Instance,
  registration: Registration,
  event: RegistrationEvent,
  outcome: Outcome = {},
): void {
  const transition = REGISTRATION[registration.state][event];
  if (transition === undefined) return;
  registration.state = transition.to;
  for (const action of transition.actions) act(instance, registration, action, outcome);
  plan(instance, registration);
}

function act(instance: Instance, registration: Registration, action: RegistrationAction, outcome: Outcome): void {
  switch (action) {
    case "restart":
      registration.tries = 0;
      return;
    case "send":
      sendUpdate(instance, registration, instance.config.timers.lifetime);
      return;
    case "sendEnd":
      instance.leaving.set(leavingKey(registration), registration);
      sendUpdate(instance, registration, 0);
      return;
    case "adopt":
      adopt(instance, registration, outcome.lifetime ?? 0);
      return;
    case "putOff":
      registration.refreshAt = nowOf(instance) + jittered(instance, instance.config.timers.retransmitLongest);
      return;
    case "release":
      instance.turn.superseded.push({ hosting: registration.hosting, mag: outcome.mag, stamp: registration.stamp });
      return;
    case "forget":
      forget(instance, registration);
      return;
  }
}

function adopt(instance: Instance, registration: Registration, lifetime: Millis): void {
  const now = nowOf(instance);
  registration.expiresAt = now + lifetime;
  registration.refreshAt = now + jittered(instance, REFRESH * lifetime);
  registration.sent = [];
  registration.tries = 0;
  registration.handoff = HANDOFF.NOT_CHANGED;
  registration.status = undefined;
  registration.wasAccepted = true;
  registration.corrections = 0;
}

/** Nothing is sent any more: the VM left, or the anchor has no use for it. */
export function forget(instance: Instance, registration: Registration): void {
  cancel(instance, registration);
  const { hosting, lma, role } = registration;
  const isListed = hosting.registrations.get(lma) === registration;
  const isLeaving = instance.leaving.get(leavingKey(registration)) === registration;
  if (isListed) hosting.registrations.delete(lma);
  if (isLeaving) instance.leaving.delete(leavingKey(registration));
  if (role === "home" && (isListed || isLeaving)) leave(instance, lma);
  registration.state = "idle";
}

/** §6.9.1.1, and its §6.9.1.3 for lifetime 0: each attempt has a sequence number and a stamp of its own. */
function sendUpdate(instance: Instance, registration: Registration, lifetime: Millis): void {
  const { hosting, lma, handoff } = registration;
  const now = nowOf(instance);
  instance.updateSequence = (instance.updateSequence + 1) & LAST_SEQUENCE;
  registration.stamp = nextStamp(hosting.claim, registration.stamp, now);
  registration.tries++;
  registration.sent.push({ sequence: instance.updateSequence, stamp: registration.stamp, at: now });
  if (registration.sent.length > MOST_SENT) registration.sent.shift();
  const { subject, linkLayer } = hosting;
  const update: BindingUpdate = {
    type: "binding-update",
    sequence: instance.updateSequence,
    flags: UPDATE_ACKNOWLEDGE | UPDATE_PROXY,
    lifetime: lifetime / LIFETIME_UNIT,
    options: {
      ...nodeOptions(instance.plan, subject),
      handoff,
      accessTechnology: ACCESS_TECHNOLOGY.VIRTUAL,
      ...(linkLayer !== undefined && { linkLayer: octetsOf(linkLayer) }),
      timestamp: timestampOf(registration.stamp),
      greKey: subject.tags,
    },
  };
  note(instance, { what: "pbu-sent", subject, vm: hosting.vm, peer: lma });
  send(instance, { from: instance.config.address, to: lma }, update);
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
    default: {
      const last = registration.sent.at(-1)?.at ?? nowOf(instance);
      wakeAt(instance, registration, last + backOff(instance, Math.max(1, registration.tries)));
    }
  }
}

export function registrationTimer(instance: Instance, registration: Registration): void {
  const { state, role, tries, expiresAt } = registration;
  if (state === "registered") postRegistration(instance, registration, "refreshDue");
  else if (state === "refused") postRegistration(instance, registration, "timeout");
  else {
    if (state === "refreshing" && expiresAt <= nowOf(instance)) postRegistration(instance, registration, "expired");
    const most =
      state === "deregistering" ? MOST_TRIES_END : role === "correspondent" ? MOST_TRIES_CORRESPONDENT : NEVER;
    postRegistration(instance, registration, tries < most ? "timeout" : "exhausted");
  }
}
