/**
 * Many cores in virtual time, on wires that lose, double and reorder, with routers that crash; and a model of the data
 * plane beneath, so that what the cores say can be judged by where packets go. Everything follows from the seed. Where a VM
 * is, the simulation alone knows.
 */
import { nextBelow, nextBetween, nextFraction, type Random, seeded } from "#base/random";
import type { Millis } from "#base/time";
import type { MobilityConfig } from "#pmip/config";
import type { Subject } from "#pmip/events";
import { type NodeName, nameOf } from "#pmip/subject";
import { type Packet, SimulatedNode } from "#pmip/testing/simulated-node";
import { Timeline } from "#pmip/testing/timeline";
import { EPOCH, type Send } from "#pmip/testing/world";

export interface WireQuality {
  /** 0 … 1. */
  readonly loss: number;
  readonly duplication: number;
  readonly minDelay: Millis;
  /** Above `minDelay`: messages overtake one another. */
  readonly maxDelay: Millis;
}

export const GOOD_WIRE: WireQuality = { loss: 0, duplication: 0, minDelay: 1, maxDelay: 1 };

/** A VM as it is in truth. */
export interface Truth {
  readonly vm: string;
  readonly subject: Subject;
  readonly name: NodeName;
  /** Index of the node it runs at; undefined: nowhere. */
  node: number | undefined;
  /** Since when. */
  since: Millis;
}

/** A packet is dropped by then, whatever tables say. */
const HOP_LIMIT = 64;

export class Simulation {
  readonly random: Random;
  readonly nodes: SimulatedNode[];
  readonly vms: Truth[] = [];
  quality: WireQuality = GOOD_WIRE;
  /** What must never be. */
  readonly violations: string[] = [];
  readonly packets = { sent: 0, delivered: 0, lost: 0, mostHops: 0 };
  readonly messages = { sent: 0 };
  readonly #timeline = new Timeline(EPOCH);
  readonly #byName = new Map<NodeName, Truth>();
  readonly #byAddress = new Map<string, SimulatedNode>();

  constructor(seed: number, configs: readonly MobilityConfig[], maxSkew: Millis) {
    this.random = seeded(seed);
    this.nodes = configs.map((config, index) => {
      const skew = nextBetween(this.random, -maxSkew, maxSkew);
      return new SimulatedNode({ index, config, skew, world: this });
    });
    for (const node of this.nodes) {
      node.start();
      for (const address of node.addresses) this.#byAddress.set(address, node);
    }
  }

  get now(): Millis {
    return this.#timeline.now;
  }

  chance(probability: number): boolean {
    return nextFraction(this.random) < probability;
  }

  pick<T>(from: readonly T[]): T {
    return from[nextBelow(this.random, from.length)]!;
  }

  at(time: Millis, act: () => void): void {
    this.#timeline.at(time, act);
  }

  run(span: Millis): void {
    this.#timeline.run(span);
  }

  // ---- truth ----

  addVm(vm: string, subject: Subject): Truth {
    const truth: Truth = { vm, subject, name: nameOf(subject), node: undefined, since: this.now };
    this.vms.push(truth);
    this.#byName.set(truth.name, truth);
    return truth;
  }

  truthOf(name: NodeName): Truth | undefined {
    return this.#byName.get(name);
  }

  /** Its guest runs there from now on, and nowhere else. */
  place(truth: Truth, node: number | undefined): void {
    truth.node = node;
    truth.since = this.now;
  }

  /** Whoever ends a VM ends what any router still has of it. */
  clear(truth: Truth): void {
    for (const node of this.nodes) if (node.isUp && node.vms.has(truth.vm)) node.detach(truth);
  }

  // ---- messages ----

  carry(send: Send): void {
    this.messages.sent++;
    const copies = this.chance(this.quality.duplication) ? 2 : 1;
    for (let i = 0; i < copies; i++) {
      if (this.chance(this.quality.loss)) continue;
      this.at(this.now + this.#delay(), () => {
        this.nodeAt(send.destination)?.tell({
          type: "received",
          source: send.source,
          destination: send.destination,
          octets: send.octets,
        });
      });
    }
  }

  #delay(): Millis {
    return nextBetween(this.random, this.quality.minDelay, this.quality.maxDelay);
  }

  nodeAt(address: string): SimulatedNode | undefined {
    return this.#byAddress.get(address);
  }

  // ---- packets ----

  /** From a VM at `node` to a subject; it takes its time from hop to hop. */
  send(node: SimulatedNode, to: Truth): void {
    this.packets.sent++;
    const packet: Packet = { name: to.name, subject: to.subject, hops: 0, way: [node.index] };
    this.#follow(packet, node.outbound(packet), false);
  }

  /** The same at once: tables stand still meanwhile. Answers the way that the packet took, and how it ended. */
  walk(node: SimulatedNode, to: Truth): Packet & { readonly end: string } {
    const packet: Packet = { name: to.name, subject: to.subject, hops: 0, way: [node.index] };
    const end = this.#follow(packet, node.outbound(packet), true);
    return { ...packet, end };
  }

  /** A packet that was held goes on from there. */
  reinject(node: SimulatedNode, packet: Packet): void {
    this.#follow(packet, node.onward(packet), false);
  }

  #follow(packet: Packet, first: Hop, atOnce: boolean): string {
    let hop = first;
    for (;;) {
      if (hop.type === "delivered") this.#delivered(packet, hop.node);
      if (hop.type === "dropped") this.packets.lost++;
      if (hop.type !== "onward") return hop.type === "dropped" ? hop.why : hop.type;
      packet.hops++;
      this.packets.mostHops = Math.max(this.packets.mostHops, packet.hops);
      packet.way.push(hop.to.index);
      if (packet.hops >= HOP_LIMIT) {
        this.violations.push(`a packet for ${packet.name} loops: ${packet.way.join(" ")}`);
        return "loops";
      }
      const { to, from, tunnelled } = hop;
      const arrive = (): Hop => to.inbound(packet, tunnelled ? from : undefined);
      if (!atOnce) {
        this.at(this.now + nextBetween(this.random, 0, 3), () => void this.#follow(packet, arrive(), false));
        return "on its way";
      }
      hop = arrive();
    }
  }

  #delivered({ name, way }: Packet, node: SimulatedNode): void {
    const truth = this.#byName.get(name);
    this.packets.delivered++;
    if (truth?.node !== node.index || node.vms.get(truth.vm)?.subject !== truth.subject) {
      this.violations.push(
        `a packet for ${name} is delivered at ${node.index}, it is at ${truth?.node}: ${way.join(" ")}`,
      );
    }
  }
}

export type Hop =
  | { readonly type: "delivered"; readonly node: SimulatedNode }
  /** The VM is held: it will be sent on. */
  | { readonly type: "held" }
  | { readonly type: "dropped"; readonly why: string }
  | { readonly type: "onward"; readonly to: SimulatedNode; readonly from: SimulatedNode; readonly tunnelled: boolean };
