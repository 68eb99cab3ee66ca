/**
 * The VMs' MAC addresses and IPv6 links: ARP (services/arp.ts), neighbor discovery and router advertisements
 * (services/vm-link6.ts) at work on the ports of local VMs. A VM has one MAC address however it was learnt, so a port has
 * one adjacency, and what one core learns the other is told.
 */
import { formatMac, parseIpv6, sameAddress } from "#base/address";
import { INJECT_RECEIVE } from "#fastpath/shared";
import { CONTROL_IGNORED, HOLD_ENDED, HOLD_OVERFLOW, ROGUE_RA, SPOOFED_MAC, SPOOFED_SOURCE } from "#fastpath/verdicts";
import { segmentOf } from "#router/config/broadcast";
import type { Configuration, Network, Vm } from "#router/config/model";
import type { Punt } from "#router/forwarders";
import type { PortState, Ports } from "#router/ports";
import { type ServicesIo, sendFrame } from "#router/services-io";
import type { NeighborView } from "#router/views";
import { fabricMtu, ipv6Mtu } from "#router/vm-dhcp";
import { Alarm } from "#runtime/alarm";
import { type ArpEffect, type ArpEvent, VmArp } from "#services/arp";
import { VmLink6 } from "#services/vm-link6";
import type { Refusal, VmLink6Effect, VmLink6Event, VmLink6Settings } from "#services/vm-link6/events";
import { SIZE as ETHERNET, ETHERTYPE_IPV6, etherType, source } from "#wire/ethernet";
import { destination, SIZE as IPV6, MINIMUM_MTU } from "#wire/ipv6";

/** The router's address on every VM's link. */
export const VM_GATEWAY6 = parseIpv6("fe80::1")!;

/** What a frame of neighbor discovery that must not come from a VM is counted as. */
const REFUSED: Readonly<Record<Refusal, number>> = {
  malformed: CONTROL_IGNORED,
  spoofedMac: SPOOFED_MAC,
  spoofedSource: SPOOFED_SOURCE,
  spoofedTarget: SPOOFED_SOURCE,
  rogueRouter: ROGUE_RA,
};

export class VmNeighbors {
  private readonly io: ServicesIo;
  private readonly gatewayMac: Uint8Array;
  private readonly arpCore = new VmArp();
  private readonly arpAlarm = new Alarm(() => this.tellArp({ type: "timer" }));
  private readonly linkCore = new VmLink6(crypto.getRandomValues(new Uint32Array(1))[0]!);
  private readonly linkAlarm = new Alarm(() => this.tellLink({ type: "timer" }));
  /** By port index. */
  private readonly adjacencies = new Map<number, number>();
  private readonly ports = new Map<number, PortState>();
  /** By index, the ports that are open, and what their IPv6 links are advertised with, if they are. */
  private readonly links = new Map<number, VmLink6Settings | undefined>();
  /** By index, the VMs that ARP is spoken with, and the networks they have been told of. */
  private readonly speaking = new Map<number, { vm: Vm; network: Network | undefined }>();
  private readonly held = new Map<number, Punt>();
  private nextHeld = 1;

  /**
   * Whether an IPv4 address is some VM's of a network that is not here, as far as this router knows. Set by who knows of
   * VMs elsewhere; a VM that probes for an address on its segment is then told that it is taken (RFC 5227).
   */
  isElsewhere: (network: Network, address: Uint8Array) => boolean = () => false;

  constructor(io: ServicesIo, gatewayMac: Uint8Array) {
    this.io = io;
    this.gatewayMac = gatewayMac;
  }

  add(port: PortState): void {
    const adjacency = this.io.groups.add({ port: port.index, mtu: port.mtu, ownMac: this.gatewayMac });
    this.adjacencies.set(port.index, adjacency);
    this.ports.set(adjacency, port);
  }

  opened(port: PortState): void {
    const { mac, ipv4, network } = port.vm!;
    this.io.groups.rebind(this.adjacencies.get(port.index)!, port.mtu, this.gatewayMac);
    this.links.set(port.index, undefined);
    if (ipv4 === undefined) return;
    this.speaking.set(port.index, { vm: port.vm!, network: undefined });
    this.tellArp({
      type: "attach",
      port: port.index,
      address: ipv4.address.bytes,
      gateway: network.gateway.bytes,
      gatewayMac: this.gatewayMac,
      ...(mac !== undefined && { mac: mac.bytes }),
    });
  }

  /** Speaks ARP, and advertises to the VMs with IPv6 addresses, at the ports that were opened, as the settings are now. */
  refresh(configuration: Configuration, ports: Ports): void {
    const mtu = fabricMtu(configuration, ports);
    // Of two ports of one name the later is the one that stays.
    const named = new Map([...ports.all.values()].map((port) => [port.vm?.name, port]));
    for (const vm of configuration.node.vms) {
      const port = named.get(vm.name);
      if (port === undefined || !this.links.has(port.index)) continue;
      this.refreshArp(port.index, vm);
      if (vm.ipv6.length > 0) this.refreshLink(port, vm, vm.network.dhcp?.mtu ?? ipv6Mtu(vm, mtu));
    }
  }

  private refreshArp(index: number, vm: Vm): void {
    const before = this.speaking.get(index);
    if (before === undefined || before.network === vm.network || vm.ipv4 === undefined) return;
    this.speaking.set(index, { vm, network: vm.network });
    const segment = segmentOf(vm.network, vm.ipv4.address.bytes);
    this.tellArp({
      ...{ type: "network", port: index, gateway: vm.network.gateway.bytes },
      ...(segment !== undefined && { segment: { prefix: segment.prefix, answers: segment.arp === "answer" } }),
    });
  }

  private refreshLink({ index, mtu }: PortState, vm: Vm, most: number): void {
    const settings = this.linkSettings(vm, Math.min(mtu, most));
    const before = this.links.get(index);
    if (before !== undefined && Bun.deepEquals(settings, before)) return;
    this.links.set(index, settings);
    this.tellLink({ type: "attach", port: index, settings });
    const known = this.arpCore.macOf(index);
    if (known !== undefined) this.tellLink({ type: "seen", port: index, mac: known });
  }

  closed(port: PortState): void {
    this.tellArp({ type: "detach", port: port.index });
    this.speaking.delete(port.index);
    this.links.delete(port.index);
    this.tellLink({ type: "detach", port: port.index });
  }

  /** The VM's network stops being here while its interface stays: it is told so. False: there is nobody to tell. */
  cease(port: PortState): boolean {
    if (this.links.get(port.index) === undefined) return false;
    this.links.delete(port.index);
    this.tellLink({ type: "cease", port: port.index });
    return true;
  }

  remove(port: PortState): void {
    const adjacency = this.adjacencies.get(port.index);
    if (adjacency === undefined) return;
    this.adjacencies.delete(port.index);
    this.ports.delete(adjacency);
    this.io.groups.remove(adjacency);
  }

  adjacencyOf(port: number): number {
    return this.adjacencies.get(port)!;
  }

  macOf(port: number): Uint8Array | undefined {
    return this.arpCore.macOf(port) ?? this.linkCore.macOf(port);
  }

  /** An ARP frame from a VM. */
  arp(port: PortState, octets: Uint8Array): void {
    const { malformed } = this.arpCore.counters;
    this.tellArp({ type: "frame", port: port.index, frame: octets });
    if (this.arpCore.counters.malformed > malformed) this.io.lost(port.index, CONTROL_IGNORED, octets);
  }

  /** Neighbor discovery from a VM. */
  nd(port: PortState, octets: Uint8Array): void {
    this.tellLink({ type: "frame", port: port.index, frame: octets });
  }

  /** A frame of the VM's own address came from a MAC not known yet. True: it is now. */
  learn(port: PortState, octets: Uint8Array): boolean {
    const seen = { type: "seen", port: port.index, mac: source(octets, 0) } as const;
    if (etherType(octets, 0) === ETHERTYPE_IPV6) this.tellLink(seen);
    else this.tellArp(seen);
    return this.macOf(port.index) !== undefined;
  }

  /** A VM has come to its port, as this frame of its shows: where packets to it go is known from its sender. */
  announced(port: PortState, octets: Uint8Array): void {
    const seen = { type: "seen", port: port.index, mac: source(octets, 0) } as const;
    if (port.vm!.ipv4 === undefined) this.tellLink(seen);
    else this.tellArp(seen);
  }

  /** The port whose VM is reached by this adjacency; undefined: none is. */
  portOf(adjacency: number): PortState | undefined {
    return this.ports.get(adjacency);
  }

  /** Keeps a frame until the VM's MAC is known. False: the adjacency is no VM's. */
  hold(punt: Punt): boolean {
    const port = this.ports.get(punt.adjacency);
    if (port === undefined) return false;
    if (port.trouble !== undefined) {
      this.io.lost(punt.frame.port, HOLD_ENDED, punt.octets); // nobody to ask
      return true;
    }
    const held = this.nextHeld++;
    this.held.set(held, punt);
    const address = ipv6HostOf(punt.octets, port.vm!);
    if (address === undefined) this.tellArp({ type: "resolve", port: port.index, held });
    else this.tellLink({ type: "resolve", port: port.index, address, held });
    return true;
  }

  view(): NeighborView[] {
    return [...this.ports.values()].flatMap(({ index, name, vm }) => {
      const mac = this.macOf(index);
      const state = vm!.mac !== undefined ? "configured" : mac !== undefined ? "learnt" : "unknown";
      const addresses = [...(vm!.ipv4 === undefined ? [] : [vm!.ipv4.address]), ...vm!.ipv6];
      return addresses.map(({ text }) => ({ port: name, address: text, mac: mac ? formatMac(mac) : null, state }));
    });
  }

  stop(): void {
    this.arpAlarm.cancel();
    this.linkAlarm.cancel();
  }

  private linkSettings({ network, ipv6, mac, dhcp }: Vm, mtu: number): VmLink6Settings {
    return {
      addresses: ipv6.map(({ bytes }) => bytes),
      gateway: VM_GATEWAY6,
      gatewayMac: this.gatewayMac,
      ...(mac !== undefined && { mac: mac.bytes }),
      mtu: Math.max(MINIMUM_MTU, mtu),
      advertises: network.ra,
      managed: dhcp && network.dhcp !== undefined,
      dnsServers: network.dhcp?.dns6.map(({ bytes }) => bytes) ?? [],
      domains: network.dhcp?.domain === undefined ? [] : [network.dhcp.domain],
    };
  }

  private tellArp(event: ArpEvent): void {
    const effects = this.arpCore.handle(event, performance.now());
    this.arpAlarm.set(this.arpCore.deadline());
    for (const effect of effects) this.carryOut(effect, "arp");
  }

  private tellLink(event: VmLink6Event): void {
    const effects = this.linkCore.handle(event, performance.now());
    this.linkAlarm.set(this.linkCore.deadline());
    const octets = event.type === "frame" ? event.frame : undefined;
    for (const effect of effects) this.carryOut(effect, "link", octets);
  }

  /** `from`: whose it is; the other core is told what it has learnt, and says nothing to what it knows. */
  private carryOut(effect: ArpEffect | VmLink6Effect, from: "arp" | "link", octets?: Uint8Array): void {
    switch (effect.type) {
      case "send":
        sendFrame(this.io, effect.port, effect.frame);
        return;
      case "adjacency":
        this.resolved(effect.port, effect.mac, from);
        return;
      case "release":
        for (const held of effect.held) this.letGo(held);
        return;
      case "drop":
        for (const held of effect.held) this.giveUp(held, effect.reason === "detached" ? HOLD_ENDED : HOLD_OVERFLOW);
        return;
      case "probed":
        if (this.isTaken(effect.port, effect.address))
          this.tellArp({ type: "taken", port: effect.port, frame: effect.frame });
        return;
      case "refused":
        this.io.lost(effect.port, REFUSED[effect.reason], octets);
    }
  }

  /** Whether another VM of the network has the address that the VM at this port asks about. */
  private isTaken(index: number, address: Uint8Array): boolean {
    const network = this.speaking.get(index)?.vm.network;
    if (network === undefined) return false;
    const isHere = [...this.speaking.values()].some(
      ({ vm }) => vm.network.tags === network.tags && sameAddress(vm.ipv4!.address.bytes, address),
    );
    return isHere || this.isElsewhere(network, address);
  }

  private resolved(port: number, mac: Uint8Array | "unresolved" | "failed", from: "arp" | "link"): void {
    const adjacency = this.adjacencies.get(port);
    if (adjacency === undefined) return;
    // What one core does not know the other may.
    const known = typeof mac === "string" ? (this.macOf(port) ?? mac) : mac;
    this.io.groups.set(adjacency, known);
    this.io.changed();
    if (typeof mac === "string") return;
    if (from === "arp") this.tellLink({ type: "seen", port, mac });
    else this.tellArp({ type: "seen", port, mac });
  }

  private giveUp(held: number, ending: number): void {
    const punt = this.held.get(held);
    this.held.delete(held);
    if (punt !== undefined) this.io.lost(punt.frame.port, ending, punt.octets);
  }

  private letGo(held: number): void {
    const punt = this.held.get(held);
    this.held.delete(held);
    if (punt !== undefined) this.io.inject(punt.frame, punt.octets, INJECT_RECEIVE);
  }
}

/** The VM's IPv6 address that a frame is for; undefined: it is for its IPv4 address. */
function ipv6HostOf(octets: Uint8Array, { ipv6 }: Vm): Uint8Array | undefined {
  if (etherType(octets, 0) !== ETHERTYPE_IPV6 || octets.length < ETHERNET + IPV6) return undefined;
  const to = destination(octets, ETHERNET);
  return ipv6.find(({ bytes }) => Buffer.compare(bytes, to) === 0)?.bytes;
}
