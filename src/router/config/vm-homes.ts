/** VMs in the address plan: their networks, where their addresses are at home, and which ones would be at home here. */
import { contains, sameAddress } from "#base/address";
import { u32 } from "#base/bytes";
import { allocateNear, homeOf } from "#policy/homes";
import { edgeName, edgesOf, segmentOf } from "#router/config/broadcast";
import type { Address, Fabric, Home, Network, Node, Vm, VmIpv6 } from "#router/config/model";
import type { Place } from "#router/config/node-in-fabric";
import type { Entry, NodeLists } from "#router/config/node-lists";
import type { vm } from "#router/config/node-schema";
import { houseIpv6, ipv6Near } from "#router/config/vm-ipv6";
import { closest } from "#runtime/document/closest";
import type { Inspector } from "#runtime/document/inspector";
import { addressOf } from "#runtime/document/scalars";

/** A VM that fits the fabric. */
export interface Housed {
  readonly network: Network;
  /** Index of its IPv4 address's home; undefined: it has none. */
  readonly home: number | undefined;
  readonly ipv6: readonly VmIpv6[];
}

/**
 * The VMs' networks and homes by index in the file; a VM that does not fit has none.
 * @param place undefined when the node's own homes are not known: addresses that are at home here cannot be told then.
 */
export function houseVms(
  inspector: Inspector,
  vms: NodeLists["vms"],
  fabric: Fabric,
  place: Place | undefined,
): Map<number, Housed> {
  const housed = new Map<number, Housed>();
  const taken = new Set(vms.flatMap(({ value }) => (value.ipv6 ?? []).map(({ text }) => text)));
  for (const entry of vms) {
    const network = networkOf(inspector, entry, fabric);
    if (network === undefined) continue;
    const suggest = (): string | undefined => {
      const own = place?.homes[0];
      if (own === undefined) return undefined;
      return ipv6Near({ fabric, network }, own, { count: 1, isTaken: (text) => taken.has(text) })[0]?.text;
    };
    const ipv6 = houseIpv6(inspector, entry, { fabric, network, suggest });
    const { address } = entry.value;
    if (address === undefined) housed.set(entry.index, { network, home: undefined, ipv6 });
    if (address === undefined || !fitsNetwork(inspector, entry, network, address)) continue;
    housed.set(entry.index, { network, home: homeOf(fabric, network.tags, address.bytes), ipv6 });
  }
  return housed;
}

function networkOf(inspector: Inspector, { index, value }: Entry<typeof vm>, fabric: Fabric): Network | undefined {
  const network = fabric.networks.find(({ name }) => name === value.network);
  if (network !== undefined) return network;
  const names = fabric.networks.map(({ name }) => name);
  const meant = closest(value.network, names);
  inspector.report(["vms", index, "network"], {
    found: `the unknown network "${value.network}"`,
    expected: `one of ${fabric.file}'s networks (${names.join(", ") || "there are none"})`,
    ...(meant !== undefined && { hint: `Did you mean "${meant}"?` }),
  });
  return undefined;
}

function fitsNetwork(
  inspector: Inspector,
  { index }: Entry<typeof vm>,
  network: Network,
  { bytes, text }: Address,
): boolean {
  const path = ["vms", index, "address"];
  const prefixes = [...network.prefixes, ...network.publicPrefixes];
  if (!prefixes.some((prefix) => contains(prefix, bytes))) {
    const ranges = prefixes.map((p) => p.text).join(", ") || "it has none of IPv4";
    inspector.report(path, { found: text, expected: `an address of ${network.name} (${ranges})` });
    return false;
  }
  if (sameAddress(network.gateway.bytes, bytes)) {
    const found = `${text}, the gateway of ${network.name}`;
    inspector.report(path, { found, expected: "an address of the VM's own" });
    return false;
  }
  const segment = segmentOf(network, bytes);
  const edge = segment && edgeName(segment.prefix, bytes);
  if (segment !== undefined && edge !== undefined) {
    const found = `${text}, the ${edge} of the segment ${segment.prefix.text} in ${network.name}`;
    inspector.report(path, { found, expected: "an address of the VM's own" });
    return false;
  }
  return true;
}

/** An address of a VM that is hosted away from the address's home. */
export interface AwayAddress {
  readonly vm: string;
  readonly network: string;
  readonly address: string;
  /** The prefix it is at home in, and whose that is meant to be. */
  readonly home: string;
  readonly hypervisor?: string;
  /** Free addresses of the network that are at home here; a few. */
  readonly near: readonly string[];
}

const SUGGESTIONS = 3;

/** All of a node's VMs' addresses that other hypervisors are the home of: packets to them take a tunnel. */
export function awayAddresses(node: Pick<Node, "homes" | "vms">, fabric: Fabric): AwayAddress[] {
  return node.vms.flatMap((one) =>
    homesOf(one).flatMap(({ address, home }): AwayAddress[] => {
      if (node.homes.includes(home)) return [];
      const { prefix, hypervisor }: Home = fabric.homes[home]!;
      const told = { vm: one.name, network: one.network.name, address: address.text, home: prefix.text };
      const near = address === one.ipv4?.address ? ipv4Near(node, fabric, one.network) : [];
      return [{ ...told, ...(hypervisor !== undefined && { hypervisor }), near }];
    }),
  );
}

/** Each address of a VM with the index of its home. */
export const homesOf = ({ ipv4, ipv6 }: Pick<Vm, "ipv4" | "ipv6">): { address: Address; home: number }[] => [
  ...(ipv4 === undefined ? [] : [{ address: ipv4.address, home: ipv4.home }]),
  ...ipv6.map((address) => ({ address, home: address.home })),
];

function ipv4Near({ homes, vms }: Pick<Node, "homes" | "vms">, fabric: Fabric, network: Network): string[] {
  const taken = new Set(
    vms.flatMap((each) => (each.network === network && each.ipv4 ? [u32(each.ipv4.address.bytes, 0)] : [])),
  );
  for (const address of [network.gateway.bytes, ...edgesOf(network)]) taken.add(u32(address, 0));
  const wanted = { homes: new Set(homes), count: SUGGESTIONS, isTaken: (ipv4: number) => taken.has(ipv4) };
  return allocateNear(fabric, network, wanted).map((bytes) => addressOf(bytes).text);
}
