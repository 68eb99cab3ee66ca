/**
 * Who can ever reach whom in a fabric: the route tables say where a network's packets can go at all (policy/route-table.ts),
 * the rules of both sides what of it passes (policy/verify.ts). Computed over sets, so it holds for every packet.
 */
import { contains, overlaps, type Prefix } from "#base/address";
import { put32, u32 } from "#base/bytes";
import { classesWithin, fabricHosts, publicClasses } from "#policy/address-classes";
import { OUTSIDE_TAGS } from "#policy/homes";
import { hasPublicIpv6, leadsOutside6 } from "#policy/ipv6-routes";
import type { Traffic, TrafficRange } from "#policy/regions";
import { type RouteRow, routeRows } from "#policy/route-table";
import type { IidPrefix, Rule } from "#policy/rules";
import { type Blocked, canReach, type Passing } from "#policy/verify";
import type { Fabric, Network } from "#router/config/model";
import { fabricSides } from "#router/rules";

/** Addresses of one network that are asked about together. */
export interface Place {
  /** `blue/prod`, `blue/prod public`, `blue/prod 10.0.0.5`, `blue/prod ipv6`, `outside`. */
  readonly name: string;
  readonly network: Pick<
    Network,
    "name" | "tags" | "routes" | "prefixes" | "publicPrefixes" | "publicIpv6" | "classes"
  >;
  /** IPv4, inside the network's; of IPv6 hosts what their host numbers look like. */
  readonly prefixes: readonly Prefix[];
  /** True: its IPv6 hosts, which IPv4 hosts never reach (docs/wire.md). */
  readonly ipv6?: true;
}

/** All IPv6 hosts of a network: host numbers where no IPv4 host is, by which rules know what its tenant brought too. */
export const ipv6HostsOf = (network: Network): Place => ({
  ...{ name: `${network.name} ipv6`, network, ipv6: true },
  prefixes: [fabricHosts(network.tags), ...classesWithin(network.tags, network.classes, ALL_IPV6)].map(hostPart),
});

const ALL_IPV6: Prefix = { address: new Uint8Array(16), length: 0 };
const hostPart = ({ host, length }: IidPrefix): Prefix => ({ address: put(host), length: length - 32 });

/** Those of what its tenant brought, inside an IPv6 prefix; undefined: it has brought nothing there. */
export function broughtHostsOf(network: Network, text: string, prefix: Prefix): Place | undefined {
  const prefixes = classesWithin(network.tags, network.classes, prefix).map(hostPart);
  return prefixes.length === 0 ? undefined : { name: `${network.name} ${text}`, network, prefixes, ipv6: true };
}

function put(host: number): Uint8Array {
  const octets = new Uint8Array(4);
  put32(octets, 0, host);
  return octets;
}

/** What of an IPv6 place is public, as its prefixes are written. */
function publicParts({ network: { tags, publicIpv6, classes }, prefixes }: Place): Prefix[] {
  const own = [...(publicIpv6 ? [fabricHosts(tags)] : []), ...publicClasses(tags, classes)].map(hostPart);
  return prefixes.flatMap((prefix) =>
    own.flatMap((each) => (overlaps(each, prefix) ? [each.length > prefix.length ? each : prefix] : [])),
  );
}

const EVERYBODY: IidPrefix = { tags: 0, host: 0, length: 0 };

/** Every host outside the data centre. */
export const OUTSIDE_HOSTS: Place = {
  name: "outside",
  network: {
    name: "outside",
    tags: OUTSIDE_TAGS,
    routes: [],
    prefixes: [],
    publicPrefixes: [],
    publicIpv6: false,
    classes: [],
  },
  prefixes: [{ address: new Uint8Array(4), length: 0 }],
};

/** Gateways ask no rules: the hypervisor at the other end does. */
const GATEWAY: readonly Rule[] = [
  {
    ...{ name: "gateway", priority: 0, action: "allow", stateful: true, log: false },
    ...{ source: [EVERYBODY], destination: [EVERYBODY] },
  },
];

export interface Reachability {
  readonly from: Place;
  readonly to: Place;
  /** Of what was asked about everything passes, a part of it, or nothing. */
  readonly verdict: "yes" | "some" | "no";
  /** How much of `to` the sender's network has a route to. */
  readonly routed: "all" | "some" | "none";
  readonly passing?: Passing<Rule>;
  /** Why what does not pass does not, if it has a route. */
  readonly blocked?: Blocked<Rule>;
  /** All that passes, each range once. */
  readonly traffic: readonly TrafficRange[];
}

/**
 * What is asked about when nobody says otherwise: each network's private addresses, its public ones, of one without either
 * or with public IPv6 addresses its IPv6 hosts; and the outside, if there are gateways.
 */
export const placesOf = ({ networks, outside }: Fabric): Place[] => [
  ...networks.flatMap((network) => [
    ...(network.prefixes.length + network.publicPrefixes.length === 0 || hasPublicIpv6(network)
      ? [ipv6HostsOf(network)]
      : []),
    ...(network.prefixes.length > 0 ? [{ name: network.name, network, prefixes: network.prefixes }] : []),
    ...(network.publicPrefixes.length > 0
      ? [{ name: `${network.name} public`, network, prefixes: network.publicPrefixes }]
      : []),
  ]),
  ...(outside === undefined ? [] : [OUTSIDE_HOSTS]),
];

export class Reach {
  readonly #fabric: Fabric;
  readonly #sides: ReturnType<typeof fabricSides>;
  readonly #rows = new Map<string, readonly RouteRow[]>();

  constructor(fabric: Fabric) {
    this.#fabric = fabric;
    this.#sides = fabricSides(fabric);
  }

  /** Throws RangeError when the rules cut the question into more parts than can be told. */
  between(from: Place, to: Place, traffic: Traffic = {}): Reachability {
    const { sources = from.prefixes, pieces, routed } = this.#routed(from, to);
    let passing: Passing<Rule> | undefined;
    let blocked: Blocked<Rule> | undefined;
    const ranges = new Map<string, TrafficRange>();
    const sides = {
      out: from === OUTSIDE_HOSTS ? GATEWAY : this.#sides.out,
      in: to === OUTSIDE_HOSTS ? GATEWAY : this.#sides.in,
    };
    for (const source of sources.map((prefix) => iidPrefix(from.network, prefix))) {
      for (const piece of pieces) {
        const answer = canReach(sides, source, piece, traffic);
        passing ??= answer.passing;
        blocked ??= answer.blocked;
        for (const range of answer.traffic) ranges.set(JSON.stringify(range), range);
      }
    }
    const whole = blocked === undefined && routed === "all";
    const verdict = passing === undefined ? "no" : whole ? "yes" : "some";
    return {
      ...{ from, to, verdict, routed, traffic: [...ranges.values()] },
      ...(passing && { passing }),
      ...(blocked && { blocked }),
    };
  }

  /** The parts of `to` that the sender's network has a route to; `sources`: of `from`, those that have it, if not all. */
  #routed(from: Place, to: Place): Routed {
    if (from.ipv6 === true || to.ipv6 === true) return this.#routed6(from, to);
    const { network } = from;
    if (network === OUTSIDE_HOSTS.network) return routedBy(this.#rowsFromOutside(to.network), to);
    const rows = this.#rowsOf(network.name);
    // From private addresses what a gateway leads to is outside, public or not (docs/gateway.md).
    const isPublic = from.prefixes.every((prefix) =>
      network.publicPrefixes.some((own) => contains(own, prefix.address)),
    );
    return routedBy(isPublic ? rows : rows.map((row) => (row.viaGateway ? { ...row, tags: OUTSIDE_TAGS } : row)), to);
  }

  /** IPv6 hosts reach those of their own network and of peers, public ones, and outside by NAT64 or straight (docs/gateway.md). */
  #routed6(from: Place, to: Place): Routed {
    const whole: Routed = { pieces: to.prefixes.map((prefix) => iidPrefix(to.network, prefix)), routed: "all" };
    if (to.network === OUTSIDE_HOSTS.network) {
      const byNat64 = routedBy(this.#rowsOf(from.network.name), to);
      if (byNat64.routed !== "none") return byNat64;
      const sources = publicParts(from);
      return leadsOutside6(from.network) && sources.length > 0 ? { ...whole, sources } : NOWHERE;
    }
    const isFromOutside = from.network === OUTSIDE_HOSTS.network;
    if (from.ipv6 !== to.ipv6 && !isFromOutside) return NOWHERE;
    if (!isFromOutside && (from.network.name === to.network.name || isPeer(from.network, to.network))) return whole;
    const parts = publicParts(to);
    if (parts.length === 0 || (isFromOutside && !leadsOutside6(to.network))) return NOWHERE;
    const isWhole = parts.length === to.prefixes.length && parts.every((part, i) => part === to.prefixes[i]);
    return { pieces: parts.map((prefix) => iidPrefix(to.network, prefix)), routed: isWhole ? "all" : "some" };
  }

  /** Outside hosts reach public addresses, and private ones by the floating addresses that stand for them. */
  #rowsFromOutside({ name, tags }: Place["network"]): readonly RouteRow[] {
    const { networks, outside } = this.#fabric;
    const floating = outside?.floating.filter(({ network }) => network.name === name) ?? [];
    const own = networks.find((network) => network.name === name)?.publicPrefixes ?? [];
    return [...floating.map(({ to }) => ({ address: to.bytes, length: 32 })), ...own].map((prefix) => ({
      prefix,
      tags,
    }));
  }

  #rowsOf(name: string): readonly RouteRow[] {
    const { networks } = this.#fabric;
    const rows = this.#rows.get(name) ?? routeRows(networks.find((network) => network.name === name)!, networks);
    this.#rows.set(name, rows);
    return rows;
  }
}

interface Routed {
  readonly sources?: readonly Prefix[];
  readonly pieces: readonly IidPrefix[];
  readonly routed: Reachability["routed"];
}

const NOWHERE: Routed = { pieces: [], routed: "none" };

function routedBy(rows: readonly RouteRow[], to: Place): Routed {
  const parts = to.prefixes.map((prefix) => partsOf(rows, prefix, to.network.tags));
  const pieces = parts.flatMap(({ found }) => found.map((prefix) => iidPrefix(to.network, prefix)));
  const routed = pieces.length === 0 ? "none" : parts.every(({ whole }) => whole) ? "all" : "some";
  return { pieces, routed };
}

const isPeer = ({ routes }: Place["network"], { name }: Place["network"]): boolean =>
  routes.some(({ via }) => via.kind === "peer" && via.network === name);

/** The parts of a prefix whose longest row has these tags; `whole`: that is all of it. `rows`: longest first. */
function partsOf(rows: readonly RouteRow[], prefix: Prefix, tags: number): { found: Prefix[]; whole: boolean } {
  const inside = rows.filter((row) => row.prefix.length > prefix.length && contains(prefix, row.prefix.address));
  const around = rows.find((row) => row.prefix.length <= prefix.length && overlaps(row.prefix, prefix));
  if (inside.length === 0)
    return around?.tags === tags ? { found: [prefix], whole: true } : { found: [], whole: false };
  // Halves, until each lies in one row.
  const halves = halvesOf(prefix).map((half) => partsOf(rows, half, tags));
  return { found: halves.flatMap(({ found }) => found), whole: halves.every(({ whole }) => whole) };
}

function halvesOf({ address, length }: Prefix): Prefix[] {
  const upper = address.slice();
  upper[length >> 3]! |= 0x80 >> (length & 7);
  return [
    { address, length: length + 1 },
    { address: upper, length: length + 1 },
  ];
}

const iidPrefix = ({ tags }: Place["network"], { address, length }: Prefix): IidPrefix => ({
  tags,
  host: u32(address, 0),
  length: 32 + length,
});
