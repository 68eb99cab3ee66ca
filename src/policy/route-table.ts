/**
 * A tenant network's route table, as in a VPC: which tags a destination of its VMs has. The longest prefix decides; what
 * nothing covers is unreachable.
 *
 * Two kinds of route are there without being written: the network's own prefixes, and 0.0.0.0/0 to all public addresses
 * (paper §2.4: they reach each other whatever their tags). A written route of the same prefix takes the latter's place.
 */
import { contains, overlaps, type Prefix } from "#base/address";
import { OUTSIDE_TAGS } from "#policy/homes";

/** What a written route leads to. */
export type RouteTarget =
  /** Another network, which has a route back: VPC peering. Only what the peer has is reached. */
  | { readonly kind: "peer"; readonly network: string }
  /** Whatever network has the address as a public one. */
  | { readonly kind: "public" }
  /** Public addresses of networks; all else is outside the data centre, behind its gateways. */
  | { readonly kind: "gateway" }
  /** Nothing: unreachable, although a shorter prefix covers it. */
  | { readonly kind: "blackhole" };

export interface WrittenRoute<P extends Prefix = Prefix> {
  /** IPv4; or IPv6, by way of gateways or to nothing (ipv6-routes.ts). */
  readonly to: P;
  readonly via: RouteTarget;
}

/** What of a network counts here. Prefixes are IPv4. */
export interface RoutedNetwork {
  readonly name: string;
  /** Unsigned 32 bits. */
  readonly tags: number;
  /** Private. */
  readonly prefixes: readonly Prefix[];
  /** No address of these is another network's too. */
  readonly publicPrefixes: readonly Prefix[];
  readonly routes: readonly WrittenRoute[];
}

/** Destinations in `prefix` have these tags; undefined: they are unreachable. */
export interface RouteRow {
  readonly prefix: Prefix;
  readonly tags: number | undefined;
  /** True: public addresses that a route via gateway leads to. Private ones reach them as the outside does, by a gateway. */
  readonly viaGateway?: true;
}

const EVERYWHERE: Prefix = { address: new Uint8Array(4), length: 0 };

/** The rows of `network`, longest prefix first, each prefix once. `networks`: all of the deployment, it among them. */
export function routeRows(network: RoutedNetwork, networks: readonly RoutedNetwork[]): RouteRow[] {
  const rows = new Map<string, RouteRow>();
  for (const { to, reached } of inOrder(network, networks)) {
    // What a shorter route reaches inside of this one is this one's to say.
    for (const [key, { prefix }] of rows) {
      if (prefix.length >= to.length && contains(to, prefix.address)) rows.delete(key);
    }
    for (const row of [{ prefix: to, tags: undefined }, ...reached]) {
      if (!overlaps(to, row.prefix)) continue;
      const prefix = row.prefix.length >= to.length ? row.prefix : to;
      rows.set(`${prefix.address.join(".")}/${prefix.length}`, { ...row, prefix });
    }
  }
  return [...rows.values()].sort((a, b) => b.prefix.length - a.prefix.length);
}

interface Resolved {
  readonly to: Prefix;
  readonly reached: readonly RouteRow[];
}

/** All routes, written or not, shortest first; of equal ones the network's own prefixes last. */
function inOrder(network: RoutedNetwork, networks: readonly RoutedNetwork[]): Resolved[] {
  const written = network.routes
    .filter(isIpv4)
    .map(({ to, via }): Resolved => ({ to, reached: reachedBy(via, networks) }));
  const own = ownRows(network).map((row): Resolved => ({ to: row.prefix, reached: [row] }));
  const byDefault: Resolved = { to: EVERYWHERE, reached: reachedBy({ kind: "public" }, networks) };
  return [byDefault, ...written, ...own].sort((a, b) => a.to.length - b.to.length);
}

const isIpv4 = ({ to }: WrittenRoute): boolean => to.address.length === 4;

const ownRows = ({ prefixes, publicPrefixes, tags }: RoutedNetwork): RouteRow[] =>
  [...prefixes, ...publicPrefixes].map((prefix) => ({ prefix, tags }));

function reachedBy(via: RouteTarget, networks: readonly RoutedNetwork[]): RouteRow[] {
  switch (via.kind) {
    case "peer":
      return networks.filter(({ name }) => name === via.network).flatMap(ownRows);
    case "public":
      return networks.flatMap(({ publicPrefixes, tags }) => publicPrefixes.map((prefix) => ({ prefix, tags })));
    case "gateway":
      return [
        { prefix: EVERYWHERE, tags: OUTSIDE_TAGS },
        ...reachedBy({ kind: "public" }, networks).map((row): RouteRow => ({ ...row, viaGateway: true })),
      ];
    case "blackhole":
      return [];
  }
}

/** The tags of a destination by these rows; undefined: it is unreachable. */
export const tagsOf = (rows: readonly RouteRow[], address: Uint8Array): number | undefined =>
  rows.find(({ prefix }) => contains(prefix, address))?.tags;
