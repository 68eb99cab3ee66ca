/** The VMs' MAC addresses: ARP (services/arp.ts) at work on the ports of local VMs. */
import { formatIpv4, formatMac } from "#base/address";
import { INJECT_RECEIVE } from "#fastpath/shared";
import { CONTROL_IGNORED, HOLD_ENDED, HOLD_OVERFLOW, type Verdict } from "#fastpath/verdicts";
import type { Punt } from "#router/forwarders";
import type { PortState } from "#router/ports";
import { type ServicesIo, sendFrame } from "#router/services-io";
import type { NeighborView } from "#router/views";
import { Alarm } from "#runtime/alarm";
import { type ArpEffect, type ArpEvent, VmArp } from "#services/arp";

export class VmNeighbors {
  private readonly io: ServicesIo;
  private readonly gatewayMac: Uint8Array;
  private readonly core = new VmArp();
  private readonly alarm = new Alarm(() => this.tell({ type: "timer" }));
  /** By port index. */
  private readonly adjacencies = new Map<number, number>();
  private readonly ports = new Map<number, PortState>();
  private readonly held = new Map<number, Punt>();
  private nextHeld = 1;

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
    const vm = port.vm!;
    this.io.groups.rebind(this.adjacencies.get(port.index)!, port.mtu, this.gatewayMac);
    this.tell({
      type: "attach",
      port: port.index,
      address: vm.address.bytes,
      gateway: vm.network.gateway.bytes,
      gatewayMac: this.gatewayMac,
      ...(vm.mac !== undefined && { mac: vm.mac.bytes }),
    });
  }

  closed(port: PortState): void {
    this.tell({ type: "detach", port: port.index });
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
    return this.core.macOf(port);
  }

  /** An ARP frame from a VM. */
  arp(port: PortState, octets: Uint8Array): void {
    const { malformed } = this.core.counters;
    this.tell({ type: "frame", port: port.index, frame: octets });
    if (this.core.counters.malformed > malformed) this.io.lost(port.index, CONTROL_IGNORED);
  }

  /** An IPv4 frame of the VM's own address came from a MAC not known yet. True: it is now. */
  learn(port: PortState, mac: Uint8Array): boolean {
    this.tell({ type: "seen", port: port.index, mac });
    return this.core.macOf(port.index) !== undefined;
  }

  /** Keeps a frame until the VM's MAC is known. False: the adjacency is no VM's. */
  hold(punt: Punt): boolean {
    const port = this.ports.get(punt.adjacency);
    if (port === undefined) return false;
    if (port.trouble !== undefined) {
      this.io.lost(punt.frame.port, HOLD_ENDED); // nobody to ask
      return true;
    }
    const held = this.nextHeld++;
    this.held.set(held, punt);
    this.tell({ type: "resolve", port: port.index, held });
    return true;
  }

  view(): NeighborView[] {
    return [...this.ports.values()].map(({ index, name, vm }) => {
      const mac = this.core.macOf(index);
      const state = vm!.mac !== undefined ? "configured" : mac !== undefined ? "learnt" : "unknown";
      return { port: name, address: formatIpv4(vm!.address.bytes), mac: mac ? formatMac(mac) : null, state };
    });
  }

  stop(): void {
    this.alarm.cancel();
  }

  private tell(event: ArpEvent): void {
    for (const effect of this.core.handle(event, performance.now())) this.carryOut(effect);
    this.alarm.set(this.core.deadline());
  }

  private carryOut(effect: ArpEffect): void {
    switch (effect.type) {
      case "send":
        sendFrame(this.io, effect.port, effect.frame);
        return;
      case "adjacency": {
        const adjacency = this.adjacencies.get(effect.port);
        if (adjacency === undefined) return;
        this.io.groups.set(adjacency, effect.mac);
        this.io.changed();
        return;
      }
      case "release":
        for (const held of effect.held) this.letGo(held);
        return;
      case "drop":
        for (const held of effect.held) this.giveUp(held, effect.reason === "detached" ? HOLD_ENDED : HOLD_OVERFLOW);
    }
  }

  private giveUp(held: number, ending: Verdict): void {
    const punt = this.held.get(held);
    this.held.delete(held);
    if (punt !== undefined) this.io.lost(punt.frame.port, ending);
  }

  private letGo(held: number): void {
    const punt = this.held.get(held);
    this.held.delete(held);
    if (punt !== undefined) this.io.inject(punt.frame, punt.octets, INJECT_RECEIVE);
  }
}
