/** One hypervisor of a simulation: its core, its binding table, its VMs; and what becomes of a packet there. */
import type { Millis } from "#base/time";
import type { MobilityConfig } from "#pmip/config";
import { Mobility } from "#pmip/core";
import type { AddressHex, MobilityEffect, MobilityEvent, Place, Subject } from "#pmip/events";
import type { NodeName } from "#pmip/subject";
import { nameOf } from "#pmip/subject";
import type { Hop, Simulation, Truth } from "#pmip/testing/simulation";

export interface Packet {
  readonly name: NodeName;
  readonly subject: Subject;
  hops: number;
  /** Indexes of nodes. */
  readonly way: number[];
}

/**
 * A VM as its host knows it. Kept in a file: a router that crashes comes back with it. prepared: its port is open, and
 * nothing is delivered to it. held: what comes for it is kept.
 */
export interface LocalVm {
  readonly subject: Subject;
  readonly name: NodeName;
  state: "prepared" | "active" | "held";
  claim: Millis | undefined;
}

interface Entry {
  place: Place;
  isUsed: boolean;
}

interface NodeOptions {
  readonly index: number;
  readonly config: MobilityConfig;
  /** Milliseconds that its clock is ahead. */
  readonly skew: Millis;
  readonly world: Simulation;
}

const USED_EVERY: Millis = 1000;

export class SimulatedNode {
  readonly index: number;
  readonly skew: Millis;
  config: MobilityConfig;
  /** Undefined while it is down. */
  core: Mobility | undefined;
  readonly table = new Map<NodeName, Entry>();
  readonly vms = new Map<string, LocalVm>();
  /** Packets that are kept for VMs that are held. */
  readonly held = new Map<string, Packet[]>();
  addresses: ReadonlySet<AddressHex> = new Set();
  readonly #world: Simulation;
  #wakeUps = 0;
  #lives = 0;

  constructor({ index, config, skew, world }: NodeOptions) {
    this.index = index;
    this.config = config;
    this.skew = skew;
    this.#world = world;
  }

  get isUp(): boolean {
    return this.core !== undefined;
  }

  // ---- life ----

  start(): void {
    const { restartCounter, seed } = this.config;
    this.config = { ...this.config, restartCounter: restartCounter + 1, seed: seed + 7919 };
    this.core = new Mobility(this.config, this.#clock());
    this.addresses = this.core.instance.plan.addresses;
    const life = ++this.#lives;
    for (const [name, { subject, state, claim }] of this.vms) {
      if (state !== "prepared" && claim !== undefined) {
        this.tell({ type: "attached", vm: name, subjects: [subject], handoff: false, claim });
      }
    }
    const tellUsed = (): void => {
      if (life !== this.#lives || this.core === undefined) return;
      this.#tellUsed();
      this.#world.at(this.#world.now + USED_EVERY, tellUsed);
    };
    tellUsed();
  }

  /** With all that it knew, but its VMs. */
  crash(): void {
    this.core = undefined;
    this.#lives++;
    this.#wakeUps++;
    this.table.clear();
    for (const packets of this.held.values()) this.#world.packets.lost += packets.length;
    this.held.clear();
    for (const [name, vm] of this.vms) if (vm.state === "prepared") this.vms.delete(name);
  }

  #clock(): Millis {
    return this.#world.now + this.skew;
  }

  #tellUsed(): void {
    const used: Subject[] = [];
    for (const [name, entry] of this.table) {
      if (entry.isUsed) used.push(subjectOf(name));
      entry.isUsed = false;
    }
    if (used.length > 0) this.tell({ type: "used", subjects: used });
  }

  tell(event: MobilityEvent): void {
    if (this.core === undefined) return;
    for (const effect of this.core.handle(event, this.#clock())) this.#carryOut(effect);
    this.#plan();
  }

  #plan(): void {
    const deadline = this.core?.deadline();
    const id = ++this.#wakeUps;
    if (deadline === undefined) return;
    this.#world.at(deadline - this.skew, () => {
      if (id === this.#wakeUps) this.tell({ type: "time" });
    });
  }

  #carryOut(effect: MobilityEffect): void {
    switch (effect.type) {
      case "send":
        this.#world.carry(effect);
        return;
      case "whereabouts":
        this.#setPlace(nameOf(effect.subject), effect.place);
        return;
      case "claimed": {
        const vm = this.vms.get(effect.vm);
        if (vm !== undefined) vm.claim = effect.claim;
        return;
      }
      case "released":
        this.#released(effect.vm, nameOf(effect.subject));
        return;
      default:
    }
  }

  #setPlace(name: NodeName, place: Place): void {
    if (place === "unknown") this.table.delete(name);
    else this.table.set(name, { place, isUsed: this.table.get(name)?.isUsed ?? false });
  }

  /** What was held goes after the VM. */
  #released(vm: string, name: NodeName): void {
    const truth = this.#world.truthOf(name);
    if (truth?.vm === vm && truth.node === this.index) {
      this.#world.violations.push(`${vm} is released at ${this.index}, where it is`);
    }
    this.vms.delete(vm);
    const packets = this.held.get(vm) ?? [];
    this.held.delete(vm);
    // After the tables: whereabouts come first in a turn.
    for (const packet of packets) this.#world.reinject(this, packet);
  }

  // ---- VMs ----

  attach(truth: Truth, more: { handoff: boolean; after?: Millis }): void {
    this.vms.set(truth.vm, { subject: truth.subject, name: truth.name, state: "active", claim: undefined });
    this.tell({ type: "attached", vm: truth.vm, subjects: [truth.subject], ...more });
    this.#deliverHeld(truth);
  }

  prepare(truth: Truth): void {
    this.vms.set(truth.vm, { subject: truth.subject, name: truth.name, state: "prepared", claim: undefined });
  }

  hold(truth: Truth): void {
    this.vms.get(truth.vm)!.state = "held";
  }

  /** As it was before. If it is not, its home says so. */
  resume(truth: Truth): void {
    const vm = this.vms.get(truth.vm);
    if (vm === undefined) return;
    vm.state = "active";
    const { claim } = vm;
    if (claim !== undefined) {
      this.tell({ type: "attached", vm: truth.vm, subjects: [truth.subject], handoff: false, claim });
    }
    this.#deliverHeld(truth);
  }

  detach(truth: Truth): void {
    this.vms.delete(truth.vm);
    this.tell({ type: "detached", vm: truth.vm });
  }

  #deliverHeld(truth: Truth): void {
    const packets = this.held.get(truth.vm) ?? [];
    this.held.delete(truth.vm);
    for (const packet of packets) this.#world.reinject(this, packet);
  }

  // ---- packets ----

  /** From a VM here: the design's `redirect`. */
  outbound(packet: Packet): Hop {
    if (!this.isUp) return { type: "dropped", why: "the sender's router is down" };
    const here = this.#local(packet);
    if (here !== undefined) return here;
    const entry = this.table.get(packet.name);
    if (entry === undefined) {
      this.table.set(packet.name, { place: "unknown", isUsed: true });
      this.tell({ type: "wanted", subject: packet.subject });
    } else entry.isUsed = true;
    const place = this.table.get(packet.name)?.place ?? "unknown";
    if (typeof place === "object") return this.#tunnel(place.mag);
    return this.#towardsHome(packet);
  }

  #towardsHome({ subject }: Packet): Hop {
    const { lma, isTenants, isOwn } = this.core!.instance.plan.homeOf(subject);
    if (isOwn) return { type: "dropped", why: "no such VM, at its home" };
    const to = this.#world.nodeAt(lma);
    if (to === undefined) return { type: "dropped", why: "no route" };
    return { type: "onward", to, from: this, tunnelled: isTenants };
  }

  #tunnel(mag: AddressHex): Hop {
    const to = this.#world.nodeAt(mag);
    return to === undefined
      ? { type: "dropped", why: "no route to the gateway" }
      : { type: "onward", to, from: this, tunnelled: true };
  }

  /** From the fabric; `from`: where the tunnel began that it came out of. */
  inbound(packet: Packet, from: SimulatedNode | undefined): Hop {
    if (!this.isUp) return { type: "dropped", why: "the router is down" };
    return this.#local(packet) ?? this.#straggler(packet, from);
  }

  /** What was held here: it takes the way that it would have taken. */
  onward(packet: Packet): Hop {
    return this.inbound(packet, undefined);
  }

  #straggler({ name }: Packet, from: SimulatedNode | undefined): Hop {
    const entry = this.table.get(name);
    if (entry === undefined || typeof entry.place !== "object") return { type: "dropped", why: "no such VM" };
    entry.isUsed = true;
    const hop = this.#tunnel(entry.place.mag);
    if (hop.type === "onward" && hop.to === from) return { type: "dropped", why: "back where it came from" };
    return hop;
  }

  #local(packet: Packet): Hop | undefined {
    for (const [name, vm] of this.vms) {
      if (vm.name !== packet.name || vm.state === "prepared") continue;
      if (vm.state === "held") {
        const packets = this.held.get(name) ?? [];
        this.held.set(name, [...packets, packet]);
        return { type: "held" };
      }
      // The guest may be gone without the router's knowing: then nobody reads what is written to its port.
      if (this.#world.truthOf(packet.name)?.node !== this.index) return { type: "dropped", why: "the guest is gone" };
      return { type: "delivered", node: this };
    }
    return undefined;
  }
}

function subjectOf(name: NodeName): Subject {
  return { address: name.slice(0, 32), tags: Number.parseInt(name.slice(33, 41), 16) };
}
