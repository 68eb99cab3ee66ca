/** The VMs' DHCPv6 server (services/dhcp6.ts) at work on the ports of local VMs. */
import { formatIpv6, formatMac } from "#base/address";
import type { Configuration, Vm } from "#router/config/model";
import type { Punt } from "#router/forwarders";
import type { Log } from "#router/log";
import type { PortState, Ports } from "#router/ports";
import type { ServicesIo } from "#router/services-io";
import type { DhcpView } from "#router/views";
import { VM_GATEWAY6 } from "#router/vm-neighbors";
import { VmServer } from "#router/vm-server";
import { Dhcp6Server } from "#services/dhcp6";
import type { Client6, Dhcp6Settings } from "#services/dhcp6/events";

export class VmDhcp6 {
  private readonly core = new Dhcp6Server();
  private readonly server: VmServer<Dhcp6Settings>;

  constructor(io: ServicesIo, ports: Ports, log: Log) {
    this.server = new VmServer({
      ...{ io, ports, log, core: this.core, settingsOf },
      declined: ({ name }, address) =>
        `VM ${name}: its DHCPv6 client says that another has the address ${address && formatIpv6(address)}`,
    });
  }

  refresh(configuration: Configuration): void {
    this.server.refresh(configuration);
  }

  take(punt: Punt): void {
    this.server.take(punt);
  }

  /** A line for each address. */
  view(): DhcpView[] {
    const now = performance.now();
    return [...this.core.clients()].flatMap((client) => {
      const vm = this.server.vmAt(client.port);
      return vm === undefined ? [] : viewsOf(client, vm, now);
    });
  }

  stop(): void {
    this.server.stop();
  }
}

function settingsOf(vm: Vm, _port: PortState, { fabric }: Configuration): Dhcp6Settings | undefined {
  const { dhcp } = vm.network;
  if (dhcp === undefined || !vm.dhcp || vm.ipv6.length === 0) return undefined;
  return {
    addresses: vm.ipv6.map(({ bytes }) => bytes),
    gateway: VM_GATEWAY6,
    gatewayMac: fabric.gatewayMac.bytes,
    leaseTime: dhcp.leaseTime / 1000,
    dnsServers: dhcp.dns6.map(({ bytes }) => bytes),
    domains: dhcp.domain === undefined ? [] : [dhcp.domain],
    ntpServers: dhcp.ntp6.map(({ bytes }) => bytes),
  };
}

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
