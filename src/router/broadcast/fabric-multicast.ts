/**
 * Multicast on the fabric's links (services/mld.ts) at work on the uplinks: a hypervisor asks for the channels of its
 * segments, a switch hears who asks for what, asks for it in turn where the source is, and tells forwarders which ports it
 * goes to. Links change, and so do routes: both are looked at a few times a second.
 */
import { linkLocalFromMac } from "#base/address";
import { Malformed } from "#base/reader";
import type { MulticastRoutePlan } from "#fastpath/tables/segment-builder";
import { CONTROL_IGNORED } from "#fastpath/verdicts";
import type { PortState, Ports } from "#router/ports";
import { type ServicesIo, sendFrame } from "#router/services-io";
import { Alarm } from "#runtime/alarm";
import { Mld } from "#services/mld";
import type { Channel, MldCounters, MldEvent } from "#services/mld/events";
import { SIZE as ETHERNET } from "#wire/ethernet";
import * as ipv6 from "#wire/ipv6";
import { isMld, readMld } from "#wire/mld";
import { solicitedNode } from "#wire/nd";
import { PROTOCOL_ICMP6 } from "#wire/protocol";

export interface FabricMulticastOptions {
  readonly io: ServicesIo;
  readonly ports: Pick<Ports, "all">;
  readonly hasCarrier: (port: PortState) => boolean;
  /** Index of the port by which the address is reached; undefined: by none. */
  readonly portTo: (address: Uint8Array) => number | undefined;
  /** A switch, which forwards what others ask it for; the configuration may change that. */
  readonly isRouter: () => boolean;
  /** Groups that a router listens to at its uplinks, besides those that follow from its addresses. */
  readonly groups: readonly Uint8Array[];
  /** The router's own address. */
  readonly address: Uint8Array;
  /** Uplinks, routers there or routes of groups are others now. */
  readonly changed: () => void;
}

interface Link {
  readonly port: PortState;
  /** Its MAC address when it came up: with another one it is another link. */
  readonly mac: Uint8Array;
  readonly isRouter: boolean;
}

export class FabricMulticast {
  readonly #options: FabricMulticastOptions;
  readonly #core = new Mld(crypto.getRandomValues(new Uint32Array(1))[0]!);
  readonly #alarm = new Alarm(() => this.#tell({ type: "timer" }));
  readonly #links = new Map<number, Link>();
  /** What this router itself listens to. */
  #wanted: readonly Channel[] = [];
  #routes: readonly MulticastRoutePlan[] = [];
  /** Routes, as one word. */
  #word = "";
  #wasRouted = false;

  constructor(options: FabricMulticastOptions) {
    this.#options = options;
  }

  get counters(): Readonly<MldCounters> {
    return this.#core.counters;
  }

  /** Of a switch. */
  get routes(): readonly MulticastRoutePlan[] {
    return this.#routes;
  }

  /** Indexes of uplinks that are up, ascending. */
  get uplinks(): number[] {
    return [...this.#links.keys()].sort((a, b) => a - b);
  }

  /** True: at every uplink a multicast router was heard lately; false without uplinks. */
  get isRouted(): boolean {
    const now = performance.now();
    return this.#links.size > 0 && [...this.#links.keys()].every((port) => this.#core.hasRouter(port, now));
  }

  /** True: a multicast router was heard at the port lately. */
  hasRouter(port: number): boolean {
    return this.#core.hasRouter(port, performance.now());
  }

  /** Channels that are asked for at the port. */
  askedFor(port: number): readonly Channel[] {
    return this.#core.wantedAt(port);
  }

  /** What this router itself is to hear from now on. */
  want(channels: readonly Channel[]): void {
    this.#wanted = channels;
    this.#ask();
  }

  /** Links that came or went, routes that changed. */
  look(): void {
    const up = new Map<number, PortState>();
    for (const port of this.#options.ports.all.values()) {
      if (port.kind === "uplink" && port.trouble === undefined && this.#options.hasCarrier(port))
        up.set(port.index, port);
    }
    const isRouter = this.#options.isRouter();
    let isChanged = false;
    for (const [index, { port, mac, isRouter: was }] of this.#links) {
      if (up.get(index) === port && port.mac === mac && was === isRouter) continue;
      this.#links.delete(index);
      this.#tell({ type: "down", port: index });
      isChanged = true;
    }
    for (const [index, port] of up) {
      if (this.#links.has(index)) continue;
      const { mac } = port;
      this.#links.set(index, { port, mac, isRouter });
      const { groups: others, address: own } = this.#options;
      const address = linkLocalFromMac(mac);
      const groups = [...others, solicitedNode(own), solicitedNode(address)];
      this.#tell({ type: "up", port: index, mac, address, isRouter, groups });
      isChanged = true;
    }
    this.#ask();
    const { isRouted } = this;
    if (isChanged || isRouted !== this.#wasRouted) this.#options.changed();
    this.#wasRouted = isRouted;
  }

  /** A frame that was punted for this router. False: it is not MLD. */
  take(port: PortState, octets: Uint8Array): boolean {
    if (!isMldFrame(octets)) return false;
    const packet = readMld(octets, ETHERNET, octets.length);
    if (packet instanceof Malformed) this.#options.io.lost(port.index, CONTROL_IGNORED, octets);
    else this.#tell({ type: "packet", port: port.index, packet });
    return true;
  }

  stop(): void {
    this.#alarm.cancel();
  }

  /** All that is wanted here or at other ports, where its source is; and what comes of that for forwarders. */
  #ask(): void {
    const ways = new Map<string, number | undefined>();
    const wayTo = (source: string): number | undefined => {
      if (!ways.has(source)) ways.set(source, this.#options.portTo(Uint8Array.fromHex(source)));
      return ways.get(source);
    };
    const routes = this.#options.isRouter() ? this.#routesBy(wayTo) : [];
    const asked = new Map<number, Channel[]>([...this.#links.keys()].map((port) => [port, []]));
    for (const channel of this.#wanted) asked.get(wayTo(channel.source) ?? -1)?.push(channel);
    for (const { source, group, from } of routes)
      asked.get(from)?.push({ source: source.toHex(), group: group.toHex() });
    for (const [port, channels] of asked) this.#tell({ type: "want", port, channels });
    const word = routes
      .map(({ source, group, from, to }) => `${source.toHex()} ${group.toHex()} ${from} ${to}`)
      .join(",");
    if (word === this.#word) return;
    this.#word = word;
    this.#routes = routes;
    this.#options.changed();
  }

  #routesBy(wayTo: (source: string) => number | undefined): MulticastRoutePlan[] {
    const routes: MulticastRoutePlan[] = [];
    for (const [group, sources] of this.#core.listened()) {
      for (const [source, ports] of sources) {
        const from = wayTo(source);
        const to = ports.filter((port) => port !== from).sort((a, b) => a - b);
        if (from !== undefined && to.length > 0)
          routes.push({ source: Uint8Array.fromHex(source), group: Uint8Array.fromHex(group), from, to });
      }
    }
    return routes;
  }

  #tell(event: MldEvent): void {
    const effects = this.#core.handle(event, performance.now());
    this.#alarm.set(this.#core.deadline());
    for (const effect of effects) if (effect.type === "send") sendFrame(this.#options.io, effect.port, effect.frame);
    if (effects.some(({ type }) => type === "changed")) this.#ask();
  }
}

/** By type alone: whether it is valid is another question. */
function isMldFrame(octets: Uint8Array): boolean {
  const found = new ipv6.Extensions();
  if (!ipv6.fits(octets, ETHERNET, octets.length)) return false;
  const end = ETHERNET + ipv6.SIZE + ipv6.payloadLength(octets, ETHERNET);
  if (ipv6.extensions(octets, ETHERNET, end, found) !== ipv6.EXTENSIONS_WHOLE) return false;
  return found.protocol === PROTOCOL_ICMP6 && found.payload < end && isMld(octets[found.payload]!);
}
