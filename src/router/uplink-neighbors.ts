/**
 * The neighbor cache of the uplinks at work: feeds it what forwarders punt and what routes name, carries out what it
 * says. Every next hop of a route is resolved before the first packet needs it.
 */
import { formatIpv6, formatMac, linkLocalFromMac, sameAddress } from "#base/address";
import { Malformed } from "#base/reader";
import type { Frame } from "#fastpath/frame";
import { INJECT_ORIGINATE, INJECT_RECEIVE } from "#fastpath/shared";
import { CONTROL_IGNORED, HOLD_FULL, HOLD_OVERFLOW, PUNT_OWN, type Verdict } from "#fastpath/verdicts";
import type { Punt } from "#router/forwarders";
import type { PortState } from "#router/ports";
import { type ServicesIo, sendFrame } from "#router/services-io";
import type { NeighborView } from "#router/views";
import { Alarm } from "#runtime/alarm";
import { Neighbors } from "#services/neighbors";
import type { NeighborEffect, NeighborEvent } from "#services/neighbors/events";
import { SIZE as ETHERNET, source as macSource } from "#wire/ethernet";
import { SIZE as IPV6 } from "#wire/ipv6";
import { isNeighborDiscovery, readNd } from "#wire/nd";
import { PROTOCOL_ICMP6 } from "#wire/protocol";

/** A next hop that routes use. */
interface Hop {
  /** False: it does not answer, or its port is down. */
  usable: boolean;
  readonly adjacency: number;
  readonly port: PortState;
  readonly address: Uint8Array;
}

export class UplinkNeighbors {
  private readonly io: ServicesIo;
  private readonly usableChanged: () => void;
  private readonly routerAddress: Uint8Array;
  private readonly cache: Neighbors;
  private readonly alarm = new Alarm(() => this.tell({ type: "timer" }));
  private readonly hops = new Map<string, Hop>();
  private readonly byAdjacency = new Map<number, Hop>();
  private readonly held = new Map<number, Punt>();
  private readonly names = new Map<number, string>();
  /** Open, but nothing is at the other end. */
  private readonly dark = new Set<PortState>();
  private nextHeld = 1;

  /** `usableChanged`: a next hop failed or came back. */
  constructor(io: ServicesIo, routerAddress: Uint8Array, usableChanged: () => void) {
    this.io = io;
    this.usableChanged = usableChanged;
    this.routerAddress = routerAddress;
    // Fabric links are point to point: nobody else asks at the same moment.
    this.cache = new Neighbors(crypto.getRandomValues(new Int32Array(1))[0]!, { maxDetectionDelay: 0 });
  }

  add(port: PortState): void {
    this.names.set(port.index, port.name);
  }

  opened(port: PortState): void {
    this.dark.delete(port);
    for (const hop of this.hopsOn(port)) {
      this.io.groups.set(hop.adjacency, "unresolved");
      this.io.groups.rebind(hop.adjacency, port.mtu, port.mac);
    }
    this.tell({
      type: "linkUp",
      port: port.index,
      mac: port.mac,
      linkLocal: linkLocalFromMac(port.mac),
      addresses: [this.routerAddress],
    });
    for (const hop of this.hopsOn(port)) this.resolve(hop);
  }

  /** Its next hops have failed: there is nothing to ask on, senders are told at once. */
  closed(port: PortState): void {
    this.tell({ type: "linkDown", port: port.index });
    for (const hop of this.hopsOn(port)) {
      this.io.groups.set(hop.adjacency, "failed");
      this.setUsable(hop, false);
    }
    this.io.changed();
  }

  /** What the kernel says of an open port's other end. True: it is news. */
  carrier(port: PortState, there: boolean): boolean {
    if (this.hasCarrier(port) === there) return false;
    if (there) this.opened(port);
    else {
      this.dark.add(port);
      this.closed(port);
    }
    return true;
  }

  hasCarrier(port: PortState): boolean {
    return !this.dark.has(port);
  }

  remove(port: PortState): void {
    this.names.delete(port.index);
    this.dark.delete(port);
    for (const [key, hop] of this.hops) {
      if (hop.port !== port) continue;
      this.hops.delete(key);
      this.byAdjacency.delete(hop.adjacency);
      this.io.groups.remove(hop.adjacency);
    }
  }

  /**
   * The adjacency of a next hop, made and asked for when it is new. `supposed`: the MAC address that it was heard from,
   * sent to until neighbor discovery knows better: a port that has just come up may not ask for a second (RFC 4862 §5.4).
   */
  adjacencyOf(port: PortState, address: Uint8Array, supposed?: Uint8Array): number {
    const key = hopKey(port.index, address);
    const known = this.hops.get(key);
    if (known !== undefined) return known.adjacency;
    const adjacency = this.io.groups.add({ port: port.index, mtu: port.mtu, ownMac: port.mac });
    const hop = { adjacency, port, address, usable: true };
    this.hops.set(key, hop);
    this.byAdjacency.set(adjacency, hop);
    if (port.trouble === undefined && this.hasCarrier(port)) {
      this.resolve(hop);
      // Known perhaps from what it said of itself, or as a next hop of before: that is not told again.
      const mac = this.knownMac(port, address) ?? supposed;
      if (mac !== undefined) this.io.groups.set(adjacency, mac);
    } else this.io.groups.set(adjacency, "failed");
    return adjacency;
  }

  /** After the routes changed: next hops that none of them names are let go. */
  forgetUnused(inUse: Iterable<{ readonly uplink: string; readonly address: Uint8Array }>): void {
    const named = new Set<string>();
    for (const { uplink, address } of inUse) named.add(`${uplink} ${formatIpv6(address)}`);
    for (const [key, hop] of this.hops) {
      if (named.has(`${hop.port.name} ${formatIpv6(hop.address)}`)) continue;
      this.hops.delete(key);
      this.byAdjacency.delete(hop.adjacency);
      this.io.groups.remove(hop.adjacency);
    }
  }

  /** The neighbor's MAC address; undefined: it is not known, and is asked for. */
  macOf(port: PortState, address: Uint8Array): Uint8Array | undefined {
    const mac = this.knownMac(port, address);
    if (mac === undefined) this.tell({ type: "resolve", port: port.index, address });
    return mac;
  }

  /** Takes neighbor discovery messages. False: it is something else. */
  take(port: PortState, punt: Punt): boolean {
    const b = punt.octets;
    if (b[ETHERNET + 6] !== PROTOCOL_ICMP6 || !isNeighborDiscovery(b[ETHERNET + IPV6]!)) return false;
    const packet = readNd(b, ETHERNET, b.length);
    if (packet instanceof Malformed) this.io.lost(port.index, CONTROL_IGNORED, b);
    else this.tell({ type: "packet", port: port.index, packet, linkSource: macSource(b, 0) });
    return true;
  }

  /** Keeps a frame until its next hop is known. False: the adjacency is no next hop of an uplink. */
  hold(punt: Punt): boolean {
    const hop = this.byAdjacency.get(punt.adjacency);
    if (hop === undefined) return false;
    if (hop.port.trouble !== undefined) {
      inject(this.io, punt.frame, punt); // there is nothing to ask on, and by now the adjacency says so to the sender
      return true;
    }
    const held = this.nextHeld++;
    this.held.set(held, punt);
    this.tell({ type: "resolve", port: hop.port.index, address: hop.address, held });
    return true;
  }

  /** Tells the cache which neighbors the forwarders have sent to since the last time. */
  noteUse(): void {
    for (const hop of this.byAdjacency.values()) {
      // Nothing is sent to a hop that failed, so nothing but this asks for it again.
      if (!hop.usable && hop.port.trouble === undefined) this.resolve(hop);
      if (this.io.groups.takeUsed(hop.adjacency))
        this.tell({ type: "used", port: hop.port.index, address: hop.address });
    }
  }

  view(): NeighborView[] {
    return this.cache.entries().map(({ port, address, mac, state }) => ({
      port: this.names.get(port) ?? `#${port}`,
      address: formatIpv6(address),
      mac: mac === null ? null : formatMac(mac),
      state: state.toLowerCase(),
    }));
  }

  /** States of next hops as they are now, each in a word, for `show routes`: by uplink and address. */
  states(): (uplink: string, address: string) => string {
    const known = new Map(this.view().map((n) => [`${n.port} ${n.address}`, n.mac === null ? n.state : "reachable"]));
    return (uplink, address) => known.get(`${uplink} ${address}`) ?? "unresolved";
  }

  stop(): void {
    this.alarm.cancel();
  }

  /** False: routes that have another next hop do without this one. */
  isUsable(adjacency: number): boolean {
    return this.byAdjacency.get(adjacency)?.usable ?? false;
  }

  /** The next hop that the adjacency stands for; undefined: it is none of an uplink's. */
  hopOf(adjacency: number): { readonly port: PortState; readonly address: Uint8Array } | undefined {
    return this.byAdjacency.get(adjacency);
  }

  private knownMac(port: PortState, address: Uint8Array): Uint8Array | undefined {
    const entry = this.cache.entries().find((e) => e.port === port.index && sameAddress(e.address, address));
    return entry?.mac ?? undefined;
  }

  private setUsable(hop: Hop, usable: boolean): void {
    if (hop.usable === usable) return;
    hop.usable = usable;
    this.usableChanged();
  }

  private hopsOn(port: PortState): Hop[] {
    return [...this.hops.values()].filter((hop) => hop.port === port);
  }

  private resolve(hop: Hop): void {
    this.tell({ type: "resolve", port: hop.port.index, address: hop.address });
  }

  private tell(event: NeighborEvent): void {
    const now = performance.now();
    for (const effect of this.cache.handle(event, now)) this.carryOut(effect);
    this.alarm.set(this.cache.deadline());
  }

  private carryOut(effect: NeighborEffect): void {
    switch (effect.type) {
      case "send":
        sendFrame(this.io, effect.port, effect.frame);
        return;
      case "adjacency": {
        const hop = this.hops.get(hopKey(effect.port, effect.address));
        if (hop === undefined) return;
        this.io.groups.set(hop.adjacency, effect.mac);
        if (effect.mac !== "unresolved") this.setUsable(hop, effect.mac !== "failed");
        this.io.changed();
        return;
      }
      case "release":
        for (const held of effect.held) this.letGo(held);
        return;
      case "fail": // the adjacency says "failed" by now: the frame ends there, with the ICMP error it is owed
        for (const held of effect.held) this.letGo(held);
        return;
      case "drop":
        for (const held of effect.held) this.giveUp(held, effect.reason === "full" ? HOLD_FULL : HOLD_OVERFLOW);
        return;
      default: // router flag, duplicate detection: shown, not acted upon
    }
  }

  private giveUp(held: number, ending: Verdict): void {
    const punt = this.held.get(held);
    this.held.delete(held);
    if (punt !== undefined) this.io.lost(punt.frame.port, ending, punt.octets);
  }

  private letGo(held: number): void {
    const punt = this.held.get(held);
    this.held.delete(held);
    if (punt !== undefined) inject(this.io, punt.frame, punt);
  }
}

/** Sends a held frame through the pipeline again: as received, or as this router's own. */
function inject(io: ServicesIo, frame: Frame, punt: Punt): void {
  io.inject(frame, punt.octets, punt.verdict === PUNT_OWN ? INJECT_ORIGINATE : INJECT_RECEIVE);
}

const hopKey = (port: number, address: Uint8Array): string => `${port} ${formatIpv6(address)}`;
