/** The VMs' DHCPv6 server (services/dhcp6.ts) at work on the ports of local VMs. */
import { formatIpv6, formatMac } from "#base/address";
import { CONTROL_IGNORED, PUNT_LIMITED } from "#fastpath/verdicts";
import type { Configuration, DhcpSettings, Vm } from "#router/config/model";
import type { Punt } from "#router/forwarders";
import type { Log } from "#router/log";
import type { PortState, Ports } from "#router/ports";
import { type ServicesIo, sendFrame } from "#router/services-io";
import type { DhcpView } from "#router/views";
import { VM_GATEWAY6 } from "#router/vm-neighbors";
import { Alarm } from "#runtime/alarm";
import { Dhcp6Server } from "#services/dhcp6";
import type { Client6, Dhcp6Effect, Dhcp6Event, Dhcp6Settings } from "#services/dhcp6/events";

/** What a port is served with. */
interface Served {
  readonly port: PortState;
  readonly vm: Vm;
}

export class VmDhcp6 {
  private readonly io: ServicesIo;
  private readonly log: Log;
  private readonly ports: Ports;
  private readonly core = new Dhcp6Server();
  private readonly alarm = new Alarm(() => this.tell({ type: "timer" }));
  /** By port index. */
  private readonly served = new Map<number, Served>();

  constructor(io: ServicesIo, ports: Ports, log: Log) {
    this.io = io;
    this.ports = ports;
    this.log = log;
  }

  /** Serves the VMs whose ports are open, with the settings that hold now. */
  refresh({ node, fabric }: Configuration): void {
    const gone = new Set(this.served.keys());
    // Of two ports of one name the later is the one that stays.
    const open = new Map([...this.ports.all.values()].map((port) => [port.vm?.name, port]));
    const events: Dhcp6Event[] = [];
    for (const vm of node.vms) {
      const port = open.get(vm.name);
      const { dhcp } = vm.network;
      const isServed = vm.dhcp && vm.ipv6.length > 0;
      if (port === undefined || port.trouble !== undefined || dhcp === undefined || !isServed) continue;
      const { index } = port;
      gone.delete(index);
      const before = this.served.get(index);
      if (before?.port === port && before.vm === vm) continue;
      if (before !== undefined && before.port !== port) events.push({ type: "end", port: index }); // another's index
      this.served.set(index, { port, vm });
      events.push({ type: "serve", port: index, settings: settingsOf(vm, dhcp, fabric.gatewayMac.bytes) });
    }
    for (const index of gone) {
      this.served.delete(index);
      events.push({ type: "end", port: index });
    }
    this.tell(...events);
  }

  take({ frame, octets }: Punt): void {
    this.tell({ type: "frame", port: frame.port, frame: octets, unfinished: frame.partial });
  }

  /** A line for each address. */
  view(): DhcpView[] {
    const now = performance.now();
    return [...this.core.clients()].flatMap((client) => {
      const served = this.served.get(client.port);
      return served === undefined ? [] : viewsOf(client, served.vm, now);
    });
  }

  stop(): void {
    this.alarm.cancel();
  }

  private tell(...events: Dhcp6Event[]): void {
    const now = performance.now();
    for (const event of events) {
      const octets = event.type === "frame" ? event.frame : undefined;
      for (const effect of this.core.handle(event, now)) this.carryOut(effect, octets);
    }
    this.alarm.set(this.core.deadline());
  }

  private carryOut(effect: Dhcp6Effect, octets: Uint8Array | undefined): void {
    switch (effect.type) {
      case "send":
        sendFrame(this.io, effect.port, effect.frame);
        return;
      case "lost":
        this.io.lost(effect.port, effect.reason === "limited" ? PUNT_LIMITED : CONTROL_IGNORED, octets);
        return;
      case "declined": {
        const vm = this.served.get(effect.port)?.vm;
        const address = formatIpv6(effect.address);
        this.log.warn(`VM ${vm?.name}: its DHCPv6 client says that another has the address ${address}`, "vm-trouble");
      }
    }
  }
}

const settingsOf = (vm: Vm, dhcp: DhcpSettings, gatewayMac: Uint8Array): Dhcp6Settings => ({
  addresses: vm.ipv6.map(({ bytes }) => bytes),
  gateway: VM_GATEWAY6,
  gatewayMac,
  leaseTime: dhcp.leaseTime / 1000,
  dnsServers: dhcp.dns6.map(({ bytes }) => bytes),
  domains: dhcp.domain === undefined ? [] : [dhcp.domain],
  ntpServers: dhcp.ntp6.map(({ bytes }) => bytes),
});

const viewsOf = ({ leases, mac, lastSeen, requested }: Readonly<Client6>, vm: Vm, now: number): DhcpView[] =>
  leases.map(({ address, state, deadline }) => ({
    vm: vm.name,
    network: vm.network.name,
    address: formatIpv6(address),
    state,
    mac: mac === undefined ? null : formatMac(mac),
    lastSeen: lastSeen === undefined ? null : (now - lastSeen) / 1000,
    expires: state === "bound" ? Math.max(0, deadline - now) / 1000 : null,
    hostname: null,
    requested,
  }));
