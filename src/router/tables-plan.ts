/** Configuration and open ports → what the forwarders' snapshot is built from. */
import { contains, linkLocalFromMac } from "#base/address";
import type { GatewayTables } from "#fastpath/tables/layout";
import type { SegmentTables } from "#fastpath/tables/segments";
import type { NetworkPlan, RulesPlan, TablesPlan } from "#fastpath/tables/snapshot";
import { ALL_D_ROUTERS, ALL_SPF_ROUTERS } from "#ospf/packet/header";
import { ipv6Reach } from "#policy/ipv6-routes";
import { routeRows } from "#policy/route-table";
import type { Configuration, Fabric, Network } from "#router/config/model";
import { anchorAddresses } from "#router/mobility/hosted-config";
import { hasOffload, type PortState, type Ports } from "#router/ports";
import type { VmNeighbors } from "#router/vm-neighbors";
import type { VmState } from "#router/vms/events";
import { ALL_MLD2_ROUTERS } from "#wire/mld";
import { ALL_NODES, ALL_ROUTERS, solicitedNode } from "#wire/nd";

/** What is not the configuration's. */
export interface TablesParts {
  /** Of the metadata service; 0: there is none. */
  readonly serviceGroup: number;
  readonly rules: RulesPlan;
  /** Undefined: this is no gateway. */
  readonly gateway: GatewayTables | undefined;
  /** Of a VM by name; undefined: nobody has said anything else than that it is here. */
  readonly stateOf: (vm: string) => VmState | undefined;
  readonly segments: SegmentTables;
}

export function tablesPlan(
  { node, fabric }: Configuration,
  ports: Ports,
  vms: VmNeighbors,
  { serviceGroup, rules, gateway, stateOf, segments }: TablesParts,
): TablesPlan {
  const open = [...ports.all.values()].filter((port) => port.trouble === undefined);
  const uplinks = open.filter((port) => port.kind === "uplink");
  const local = open.filter(hasVm);
  // A router knows the routes of the networks whose VMs it has, however many there are.
  const networks = fabric.networks.filter(({ name }) => local.some(({ vm }) => vm.network.name === name));
  const networkIndex = new Map(networks.map((network, i) => [network.name, i]));
  const unicast = [node.address.bytes, ...uplinks.map((port) => linkLocalFromMac(port.mac))];
  return {
    ports: open.map((port) => ({
      ...{ index: port.index, kind: port.kind, mac: port.mac, mtu: port.mtu },
      offload: hasOffload(port),
    })),
    vms: local.map(({ index, mtu, vm }) => ({
      network: networkIndex.get(vm.network.name)!,
      ...(vm.ipv4 && {
        ipv4: {
          host: vm.ipv4.address.bytes,
          networkAddress: vm.ipv4.networkAddress.bytes,
          isPublic: vm.network.publicPrefixes.some((prefix) => contains(prefix, vm.ipv4!.address.bytes)),
        },
      }),
      ipv6: vm.ipv6.map(({ bytes }) => bytes),
      port: index,
      adjacency: vms.adjacencyOf(index),
      mtu,
      macIsFixed: vm.mac !== undefined,
      state: tableState(stateOf(vm.name)),
      dhcp: vm.dhcp && networks[networkIndex.get(vm.network.name)!]!.dhcp !== undefined,
    })),
    networks: networks.map((network) => ({
      ...{ tags: network.tags, gateway: network.gateway.bytes, routes: routeRows(network, fabric.networks) },
      metadata: network.metadata && serviceGroup !== 0,
      ...tenantsOf(network, fabric),
    })),
    flowSamples: networks.map(({ flowLog }) => flowLog?.sample ?? 0),
    knownTags: fabric.networks.map(({ tags }) => tags),
    serviceGroup,
    homes: fabric.homes.map((home) => home.prefix.address),
    key: fabric.key,
    own: [
      ...unicast,
      ...anchorAddresses({ node, fabric }),
      ALL_NODES,
      ALL_ROUTERS,
      ALL_MLD2_ROUTERS,
      ...(node.ospf === undefined ? [] : [ALL_SPF_ROUTERS, ALL_D_ROUTERS]),
      ...unicast.map(solicitedNode),
    ],
    fabric: fabric.prefixes,
    routerAddress: node.address.bytes,
    rules,
    segments,
    ...(fabric.outside !== undefined && {
      outsidePrefix: fabric.outside.prefix.address,
      outside6: fabric.outside.ipv6,
    }),
    ...(gateway !== undefined && { gateway }),
  };
}

/** A VM that is away is found here no more; its port is about to go. */
const tableState = (state: VmState = "active"): Exclude<VmState, "away"> => (state === "away" ? "prepared" : state);

/** Whose IPv6 hosts it reaches, and whose addresses are whose. */
function tenantsOf(
  network: Network,
  { networks }: Fabric,
): Pick<NetworkPlan, "peers" | "publicPeers" | "isPublic6" | "tenants"> {
  const { peers, publicPeers, rows } = ipv6Reach(network, networks);
  return { peers, publicPeers, isPublic6: network.publicIpv6, tenants: rows };
}

const hasVm = (port: PortState): port is PortState & { vm: NonNullable<PortState["vm"]> } => port.vm !== undefined;
