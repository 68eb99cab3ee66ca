/** What the binding table shall say of a subject: it follows from all that is known, whichever role knows it. */
import type { AddressHex, Place, PlaceRole, Subject } from "#pmip/events";
import type { Instance } from "#pmip/instance";
import type { NodeName } from "#pmip/subject";

export interface Whereabouts {
  readonly place: Place;
  readonly role: PlaceRole;
}

const at = (mag: AddressHex, role: PlaceRole): Whereabouts => ({ place: { mag }, role });

/**
 * A place that a former gateway sends to has a later stamp than its own attachment had, and so on from there: packets that
 * are sent on go to ever later attachments and never come round.
 */
export function whereabouts(
  { hosted, bindings, formers, correspondences, plan }: Instance,
  name: NodeName,
): Whereabouts {
  const binding = bindings.get(name);
  if (hosted.has(name)) return { place: "unknown", role: "home" };
  if (binding !== undefined && binding.mag !== "") return at(binding.mag, "home");
  const former = formers.get(name);
  const known = correspondences.get(name);
  const isNewer = former === undefined || (known !== undefined && known.stamp >= former.stamp);
  if (known?.state === "direct" && isNewer) return at(known.mag, "correspondent");
  if (former !== undefined) return at(former.mag, "former");
  if (known?.state !== "native") return { place: "unknown", role: "correspondent" };
  // A tenant's own address cannot be routed: "native" is a tunnel to its home.
  if (plan.homeOf(known.subject).isTenants) return at(known.home, "correspondent");
  return { place: "native", role: "correspondent" };
}

/** To be called before anything changes that whereabouts follow from. */
export function touch(instance: Instance, name: NodeName, subject: Subject): void {
  const { touched } = instance.turn;
  if (!touched.has(name)) touched.set(name, { subject, before: whereabouts(instance, name).place });
}

/** Has it told unless it is unknown: the table has forgotten it. */
export function retell(instance: Instance, name: NodeName, subject: Subject): void {
  instance.turn.touched.set(name, { subject, before: "unknown" });
}

/** Has it told even if it was unknown before: an entry that waits for an answer waits no more, and will be wanted again. */
export function tellAnyway(instance: Instance, name: NodeName, subject: Subject): void {
  instance.turn.touched.set(name, { subject, before: undefined });
}

/** Before all other effects of the turn: what is released then can be sent on. */
export function tellChanges(instance: Instance): void {
  const { touched, effects } = instance.turn;
  if (touched.size === 0) return;
  const told: typeof effects = [];
  for (const [name, { subject, before }] of touched) {
    const { place, role } = whereabouts(instance, name);
    if (before === undefined || !isSame(place, before)) told.push({ type: "whereabouts", subject, place, role });
  }
  effects.unshift(...told);
}

function isSame(a: Place, b: Place): boolean {
  return typeof a === "object" && typeof b === "object" ? a.mag === b.mag : a === b;
}
