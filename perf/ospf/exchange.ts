/**
 * The core and the speaker in one process, without waiting, and without sockets where none are given: what the core itself
 * takes to become Full.
 */
import { parseIpv6 } from "#base/address";
import type { OspfEvent } from "#ospf/events";
import { Ospf } from "#ospf/ospf";
import { config, on, stub } from "#ospf/testing/configs";
import type { Kind } from "./area";
import { Speaker } from "./speaker";
import type { Station } from "./station";

const [OWN, OTHER] = [parseIpv6("fe80::1")!, parseIpv6("fe80::2")!];

interface Datagram {
  readonly destination: Uint8Array;
  readonly octets: Uint8Array;
}

/** Both ends of a link. */
export interface Link {
  readonly teller: Station;
  readonly learner: Station;
}

export class Exchange {
  readonly core: Ospf;
  readonly speaker: Speaker;
  /** Milliseconds in the core; until it was Full; in its longest call. */
  inCore = 0;
  full = 0;
  longest = 0;
  readonly #lsas: number;
  readonly #towardsCore: Datagram[] = [];
  readonly #towardsSpeaker: Datagram[] = [];
  readonly #link: Link | undefined;

  constructor(lsas: number, kind: Kind, link?: Link) {
    const interfaces = [on("eth1", { deadInterval: 40_000 })];
    const prefixes = [stub("2001:db8:a1:ff::1/128")];
    this.#lsas = lsas;
    this.#link = link;
    this.core = new Ospf({ config: config(1, { interfaces, prefixes, maxLsas: 100_000 }), seed: 1, clockOffset: 0 });
    const send = (destination: Uint8Array, octets: Uint8Array): void => {
      if (link === undefined) this.#towardsCore.push({ destination, octets });
      else link.teller.send(destination, octets);
    };
    this.speaker = new Speaker({ linkLocal: OTHER, lsas, kind, send, say: () => {} });
  }

  /** Until there are as many routes as that area has at least, or a minute is over. */
  run(): void {
    this.#tell({ type: "interfaceUp", interface: "eth1", interfaceId: 7, linkLocal: OWN, mtu: 1500 });
    this.speaker.begin();
    const end = performance.now() + 60_000;
    while (performance.now() < end && this.core.instance.table.routes.size < this.#lsas / 8) this.#turn();
  }

  #turn(): void {
    const { core, speaker } = this;
    if (performance.now() >= speaker.deadline()) speaker.timer(performance.now());
    if (performance.now() >= core.deadline()) this.#tell({ type: "timer" });
    this.#link?.teller.receive((datagram) => this.#towardsSpeaker.push(datagram));
    this.#link?.learner.receive((datagram) => this.#towardsCore.push(datagram));
    for (const { destination, octets } of this.#towardsSpeaker.splice(0))
      speaker.receive(OWN, destination, octets, performance.now());
    for (const { destination, octets } of this.#towardsCore.splice(0))
      this.#tell({ type: "packet", interface: "eth1", source: OTHER, destination, octets });
  }

  #tell(event: OspfEvent): void {
    const began = performance.now();
    let isFull = false;
    for (const effect of this.core.handle(event, began)) {
      if (effect.type === "send") this.#send(effect);
      else if (effect.type === "notice" && effect.text.endsWith("Full")) isFull = true;
    }
    this.core.deadline();
    const took = performance.now() - began;
    this.inCore += took;
    this.longest = Math.max(this.longest, took);
    if (isFull) this.full = this.inCore;
  }

  #send(datagram: Datagram): void {
    if (this.#link === undefined) this.#towardsSpeaker.push(datagram);
    else this.#link.learner.send(datagram.destination, datagram.octets);
  }
}
