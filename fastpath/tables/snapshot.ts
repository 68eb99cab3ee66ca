/** Builds the {@link Snapshot} that forwarders adopt from a description in addresses and names' indexes. */
import type { Prefix } from "#base/address";
import {
  KIND_NONE,
  KIND_SERVICE,
  KIND_UPLINK,
  KIND_VM,
  N_GATEWAY,
  N_ROUTE_COUNT,
  N_ROUTES,
  N_TAGS,
  NETWORK_WORDS,
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
  V_DHCP,
  V_IPV4,
  V_MAC_FIXED,
  V_MTU,
  V_NETWORK,
  V_PORT,
  V_TAGS,
  VM_WORDS,
  vmHash,
} from "#fastpath/tables/layout";

/** One port. `mac` is the router's on it, `mtu` the largest IP packet in octets. */
export interface PortPlan {
  readonly index: number;
  readonly kind: "vm" | "uplink" | "service";
  readonly mac: Uint8Array;
  readonly mtu: number;
  readonly offload: boolean;
}

export interface VmPlan {
  /** Index in `networks`. */
  readonly network: number;
  readonly ipv4: Uint8Array;
  /** Network address, 16 octets. */
  readonly address: Uint8Array;
  readonly port: number;
  readonly adjacency: number;
  readonly mtu: number;
  /** True: its MAC address is configured and never another. */
  readonly macIsFixed: boolean;
  /** True: this router is its DHCP server. Default false. */
  readonly dhcp?: boolean;
}

export interface NetworkPlan {
  /** Tenant and network tags, unsigned 32 bits. */
  readonly tags: number;
  readonly gateway: Uint8Array;
  /** Its route table: the longest prefix decides. */
  readonly routes: readonly NetworkRoutePlan[];
  /** True: its VMs reach the metadata service. Default false. */
  readonly metadata?: boolean;
}

/** Destinations in an IPv4 prefix have these tags (unsigned 32 bits); undefined: there are none. */
export interface NetworkRoutePlan {
  readonly prefix: Prefix;
  readonly tags: number | undefined;
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
}

/** Octets in memory order → the word an Int32Array over a packet holds there. */
export const raw = (b: Uint8Array, at = 0): number =>
  (b[at] ?? 0) | ((b[at + 1] ?? 0) << 8) | ((b[at + 2] ?? 0) << 16) | ((b[at + 3] ?? 0) << 24);

/** A value in host order as its four network-order octets lie in memory. */
export const rawOf = (value: number): number =>
  (value >>> 24) | ((value >>> 8) & 0xff00) | ((value << 8) & 0xff0000) | (value << 24);

export function buildSnapshot(plan: TablesPlan): Snapshot {
  const routes = plan.networks.map(networkRanges);
  const vms = new Int32Array(plan.vms.length * VM_WORDS);
  plan.vms.forEach((vm, i) => {
    writeVm(vms, i * VM_WORDS, vm, plan.networks[vm.network]!.tags);
  });
  return {
    ports: buildPorts(plan),
    vms,
    vmIndex: buildVmIndex(vms),
    networks: buildNetworks(plan.networks, routes),
    networkRoutes: Int32Array.from(routes.flat(2)),
    homes: Int32Array.from(plan.homes.flatMap((home) => [raw(home), raw(home, 4)])),
    key: rawWords(plan.key),
    own: Int32Array.from(plan.own.flatMap((address) => [...rawWords(address)])),
    fabric: Int32Array.from(
      plan.fabric.flatMap(({ address, length }) => [...rawWords(address), ...maskWords(length, 16)]),
    ),
    routerAddress: rawWords(plan.routerAddress),
    serviceGroup: plan.serviceGroup ?? 0,
    rules: plan.rules,
  };
}

const rawWords = (b: Uint8Array): Int32Array => Int32Array.from({ length: b.length >> 2 }, (_, i) => raw(b, 4 * i));

/** A prefix length as a raw mask of `octets` octets. */
function maskWords(length: number, octets: number): Int32Array {
  const mask = Uint8Array.from({ length: octets }, (_, i) => 0xff00 >> Math.max(0, Math.min(8, length - 8 * i)));
  return rawWords(mask);
}

const KINDS = { vm: KIND_VM, uplink: KIND_UPLINK, service: KIND_SERVICE } as const;

function buildPorts(plan: TablesPlan): Int32Array {
  const count = Math.max(0, ...plan.ports.map((port) => port.index + 1));
  const ports = new Int32Array(count * PORT_WORDS).fill(KIND_NONE);
  for (const port of plan.ports) {
    const at = port.index * PORT_WORDS;
    ports[at + P_KIND] = KINDS[port.kind];
    ports[at + P_MTU] = port.mtu;
    ports[at + P_MAC] = raw(port.mac);
    ports[at + P_MAC + 1] = raw(port.mac, 4);
    ports[at + P_OFFLOAD] = port.offload ? 1 : 0;
  }
  plan.vms.forEach((vm, i) => {
    ports[vm.port * PORT_WORDS + P_VM] = i;
  });
  return ports;
}

function writeVm(vms: Int32Array, at: number, vm: VmPlan, tags: number): void {
  vms[at + V_TAGS] = rawOf(tags);
  vms[at + V_IPV4] = raw(vm.ipv4);
  vms.set(rawWords(vm.address), at + V_ADDRESS);
  vms[at + V_PORT] = vm.port;
  vms[at + V_ADJACENCY] = vm.adjacency;
  vms[at + V_NETWORK] = vm.network;
  vms[at + V_MTU] = vm.mtu;
  vms[at + V_MAC_FIXED] = vm.macIsFixed ? 1 : 0;
  vms[at + V_DHCP] = vm.dhcp ? 1 : 0;
}

/** At most half full, so that a probe for an address that is not there ends soon. */
function buildVmIndex(vms: Int32Array): Int32Array {
  const count = vms.length / VM_WORDS;
  const index = new Int32Array(2 ** Math.ceil(Math.log2(2 * count + 2)));
  const mask = index.length - 1;
  for (let i = 0; i < count; i++) {
    let slot = vmHash(vms[i * VM_WORDS + V_TAGS]!, vms[i * VM_WORDS + V_IPV4]!) & mask;
    while (index[slot] !== 0) slot = (slot + 1) & mask;
    index[slot] = i + 1;
  }
  return index;
}

function buildNetworks(networks: readonly NetworkPlan[], routes: readonly Range[][]): Int32Array {
  const words = new Int32Array(networks.length * NETWORK_WORDS);
  let row = 0;
  networks.forEach((network, i) => {
    const at = i * NETWORK_WORDS;
    words[at + N_TAGS] = rawOf(network.tags);
    words[at + N_GATEWAY] = raw(network.gateway);
    words[at + N_ROUTES] = row;
    words[at + N_ROUTE_COUNT] = routes[i]!.length;
    row += routes[i]!.length;
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

function rangeOf({ prefix: { address, length }, tags }: NetworkRoutePlan): Covered {
  const first = rawOf(raw(address)) >>> 0;
  const last = first + 2 ** (32 - length) - 1;
  return { first, last, row: tags === undefined ? [NR_NOWHERE, 0] : [NR_TAGGED, rawOf(tags)] };
}
