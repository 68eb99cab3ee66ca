/** Correspondent: where subjects are that VMs here talk to. RFC 6705, and a further anchor's part of RFC 5213 §5. */
import { type Millis, NEVER } from "#base/time";
import { UNSCHEDULED } from "#pmip/agenda";
import { CORRESPONDENCE, type CorrespondenceAction, type CorrespondenceEvent } from "#pmip/correspondence-machine";
import type { AddressHex, Subject } from "#pmip/events";
import { cancel, count, type Instance, note, nowOf, wakeAt } from "#pmip/instance";
import { acknowledge, type Initiation } from "#pmip/introductions";
import { BINDING_STATUS, LOCALIZED_ROUTING_STATUS } from "#pmip/packet/numbers";
import { join, leave } from "#pmip/peers";
import { retell, tellAnyway, touch } from "#pmip/places";
import { LIFETIME_UNIT } from "#pmip/registrations";
import { request, withdraw } from "#pmip/requests";
import type { Stamp } from "#pmip/stamp";
import type { Correspondence } from "#pmip/state";
import { type NodeName, nameOf } from "#pmip/subject";
import { jittered } from "#pmip/transmit";
import { answer, type Update } from "#pmip/updates";

/** Of what the home granted, after which it is asked again. */
const ASK_AGAIN = 0.75;
/** Retransmission times after which one that did not know or did not answer is asked again. */
const ASK_SOON = 2;

/** A forwarder has a first packet to a subject that it knows nothing of. Packets go native meanwhile. */
export function want(instance: Instance, subject: Subject): void {
  const name = nameOf(subject);
  retell(instance, name, subject);
  const known = instance.correspondences.get(name);
  if (known !== undefined) {
    known.usedAt = nowOf(instance);
    return;
  }
  const home = instance.plan.homeOf(subject);
  if (home.isOwn || instance.hosted.has(name)) return;
  if (instance.correspondences.size >= instance.config.limits.subjects) {
    count(instance, "correspondences-full");
    return;
  }
  const fields = { name, subject, home: home.lma, mag: "", stamp: 0, boundStamp: 0, boundSequence: 0 };
  const times = { toldUntil: 0, boundUntil: 0, askAt: NEVER, usedAt: nowOf(instance) };
  const made: Correspondence = { ...UNSCHEDULED, kind: "correspondence", state: "asking", ...fields, ...times };
  instance.correspondences.set(name, made);
  join(instance, home.lma);
  ask(instance, made);
  plan(instance, made);
}

/** An entry carried packets. One of which nothing is known is wanted: there was no room when it was wanted first. */
export function use(instance: Instance, subject: Subject): void {
  const name = nameOf(subject);
  const former = instance.formers.get(name);
  const known = instance.correspondences.get(name);
  if (former !== undefined) former.usedAt = nowOf(instance);
  if (known !== undefined) known.usedAt = nowOf(instance);
  else if (former === undefined) want(instance, subject);
}

function ask(instance: Instance, { name, subject, home }: Correspondence): void {
  request(instance, { what: "ask", name, subject, from: instance.config.address, to: home });
}

export function postCorrespondence(instance: Instance, known: Correspondence, event: CorrespondenceEvent): void {
  const transition = CORRESPONDENCE[known.state][event];
  if (transition === undefined) return;
  touch(instance, known.name, known.subject);
  known.state = transition.to;
  for (const action of transition.actions) act(instance, known, action);
  if (known.state !== "gone") plan(instance, known);
}

function act(instance: Instance, known: Correspondence, action: CorrespondenceAction): void {
  const { retransmit, correspondentLifetime } = instance.config.timers;
  switch (action) {
    case "ask":
      known.askAt = NEVER;
      ask(instance, known);
      return;
    case "askSoon":
      known.askAt = nowOf(instance) + jittered(instance, ASK_SOON * retransmit);
      return;
    case "askLater":
      known.askAt = nowOf(instance) + jittered(instance, ASK_AGAIN * correspondentLifetime);
      return;
    case "forget":
      remove(instance, known);
      return;
  }
}

/** The subject is attached here now, or nothing is to be known of it any more. */
export function forgetCorrespondence(instance: Instance, name: NodeName): void {
  const known = instance.correspondences.get(name);
  if (known === undefined) return;
  touch(instance, name, known.subject);
  known.state = "gone";
  remove(instance, known);
}

function remove(instance: Instance, known: Correspondence): void {
  tellAnyway(instance, known.name, known.subject);
  cancel(instance, known);
  withdraw(instance, { what: "ask", name: known.name, to: known.home });
  instance.correspondences.delete(known.name);
  leave(instance, known.home);
}

const idleAt = ({ config }: Instance, { usedAt }: Correspondence): Millis => usedAt + config.timers.idle;

/** One that the gateway is registered for waits for its refresh, to tell it that there is no use for it any more. */
const forgottenAt = (instance: Instance, known: Correspondence): Millis =>
  Math.max(idleAt(instance, known), known.state === "direct" ? known.boundUntil : 0);

const lapseAt = ({ state, toldUntil, boundUntil }: Correspondence): Millis =>
  state === "direct" ? Math.max(toldUntil, boundUntil) : NEVER;

const plan = (instance: Instance, known: Correspondence): void =>
  wakeAt(instance, known, Math.min(forgottenAt(instance, known), lapseAt(known), known.askAt));

export function correspondenceTimer(instance: Instance, known: Correspondence): void {
  const now = nowOf(instance);
  if (forgottenAt(instance, known) <= now) postCorrespondence(instance, known, "idle");
  else if (lapseAt(known) <= now) postCorrespondence(instance, known, "lapsed");
  else if (known.askAt <= now) askOrWait(instance, known);
  if (known.state !== "gone") plan(instance, known);
}

function askOrWait(instance: Instance, known: Correspondence): void {
  if (idleAt(instance, known) > nowOf(instance)) postCorrespondence(instance, known, "askDue");
  else known.askAt = NEVER;
}

// ---- what is told ----

/** By the home. `mag` "": not at any gateway. `stamp` 0: it knows nothing. */
export interface Told {
  readonly mag: AddressHex;
  readonly stamp: Stamp;
  readonly lifetime: Millis;
}

/** The home's word, if it is not older than what a gateway has said since. */
export function told(instance: Instance, known: Correspondence, { mag, stamp, lifetime }: Told): void {
  if (stamp === 0) {
    postCorrespondence(instance, known, "nothingKnown");
    return;
  }
  const isSame = known.state === "direct" && known.mag === mag;
  if (stamp < known.stamp && !isSame) {
    count(instance, "correspondent-told-late");
    known.askAt = nowOf(instance) + ASK_SOON * instance.config.timers.retransmit;
    plan(instance, known);
    return;
  }
  touch(instance, known.name, known.subject);
  known.stamp = Math.max(known.stamp, stamp);
  if (mag === "") {
    settleAt(known, "");
    postCorrespondence(instance, known, "atHome");
    return;
  }
  settleAt(known, mag);
  known.toldUntil = nowOf(instance) + lifetime;
  postCorrespondence(instance, known, "found");
}

/** Another gateway than before is not registered here yet. */
function settleAt(known: Correspondence, mag: AddressHex): void {
  if (known.mag === mag) return;
  Object.assign(known, { mag, boundStamp: 0, boundSequence: 0, boundUntil: 0, toldUntil: 0 });
}

/** RFC 6705: the home says by itself that the subject has moved. */
export function receiveMove(instance: Instance, initiation: Initiation, mag: AddressHex): void {
  const { name, subject, source, stamp, message } = initiation;
  const known = instance.correspondences.get(name);
  note(instance, { what: "lri-received", subject, peer: source, ...(mag !== "" && { about: mag }) });
  if (known === undefined || stamp === 0 || mag === instance.config.address) {
    acknowledge(instance, initiation, { status: LOCALIZED_ROUTING_STATUS.MOBILE_NODE_NOT_ATTACHED });
    return;
  }
  const lifetime = message.lifetime;
  told(instance, known, { mag: lifetime === 0 ? "" : mag, stamp, lifetime: lifetime * 1000 });
  acknowledge(instance, initiation, { status: LOCALIZED_ROUTING_STATUS.SUCCESS, lifetime });
}

// ---- the gateway registers ----

const STATUS = BINDING_STATUS;

/** RFC 5213 §5.3, as a further anchor: only for what VMs here talk to, and not against a later stamp. */
export function receiveCorrespondentUpdate(instance: Instance, update: Update): void {
  const { message, name, source, stamp } = update;
  const known = instance.correspondences.get(name);
  if (known === undefined) {
    count(instance, "pbu-home-is-elsewhere");
    answer(instance, update, { status: STATUS.NOT_LMA_FOR_THIS_MOBILE_NODE });
    return;
  }
  const isSame = known.state === "direct" && known.mag === source;
  const lifetime = grant(instance, known, message.lifetime);
  if (isSame && known.boundStamp === stamp && known.boundSequence === message.sequence) {
    answer(instance, update, { status: STATUS.ACCEPTED, lifetime });
    return;
  }
  if (stamp <= (isSame ? known.boundStamp : known.stamp)) {
    count(instance, "pbu-out-of-order");
    answer(instance, update, { status: STATUS.TIMESTAMP_LOWER_THAN_PREV_ACCEPTED });
    return;
  }
  note(instance, { what: "pbu-received", subject: update.subject, peer: source });
  answer(instance, update, { status: STATUS.ACCEPTED, lifetime });
  if (lifetime > 0) bind(instance, known, update, lifetime);
  else postCorrespondence(instance, known, "idle");
}

/** Units of four seconds. None for what carries no packets any more, or is to end. */
function grant(instance: Instance, known: Correspondence, asked: number): number {
  if (idleAt(instance, known) <= nowOf(instance)) return 0;
  return Math.min(asked, Math.floor(instance.config.timers.correspondentLifetime / LIFETIME_UNIT));
}

function bind(instance: Instance, known: Correspondence, { message, source, stamp }: Update, lifetime: number): void {
  touch(instance, known.name, known.subject);
  const { askAt } = known;
  settleAt(known, source);
  known.stamp = Math.max(known.stamp, stamp);
  known.boundStamp = stamp;
  known.boundSequence = message.sequence;
  known.boundUntil = nowOf(instance) + lifetime * LIFETIME_UNIT;
  postCorrespondence(instance, known, "found");
  known.askAt = askAt; // the home is asked as before: it shall remember us
  plan(instance, known);
}
