/**
 * Routes within the autonomous system: what lies in our areas (RFC 5340 §4.8.1, second stage), what border routers tell
 * of others (§4.8.3, RFC 2328 §16.2), and discard entries for our own ranges (RFC 2328 §11.1).
 */
import { contains, type Prefix } from "#base/address";
import { BACKBONE, LS_INFINITY } from "#ospf/constants";
import { type Entry, isMaxAge } from "#ospf/database/store";
import type { InterAreaPrefixLsa, IntraAreaPrefixLsa } from "#ospf/packet/lsa-body";
import { INTER_AREA_PREFIX_LSA, INTRA_AREA_PREFIX_LSA, NETWORK_LSA, ROUTER_LSA } from "#ospf/packet/lsa-header";
import { type AdvertisedPrefix, PREFIX_NU } from "#ospf/packet/prefix";
import type { Destinations } from "#ospf/routes/destinations";
import { type NextHopSets, NO_WAY, OWN } from "#ospf/routes/next-hops";
import type { Tree } from "#ospf/routes/spf";
import { eachOf, type Work } from "#ospf/routes/work";
import type { Area, Instance } from "#ospf/state";

// Kinds of routes: the lower is preferred (RFC 2328 §11, §16.2 (3) and (6)).
export const NONE = 0;
export const INTRA = 1;
export const DISCARD = 2;
export const INTER = 3;

/** An area, and the tree of its routers and networks. */
export interface Reached {
  readonly area: Area;
  readonly tree: Tree;
}

/** By destination. */
export class InternalRoutes {
  readonly destinations: Destinations;
  readonly #sets: NextHopSets;
  /** NONE … INTER. The array is longer than there are destinations, as all of them are. */
  kind = new Uint8Array(1024);
  cost = new Float64Array(1024);
  hops = new Int32Array(1024);
  /** Area ID. */
  area = new Uint32Array(1024);
  /** Prefixes without a number: there were too many. */
  leftOut = 0;

  constructor(destinations: Destinations, sets: NextHopSets) {
    this.destinations = destinations;
    this.#sets = sets;
  }

  /** The kind of route to a destination of any number. */
  kindOf(destination: number): number {
    return this.kind[destination] ?? NONE;
  }

  /**
   * The path takes the place of a worse one; an equal one in the same area is added to it. Of equal ones in different
   * areas that in the greatest area counts: one route has one area (RFC 2328 §16.8), and §16.4 (3) chooses so.
   */
  offer(prefix: Prefix, path: Path): void {
    const destination = this.destinations.add(prefix);
    if (destination < 0) {
      this.leftOut++;
      return;
    }
    if (destination >= this.kind.length) this.#grow(destination);
    const order = this.#compare(destination, path);
    if (order < 0) return;
    if (order === 0) {
      this.hops[destination] = this.#sets.union(this.hops[destination]!, path.hops);
      return;
    }
    this.kind[destination] = path.kind;
    this.cost[destination] = path.cost;
    this.area[destination] = path.area;
    this.hops[destination] = path.hops;
  }

  /** Positive: the path is better than what is there. */
  #compare(destination: number, path: Path): number {
    const kind = this.kind[destination]!;
    if (kind === NONE) return 1;
    if (kind !== path.kind) return kind - path.kind;
    const cost = this.cost[destination]!;
    return cost === path.cost ? path.area - this.area[destination]! : cost - path.cost;
  }

  #grow(destination: number): void {
    const size = 2 * Math.max(destination, this.kind.length);
    this.kind = resized(this.kind, new Uint8Array(size));
    this.cost = resized(this.cost, new Float64Array(size));
    this.hops = resized(this.hops, new Int32Array(size));
    this.area = resized(this.area, new Uint32Array(size));
  }
}

export interface Path {
  kind: number;
  cost: number;
  hops: number;
  /** Area ID. */
  area: number;
}

function resized<T extends Uint8Array | Float64Array | Int32Array | Uint32Array>(from: T, to: T): T {
  to.set(from);
  return to;
}

/** NU-bit (RFC 5340 §A.4.1.1); and what no router forwards to another link, whoever advertises it. */
export const isUsable = ({ address, length, options }: AdvertisedPrefix): boolean =>
  (options & PREFIX_NU) === 0 && !isLinkLocal(address, length) && !(address[0] === 0xff && length >= 8);

const isLinkLocal = (address: Uint8Array, length: number): boolean =>
  address[0] === 0xfe && (address[1]! & 0xc0) === 0x80 && length >= 10;

/** Areas whose summaries count: a border router's backbone, else all (RFC 2328 §16.2). */
export const summarized = (instance: Instance, reached: readonly Reached[]): Reached[] =>
  reached.filter(({ area }) => !instance.isBorder || area.id === BACKBONE);

export function* internalRoutes(
  instance: Instance,
  reached: readonly Reached[],
  routes: InternalRoutes,
): Work<InternalRoutes> {
  for (const each of reached) yield* intraArea(instance, each, routes);
  for (const each of summarized(instance, reached)) yield* interArea(instance, each, routes);
  return routes;
}

function* intraArea(instance: Instance, { area, tree }: Reached, routes: InternalRoutes): Work<void> {
  const entries = area.database.listOf(INTRA_AREA_PREFIX_LSA);
  let inactive = instance.isBorder ? area.config.ranges.map(({ prefix }) => prefix) : [];
  const path: Path = { kind: INTRA, cost: 0, hops: OWN, area: area.id };
  yield* eachOf(entries.length, (i) => {
    const { body } = entries[i]!;
    if (body.kind !== "intraAreaPrefix" || isMaxAge(entries[i]!)) return 1;
    const vertex = referenced(body, tree);
    if (vertex < 0 || tree.hops[vertex] === NO_WAY) return 1;
    path.hops = tree.hops[vertex]!;
    for (const prefix of body.prefixes) {
      if (!isUsable(prefix)) continue;
      path.cost = tree.distance[vertex]! + prefix.metric;
      routes.offer(prefix, path);
      if (inactive.length > 0) inactive = activate(inactive, prefix, { area, routes });
    }
    return 1 + body.prefixes.length;
  });
}

/** §A.4.10; −1: there is no such vertex. */
function referenced({ referenced: { type, linkStateId, advertisingRouter } }: IntraAreaPrefixLsa, tree: Tree): number {
  if (type === ROUTER_LSA) return tree.vertices.router(advertisingRouter);
  return type === NETWORK_LSA ? tree.vertices.network(advertisingRouter, linkStateId) : -1;
}

/** A range in which something can be reached is active: what is in it and cannot be, goes nowhere (RFC 2328 §11.1). */
function activate(
  inactive: readonly Prefix[],
  prefix: Prefix,
  { area, routes }: { area: Area; routes: InternalRoutes },
): Prefix[] {
  return inactive.filter((range) => {
    if (range.length > prefix.length || !contains(range, prefix.address)) return true;
    routes.offer(range, { kind: DISCARD, cost: 0, hops: OWN, area: area.id });
    return false;
  });
}

/** RFC 2328 §16.2. That a summary of an active range of ours is ignored (3) follows from the order of kinds. */
function* interArea(instance: Instance, { area, tree }: Reached, routes: InternalRoutes): Work<void> {
  const entries = area.database.listOf(INTER_AREA_PREFIX_LSA);
  const path: Path = { kind: INTER, cost: 0, hops: NO_WAY, area: area.id };
  yield* eachOf(entries.length, (i) => {
    const body = summaryOf(entries[i]!);
    const border = body === undefined ? -1 : borderRouter(instance, entries[i]!, tree);
    if (body === undefined || border < 0) return 1;
    path.cost = tree.distance[border]! + body.metric;
    path.hops = tree.hops[border]!;
    routes.offer(body.prefix, path);
    return 1;
  });
}

function summaryOf(entry: Entry): InterAreaPrefixLsa | undefined {
  const { body } = entry;
  if (body.kind !== "interAreaPrefix" || isMaxAge(entry) || body.metric >= LS_INFINITY) return undefined;
  return isUsable(body.prefix) ? body : undefined;
}

/** The vertex of the border router that tells of another area: not ourselves (2), reachable (4); or −1. */
export function borderRouter(instance: Instance, entry: Entry, { vertices, hops }: Tree): number {
  const { advertisingRouter } = entry.lsa.header;
  const router = vertices.router(advertisingRouter);
  if (advertisingRouter === instance.config.routerId || router < 0 || hops[router] === NO_WAY) return -1;
  return vertices.isBorder(router) ? router : -1;
}
