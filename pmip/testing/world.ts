/** A few cores whose messages arrive at once, unless a test holds them up: for tests of rules, one after the other. */
import { type Millis, NEVER } from "#base/time";
import type { MobilityConfig } from "#pmip/config";
import { Mobility } from "#pmip/core";
import type { AddressHex, MobilityEffect, MobilityEvent, Place, Subject } from "#pmip/events";
import { octetsOf } from "#pmip/hex";
import type { MobilityMessage } from "#pmip/packet/message";
import { readMobility } from "#pmip/packet/mobility";
import { nameOf } from "#pmip/subject";
import { address, configOf } from "#pmip/testing/configs";

export type Send = Extract<MobilityEffect, { type: "send" }>;

/** 1 January 2026, 00:00 UTC. */
export const EPOCH: Millis = Date.UTC(2026, 0, 1);

export class Node {
  core: Mobility;
  config: MobilityConfig;
  readonly effects: MobilityEffect[] = [];
  readonly places = new Map<string, Place>();
  /** Milliseconds that its clock is ahead. */
  skew = 0;

  constructor(config: MobilityConfig, now: Millis) {
    this.config = config;
    this.core = new Mobility(config, now);
  }

  place(subject: Subject): string {
    const place = this.places.get(nameOf(subject)) ?? "unknown";
    return typeof place === "string" ? place : place.mag;
  }

  of<T extends MobilityEffect["type"]>(type: T): Extract<MobilityEffect, { type: T }>[] {
    return this.effects.filter((effect): effect is Extract<MobilityEffect, { type: T }> => effect.type === type);
  }

  count(name: string): number {
    return this.core.view().counters[name] ?? 0;
  }
}

export class World {
  now: Millis = EPOCH;
  readonly nodes: Node[];
  /** All that was sent, with who sent it. */
  readonly sent: (Send & { readonly message: MobilityMessage })[] = [];
  /** False: the message is lost. */
  passes: (message: MobilityMessage, send: Send) => boolean = () => true;
  readonly #wire: Send[] = [];

  constructor(count: number, more: (index: number) => Partial<MobilityConfig> = () => ({})) {
    this.nodes = Array.from({ length: count }, (_, i) => new Node(configOf(i, count, more(i)), this.now));
  }

  node(index: number): Node {
    return this.nodes[index]!;
  }

  /** Tells node `index`, and lets messages go to and fro until there are none. */
  tell(index: number, event: MobilityEvent): void {
    this.tellOne(this.node(index), event);
    this.drain();
  }

  attach(
    index: number,
    vm: string,
    subject: Subject,
    more: { handoff?: boolean; claim?: Millis; after?: Millis } = {},
  ): void {
    this.tell(index, { type: "attached", vm, subjects: [subject], handoff: false, ...more });
  }

  drain(): void {
    for (let send = this.#wire.shift(); send !== undefined; send = this.#wire.shift()) this.deliver(send);
  }

  /** A packet that was sent, or that a test made. */
  deliver({ source, destination, octets }: Send): void {
    const to = this.nodes.find(({ core }) => core.instance.plan.addresses.has(destination));
    if (to !== undefined) this.tellOne(to, { type: "received", source, destination, octets });
  }

  /** Lets time pass; deadlines come when they come. */
  pass(span: Millis): void {
    const end = this.now + span;
    for (;;) {
      const next = this.nodes.map((node) => [node, (node.core.deadline() ?? NEVER) - node.skew] as const);
      const [node, at] = next.reduce((a, b) => (b[1] < a[1] ? b : a));
      if (at > end) break;
      this.now = Math.max(this.now, at);
      this.tellOne(node, { type: "time" });
      this.drain();
    }
    this.now = end;
  }

  /** Messages of a type, in the order of their sending. */
  messages<T extends MobilityMessage["type"]>(type: T): (Send & { message: Extract<MobilityMessage, { type: T }> })[] {
    return this.sent.filter(({ message }) => message.type === type) as never;
  }

  /** Kinds of messages sent since the last call, as `type from→to`, heartbeats apart. */
  talk(): string[] {
    const said = this.sent.splice(0).filter(({ message }) => message.type !== "heartbeat");
    return said.map(({ message, source, destination }) => {
      const status = "status" in message ? ` ${message.status}` : "";
      return `${SHORT[message.type]}${status} ${this.#index(source)}→${this.#index(destination)}`;
    });
  }

  /** Crashes and starts again, knowing nothing. */
  restart(index: number): void {
    const node = this.node(index);
    node.config = { ...node.config, restartCounter: node.config.restartCounter + 1 };
    node.core = new Mobility(node.config, this.now + node.skew);
    node.places.clear();
  }

  #index(of: AddressHex): string {
    const index = this.nodes.findIndex((_, i) => address(i) === of);
    return index < 0 ? of : `${index}`;
  }

  private tellOne(node: Node, event: MobilityEvent): void {
    for (const effect of node.core.handle(event, this.now + node.skew)) {
      node.effects.push(effect);
      if (effect.type === "send") this.#send(effect);
      if (effect.type === "whereabouts") node.places.set(nameOf(effect.subject), effect.place);
    }
  }

  #send(effect: Send): void {
    const message = messageIn(effect);
    this.sent.push({ ...effect, message });
    if (this.passes(message, effect)) this.#wire.push(effect);
  }
}

export function messageIn({ source, destination, octets }: Send): MobilityMessage {
  const message = readMobility(octets, octetsOf(source), octetsOf(destination));
  if (typeof message === "string") throw new Error(`a core sends what cannot be read: ${message}`);
  return message;
}

const SHORT: Record<MobilityMessage["type"], string> = {
  "binding-update": "PBU",
  "binding-ack": "PBA",
  "binding-error": "BE",
  heartbeat: "HB",
  revocation: "BRI",
  "revocation-ack": "BRA",
  "localized-routing-initiation": "LRI",
  "localized-routing-ack": "LRA",
};
