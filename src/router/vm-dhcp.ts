/** The VMs' DHCP server (services/dhcp4.ts) at work on the ports of local VMs. */
import { formatMac, parseIpv4 } from "#base/address";
import { CONTROL_IGNORED, PUNT_LIMITED } from "#fastpath/verdicts";
import { segmentOf } from "#router/config/broadcast";
import type { Address, Configuration, DhcpSettings, Vm } from "#router/config/model";
import type { Punt } from "#router/forwarders";
import type { Log } from "#router/log";
import type { PortState, Ports } from "#router/ports";
import { type ServicesIo, sendFrame } from "#router/services-io";
import type { DhcpView } from "#router/views";
import { Alarm } from "#runtime/alarm";
import { Dhcp4Server } from "#services/dhcp4";
import type { Dhcp4Effect, Dhcp4Event, Dhcp4Segment, Dhcp4Settings, Lease } from "#services/dhcp4/events";

/** Octets that an IPv4 packet grows by on its way into the fabric (RFC 7915 §4.1). */
const GROWTH = 20;
/** Octets around an IP packet in a frame that a segment's other hypervisors get: Ethernet, GRE with a key, IPv6 (paper §2.2). */
const BRIDGED = 62;
/** Where VMs find their metadata; beyond a segment even for systems that think all of 169.254.0.0/16 is on the link. */
const METADATA = parseIpv4("169.254.169.254")!;
/** What every link of the fabric carries, where neither file nor uplink says more (RFC 8200 §5). */
const LEAST_MTU = 1280;

/** What a port is served with. */
interface Served {
  readonly port: PortState;
  readonly vm: Vm;
  readonly address: Address;
  readonly mtu: number;
}

export class VmDhcp {
  private readonly io: ServicesIo;
  private readonly log: Log;
  private readonly ports: Ports;
  private readonly core = new Dhcp4Server();
  private readonly alarm = new Alarm(() => this.tell({ type: "timer" }));
  /** By port index. */
  private readonly served = new Map<number, Served>();

  constructor(io: ServicesIo, ports: Ports, log: Log) {
    this.io = io;
    this.ports = ports;
    this.log = log;
  }

  /** Serves the VMs whose ports are open, with the settings that hold now. */
  refresh(configuration: Configuration): void {
    const { node, fabric } = configuration;
    const gone = new Set(this.served.keys());
    const mtu = fabricMtu(configuration, this.ports);
    // Of two ports of one name the later is the one that stays.
    const open = new Map([...this.ports.all.values()].map((port) => [port.vm?.name, port]));
    const events: Dhcp4Event[] = [];
    for (const vm of node.vms) {
      const port = open.get(vm.name);
      const { dhcp } = vm.network;
      const { ipv4 } = vm;
      if (port === undefined || port.trouble !== undefined || dhcp === undefined || !vm.dhcp || !ipv4) continue;
      const { index } = port;
      gone.delete(index);
      const largest = Math.min(port.mtu, dhcp.mtu ?? (isOnSegment(vm) ? mtu - BRIDGED : mtu - GROWTH));
      const before = this.served.get(index);
      if (before?.port === port && before.vm === vm && before.mtu === largest) continue;
      if (before !== undefined && before.port !== port) events.push({ type: "end", port: index }); // another's index
      this.served.set(index, { port, vm, address: ipv4.address, mtu: largest });
      const settings = settingsOf(vm, dhcp, fabric.gatewayMac.bytes, largest);
      events.push({ type: "serve", port: index, settings: { ...settings, address: ipv4.address.bytes } });
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

  view(): DhcpView[] {
    const now = performance.now();
    return [...this.core.leases()].flatMap((lease) => {
      const served = this.served.get(lease.port);
      return served === undefined ? [] : [viewOf(lease, served, now)];
    });
  }

  stop(): void {
    this.alarm.cancel();
  }

  private tell(...events: Dhcp4Event[]): void {
    const now = performance.now();
    for (const event of events) {
      const octets = event.type === "frame" ? event.frame : undefined;
      for (const effect of this.core.handle(event, now)) this.carryOut(effect, octets);
    }
    this.alarm.set(this.core.deadline());
  }

  private carryOut(effect: Dhcp4Effect, octets: Uint8Array | undefined): void {
    switch (effect.type) {
      case "send":
        sendFrame(this.io, effect.port, effect.frame);
        return;
      case "lost":
        this.io.lost(effect.port, effect.reason === "limited" ? PUNT_LIMITED : CONTROL_IGNORED, octets);
        return;
      case "declined": {
        const { vm, address } = this.served.get(effect.port)!;
        this.log.warn(
          `VM ${vm.name}: its DHCP client says that another has the address ${address.text}`,
          "vm-trouble",
          { vm: vm.name },
        );
      }
    }
  }
}

/** The largest IPv6 packet that all ways out take, octets. */
export function fabricMtu({ fabric }: Configuration, ports: Ports): number {
  if (fabric.mtu !== undefined) return fabric.mtu;
  const uplinks = [...ports.all.values()].filter(({ kind, trouble }) => kind === "uplink" && trouble === undefined);
  return Math.max(LEAST_MTU, Math.min(...uplinks.map(({ mtu }) => mtu)));
}

/** True for a VM that shares an Ethernet segment with others. */
const isOnSegment = ({ network, ipv4 }: Vm): boolean => segmentOf(network, ipv4?.address.bytes) !== undefined;

/** The largest IPv6 packet that a VM may send to whomever it likes and that no one has to refuse, octets. */
export const ipv6Mtu = (vm: Vm, mtu: number): number => (isOnSegment(vm) ? mtu - BRIDGED : mtu);

function segmentFor({ network, ipv4 }: Vm): Dhcp4Segment | undefined {
  const segment = segmentOf(network, ipv4?.address.bytes);
  return segment && { prefix: segment.prefix, behindGateway: network.metadata ? [METADATA] : [] };
}

const settingsOf = (
  vm: Vm,
  dhcp: DhcpSettings,
  gatewayMac: Uint8Array,
  mtu: number,
): Omit<Dhcp4Settings, "address"> => {
  const segment = segmentFor(vm);
  return {
    gateway: vm.network.gateway.bytes,
    gatewayMac,
    leaseTime: dhcp.leaseTime / 1000,
    mtu,
    hostName: vm.hostname,
    ...(dhcp.domain !== undefined && { domainName: dhcp.domain }),
    dnsServers: dhcp.dns.map(({ bytes }) => bytes),
    ntpServers: dhcp.ntp.map(({ bytes }) => bytes),
    ...(segment !== undefined && { segment }),
  };
};

const viewOf = (lease: Readonly<Lease>, { vm, address }: Served, now: number): DhcpView => ({
  vm: vm.name,
  network: vm.network.name,
  address: address.text,
  state: lease.state,
  mac: lease.mac === undefined ? null : formatMac(lease.mac),
  lastSeen: lease.lastSeen === undefined ? null : (now - lease.lastSeen) / 1000,
  expires: lease.state === "bound" ? Math.max(0, lease.deadline - now) / 1000 : null,
  hostname: lease.hostName ?? null,
  requested: lease.requested,
});
