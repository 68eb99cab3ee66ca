/** The routing table out of what was found by destination, and what is different in it. */
import type { ExternalPath, ExternalRoutes } from "#ospf/routes/external";
import { DISCARD, INTER, INTRA, type InternalRoutes, NONE } from "#ospf/routes/internal";
import type { NextHop, OspfRoute, PathType, RouterPath, RoutingTable } from "#ospf/routes/model";
import type { NextHopSets } from "#ospf/routes/next-hops";
import type { RouterPaths } from "#ospf/routes/routers";
import { eachOf, type Work } from "#ospf/routes/work";

type Routes = ReadonlyMap<string, OspfRoute>;

/** All of a route but its destination. */
type Way = Omit<OspfRoute, "prefix" | "text">;

export interface Kept {
  readonly sets: NextHopSets;
  /** Of the last table, by destination; replaced by those of this one. */
  routes: (OspfRoute | undefined)[];
}

/** Routes of `before` that are still right are taken over as they are. */
export function* buildRoutes(
  kept: Kept,
  internal: InternalRoutes,
  external: ExternalRoutes,
  before: RoutingTable,
): Work<Routes> {
  const { destinations } = internal;
  const routes = new Map<string, OspfRoute>();
  const byDestination: (OspfRoute | undefined)[] = [];
  yield* eachOf(destinations.size, (destination) => {
    const way = wayTo(destination, kept.sets, internal, external);
    if (way === undefined) {
      byDestination.push(undefined);
      return 1;
    }
    const text = destinations.text(destination);
    const old = kept.routes[destination] ?? before.routes.get(text);
    const route =
      old !== undefined && isSame(old, way) ? old : { prefix: destinations.prefix(destination), text, ...way };
    byDestination.push(route);
    routes.set(text, route);
    return 2;
  });
  kept.routes = byDestination;
  return routes;
}

const PATHS: Record<number, PathType> = { [INTRA]: "intra", [DISCARD]: "discard", [INTER]: "inter" };

function wayTo(
  destination: number,
  sets: NextHopSets,
  internal: InternalRoutes,
  external: ExternalRoutes,
): Way | undefined {
  const kind = internal.kindOf(destination);
  if (kind === NONE) {
    const path = external.get(destination);
    return path && externalWay(path, sets);
  }
  return {
    path: PATHS[kind]!,
    area: internal.area[destination]!,
    cost: internal.cost[destination]!,
    nextHops: sets.list(internal.hops[destination]!),
  };
}

function externalWay({ metricType, type2Cost, cost, hops, body: { tag } }: ExternalPath, sets: NextHopSets): Way {
  return {
    path: metricType === 1 ? "external-1" : "external-2",
    area: undefined,
    cost,
    ...(metricType === 2 && { type2Cost }),
    nextHops: sets.list(hops),
    ...(tag !== undefined && { tag }),
  };
}

/** Equal lists of next hops are one array: see `NextHopSets`. */
const isSame = (a: Way, b: Way): boolean =>
  a.path === b.path &&
  a.cost === b.cost &&
  a.nextHops === b.nextHops &&
  a.area === b.area &&
  a.type2Cost === b.type2Cost &&
  a.tag === b.tag;

export interface Difference {
  readonly changed: readonly OspfRoute[];
  readonly removed: readonly OspfRoute[];
}

/** A route that is the same object is no difference. */
export function* difference(before: Routes, after: Routes): Work<Difference> {
  const changed: OspfRoute[] = [];
  const removed: OspfRoute[] = [];
  const now = [...after.values()];
  yield* eachOf(now.length, (i) => {
    if (before.get(now[i]!.text) !== now[i]) changed.push(now[i]!);
    return 1;
  });
  const then = [...before.values()];
  yield* eachOf(then.length, (i) => {
    if (!after.has(then[i]!.text)) removed.push(then[i]!);
    return 1;
  });
  return { changed, removed };
}

/** True when all ways to border and AS boundary routers are the same. */
export function sameRouters(a: RouterPaths, b: RouterPaths): boolean {
  if (a === b) return true;
  return a.size === b.size && [...a].every(([area, paths]) => samePaths(paths, b.get(area)));
}

function samePaths(a: ReadonlyMap<number, RouterPath>, b: ReadonlyMap<number, RouterPath> | undefined): boolean {
  if (b === undefined || a.size !== b.size) return false;
  for (const [routerId, path] of a) {
    const other = b.get(routerId);
    if (other === undefined || !samePath(path, other)) return false;
  }
  return true;
}

const samePath = (a: RouterPath, b: RouterPath): boolean =>
  a.path === b.path &&
  a.cost === b.cost &&
  a.isBorder === b.isBorder &&
  a.isAsbr === b.isAsbr &&
  a.translates === b.translates &&
  sameHops(a.nextHops, b.nextHops);

const sameHops = (a: readonly NextHop[], b: readonly NextHop[]): boolean => a === b;
