/**
 * A database exchange between two OSPF cores of their own, in memory and in a time of their own: nobody is told, and
 * nothing of it is kept. What it leaves behind is compiled code, so that the first real exchange need not wait for it.
 */
import { linkLocalFromMac } from "#base/address";
import { type Millis, NEVER } from "#base/time";
import { DEFAULT_SPF_DELAYS, type InterfaceConfig, type OspfConfig } from "#ospf/config";
import type { OspfEffect, OspfEvent } from "#ospf/events";
import { Ospf } from "#ospf/ospf";
import { ALL_SPF_ROUTERS } from "#ospf/packet/header";
import { framesOf, OspfReader } from "#router/ospf/frames";
import { areaOf, routerId } from "#router/ospf/rehearsal/area";
import { answerAsGate, type GateOptions, updatesOf } from "#router/ospf/rehearsal/gate";
import { Reassembly } from "#services/fragments";

const MTU = 1500;
const INTERVALS = { helloInterval: 10, routerDeadInterval: 40 };
const macOf = (i: number): Uint8Array => Uint8Array.of(2, 0, 0, 0, 0, i);
const GATE_OPTIONS: GateOptions = { linkLocal: linkLocalFromMac(macOf(1)), mtu: MTU, hello: INTERVALS };
const TELLER = { id: routerId(0x1_0000), mac: macOf(2) };
const LEARNER = { id: routerId(0x1_0001), mac: macOf(3) };
/** With a fraction, as the real clock has it: code that has only seen whole milliseconds is compiled for those. */
const EPOCH: Millis = 1000.123_456;
/** Events of either core: a fault of theirs must not make this endless. */
const MOST_EVENTS = 10_000;

export interface Outcome {
  /** LSAs of the area that the second core has. */
  readonly learnt: number;
  /** Routes that it computed. */
  readonly routes: number;
}

/**
 * Yields after each event, a few hundred microseconds at most once compiled. The first core learns an area of so many
 * routers (six LSAs each) by flooding, the second all of it from the first by a database exchange.
 */
export function* rehearse(routers: number): Generator<void, Outcome> {
  const teller = new Party(TELLER, ["gate", "link"]);
  const learner = new Party(LEARNER, ["link"]);
  yield* learnFromGate(teller, routers);
  teller.up("link");
  learner.up("link");
  yield* converse(teller, learner, 3 * routers);
  const { lsaCount, table } = learner.core.instance;
  return { learnt: lsaCount, routes: table.routes.size };
}

function* learnFromGate(teller: Party, routers: number): Generator<void> {
  const { linkLocal } = GATE_OPTIONS;
  const deliver = (octets: Uint8Array): void =>
    teller.tell({ type: "packet", interface: "gate", source: linkLocal, destination: ALL_SPF_ROUTERS, octets });
  teller.up("gate");
  for (let sent = teller.takeSent(); sent.length > 0; sent = teller.takeSent()) {
    for (const each of sent) {
      const answer = answerAsGate(each, GATE_OPTIONS);
      if (answer !== undefined) deliver(answer);
      yield;
    }
  }
  const beyond = { routerId: TELLER.id, interfaceId: teller.interfaceIdOf("gate") };
  for (const update of updatesOf(areaOf(routers, beyond), linkLocal)) {
    deliver(update);
    yield;
  }
  teller.takeSent();
}

/** Until the learner has so many routes. */
function* converse(teller: Party, learner: Party, routes: number): Generator<void> {
  for (let events = 0; events < MOST_EVENTS && learner.core.instance.table.routes.size < routes; ) {
    const [toLearner, toTeller] = [teller.takeSent(), learner.takeSent()];
    for (const sent of toLearner) {
      if (sent.interface === "link") learner.hear(sent, TELLER.mac);
      yield;
    }
    for (const sent of toTeller) {
      teller.hear(sent, LEARNER.mac);
      yield;
    }
    events += toLearner.length + toTeller.length + 1;
    if (toLearner.length + toTeller.length > 0) continue;
    const next = Math.min(teller.core.deadline(), learner.core.deadline());
    if (next === NEVER) return;
    for (const party of [teller, learner]) {
      party.passTo(next);
      yield;
    }
  }
}

type Sent = Extract<OspfEffect, { type: "send" }>;

class Party {
  readonly core: Ospf;
  private readonly mac: Uint8Array;
  private readonly names: readonly string[];
  private readonly reader = new OspfReader(new Reassembly());
  private now: Millis = EPOCH;
  private sent: Sent[] = [];

  constructor({ id, mac }: { readonly id: number; readonly mac: Uint8Array }, names: readonly string[]) {
    this.mac = mac;
    this.names = names;
    this.core = new Ospf({ config: configOf(id, names), seed: id, clockOffset: 0 });
  }

  up(name: string): void {
    const link = { interface: name, interfaceId: this.interfaceIdOf(name), linkLocal: linkLocalFromMac(this.mac) };
    this.tell({ type: "interfaceUp", ...link, mtu: MTU });
    this.tell({ type: "timer" });
  }

  interfaceIdOf(name: string): number {
    return 1 + this.names.indexOf(name);
  }

  tell(event: OspfEvent): void {
    for (const effect of this.core.handle(event, this.now)) if (effect.type === "send") this.sent.push(effect);
    this.core.deadline();
  }

  /** What the other end sent, by way of the frames that it would come in. */
  hear(sent: Sent, from: Uint8Array): void {
    for (const frame of framesOf(sent, { mac: from, to: this.mac, mtu: MTU, identification: 0 })) {
      const read = this.reader.read(frame, linkLocalFromMac(this.mac), this.now);
      if (typeof read === "string") continue;
      const { source, destination, octets } = read;
      this.tell({ type: "packet", interface: "link", source, destination, octets });
    }
  }

  passTo(now: Millis): void {
    this.now = Math.max(this.now, now);
    this.tell({ type: "timer" });
  }

  /** What it has sent since it was asked last. */
  takeSent(): Sent[] {
    const { sent } = this;
    this.sent = [];
    return sent;
  }
}

const configOf = (id: number, names: readonly string[]): OspfConfig => ({
  routerId: id,
  areas: [{ id: 0, kind: "normal", summaries: true, defaultCost: 1, ranges: [], translate: "candidate" }],
  interfaces: names.map(interfaceOf),
  prefixes: [],
  external: [],
  spf: DEFAULT_SPF_DELAYS,
  gracefulRestart: { period: 60, helper: true },
  maxPaths: 64,
  maxLsas: 10_000,
});

const interfaceOf = (name: string): InterfaceConfig => ({
  ...{ name, area: 0, kind: "point-to-point", cost: 10, priority: 1, instanceId: 0, prefixes: [] },
  ...{ helloInterval: 1000 * INTERVALS.helloInterval, deadInterval: 1000 * INTERVALS.routerDeadInterval },
  ...{ retransmitInterval: 5000, transmitDelay: 1, passive: false, mtuIgnore: false, bfd: false },
});
