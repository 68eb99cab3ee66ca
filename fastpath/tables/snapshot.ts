/** Builds the {@link Snapshot} that forwarders adopt from a description in addresses and names' indexes. */

import { contains, type Prefix } from "#base/address";
import { equal } from "#base/bytes";
import { MAX_PORTS } from "#fastpath/counters";
import {
  AWAY_TENANTS,
  type GatewayTables,
  KIND_NONE,
  KIND_OUTSIDE,
  KIND_SERVICE,
  KIND_UPLINK,
  KIND_VM,
  N_GATEWAY,
  N_IS_PUBLIC_6,
  N_PEER_COUNT,
  N_PEERS,
  N_PUBLIC_COUNT,
  N_ROUTE_COUNT,
  N_ROUTES,
  N_TAGS,
  N_TENANT_COUNT,
  N_TENANTS,
  NETWORK_WORDS,
  NR_BY_GATEWAY,
  NR_NOWHERE,
  NR_SERVICE,
  NR_TAGGED,
  P_KIND,
  P_MAC,
  P_MTU,
  P_OFFLOAD,
  P_VM,
  PORT_WORDS,
  SERVICE_IPV4,
  type Snapshot,
  V_ADDRESS,
  V_ADJACENCY,
  V_AWAY,
  V_DHCP,
  V_IPV4,
  V_IPV6,
  V_IPV6_COUNT,
  V_MAC_FIXED,
  V_MTU,
  V_NETWORK,
  V_PORT,
  V_PUBLIC_4,
  V_STATE,
  V_TAGS,
  VM_ACTIVE,
  VM_HELD,
  VM_PREPARED,
  VM_WORDS,
  vmHash,
} from "#fastpath/tables/layout";
import { prefixRows } from "#fastpath/tables/prefix-rows";
import { raw, rawOf, rawWords } from "#fastpath/tables/raw-words";
import { NO_SEGMENTS, type SegmentTables } from "#fastpath/tables/segments";
import { type TenantPlan, tenantRows } from "#fastpath/tables/tenant-rows";

/** One port. `mac` is the router's on it, `mtu` the largest IP packet in octets. */
export interface PortPlan {
  readonly index: number;
  readonly kind: "vm" | "uplink" | "service" | "outside";
  readonly mac: Uint8Array;
  readonly mtu: number;
  readonly offload: boolean;
}

export interface VmPlan {
  /** Index in `networks`. */
  readonly network: number;
  /** Absent: it has IPv6 addresses only. */
  readonly ipv4?: {
    readonly host: Uint8Array;
    /** 16 octets. */
    readonly networkAddress: Uint8Array;
    /** Default false. */
    readonly isPublic?: boolean;
  };
  /** At most 16. Default: none. */
  readonly ipv6?: readonly Uint8Array[];
  readonly port: number;
  readonly adjacency: number;
  readonly mtu: number;
  /** True: its MAC address is configured and never another. */
  readonly macIsFixed: boolean;
  /** True: this router is its DHCP server. Default false. */
  readonly dhcp?: boolean;
  /** Default "active". */
  readonly state?: "active" | "prepared" | "held";
}

export interface NetworkPlan {
  /** Tenant and network tags, unsigned 32 bits. */
  readonly tags: number;
  readonly gateway: Uint8Array;
  /** Its route table: the longest prefix decides. */
  readonly routes: readonly NetworkRoutePlan[];
  /** True: its VMs reach the metadata service. Default false. */
  readonly metadata?: boolean;
  /** Tags (unsigned 32 bits) of the networks whose IPv6 hosts its own reach. Default: none. */
  readonly peers?: readonly number[];
  /** Tags of further ones, whose IPv6 hosts are reached because their addresses are public. Default: none. */
  readonly publicPeers?: readonly number[];
  /** True: its hosts' IPv6 addresses of the fabric's are public. Default false. */
  readonly isPublic6?: boolean;
  /** IPv6 addresses that are not the fabric's: its own tenant's, and those that its hosts reach. The longest prefix counts. Default: none. */
  readonly tenants?: readonly TenantPlan[];
}

/** Destinations in an IPv4 prefix have these tags (unsigned 32 bits); undefined: there are none. */
export interface NetworkRoutePlan {
  readonly prefix: Prefix;
  readonly tags: number | undefined;
  /** True: from private addresses they are reached by a gateway, as outside hosts are. Default false. */
  readonly viaGateway?: boolean;
}

/** The tenants' rules, compiled (rule-compiler.ts); `…Hits`: decisions of each, by rule number. */
export interface RulesPlan {
  readonly out: Int32Array;
  readonly in: Int32Array;
  readonly outHits: Int32Array;
  readonly inHits: Int32Array;
}

export interface TablesPlan {
  readonly ports: readonly PortPlan[];
  readonly vms: readonly VmPlan[];
  readonly networks: readonly NetworkPlan[];
  /** Home prefixes, in order; the first 8 octets count. */
  readonly homes: readonly Uint8Array[];
  /** SipHash key, 16 octets. */
  readonly key: Uint8Array;
  /** Unicast and multicast addresses of this router. */
  readonly own: readonly Uint8Array[];
  readonly fabric: readonly Prefix[];
  readonly routerAddress: Uint8Array;
  /** Group of the metadata service; absent: there is none. */
  readonly serviceGroup?: number;
  readonly rules: RulesPlan;
  /** Outside hosts' prefix in the fabric, of which the first 8 octets count; absent: there is no outside. */
  readonly outsidePrefix?: Uint8Array;
  /** IPv6 prefixes that are outside. Default: none. */
  readonly outside6?: readonly Prefix[];
  /** Absent: this is no gateway. */
  readonly gateway?: GatewayTables;
  /** Tags of all the fabric's networks, unsigned 32 bits. Default: none. */
  readonly knownTags?: readonly number[];
  /** By network; see Snapshot. Default: 0 each. */
  readonly flowSamples?: readonly number[];
  /** Of buildSegments. Default: none. */
  readonly segments?: SegmentTables;
}

export { raw, rawOf };

export function buildSnapshot(plan: TablesPlan): Snapshot {
  const routes = plan.networks.map(networkRanges);
  const { vms, first } = buildVms(plan);
  return {
    ports: buildPorts(plan, first),
    vms,
    vmIndex: buildVmIndex(vms),
    networks: buildNetworks(plan.networks, routes),
    networkRoutes: Int32Array.from(routes.flat(2)),
    networkPeers: Int32Array.from(
      plan.networks.flatMap(({ peers = [], publicPeers = [] }) => [...peers, ...publicPeers].map(rawOf)),
    ),
    networkTenants: Int32Array.from(plan.networks.flatMap(({ tenants = [] }) => tenantRows(tenants))),
    homes: Int32Array.from(plan.homes.flatMap((home) => [raw(home), raw(home, 4)])),
    key: rawWords(plan.key),
    own: Int32Array.from(plan.own.flatMap((address) => [...rawWords(address)])),
    fabric: prefixRows(plan.fabric),
    routerAddress: rawWords(plan.routerAddress),
    serviceGroup: plan.serviceGroup ?? 0,
    rules: plan.rules,
    outsidePrefix: rawWords((plan.outsidePrefix ?? new Uint8Array(16)).subarray(0, 8)),
    outside6: prefixRows(plan.outside6 ?? []),
    gateway: plan.gateway,
    flowSamples: Int32Array.from(plan.flowSamples ?? plan.networks.map(() => 0)),
    knownTags: Int32Array.from((plan.knownTags ?? []).map(rawOf)).sort(),
    segments: plan.segments ?? NO_SEGMENTS,
  };
}

const KINDS = { vm: KIND_VM, uplink: KIND_UPLINK, service: KIND_SERVICE, outside: KIND_OUTSIDE } as const;

const STATES = { active: VM_ACTIVE, prepared: VM_PREPARED, held: VM_HELD } as const;

/** `first`: by port, index of the first record of its VM. */
function buildPorts(plan: TablesPlan, first: ReadonlyMap<number, number>): Int32Array {
  const ports = new Int32Array(MAX_PORTS * PORT_WORDS).fill(KIND_NONE); // those that are not there too: frames may still be theirs
  for (const port of plan.ports) {
    const at = port.index * PORT_WORDS;
    ports[at + P_KIND] = KINDS[port.kind];
    ports[at + P_MTU] = port.mtu;
    ports[at + P_MAC] = raw(port.mac);
    ports[at + P_MAC + 1] = raw(port.mac, 4);
    ports[at + P_OFFLOAD] = port.offload ? 1 : 0;
  }
  for (const [port, vm] of first) ports[port * PORT_WORDS + P_VM] = vm;
  return ports;
}

function buildVms(plan: TablesPlan): { vms: Int32Array; first: Map<number, number> } {
  const first = new Map<number, number>();
  const rows: Int32Array[] = [];
  for (const vm of plan.vms) {
    const { ipv4, ipv6 = [], port } = vm;
    first.set(port, rows.length);
    const common = { plan, ipv6: rows.length + (ipv4 === undefined ? 0 : 1) };
    if (ipv4 !== undefined) rows.push(vmRow(vm, { ...common, ipv4: raw(ipv4.host), address: ipv4.networkAddress }));
    for (const address of ipv6) rows.push(vmRow(vm, { ...common, ipv4: 0, address }));
  }
  const vms = new Int32Array(rows.length * VM_WORDS);
  rows.forEach((row, i) => {
    vms.set(row, i * VM_WORDS);
  });
  return { vms, first };
}

interface RowPlan {
  readonly plan: TablesPlan;
  /** Index of the first row with an IPv6 address. */
  readonly ipv6: number;
  /** Raw; 0 in an IPv6 address's row. */
  readonly ipv4: number;
  readonly address: Uint8Array;
}

function vmRow(vm: VmPlan, { plan, ipv6, ipv4, address }: RowPlan): Int32Array {
  const row = new Int32Array(VM_WORDS);
  row[V_TAGS] = rawOf(plan.networks[vm.network]!.tags);
  row[V_IPV4] = ipv4;
  row.set(rawWords(address), V_ADDRESS);
  row[V_PORT] = vm.port;
  row[V_ADJACENCY] = vm.adjacency;
  row[V_NETWORK] = vm.network;
  row[V_MTU] = vm.mtu;
  row[V_MAC_FIXED] = vm.macIsFixed ? 1 : 0;
  row[V_DHCP] = vm.dhcp ? 1 : 0;
  row[V_IPV6] = ipv6;
  row[V_IPV6_COUNT] = vm.ipv6?.length ?? 0;
  row[V_PUBLIC_4] = ipv4 !== 0 && vm.ipv4?.isPublic === true ? 1 : 0;
  row[V_STATE] = STATES[vm.state ?? "active"];
  // Own prefixes are those of own addresses.
  const isAway = plan.own.some((own) => equal(own, 0, address, 0, 8)) ? 0 : 1;
  row[V_AWAY] = plan.fabric.some((prefix) => contains(prefix, address)) ? isAway : AWAY_TENANTS;
  return row;
}

/** At most half full, so that a probe for an address that is not there ends soon. Who is only expected is not found. */
function buildVmIndex(vms: Int32Array): Int32Array {
  const count = vms.length / VM_WORDS;
  const index = new Int32Array(2 ** Math.ceil(Math.log2(2 * count + 2)));
  const mask = index.length - 1;
  for (let i = 0; i < count; i++) {
    if (vms[i * VM_WORDS + V_STATE] === VM_PREPARED) continue;
    const iid = i * VM_WORDS + V_ADDRESS + 2;
    let slot = vmHash(vms[iid]!, vms[iid + 1]!) & mask;
    while (index[slot] !== 0) slot = (slot + 1) & mask;
    index[slot] = i + 1;
  }
  return index;
}

function buildNetworks(networks: readonly NetworkPlan[], routes: readonly Range[][]): Int32Array {
  const words = new Int32Array(networks.length * NETWORK_WORDS);
  let row = 0;
  let peer = 0;
  let tenant = 0;
  networks.forEach((network, i) => {
    const at = i * NETWORK_WORDS;
    words[at + N_TAGS] = rawOf(network.tags);
    words[at + N_GATEWAY] = raw(network.gateway);
    words[at + N_ROUTES] = row;
    words[at + N_ROUTE_COUNT] = routes[i]!.length;
    row += routes[i]!.length;
    words[at + N_PEERS] = peer;
    words[at + N_PEER_COUNT] = network.peers?.length ?? 0;
    words[at + N_PUBLIC_COUNT] = network.publicPeers?.length ?? 0;
    peer += words[at + N_PEER_COUNT]! + words[at + N_PUBLIC_COUNT]!;
    words[at + N_IS_PUBLIC_6] = network.isPublic6 === true ? 1 : 0;
    words[at + N_TENANTS] = tenant;
    words[at + N_TENANT_COUNT] = network.tenants?.length ?? 0;
    tenant += network.tenants?.length ?? 0;
  });
  return words;
}

/** A row, its words in order: first address, action, tags. */
type Range = readonly [first: number, action: number, tags: number];

const SERVICE_HOST = rawOf(SERVICE_IPV4) >>> 0;

/** A network's route table as ranges of addresses that begin with 0. */
function networkRanges({ routes, metadata }: NetworkPlan): Range[] {
  const rows = [...routes].sort((a, b) => a.prefix.length - b.prefix.length).map(rangeOf);
  if (metadata === true) rows.push({ first: SERVICE_HOST, last: SERVICE_HOST, row: [NR_SERVICE, 0] });
  const edges = new Set([0, ...rows.flatMap(({ first, last }) => [first, last + 1])]);
  const ranges: Range[] = [];
  for (const first of [...edges].sort((a, b) => a - b)) {
    if (first > 0xffff_ffff) continue;
    const [action, tags] = rows.findLast((row) => row.first <= first && first <= row.last)?.row ?? [NR_NOWHERE, 0];
    const before = ranges.at(-1);
    if (before === undefined || before[1] !== action || before[2] !== tags) ranges.push([first, action, tags]);
  }
  return ranges;
}

interface Covered {
  readonly first: number;
  readonly last: number;
  readonly row: readonly [action: number, tags: number];
}

function rangeOf({ prefix: { address, length }, tags, viaGateway }: NetworkRoutePlan): Covered {
  const first = rawOf(raw(address)) >>> 0;
  const last = first + 2 ** (32 - length) - 1;
  return {
    first,
    last,
    row: tags === undefined ? [NR_NOWHERE, 0] : [viaGateway === true ? NR_BY_GATEWAY : NR_TAGGED, rawOf(tags)],
  };
}
