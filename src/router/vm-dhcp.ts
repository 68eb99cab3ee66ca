/** The VMs' DHCP server (services/dhcp4.ts) at work on the ports of local VMs. */
import { formatMac, parseIpv4 } from "#base/address";
import { segmentOf } from "#router/config/broadcast";
import type { Configuration, Vm } from "#router/config/model";
import type { Punt } from "#router/forwarders";
import type { Log } from "#router/log";
import type { PortState, Ports } from "#router/ports";
import type { ServicesIo } from "#router/services-io";
import type { DhcpView } from "#router/views";
import { VmServer } from "#router/vm-server";
import { Dhcp4Server } from "#services/dhcp4";
import type { Dhcp4Segment, Dhcp4Settings, Lease } from "#services/dhcp4/events";

/** Octets that an IPv4 packet grows by on its way into the fabric (RFC 7915 §4.1). */
const GROWTH = 20;
/** Octets around an IP packet in a frame that a segment's other hypervisors get: Ethernet, GRE with a key, IPv6 (paper §2.2). */
const BRIDGED = 62;
/** Where VMs find their metadata; beyond a segment even for systems that think all of 169.254.0.0/16 is on the link. */
const METADATA = parseIpv4("169.254.169.254")!;
/** What every link of the fabric carries, where neither file nor uplink says more (RFC 8200 §5). */
const LEAST_MTU = 1280;

export class VmDhcp {
  private readonly core = new Dhcp4Server();
  private readonly server: VmServer<Dhcp4Settings>;

  constructor(io: ServicesIo, ports: Ports, log: Log) {
    this.server = new VmServer({
      ...{ io, ports, log, core: this.core },
      settingsOf: (vm, port, configuration) => settingsOf(vm, port, configuration, ports),
      declined: ({ name, ipv4 }) =>
        `VM ${name}: its DHCP client says that another has the address ${ipv4?.address.text}`,
    });
  }

  refresh(configuration: Configuration): void {
    this.server.refresh(configuration);
  }

  take(punt: Punt): void {
    this.server.take(punt);
  }

  view(): DhcpView[] {
    const now = performance.now();
    return [...this.core.leases()].flatMap((lease) => {
      const vm = this.server.vmAt(lease.port);
      return vm === undefined ? [] : [viewOf(lease, vm, now)];
    });
  }

  stop(): void {
    this.server.stop();
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

function settingsOf(vm: Vm, port: PortState, configuration: Configuration, ports: Ports): Dhcp4Settings | undefined {
  const { ipv4, network } = vm;
  const { dhcp } = network;
  if (dhcp === undefined || !vm.dhcp || ipv4 === undefined) return undefined;
  const grown = isOnSegment(vm) ? BRIDGED : GROWTH;
  const segment = segmentFor(vm);
  return {
    address: ipv4.address.bytes,
    gateway: network.gateway.bytes,
    gatewayMac: configuration.fabric.gatewayMac.bytes,
    leaseTime: dhcp.leaseTime / 1000,
    mtu: Math.min(port.mtu, dhcp.mtu ?? fabricMtu(configuration, ports) - grown),
    hostName: vm.hostname,
    ...(dhcp.domain !== undefined && { domainName: dhcp.domain }),
    dnsServers: dhcp.dns.map(({ bytes }) => bytes),
    ntpServers: dhcp.ntp.map(({ bytes }) => bytes),
    ...(segment !== undefined && { segment }),
  };
}

const viewOf = (lease: Readonly<Lease>, { name, network, ipv4 }: Vm, now: number): DhcpView => ({
  vm: name,
  network: network.name,
  address: ipv4!.address.text,
  state: lease.state,
  mac: lease.mac === undefined ? null : formatMac(lease.mac),
  lastSeen: lease.lastSeen === undefined ? null : (now - lease.lastSeen) / 1000,
  expires: lease.state === "bound" ? Math.max(0, lease.deadline - now) / 1000 : null,
  hostname: lease.hostName ?? null,
  requested: lease.requested,
});
