/**
 * Whose IPv6 addresses are, as one network knows them: those of the fabric's tell by their tags, so what is told here is
 * which tags it reaches; all others are in rows, of which the longest prefix counts. Public addresses are reached without a
 * route, as in IPv4 (route-table.ts), except where the network's own routes lead to nothing.
 */
import { contains, type Prefix } from "#base/address";
import type { AddressClass } from "#policy/address-classes";
import { OUTSIDE_TAGS } from "#policy/homes";
import type { WrittenRoute } from "#policy/route-table";

export interface Ipv6Network {
  readonly name: string;
  /** Unsigned 32 bits. */
  readonly tags: number;
  /** Of addresses that its tenant brought. */
  readonly classes: readonly AddressClass[];
  /** True: those of the fabric's are public. */
  readonly publicIpv6: boolean;
  readonly routes: readonly WrittenRoute[];
}

export interface Ipv6Row {
  readonly prefix: Prefix;
  /** 0: the network has no way there. */
  readonly tags: number;
  /** What rules know its addresses by; undefined: by their tags alone. */
  readonly host?: number;
  readonly isPublic: boolean;
  /** True: the network is reached for being public alone, and knows none of this one's private addresses. */
  readonly isStranger: boolean;
}

export interface Ipv6Reach {
  /** Tags of other networks that this one has a route to by name. */
  readonly peers: readonly number[];
  /** Of further ones, whose addresses of the fabric's are public. */
  readonly publicPeers: readonly number[];
  readonly rows: readonly Ipv6Row[];
}

/** `networks`: all of the deployment, `network` among them. */
export function ipv6Reach(network: Ipv6Network, networks: readonly Ipv6Network[]): Ipv6Reach {
  const named = new Set(network.routes.flatMap(({ via }) => (via.kind === "peer" ? [via.network] : [])));
  const peers = networks.filter(({ name }) => named.has(name));
  const strangers = networks.filter(({ name }) => name !== network.name && !named.has(name));
  return {
    peers: peers.map(({ tags }) => tags),
    publicPeers: strangers.flatMap(({ tags, publicIpv6 }) => (publicIpv6 ? [tags] : [])),
    rows: [
      ...[network, ...peers].flatMap((each) => each.classes.map((of) => rowOf(each, of, false))),
      ...strangers.flatMap((each) => publicRows(each, network)),
      ...writtenRows(network),
    ],
  };
}

const rowOf = ({ tags }: Ipv6Network, { prefix, host, isPublic }: AddressClass, isStranger: boolean): Ipv6Row => ({
  ...{ prefix, tags, host, isPublic, isStranger },
});

/** Those of another network's public addresses that no route of `viewer` takes away. */
const publicRows = (network: Ipv6Network, viewer: Ipv6Network): Ipv6Row[] =>
  network.classes.flatMap((of) =>
    of.isPublic && writtenRouteTo(viewer, of.prefix)?.via.kind !== "blackhole" ? [rowOf(network, of, true)] : [],
  );

const ipv6Routes = ({ routes }: Ipv6Network): WrittenRoute[] => routes.filter(({ to }) => to.address.length === 16);

/** The longest that covers all of the prefix. */
const writtenRouteTo = (network: Ipv6Network, prefix: Prefix): WrittenRoute | undefined =>
  ipv6Routes(network)
    .filter(({ to }) => to.length <= prefix.length && contains(to, prefix.address))
    .sort((a, b) => b.to.length - a.to.length)[0];

const writtenRows = (network: Ipv6Network): Ipv6Row[] =>
  ipv6Routes(network).map(({ to, via }) => ({
    prefix: to,
    tags: via.kind === "gateway" ? OUTSIDE_TAGS : 0,
    ...{ isPublic: false, isStranger: false },
  }));

/** True when the network has a way to the IPv6 outside. */
export const leadsOutside6 = (network: Ipv6Network): boolean =>
  ipv6Routes(network).some(({ via }) => via.kind === "gateway");

/** True when some of its IPv6 addresses are public. */
export const hasPublicIpv6 = ({ publicIpv6, classes }: Pick<Ipv6Network, "publicIpv6" | "classes">): boolean =>
  publicIpv6 || classes.some(({ isPublic }) => isPublic);
