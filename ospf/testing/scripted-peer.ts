/** A neighbor played by a test: says what it is told to, and hears what the core says. */

import { Malformed } from "#base/reader";
import type { InterfaceConfig, OspfConfig } from "#ospf/config";
import type { OspfEffect, OspfEvent, SendEffect } from "#ospf/events";
import { Ospf, type OspfOptions } from "#ospf/ospf";
import {
  ALL_SPF_ROUTERS,
  DATABASE_DESCRIPTION,
  HELLO,
  LINK_STATE_ACKNOWLEDGMENT,
  LINK_STATE_REQUEST,
  LINK_STATE_UPDATE,
} from "#ospf/packet/header";
import type { Lsa, LsaBody } from "#ospf/packet/lsa";
import { INITIAL_SEQUENCE_NUMBER } from "#ospf/packet/lsa-header";
import { writeLsa } from "#ospf/packet/lsa-writer";
import { OPTION_E, OPTION_R, OPTION_V6 } from "#ospf/packet/options";
import { DD_I, DD_M, DD_MS, type Hello, type OspfPacket, readPacket, writePacket } from "#ospf/packet/packet";
import type { Neighbor } from "#ospf/state";
import { config, on } from "#ospf/testing/configs";
import { recordOf, type StepRecord } from "#ospf/testing/step";

/** Our core under test: router 10.0.0.2 (0x0a000002) with one interface "up0", interface id 7. */
export const OWN_ID = 0x0a00_0002;

export const OPTIONS = OPTION_V6 | OPTION_R | OPTION_E;

/** Of a peer, by its router id. */
export const linkLocal = (last: number): Uint8Array => {
  const address = new Uint8Array(16);
  address.set([0xfe, 0x80]);
  address[15] = last;
  return address;
};
export const OWN_ADDRESS = linkLocal(2);

export type Said = SendEffect & { readonly packet: OspfPacket };

type Part<T extends OspfPacket["type"]> = Partial<Extract<OspfPacket, { type: T }>>;

export class Bench {
  readonly core: Ospf;
  now = 1000;
  readonly #record: StepRecord;
  /** Packets of the core, in order, since `hear` was asked last. */
  #said: Said[] = [];
  /** Sees every packet's octets. */
  onSend: ((octets: Uint8Array) => void) | undefined;
  /** It is to send while it works. */
  isHurried = false;
  /** How many LSAs it wanted of its neighbors when it did. */
  readonly requestsWhenSent: number[] = [];
  /** Everything else it wants done. */
  readonly effects: OspfEffect[] = [];

  constructor(more: Partial<InterfaceConfig> = {}, rest: Partial<OspfConfig> = {}) {
    const options: OspfOptions = {
      config: config(OWN_ID, { interfaces: [on("up0", more)], ...rest }),
      seed: 1,
      clockOffset: 1_700_000_000_000,
    };
    this.core = new Ospf(options);
    this.#record = recordOf(options);
    this.tell({ type: "interfaceUp", interface: "up0", interfaceId: 7, linkLocal: OWN_ADDRESS, mtu: 1500 });
  }

  tell(event: OspfEvent): void {
    const early = (effect: SendEffect): void => {
      const neighbors = [...this.core.instance.interfaces.get(effect.interface)!.neighbors.values()];
      this.requestsWhenSent.push(...neighbors.map(({ requests }) => requests.size));
      this.#sent(effect);
    };
    const effects = this.core.handle(event, this.now, this.isHurried ? early : undefined);
    this.#record.add(this.now, event, effects);
    for (const effect of effects) {
      if (effect.type === "send") this.#sent(effect);
      else this.effects.push(effect);
    }
  }

  #sent(effect: SendEffect): void {
    this.onSend?.(effect.octets);
    const guarded = this.core.instance.interfaces.get(effect.interface)!.config.authentication !== undefined;
    const read = readPacket(effect, guarded ? "trailer" : "checksum");
    if (read instanceof Malformed) throw new Error(`the core sent a malformed packet: ${read.error}`);
    this.#said.push({ ...effect, packet: read.packet });
  }

  /** Lets time pass, in steps of the core's own deadlines. */
  pass(millis: number): void {
    const end = this.now + millis;
    for (let steps = 0; this.core.deadline() <= end; steps++) {
      if (steps > 100_000) throw new Error("the core's deadline does not advance");
      this.now = Math.max(this.now, this.core.deadline());
      this.tell({ type: "timer" });
    }
    this.now = end;
  }

  /** What the core has said since the last call. */
  hear(): Said[] {
    const said = this.#said;
    this.#said = [];
    return said;
  }

  /** Those of one type. */
  heard<T extends OspfPacket["type"]>(type: T): Extract<OspfPacket, { type: T }>[] {
    return this.hear()
      .map(({ packet }) => packet)
      .filter((packet): packet is Extract<OspfPacket, { type: T }> => packet.type === type);
  }

  neighbor(routerId: number): Neighbor | undefined {
    return this.core.instance.interfaces.get("up0")!.neighbors.get(routerId);
  }

  state(routerId: number): string {
    return this.neighbor(routerId)?.state ?? "none";
  }
}

export class Peer {
  readonly bench: Bench;
  readonly routerId: number;
  readonly address: Uint8Array;
  sequence = 5000;
  /** What it said last of who is designated: it stands by that. */
  #parts: Partial<Hello> = {};

  constructor(bench: Bench, routerId = 0x0a00_0001) {
    this.bench = bench;
    this.routerId = routerId;
    this.address = linkLocal(routerId & 0xff);
  }

  say(packet: OspfPacket, destination = ALL_SPF_ROUTERS): void {
    const octets = writePacket(packet, this.address, destination);
    this.bench.tell({ type: "packet", interface: "up0", source: this.address, destination, octets });
  }

  #sender() {
    return { routerId: this.routerId, areaId: 0, instanceId: 0 };
  }

  hello(more: Partial<Hello> = {}): void {
    const { designatedRouter = 0, backupDesignatedRouter = 0 } = more;
    this.#parts = { designatedRouter, backupDesignatedRouter };
    this.say({
      type: HELLO,
      ...this.#sender(),
      interfaceId: 3,
      priority: 1,
      options: OPTIONS,
      helloInterval: 1,
      routerDeadInterval: 4,
      designatedRouter: 0,
      backupDesignatedRouter: 0,
      neighbors: [OWN_ID],
      ...more,
    });
  }

  describe(more: Part<typeof DATABASE_DESCRIPTION>): void {
    this.say({
      type: DATABASE_DESCRIPTION,
      ...this.#sender(),
      options: OPTIONS,
      interfaceMtu: 1500,
      flags: 0,
      sequence: this.sequence,
      headers: [],
      ...more,
    });
  }

  request(requests: Extract<OspfPacket, { type: typeof LINK_STATE_REQUEST }>["requests"]): void {
    this.say({ type: LINK_STATE_REQUEST, ...this.#sender(), requests });
  }

  update(...lsas: Lsa[]): void {
    this.say({ type: LINK_STATE_UPDATE, ...this.#sender(), lsas });
  }

  acknowledge(...lsas: Lsa[]): void {
    this.say({ type: LINK_STATE_ACKNOWLEDGMENT, ...this.#sender(), headers: lsas.map(({ header }) => header) });
  }

  /** An LSA as this peer would originate it, unless told otherwise. */
  lsa(
    body: LsaBody,
    more: { age?: number; linkStateId?: number; advertisingRouter?: number; sequence?: number } = {},
  ): Lsa {
    return writeLsa(
      { age: 0, linkStateId: 0, advertisingRouter: this.routerId, sequence: INITIAL_SEQUENCE_NUMBER, ...more },
      body,
    );
  }

  /** Up to ExStart. */
  greet(): void {
    this.hello(this.#parts);
    this.bench.hear();
  }

  /**
   * The whole exchange with this peer as the slave or master its router id makes it; it describes `headers` of LSAs and,
   * if the core asks for them, gives them. Ends in Full.
   */
  becomeFull(...lsas: Lsa[]): void {
    this.greet();
    const headers = lsas.map(({ header }) => header);
    if (this.routerId > OWN_ID) {
      this.describe({ flags: DD_I | DD_M | DD_MS });
      this.sequence++;
      this.describe({ flags: DD_MS, headers });
    } else {
      const { exchange } = this.bench.neighbor(this.routerId)!;
      this.describe({ sequence: exchange.sequence, headers, flags: 0 });
      while (this.bench.state(this.routerId) === "Exchange") this.describe({ sequence: exchange.sequence });
    }
    if (lsas.length > 0) this.update(...lsas);
    for (const { packet } of this.bench.hear()) {
      if (packet.type === LINK_STATE_UPDATE) this.acknowledge(...packet.lsas);
    }
  }
}
