/** Local mobility anchor: the binding cache of subjects at home here. RFC 5213 §5, RFC 5846 §8. */
import { hasRoom, lastTold, newBinding, removeBinding } from "#pmip/bindings";
import type { AddressHex } from "#pmip/events";
import { hexOf } from "#pmip/hex";
import { count, type Instance, note, nowOf, wakeAt } from "#pmip/instance";
import { introduceAll, tellAll } from "#pmip/introductions";
import { BINDING_STATUS, HANDOFF } from "#pmip/packet/numbers";
import { touch } from "#pmip/places";
import { LIFETIME_UNIT } from "#pmip/registrations";
import { request, withdraw } from "#pmip/requests";
import { type Stamp, stampOf } from "#pmip/stamp";
import type { Binding, Hosting } from "#pmip/state";
import { answer, type Update } from "#pmip/updates";

const STATUS = BINDING_STATUS;

/** An update for a subject that is at home here. */
export function receiveHomeUpdate(instance: Instance, update: Update): void {
  const { message, name, source, stamp } = update;
  const binding = instance.bindings.get(name);
  if (isRepeated(binding, update)) {
    answer(instance, update, { status: STATUS.ACCEPTED, lifetime: granted(instance, message.lifetime) });
    return;
  }
  if (stamp > stampOf(nowOf(instance) + instance.config.timers.clockTolerance)) {
    refuse(instance, update, STATUS.TIMESTAMP_MISMATCH, "pbu-from-the-future");
    return;
  }
  if (message.lifetime === 0) {
    deregister(instance, update, binding);
    return;
  }
  const hosting = instance.hosted.get(name);
  const last = Math.max(binding?.stamp ?? 0, hosting?.claim ?? 0);
  const holder = hosting === undefined ? binding?.mag || undefined : instance.config.address;
  if (stamp <= last) {
    refuse(instance, update, STATUS.TIMESTAMP_LOWER_THAN_PREV_ACCEPTED, "pbu-out-of-order", holder);
    return;
  }
  if (!binding?.mag && instance.bound >= instance.config.limits.bindings) {
    refuse(instance, update, STATUS.INSUFFICIENT_RESOURCES, "bindings-full");
    return;
  }
  accept(instance, update, binding ?? newBinding(instance, name, update.subject), holder);
  if (hosting !== undefined) instance.turn.superseded.push({ hosting, mag: source, stamp });
}

/** The network has doubled it, or our answer was lost and the octets came again. */
function isRepeated(binding: Binding | undefined, { source, stamp, message }: Update): boolean {
  if (binding === undefined || binding.stamp !== stamp || binding.sequence !== message.sequence) return false;
  return message.lifetime === 0 ? binding.mag === "" : binding.mag === source;
}

function refuse(instance: Instance, update: Update, status: number, name: string, holder?: AddressHex): void {
  count(instance, name);
  answer(instance, update, { status, ...(holder !== undefined && { holder }) });
}

/** Units of four seconds: what is asked for, or less. */
const granted = ({ config }: Instance, asked: number): number =>
  Math.min(asked, Math.floor(config.timers.lifetime / LIFETIME_UNIT));

/** §5.3.2 to §5.3.4. A gateway that says that nothing has changed knows its correspondents; any other is told them. */
function accept(instance: Instance, update: Update, binding: Binding, holder: AddressHex | undefined): void {
  const { message, name, subject, source, stamp } = update;
  touch(instance, name, subject);
  const lifetime = granted(instance, message.lifetime);
  const now = nowOf(instance);
  if (binding.mag === "") instance.bound++;
  if (binding.mag !== source) binding.since = now;
  const { linkLayer } = message.options;
  const linkLayerHex = linkLayer && hexOf(linkLayer);
  Object.assign(binding, { mag: source, stamp, sequence: message.sequence, linkLayer: linkLayerHex });
  wakeAt(instance, binding, now + lifetime * LIFETIME_UNIT);
  note(instance, { what: "pbu-received", subject, peer: source });
  answer(instance, update, { status: STATUS.ACCEPTED, lifetime });
  if (holder === source) {
    if (message.options.handoff !== HANDOFF.NOT_CHANGED) introduceAll(instance, binding);
    return;
  }
  binding.told?.delete(source);
  withdraw(instance, { what: "revoke", name, to: source });
  withdraw(instance, { what: "move", name, to: source });
  if (holder !== undefined && holder !== instance.config.address) revoke(instance, binding, holder, source);
  tellAll(instance, binding);
  introduceAll(instance, binding);
}

/** RFC 5846 §8: the gateway that the VM left is told, and where to send what still comes to it; "": nowhere. */
function revoke(instance: Instance, binding: Binding, from: AddressHex, mag: AddressHex = ""): void {
  const { name, subject, stamp } = binding;
  const { lma } = instance.plan.homeOf(subject);
  request(instance, { what: "revoke", name, subject, from: lma, to: from, about: mag, stamp });
}

/**
 * §5.3.5, but that nothing is kept for MinDelayBeforeBCEDelete: what comes meanwhile has nowhere to go. And that the end of
 * an attachment which is later than the one that is known ends that too: we had not heard of its beginning.
 */
function deregister(instance: Instance, update: Update, binding: Binding | undefined): void {
  const { name, subject, source, stamp, message } = update;
  const hosting = instance.hosted.get(name);
  const last = Math.max(binding?.stamp ?? 0, hosting?.claim ?? 0);
  if (stamp <= last || !(binding !== undefined || hosting !== undefined || hasRoom(instance))) {
    if (binding?.mag !== source)
      count(instance, "pbu-ends-nothing"); // §5.3.5 item 1, in silence
    else refuse(instance, update, STATUS.TIMESTAMP_LOWER_THAN_PREV_ACCEPTED, "pbu-out-of-order", source);
    return;
  }
  note(instance, { what: "pbu-received", subject, peer: source });
  const known = binding ?? newBinding(instance, name, subject);
  const holder = known.mag;
  known.sequence = message.sequence;
  unbind(instance, known, stamp);
  if (holder !== "" && holder !== source) revoke(instance, known, holder);
  if (hosting !== undefined) instance.turn.superseded.push({ hosting, mag: undefined, stamp });
  answer(instance, update, { status: STATUS.ACCEPTED });
}

/** Its stamp is kept as long as a gateway may still speak of what was before. */
function unbind(instance: Instance, binding: Binding, stamp: Stamp): void {
  touch(instance, binding.name, binding.subject);
  if (binding.mag !== "") instance.bound--;
  Object.assign(binding, { mag: "", since: nowOf(instance), linkLayer: undefined });
  keepStamp(instance, binding, stamp);
  tellAll(instance, binding);
}

function keepStamp(instance: Instance, binding: Binding, stamp: Stamp): void {
  binding.stamp = stamp;
  wakeAt(instance, binding, nowOf(instance) + instance.config.timers.lifetime);
}

/** The VM is attached where it is at home. `isNew`: it came, so it is later than whatever is known. */
export function attachedAtHome(instance: Instance, hosting: Hosting, isNew: boolean): void {
  const binding = instance.bindings.get(hosting.name);
  if (binding === undefined) return;
  const mag = binding.mag;
  if (hosting.claim <= binding.stamp) {
    if (!isNew && (mag !== "" || hosting.claim < binding.stamp)) {
      instance.turn.superseded.push({ hosting, mag: mag || undefined, stamp: binding.stamp });
      return;
    }
    if (isNew) hosting.claim = binding.stamp + 1;
  }
  if (mag === "") {
    keepStamp(instance, binding, hosting.claim);
    return;
  }
  unbind(instance, binding, hosting.claim);
  revoke(instance, binding, mag, instance.config.address);
}

/** It was attached here, where it is at home, and is gone. */
export function endedAtHome(instance: Instance, { name, subject, claim }: Hosting): void {
  const binding = instance.bindings.get(name) ?? newBinding(instance, name, subject);
  if (binding.mag === "") keepStamp(instance, binding, Math.max(binding.stamp, claim));
}

export function bindingTimer(instance: Instance, binding: Binding): void {
  const now = nowOf(instance);
  if (binding.mag !== "") {
    count(instance, "binding-expired");
    unbind(instance, binding, binding.stamp);
    return;
  }
  const told = lastTold(binding);
  if (told > now) wakeAt(instance, binding, told);
  else removeBinding(instance, binding);
}
