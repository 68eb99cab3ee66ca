/** What is known of a router beside its tables, so that what they hold can be told in names. */
import { contains, formatIpv4, formatIpv6, type Prefix } from "#base/address";
import { u32 } from "#base/bytes";
import type { ConnectionEntries } from "#fastpath/tables/connection-entries";
import type { Tables } from "#fastpath/tables/tables";
import { isIpv6Host, OUTSIDE_TAGS } from "#policy/homes";
import { routeRows } from "#policy/route-table";
import type { Rule } from "#policy/rules";
import type { Fabric, Network, Node, Vm } from "#router/config/model";
import type { PortState } from "#router/ports";

/** What of Tables is looked at. */
export interface KnownTables extends Pick<Tables, "vms" | "adjacencies" | "tunnels"> {
  readonly connections: { readonly entries: ConnectionEntries } | undefined;
}

export interface Known {
  readonly node: Node;
  readonly fabric: Fabric;
  /** As the one who ran the stages had them. */
  readonly tables: KnownTables;
  port(index: number): PortState | undefined;
  rule(side: "out" | "in", number: number): Rule | undefined;
  /** A next hop's address on its link; undefined: a VM's adjacency. */
  hopAddress(adjacency: number): Uint8Array | undefined;
  /** The route that covers the address. */
  route(address: Uint8Array): { readonly prefix: string; readonly origin: string } | undefined;
  /** Next hops of a group. */
  members(group: number): readonly { readonly adjacency: number; readonly buckets: number }[];
}

/** `blue/prod`, `outside`, `infrastructure`, or the tags themselves. */
export function networkText(fabric: Fabric, tags: number): string {
  if (tags === 0) return "infrastructure";
  if (tags === OUTSIDE_TAGS) return "outside";
  return networkOf(fabric, tags)?.name ?? `tags ${tags.toString(16).padStart(8, "0")}`;
}

export const networkOf = ({ networks }: Fabric, tags: number): Network | undefined =>
  networks.find((network) => network.tags === tags);

/** A fabric address as its tenant knows it: `blue/prod 10.0.0.2`; an IPv6 host's, and a router's, as it is. */
export function endText(fabric: Fabric, address: Uint8Array): string {
  const tags = u32(address, 8);
  if (!fabric.prefixes.some((prefix) => contains(prefix, address))) return foreignText(fabric, address);
  const isIpv4 = tags !== 0 && !isIpv6Host(u32(address, 12));
  return tags === 0
    ? formatIpv6(address)
    : `${networkText(fabric, tags)} ${isIpv4 ? formatIpv4(address, 12) : formatIpv6(address)}`;
}

/** One that is not the fabric's: as it is, or what stands for it (fastpath/stages/tenants.ts), which tells whose it is alone. */
function foreignText(fabric: Fabric, address: Uint8Array): string {
  const tags = u32(address, 8);
  const isStandIn = address[0] === STAND_IN && isIpv6Host(u32(address, 12));
  const whose = tags === OUTSIDE_TAGS ? "outside" : networkOf(fabric, tags)?.name;
  return isStandIn && whose !== undefined ? `${whose} (an IPv6 address that is not the fabric's)` : formatIpv6(address);
}

const STAND_IN = 0xfc;

/** The row of a network's route table that leads to the IPv4 address. */
export function routeRow(fabric: Fabric, network: Network, address: Uint8Array): Prefix | undefined {
  return routeRows(network, fabric.networks).find(({ prefix }) => contains(prefix, address))?.prefix;
}

/** The home prefix that the address lies in. */
export const homeIndexOf = ({ homes }: Fabric, address: Uint8Array): number =>
  homes.findIndex(({ prefix }) => contains(prefix, address));

export const vmAt = (known: Known, port: number): Vm | undefined => known.port(port)?.vm;
