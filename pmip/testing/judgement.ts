/** What must hold when nothing has happened for long: all that is known is true, and every packet arrives. */
import type { MobilityTimers } from "#pmip/config";
import type { SimulatedNode } from "#pmip/testing/simulated-node";
import { GOOD_WIRE, type Simulation, type Truth } from "#pmip/testing/simulation";

/** Empty: all is as it has to be. `mustBeDirect`: there was room for all; else packets may go by way of the home. */
export function faultsAtRest(world: Simulation, timers: MobilityTimers, mustBeDirect: boolean): string[] {
  rest(world, timers);
  const faults = [...world.violations];
  for (const truth of world.vms) faults.push(...faultsOf(world, truth));
  for (const node of world.nodes) faults.push(...faultsAt(world, node));
  faults.push(...faultsOfPaths(world, mustBeDirect));
  return faults;
}

/** No more faults; all traffic goes on as before. */
function rest(world: Simulation, { lifetime, formerLongest, correspondentLifetime }: MobilityTimers): void {
  world.quality = GOOD_WIRE;
  // Everybody who crashed is back by then; and in the end what was promised has ended.
  world.run(16_000);
  for (const truth of world.vms) if (truth.node === undefined) world.clear(truth);
  const end = world.now + lifetime + formerLongest + correspondentLifetime;
  while (world.now < end) {
    for (const [from, to] of pairs(world)) world.send(world.nodes[from.node!]!, to);
    world.run(2000);
  }
}

/** Each VM talks to a few others. */
function* pairs(world: Simulation): Generator<[Truth, Truth]> {
  const living = world.vms.filter(({ node }) => node !== undefined);
  for (const [i, from] of living.entries()) {
    for (const step of [1, 7]) {
      const to = living[(i + step) % living.length]!;
      if (to !== from) yield [from, to];
    }
  }
}

function faultsOf(world: Simulation, { vm, name, subject, node }: Truth): string[] {
  const faults: string[] = [];
  const { lma } = world.nodes[0]!.core!.instance.plan.homeOf(subject);
  const home = world.nodeAt(lma)!;
  const bound = home.core!.instance.bindings.get(name)?.mag || undefined;
  const mag = node === undefined || node === home.index ? undefined : world.nodes[node]!.config.address;
  if (bound !== mag) faults.push(`${vm} is at ${node}, its home ${home.index} binds it to ${bound}`);
  for (const other of world.nodes) {
    const isHosted = other.core!.instance.hosted.has(name);
    if (isHosted !== (other.index === node)) faults.push(`${vm} is at ${node}, ${other.index}: attached ${isHosted}`);
    if (other.vms.has(vm) !== (other.index === node)) faults.push(`${vm} is at ${node}, ${other.index} has it too`);
  }
  return faults;
}

function faultsAt(world: Simulation, node: SimulatedNode): string[] {
  const faults: string[] = [];
  for (const [name, { place }] of node.table) {
    const truth = world.truthOf(name);
    const mag = truth?.node === undefined ? undefined : world.nodes[truth.node]!.config.address;
    const homeAddress = node.core!.instance.plan.homeOf(truth!.subject);
    const isTowardsHome = typeof place === "object" && homeAddress.isTenants && place.mag === homeAddress.lma;
    if (typeof place === "object" && place.mag !== mag && !isTowardsHome) {
      faults.push(`${node.index} sends ${truth?.vm} to ${place.mag}, it is at ${truth?.node}`);
    }
  }
  const { instance } = node.core!;
  if (instance.leaving.size > 0) faults.push(`${node.index} is still ending ${[...instance.leaving.keys()]}`);
  for (const { registrations, name } of instance.hosted.values()) {
    for (const { role, state, lma } of registrations.values()) {
      if (role === "home" && state !== "registered" && state !== "refreshing")
        faults.push(`${name} is ${state} at ${lma}`);
    }
  }
  for (const { mag, name } of instance.formers.values()) faults.push(`${node.index} still sends ${name} on to ${mag}`);
  return faults;
}

/** One packet for each pair, while all stands still; and who has talked for long talks straight. */
function faultsOfPaths(world: Simulation, mustBeDirect: boolean): string[] {
  const most = mustBeDirect ? 2 : 3;
  const faults: string[] = [];
  for (const [from, to] of pairs(world)) {
    const { end, way } = world.walk(world.nodes[from.node!]!, to);
    if (end !== "delivered" || way.length > most)
      faults.push(`${from.vm} to ${to.vm}: ${end}, by way of ${way.join(" ")}`);
  }
  const living = world.vms.filter(({ node }) => node !== undefined);
  for (const from of living) {
    for (const to of living) {
      if (from === to) continue;
      const { end, way } = world.walk(world.nodes[from.node!]!, to);
      if (end !== "delivered" || way.length > 3) faults.push(`${from.vm} to ${to.vm}: ${end}, ${way.join(" ")}`);
    }
  }
  return faults;
}
