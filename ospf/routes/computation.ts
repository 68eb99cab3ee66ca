/**
 * One computation of the routing table, in pieces: RFC 2328 §16. What an earlier one found out and no change has
 * touched is taken over:
 *
 * | changed                                                          | computed anew                                |
 * |------------------------------------------------------------------|----------------------------------------------|
 * | router- or network-LSAs of an area, a Link-LSA's address         | that area's tree, and all below              |
 * | intra-area-prefix-LSAs, inter-area-LSAs of an area that counts   | routes inside the AS and to routers, and below |
 * | AS-external-, NSSA-LSAs                                          | routes out of the AS                         |
 *
 * The table itself is always gone through; routes that are as they were stay the same objects.
 */
import { nextU32 } from "#base/random";
import { Destinations, MAX_DESTINATIONS } from "#ospf/routes/destinations";
import { type ExternalRoutes, externalRoutes } from "#ospf/routes/external";
import { InternalRoutes, internalRoutes, type Reached } from "#ospf/routes/internal";
import type { OspfRoute, RoutingTable } from "#ospf/routes/model";
import { NextHopSets } from "#ospf/routes/next-hops";
import { type RouterPaths, routerPaths } from "#ospf/routes/routers";
import { shortestPaths, type Tree } from "#ospf/routes/spf";
import { buildRoutes } from "#ospf/routes/table";
import type { Work } from "#ospf/routes/work";
import type { Instance } from "#ospf/state";

/** What has changed since the last computation began. */
export interface Changes {
  /** Areas whose trees are no longer right. */
  readonly trees: Set<number>;
  allTrees: boolean;
  internal: boolean;
  external: boolean;
}

export const noChanges = (): Changes => ({ trees: new Set(), allTrees: false, internal: false, external: false });

/** Sets and destinations that nothing uses are thrown away once there are so many of them. */
const SPARE_SETS = 20_000;
const SPARE_DESTINATIONS = 20_000;

/** Prefixes for each LSA that there may be: a route costs more memory than the octets that tell of it. */
const PREFIXES_PER_LSA = 2;

const mostDestinations = ({ config }: Instance): number =>
  Math.min(MAX_DESTINATIONS, PREFIXES_PER_LSA * config.maxLsas);

/** What computations hand on to one another; undefined: to be computed. */
export interface Memory {
  readonly salt: number;
  sets: NextHopSets;
  /** Above so many others are begun: twice what was needed then, and some. Infinity: until that is known. */
  mostSets: number;
  destinations: Destinations;
  /** By area id. */
  readonly trees: Map<number, Tree>;
  internal: InternalRoutes | undefined;
  routers: RouterPaths;
  external: ExternalRoutes | undefined;
  /** Of the last table, by destination. */
  routes: (OspfRoute | undefined)[];
}

export const newMemory = (instance: Instance): Memory => ({
  salt: nextU32(instance.random),
  sets: new NextHopSets(instance.config.maxPaths),
  mostSets: SPARE_SETS,
  destinations: new Destinations(mostDestinations(instance)),
  trees: new Map(),
  internal: undefined,
  routers: new Map(),
  external: undefined,
  routes: [],
});

export interface Outcome {
  readonly table: RoutingTable;
  /** A tree was computed. */
  readonly isFull: boolean;
  /** Routers and networks reached, over all areas. */
  readonly vertices: number;
  /** Prefixes for which there was no room. */
  readonly leftOut: number;
}

/** `before`: the last table that came of this memory. Nothing else may use the memory until the work is done. */
export function* compute(instance: Instance, memory: Memory, changes: Changes, before: RoutingTable): Work<Outcome> {
  forget(instance, memory, changes);
  tidy(instance, memory, before);
  const isFull = [...instance.areas.keys()].some((id) => !memory.trees.has(id));
  const reached = yield* reach(instance, memory);
  const { sets } = memory;
  if (memory.internal === undefined) {
    memory.internal = yield* internalRoutes(instance, reached, new InternalRoutes(memory.destinations, sets));
    memory.routers = yield* routerPaths(instance, reached, sets);
  }
  const { internal, routers } = memory;
  memory.external ??= yield* externalRoutes({ instance, reached, internal, routers, sets });
  if (memory.mostSets === Number.POSITIVE_INFINITY) memory.mostSets = 2 * sets.size + SPARE_SETS;
  const routes = yield* buildRoutes(memory, internal, memory.external, before);
  return {
    table: { routes, routers },
    isFull,
    vertices: reached.reduce((sum, { tree }) => sum + tree.reached, 0),
    leftOut: internal.leftOut + memory.external.leftOut,
  };
}

function forget(instance: Instance, memory: Memory, changes: Changes): void {
  for (const id of [...memory.trees.keys()]) {
    if (changes.allTrees || changes.trees.has(id) || !instance.areas.has(id)) memory.trees.delete(id);
  }
  const { allTrees, trees, internal, external } = changes;
  if (allTrees || trees.size > 0 || internal) memory.internal = undefined;
  if (memory.internal === undefined || external) memory.external = undefined;
}

/** Numbers of sets are in trees, numbers of destinations in routes: these go with them. */
function tidy(instance: Instance, memory: Memory, before: RoutingTable): void {
  const { sets, destinations } = memory;
  const tooManySets = sets.size > memory.mostSets;
  const isWorn = destinations.size === destinations.limit && before.routes.size < destinations.limit;
  const tooManyDestinations = isWorn || destinations.size > 2 * before.routes.size + SPARE_DESTINATIONS;
  if (tooManySets || sets.maxPaths !== instance.config.maxPaths) {
    memory.sets = new NextHopSets(instance.config.maxPaths, sets);
    memory.mostSets = Number.POSITIVE_INFINITY;
    memory.trees.clear();
  }
  if (tooManyDestinations) {
    memory.destinations = new Destinations(mostDestinations(instance));
    memory.routes = [];
  }
  if (memory.sets === sets && memory.destinations === destinations) return;
  memory.internal = undefined;
  memory.external = undefined;
}

function* reach(instance: Instance, memory: Memory): Work<Reached[]> {
  const { salt, sets, trees } = memory;
  const { routerId } = instance.config;
  const reached: Reached[] = [];
  for (const area of [...instance.areas.values()]) {
    const tree = trees.get(area.id) ?? (yield* shortestPaths({ area, routerId, sets, salt }));
    trees.set(area.id, tree);
    reached.push({ area, tree });
  }
  return reached;
}
