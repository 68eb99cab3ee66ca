/** The operator's new wishes, carried out on what is there. */

import { attachedAtHome } from "#pmip/anchor";
import { removeBinding } from "#pmip/bindings";
import type { MobilityConfig } from "#pmip/config";
import { forgetCorrespondence } from "#pmip/correspondents";
import type { Instance } from "#pmip/instance";
import { touch } from "#pmip/places";
import { Plan } from "#pmip/plan";
import { forget, postRegistration, register } from "#pmip/registrations";
import { finish } from "#pmip/requests";
import { configureSegments } from "#pmip/segments/segments";
import type { Hosting } from "#pmip/state";

/** Homes that are not where they were are told so; limits and times hold for what comes. */
export function configure(instance: Instance, config: MobilityConfig): void {
  const before = instance.config;
  const oldPlan = instance.plan;
  instance.config = config;
  instance.plan = new Plan(config);
  if (isSamePlan(before, config)) return;
  const isElsewhere = before.address !== config.address;
  configureSegments(instance, isElsewhere, oldPlan.addresses);
  for (const made of [...instance.requests.values()]) {
    if (!instance.plan.addresses.has(made.from)) finish(instance, made);
  }
  for (const { name, subject } of [...instance.bindings.values()]) {
    if (!instance.plan.homeOf(subject).isOwn) removeBinding(instance, instance.bindings.get(name)!);
  }
  for (const { name, subject, home } of [...instance.correspondences.values()]) {
    const now = instance.plan.homeOf(subject);
    if (isElsewhere || now.isOwn || now.lma !== home) forgetCorrespondence(instance, name);
  }
  for (const hosting of [...instance.hosted.values()]) {
    const [then, now] = [oldPlan.homeOf(hosting.subject), instance.plan.homeOf(hosting.subject)];
    if (isElsewhere || then.isOwn !== now.isOwn || then.lma !== now.lma) moveHome(instance, hosting);
  }
}

function moveHome(instance: Instance, hosting: Hosting): void {
  touch(instance, hosting.name, hosting.subject);
  for (const registration of [...hosting.registrations.values()]) {
    if (registration.role === "home") postRegistration(instance, registration, "detach");
    else forget(instance, registration);
    hosting.registrations.delete(registration.lma);
  }
  const { isOwn, lma } = instance.plan.homeOf(hosting.subject);
  if (isOwn) attachedAtHome(instance, hosting, false);
  else register(instance, hosting, lma, "home");
}

/** Nothing that whose home is where follows from. */
function isSamePlan(a: MobilityConfig, b: MobilityConfig): boolean {
  const part = ({ address, hashKey, homes, own, fabric }: MobilityConfig) =>
    JSON.stringify([address, hashKey, homes, own, fabric]);
  return part(a) === part(b);
}
