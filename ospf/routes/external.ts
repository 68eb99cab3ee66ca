/** Routes out of the autonomous system: RFC 5340 §4.8.5, RFC 2328 §16.4, and inside NSSAs RFC 3101 §2.5. */
import { isLinkLocal6, isMulticast6, isUnspecified } from "#base/address";
import { LS_INFINITY } from "#ospf/constants";
import { type Entry, isMaxAge } from "#ospf/database/store";
import type { ExternalRoute } from "#ospf/packet/lsa-body";
import { AS_EXTERNAL_LSA, NSSA_LSA } from "#ospf/packet/lsa-header";
import { PREFIX_P } from "#ospf/packet/prefix";
import type { Destinations } from "#ospf/routes/destinations";
import { ForwardingAddresses, type Way } from "#ospf/routes/forwarding-addresses";
import { type InternalRoutes, isUsable, type Reached } from "#ospf/routes/internal";
import type { NextHop } from "#ospf/routes/model";
import { type NextHopSets, NO_WAY } from "#ospf/routes/next-hops";
import { asbrPath, preferenceClass, type RouterPaths } from "#ospf/routes/routers";
import { eachOf, type Work } from "#ospf/routes/work";
import type { Area, Instance } from "#ospf/state";

/** What an LSA makes of a destination. */
export interface ExternalPath {
  readonly metricType: 1 | 2;
  /** Of type 2: the metric in the LSA; of type 1: 0. */
  readonly type2Cost: number;
  /** Of the way to the ASBR or forwarding address (RFC 2328 §16.4.1). */
  readonly preference: 0 | 1;
  /** Of type 1: that way's cost and the metric; of type 2: that way's cost. */
  readonly cost: number;
  readonly hops: number;
  readonly entry: Entry;
  readonly body: ExternalRoute;
}

/** By destination; there may be a better route inside the autonomous system. */
export class ExternalRoutes {
  readonly #destinations: Destinations;
  readonly #sets: NextHopSets;
  readonly #paths: (ExternalPath | undefined)[] = [];
  /** Prefixes without a number: there were too many. */
  leftOut = 0;

  constructor(destinations: Destinations, sets: NextHopSets) {
    this.#destinations = destinations;
    this.#sets = sets;
  }

  get(destination: number): ExternalPath | undefined {
    return this.#paths[destination];
  }

  /** RFC 2328 §16.4 (6). Of equal paths the one that §2.5 (6) (e) of RFC 3101 prefers gives its tag. */
  offer(path: ExternalPath): void {
    const destination = this.#destinations.add(path.body.prefix);
    if (destination < 0) {
      this.leftOut++;
      return;
    }
    while (this.#paths.length <= destination) this.#paths.push(undefined);
    const before = this.#paths[destination];
    const order = before === undefined ? -1 : compare(path, before);
    if (before === undefined || order < 0) this.#paths[destination] = path;
    if (before === undefined || order !== 0) return;
    const hops = this.#sets.union(before.hops, path.hops);
    this.#paths[destination] = { ...(precedes(path, before) ? path : before), hops };
  }
}

/** Negative: `a` is preferred. */
const compare = (a: ExternalPath, b: ExternalPath): number =>
  a.metricType - b.metricType || a.type2Cost - b.type2Cost || a.preference - b.preference || a.cost - b.cost;

function precedes({ entry: a }: ExternalPath, { entry: b }: ExternalPath): boolean {
  const order = rank(a) - rank(b) || b.lsa.header.advertisingRouter - a.lsa.header.advertisingRouter;
  return order < 0 || (order === 0 && a.lsa.header.linkStateId < b.lsa.header.linkStateId);
}

/** RFC 3101 §2.5 (6) (e). */
function rank({ body }: Entry): number {
  if (body.kind !== "nssa") return 1;
  return (body.prefix.options & PREFIX_P) !== 0 ? 0 : 2;
}

export interface ExternalRequest {
  readonly instance: Instance;
  readonly reached: readonly Reached[];
  readonly internal: InternalRoutes;
  readonly routers: RouterPaths;
  readonly sets: NextHopSets;
}

export function* externalRoutes(request: ExternalRequest): Work<ExternalRoutes> {
  const { instance, reached, internal, sets } = request;
  const routes = new ExternalRoutes(internal.destinations, sets);
  const forwarding = new ForwardingAddresses(instance, internal, sets);
  const normal = new Set(reached.filter(({ area }) => area.config.kind === "normal").map(({ area }) => area.id));
  yield* examine(request, routes, {
    entries: instance.external.listOf(AS_EXTERNAL_LSA),
    areas: normal,
    isIgnored: () => false,
    forward: (address) => forwarding.find(address, (area) => normal.has(area)),
  });
  for (const { area } of reached) {
    if (area.config.kind !== "nssa") continue;
    yield* examine(request, routes, {
      entries: area.database.listOf(NSSA_LSA),
      areas: new Set([area.id]),
      isIgnored: (body) => isIgnoredDefault(instance, area, body),
      forward: (address) => forwarding.find(address, (other, isIntra) => isIntra && other === area.id),
    });
  }
  return routes;
}

/** RFC 3101 §2.5 (3): defaults of an NSSA that are not for its border routers. */
const isIgnoredDefault = (instance: Instance, area: Area, { prefix }: ExternalRoute): boolean =>
  prefix.length === 0 && instance.isBorder && ((prefix.options & PREFIX_P) === 0 || !area.config.summaries);

interface Source {
  readonly entries: readonly Entry[];
  /** Where the ASBR is looked for. */
  readonly areas: ReadonlySet<number>;
  isIgnored(body: ExternalRoute): boolean;
  forward(address: Uint8Array): Way | undefined;
}

function* examine({ instance, routers, sets }: ExternalRequest, routes: ExternalRoutes, from: Source): Work<void> {
  const ways = new AsbrWays(routers, from.areas, sets);
  yield* eachOf(from.entries.length, (i) => {
    const entry = from.entries[i]!;
    const { body } = entry;
    const { advertisingRouter } = entry.lsa.header;
    if (isMaxAge(entry) || (body.kind !== "asExternal" && body.kind !== "nssa")) return 1;
    if (body.metric >= LS_INFINITY || advertisingRouter === instance.config.routerId) return 1;
    if (!isUsable(body.prefix) || from.isIgnored(body)) return 1;
    const way = wayOf(body, ways.to(advertisingRouter), from);
    if (way !== undefined) routes.offer(pathOf(entry, body, way));
    return 2;
  });
}

/** To the forwarding address, if there is one; but the ASBR must be reached in any case (RFC 2328 §16.4 (3)). */
function wayOf({ forwardingAddress: address }: ExternalRoute, asbr: Way | undefined, from: Source): Way | undefined {
  if (asbr === undefined || address === undefined) return asbr;
  return isSound(address) ? from.forward(address) : undefined;
}

/** RFC 5340 §A.4.7: what may be a forwarding address. */
const isSound = (address: Uint8Array): boolean =>
  !isUnspecified(address) && !isLinkLocal6(address) && !isMulticast6(address);

function pathOf(entry: Entry, body: ExternalRoute, { cost, preference, hops }: Way): ExternalPath {
  const { metricType, metric } = body;
  return metricType === 1
    ? { metricType, type2Cost: 0, preference, cost: cost + metric, hops, entry, body }
    : { metricType, type2Cost: metric, preference, cost, hops, entry, body };
}

/** Ways to AS boundary routers, the last one remembered: the LSAs of one router follow one another. */
class AsbrWays {
  readonly #paths: RouterPaths;
  readonly #areas: ReadonlySet<number>;
  readonly #sets: NextHopSets;
  #routerId = -1;
  #way: Way | undefined;

  constructor(paths: RouterPaths, areas: ReadonlySet<number>, sets: NextHopSets) {
    this.#paths = paths;
    this.#areas = areas;
    this.#sets = sets;
  }

  /** Undefined: it cannot be reached, or does not say that it is one. */
  to(routerId: number): Way | undefined {
    if (routerId === this.#routerId) return this.#way;
    const path = asbrPath(this.#paths, this.#areas, routerId);
    this.#routerId = routerId;
    this.#way = path && {
      cost: path.cost,
      preference: preferenceClass(path.path, path.area),
      hops: setOf(path.nextHops, this.#sets),
    };
    return this.#way;
  }
}

const setOf = (nextHops: readonly NextHop[], sets: NextHopSets): number =>
  nextHops.reduce((set, hop) => sets.union(set, sets.single(hop.interface, hop.address)), NO_WAY);
