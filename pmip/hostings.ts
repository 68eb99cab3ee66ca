/** VMs that are attached here: they come, leave for good, or turn out to be hosted elsewhere. RFC 5213 §6.9.1. */
import type { Millis } from "#base/time";
import { UNSCHEDULED } from "#pmip/agenda";
import { attachedAtHome, endedAtHome } from "#pmip/anchor";
import { forgetCorrespondence } from "#pmip/correspondents";
import type { AddressHex, MobilityEvent, Subject } from "#pmip/events";
import { cancel, count, type Instance, nowOf, type Superseded, wakeAt } from "#pmip/instance";
import { HANDOFF } from "#pmip/packet/numbers";
import { touch } from "#pmip/places";
import { forget, postRegistration, register } from "#pmip/registrations";
import { millisOf, type Stamp, stampOf } from "#pmip/stamp";
import type { Former, Hosting } from "#pmip/state";
import { type NodeName, nameOf } from "#pmip/subject";

type Attached = Extract<MobilityEvent, { type: "attached" }>;

/** A VM of that name that is attached already is replaced; its subjects that are not among the new ones are ended. */
export function attach(instance: Instance, event: Attached): void {
  const { vm, subjects } = event;
  const names = [...new Set(subjects.map(nameOf))];
  for (const name of instance.vms.get(vm) ?? []) if (!names.includes(name)) end(instance, instance.hosted.get(name)!);
  const claim = claimOf(event, nowOf(instance));
  for (const subject of subjects) attachSubject(instance, event, subject, claim);
  instance.vms.set(vm, names); // what was attached before has taken itself out of it
  tellClaim(instance, vm);
}

function claimOf({ claim, after }: Attached, now: Millis): Stamp {
  if (claim !== undefined) return stampOf(claim);
  return stampOf(after === undefined ? now : Math.max(now, Math.floor(after) + 1));
}

function attachSubject(instance: Instance, event: Attached, subject: Subject, claim: Stamp): void {
  const name = nameOf(subject);
  const before = instance.hosted.get(name);
  if (before?.vm === event.vm && event.claim !== undefined) {
    ascertain(instance, before);
    return;
  }
  touch(instance, name, subject);
  if (before !== undefined) {
    if (before.vm !== event.vm) count(instance, "subject-attached-twice");
    drop(instance, before);
  }
  const known = instance.formers.get(name);
  if (known !== undefined) forgetFormer(instance, known);
  forgetCorrespondence(instance, name);
  const hosting: Hosting = {
    name,
    subject,
    vm: event.vm,
    claim,
    handoff: handoffOf(event),
    linkLayer: event.linkLayer,
    registrations: new Map(),
  };
  instance.hosted.set(name, hosting);
  const home = instance.plan.homeOf(subject);
  if (home.isOwn) attachedAtHome(instance, hosting, event.claim === undefined);
  else register(instance, hosting, home.lma, "home");
}

/** It resumes: its home may have bound it elsewhere meanwhile, and says so if it is asked to bind it here. */
function ascertain(instance: Instance, { registrations }: Hosting): void {
  for (const registration of [...registrations.values()]) {
    if (registration.role === "home") postRegistration(instance, registration, "anchorRestarted");
  }
}

function handoffOf({ claim, handoff }: Attached): number {
  if (claim !== undefined) return HANDOFF.UNKNOWN;
  return handoff ? HANDOFF.BETWEEN_GATEWAYS : HANDOFF.NEW_INTERFACE;
}

/** The latest of the VM's subjects: their homes may have corrected them. */
export function tellClaim(instance: Instance, vm: string): void {
  const hostings = (instance.vms.get(vm) ?? []).map((name) => instance.hosted.get(name));
  const claims = hostings.flatMap((hosting) => (hosting?.vm === vm ? [hosting.claim] : []));
  if (claims.length === 0) return;
  instance.turn.effects.push({ type: "claimed", vm, claim: millisOf(Math.max(...claims)) });
}

/** For good: homes and correspondents are told. */
export function detach(instance: Instance, vm: string): void {
  for (const name of instance.vms.get(vm) ?? []) {
    const hosting = instance.hosted.get(name);
    if (hosting?.vm === vm) end(instance, hosting);
  }
  instance.vms.delete(vm);
}

function end(instance: Instance, hosting: Hosting): void {
  touch(instance, hosting.name, hosting.subject);
  for (const registration of [...hosting.registrations.values()]) {
    if (registration.role === "home") postRegistration(instance, registration, "detach");
    else forget(instance, registration); // its home tells every correspondent
  }
  unlist(instance, hosting);
  if (instance.plan.homeOf(hosting.subject).isOwn) endedAtHome(instance, hosting);
}

function drop(instance: Instance, hosting: Hosting): void {
  for (const registration of [...hosting.registrations.values()]) forget(instance, registration);
  unlist(instance, hosting);
}

function unlist(instance: Instance, { name, vm }: Hosting): void {
  instance.hosted.delete(name);
  const left = instance.vms.get(vm)?.filter((other) => other !== name) ?? [];
  if (left.length > 0) instance.vms.set(vm, left);
  else instance.vms.delete(vm);
}

/** Hosted elsewhere: stragglers are sent on, unless this is the home, whose binding says where to. */
export function release(instance: Instance, { hosting, mag, stamp }: Superseded): void {
  const { name, subject, vm } = hosting;
  if (instance.hosted.get(name) !== hosting) return;
  touch(instance, name, subject);
  drop(instance, hosting);
  const isElsewhere = mag !== undefined && !instance.plan.addresses.has(mag);
  if (isElsewhere && !instance.plan.homeOf(subject).isOwn) sendOn(instance, hosting, mag, stamp);
  instance.turn.effects.push({ type: "released", vm, subject, ...(mag !== undefined && { mag }) });
}

function sendOn(instance: Instance, { name, subject }: Hosting, mag: AddressHex, stamp: Stamp): void {
  if (instance.formers.size >= instance.config.limits.subjects) {
    count(instance, "formers-full");
    return;
  }
  const now = nowOf(instance);
  const former: Former = { ...UNSCHEDULED, kind: "former", name, subject, mag, stamp, leftAt: now, usedAt: now };
  instance.formers.set(name, former);
  planFormer(instance, former);
}

/** The place that was left is not left for another, or is not used any more. */
export function forgetFormer(instance: Instance, former: Former): void {
  touch(instance, former.name, former.subject);
  cancel(instance, former);
  instance.formers.delete(former.name);
}

export function formerTimer(instance: Instance, former: Former): void {
  if (endOf(instance, former) <= nowOf(instance)) forgetFormer(instance, former);
  else planFormer(instance, former);
}

const planFormer = (instance: Instance, former: Former): void => wakeAt(instance, former, endOf(instance, former));

function endOf({ config: { timers } }: Instance, { leftAt, usedAt }: Former): Millis {
  return Math.min(usedAt + timers.grace, leftAt + timers.formerLongest);
}

/** By whom it was superseded in turn: what comes late is sent there at once. */
export function retarget(instance: Instance, name: NodeName, mag: AddressHex, stamp: Stamp): void {
  const former = instance.formers.get(name);
  if (former === undefined || stamp <= former.stamp || instance.plan.addresses.has(mag)) return;
  touch(instance, name, former.subject);
  Object.assign(former, { mag, stamp });
}
