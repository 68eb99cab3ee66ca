/** Entries of the binding cache: how they begin and end. RFC 5213 §5.1. */
import type { Millis } from "#base/time";
import { UNSCHEDULED } from "#pmip/agenda";
import type { Subject } from "#pmip/events";
import { cancel, type Instance, nowOf } from "#pmip/instance";
import { touch } from "#pmip/places";
import type { Binding } from "#pmip/state";
import type { NodeName } from "#pmip/subject";

/** Without a gateway yet. */
export function newBinding(instance: Instance, name: NodeName, subject: Subject): Binding {
  const fields = { mag: "", stamp: 0, sequence: 0, since: nowOf(instance), linkLayer: undefined, told: undefined };
  const binding: Binding = { ...UNSCHEDULED, kind: "binding", name, subject, ...fields };
  instance.bindings.set(name, binding);
  return binding;
}

export function removeBinding(instance: Instance, binding: Binding): void {
  touch(instance, binding.name, binding.subject);
  cancel(instance, binding);
  if (binding.mag !== "") instance.bound--;
  instance.bindings.delete(binding.name);
}

/**
 * For one without a gateway. As many again as there may be bindings: VMs may scan for addresses that nobody has.
 */
export const hasRoom = ({ bindings, bound, config }: Instance): boolean =>
  bindings.size - bound < config.limits.bindings;

/** When the last correspondent stops believing what it was told. */
export const lastTold = ({ told }: Binding): Millis => {
  let last = 0;
  for (const until of told?.values() ?? []) last = Math.max(last, until);
  return last;
};
