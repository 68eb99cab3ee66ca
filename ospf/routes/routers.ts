/** Ways to border routers and AS boundary routers: RFC 2328 §16.1 (4), §16.2, and which of several counts (§16.4.1). */
import { BACKBONE, LS_INFINITY } from "#ospf/constants";
import { type Entry, isMaxAge } from "#ospf/database/store";
import type { InterAreaRouterLsa } from "#ospf/packet/lsa-body";
import { INTER_AREA_ROUTER_LSA } from "#ospf/packet/lsa-header";
import { borderRouter, type Reached, summarized } from "#ospf/routes/internal";
import type { PathType, RouterPath } from "#ospf/routes/model";
import { type NextHopSets, NO_WAY } from "#ospf/routes/next-hops";
import { eachOf, type Work } from "#ospf/routes/work";
import type { Instance } from "#ospf/state";

/** By area id, then router id. */
export type RouterPaths = ReadonlyMap<number, ReadonlyMap<number, RouterPath>>;
type AreaPaths = Map<number, RouterPath>;

export function* routerPaths(instance: Instance, reached: readonly Reached[], sets: NextHopSets): Work<RouterPaths> {
  const paths = new Map<number, AreaPaths>();
  for (const each of reached) paths.set(each.area.id, yield* intraArea(instance, each, sets));
  for (const each of summarized(instance, reached)) {
    if (each.area.config.kind === "normal") yield* interArea(instance, each, { sets, paths: paths.get(each.area.id)! });
  }
  return paths;
}

/** All border and AS boundary routers on the tree, ourselves apart. */
function* intraArea(instance: Instance, { area, tree }: Reached, sets: NextHopSets): Work<AreaPaths> {
  const paths: AreaPaths = new Map();
  const { vertices, distance, hops } = tree;
  yield* eachOf(vertices.routerCount, (router) => {
    const isBorder = vertices.isBorder(router);
    const isAsbr = vertices.isAsbr(router);
    if (hops[router] === NO_WAY || !(isBorder || isAsbr)) return 1;
    const routerId = vertices.routerId(router);
    const nextHops = sets.list(hops[router]!);
    const way = { path: "intra", cost: distance[router]!, nextHops, isBorder, isAsbr } as const;
    if (routerId !== instance.config.routerId) {
      paths.set(routerId, { routerId, area: area.id, ...way, translates: vertices.translates(router) });
    }
    return 1;
  });
  return paths;
}

/** RFC 2328 §16.2 for AS boundary routers in other areas; `paths` holds those within the area, which are preferred (6). */
function* interArea(
  instance: Instance,
  { area, tree }: Reached,
  { sets, paths }: { sets: NextHopSets; paths: AreaPaths },
): Work<void> {
  const entries = area.database.listOf(INTER_AREA_ROUTER_LSA);
  const best = new Map<number, { cost: number; hops: number }>();
  yield* eachOf(entries.length, (i) => {
    const body = summaryOf(entries[i]!);
    const border = body === undefined ? -1 : borderRouter(instance, entries[i]!, tree);
    if (body === undefined || border < 0) return 1;
    const { destinationRouterId: routerId } = body;
    if (routerId === instance.config.routerId || paths.has(routerId)) return 1;
    const cost = tree.distance[border]! + body.metric;
    const hops = tree.hops[border]!;
    const known = best.get(routerId);
    if (known === undefined || cost < known.cost) best.set(routerId, { cost, hops });
    else if (cost === known.cost) known.hops = sets.union(known.hops, hops);
    return 1;
  });
  for (const [routerId, { cost, hops }] of best) {
    const nextHops = sets.list(hops);
    const way = { path: "inter", cost, nextHops, isBorder: false, isAsbr: true } as const;
    paths.set(routerId, { routerId, area: area.id, ...way, translates: false });
  }
}

function summaryOf(entry: Entry): InterAreaRouterLsa | undefined {
  const { body } = entry;
  if (body.kind !== "interAreaRouter" || isMaxAge(entry) || body.metric >= LS_INFINITY) return undefined;
  return body;
}

/** RFC 2328 §16.4.1: paths inside areas other than the backbone are 0, and preferred to all others, 1. */
export const preferenceClass = (path: PathType, area: number): 0 | 1 => (path === "intra" && area !== BACKBONE ? 0 : 1);

/**
 * The path to an AS boundary router that counts (RFC 2328 §16.4 (3)): by §16.4.1, then the cheapest, then that in the
 * greatest area. `areas`: where to look, all that AS-external-LSAs are flooded in for these, the one NSSA for NSSA-LSAs.
 */
export function asbrPath(paths: RouterPaths, areas: Iterable<number>, routerId: number): RouterPath | undefined {
  let best: RouterPath | undefined;
  for (const area of areas) {
    const path = paths.get(area)?.get(routerId);
    if (path?.isAsbr && (best === undefined || compare(path, best) < 0)) best = path;
  }
  return best;
}

const compare = (a: RouterPath, b: RouterPath): number =>
  preferenceClass(a.path, a.area) - preferenceClass(b.path, b.area) || a.cost - b.cost || b.area - a.area;
