/**
 * The anchor between correspondents and gateways: RFC 6705's localized routing, for each pair of a subject and a hypervisor
 * whose VMs talk to it. Correspondents ask the home where it is, and are told when that changes; the gateway is told who
 * they are, and registers there too.
 */
import { hasRoom, newBinding } from "#pmip/bindings";
import type { AddressHex, Subject } from "#pmip/events";
import { octetsOf } from "#pmip/hex";
import { count, type Instance, note, nowOf, wakeAt } from "#pmip/instance";
import type { LocalizedRoutingInitiation } from "#pmip/packet/message";
import { LOCALIZED_ROUTING_STATUS } from "#pmip/packet/numbers";
import { request } from "#pmip/requests";
import { type Stamp, timestampOf } from "#pmip/stamp";
import type { Binding } from "#pmip/state";
import type { NodeName } from "#pmip/subject";
import { send } from "#pmip/transmit";

const STATUS = LOCALIZED_ROUTING_STATUS;

/** A Localized Routing Initiation that names a subject and a correspondent. */
export interface Initiation {
  readonly message: LocalizedRoutingInitiation;
  readonly source: AddressHex;
  readonly destination: AddressHex;
  readonly name: NodeName;
  readonly subject: Subject;
  /** Address of the hypervisor that it is about beside the subject. */
  readonly correspondent: AddressHex;
  /** 0: none was given. */
  readonly stamp: Stamp;
}

export interface LocalizedAnswer {
  /** `LOCALIZED_ROUTING_STATUS`. */
  readonly status: number;
  readonly lifetime?: number;
  readonly mag?: AddressHex;
  readonly stamp?: Stamp;
}

export function acknowledge(
  instance: Instance,
  { message, source, destination, subject }: Initiation,
  { status, lifetime = 0, mag, stamp = 0 }: LocalizedAnswer,
): void {
  const { sequence, mobileNodes } = message;
  const options = {
    ...(stamp > 0 && { timestamp: timestampOf(stamp) }),
    ...(mag !== undefined && { magAddress: octetsOf(mag) }),
  };
  note(instance, { what: "lra-sent", subject, peer: source, status, ...(mag !== undefined && { about: mag }) });
  const fields = { sequence, unsolicited: false, status, lifetime, mobileNodes, options };
  send(instance, { from: destination, to: source }, { type: "localized-routing-ack", ...fields });
}

/**
 * A correspondent asks. It hears the gateway; or that the subject is not at any, with the stamp by which that is known, or
 * without one if nothing is known at all. It is remembered, and the gateway told of it.
 */
export function receiveAsk(instance: Instance, initiation: Initiation): void {
  const { name, subject, source, destination } = initiation;
  const home = instance.plan.homeOf(subject);
  if (!home.isOwn || destination !== home.lma) {
    count(instance, "lri-home-is-elsewhere");
    acknowledge(instance, initiation, { status: STATUS.NOT_ALLOWED });
    return;
  }
  note(instance, { what: "lri-received", subject, peer: source });
  const binding = instance.bindings.get(name);
  const lifetime = Math.floor(instance.config.timers.correspondentLifetime / 1000);
  const known = { status: STATUS.SUCCESS, lifetime };
  if (binding !== undefined && binding.mag !== "") {
    acknowledge(instance, initiation, { ...known, mag: binding.mag, stamp: binding.stamp });
    if (binding.mag === source) return; // it has lost the VM and does not know yet what we know
    remember(instance, binding, source);
    introduce(instance, binding, source);
    return;
  }
  const stamp = Math.max(instance.hosted.get(name)?.claim ?? 0, binding?.stamp ?? 0);
  acknowledge(instance, initiation, { ...known, status: STATUS.MOBILE_NODE_NOT_ATTACHED, stamp });
  const unbound = binding ?? (hasRoom(instance) ? newBinding(instance, name, subject) : undefined);
  if (unbound !== undefined) remember(instance, unbound, source);
}

/** For as long as it believes what it is told. Of too many, the one that is forgotten first goes: it will ask again. */
function remember(instance: Instance, binding: Binding, correspondent: AddressHex): void {
  const { limits, timers } = instance.config;
  const until = nowOf(instance) + timers.correspondentLifetime;
  binding.told ??= new Map();
  binding.told.delete(correspondent);
  if (binding.told.size >= limits.correspondents) {
    count(instance, "correspondents-full");
    for (const first of binding.told.keys()) {
      binding.told.delete(first);
      break;
    }
  }
  binding.told.set(correspondent, until);
  if (binding.mag === "" && (binding.slot < 0 || binding.due < until)) wakeAt(instance, binding, until);
}

function* living(instance: Instance, binding: Binding): Generator<AddressHex> {
  for (const [correspondent, until] of binding.told ?? []) {
    if (until > nowOf(instance)) yield correspondent;
    else binding.told?.delete(correspondent);
  }
}

/** Where the subject is from now on, to all who were told where it was; lifetime 0 ends what they were told (RFC 6705 §4). */
export function tellAll(instance: Instance, binding: Binding): void {
  const { name, subject, mag, stamp } = binding;
  const { lma } = instance.plan.homeOf(subject);
  const { correspondentLifetime } = instance.config.timers;
  const lifetime = mag === "" ? 0 : correspondentLifetime;
  for (const to of living(instance, binding)) {
    binding.told!.set(to, nowOf(instance) + correspondentLifetime);
    request(instance, { what: "move", name, subject, from: lma, to, about: mag, stamp, lifetime });
  }
}

export function introduceAll(instance: Instance, binding: Binding): void {
  for (const correspondent of living(instance, binding)) introduce(instance, binding, correspondent);
}

function introduce(instance: Instance, binding: Binding, correspondent: AddressHex): void {
  const { name, subject, mag, stamp } = binding;
  const { lma } = instance.plan.homeOf(subject);
  const lifetime = instance.config.timers.correspondentLifetime;
  request(instance, { what: "introduce", name, subject, from: lma, to: mag, about: correspondent, stamp, lifetime });
}

/** A correspondent that has no use for what it is told is told no more. */
export function unwanted(instance: Instance, name: NodeName, correspondent: AddressHex): void {
  instance.bindings.get(name)?.told?.delete(correspondent);
}
