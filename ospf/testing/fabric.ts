/** Random networks for simulations, and the routes they ought to have: by plain distances over the true topology. */
import { formatPrefix, type Prefix } from "#base/address";
import { nextBelow, nextBetween, type Random } from "#base/random";
import type { InterfaceConfig } from "#ospf/config";
import { area, config, on, prefix } from "#ospf/testing/configs";
import type { SimulatedRouter, Simulation, Wire } from "#ospf/testing/simulation";

export interface FabricPlan {
  readonly routers: number;
  /** Besides the backbone. */
  readonly pods: number;
  /** Wires beyond those of a tree in each area, for each router: 0 … 1. */
  readonly redundancy: number;
}

interface Attachment {
  readonly router: number;
  readonly name: string;
  readonly cost: number;
  readonly priority: number;
}

interface Cable {
  readonly area: number;
  readonly wire: Wire;
  readonly ends: readonly Attachment[];
}

export interface Fabric {
  readonly simulation: Simulation;
  readonly routers: readonly SimulatedRouter[];
  readonly cables: readonly Cable[];
  /** By router: the areas it is in; border routers are in two. */
  readonly areas: readonly (readonly number[])[];
  readonly prefixes: readonly { readonly prefix: Prefix; readonly router: number; readonly area: number }[];
}

export function randomFabric(simulation: Simulation, random: Random, plan: FabricPlan): Fabric {
  const areas = placeRouters(random, plan);
  const members = new Map<number, number[]>();
  for (const [router, mine] of areas.entries()) {
    for (const id of mine) members.set(id, [...(members.get(id) ?? []), router]);
  }
  const cabling: { area: number; ends: Attachment[]; isLan: boolean }[] = [];
  const interfaces: InterfaceConfig[][] = areas.map(() => []);
  const attach = (router: number, id: number, isLan: boolean): Attachment => {
    const name = `if${interfaces[router]!.length}`;
    const cost = nextBetween(random, 1, 20);
    const kind = isLan ? "broadcast" : "point-to-point";
    const priority = nextBelow(random, 3) === 0 ? 0 : 1;
    interfaces[router]!.push(on(name, { area: id, cost, kind, priority }));
    return { router, name, cost, priority };
  };
  const lay = (id: number, routers: readonly number[], isLan: boolean) =>
    cabling.push({ area: id, isLan, ends: routers.map((router) => attach(router, id, isLan)) });
  for (const [id, routers] of members) {
    for (let i = 1; i < routers.length; i++) lay(id, [routers[nextBelow(random, i)]!, routers[i]!], false);
    const extra = Math.floor(routers.length * plan.redundancy);
    for (let i = 0; i < extra; i++) lay(id, distinct(random, routers, 2), false);
    if (routers.length >= 4) lay(id, distinct(random, routers, nextBetween(random, 3, 4)), true);
  }
  return build(simulation, { areas, interfaces, cabling });
}

/** Everybody in one area, two border routers for each PoD. */
function placeRouters(random: Random, { routers, pods }: FabricPlan): number[][] {
  const areas = Array.from({ length: routers }, () => [nextBelow(random, pods + 1)]);
  for (let pod = 0; pod <= pods; pod++) areas[pod] = [pod];
  for (let pod = 1; pod <= pods; pod++) {
    for (let k = 0; k < 2; k++) areas[pods + 2 * pod + k - 1] = [0, pod];
  }
  return areas;
}

function distinct(random: Random, from: readonly number[], count: number): number[] {
  const found = new Set<number>();
  while (found.size < Math.min(count, from.length)) found.add(from[nextBelow(random, from.length)]!);
  return [...found];
}

interface Parts {
  readonly areas: readonly (readonly number[])[];
  readonly interfaces: readonly InterfaceConfig[][];
  readonly cabling: readonly { area: number; ends: Attachment[] }[];
}

function build(simulation: Simulation, { areas, interfaces, cabling }: Parts): Fabric {
  const prefixes = areas.map((mine, router) => {
    const home = mine.at(-1)!;
    return { prefix: prefix(`2001:db8:${home.toString(16)}:${(router + 1).toString(16)}::/64`), area: home, router };
  });
  const routers = areas.map((mine, i) =>
    simulation.add(
      `r${i + 1}`,
      config(i + 1, {
        interfaces: interfaces[i]!,
        areas: mine.map((id) => area(id)),
        prefixes: [{ ...prefixes[i]!, cost: 0 }],
      }),
    ),
  );
  const cables = cabling.map(({ area: id, ends }) => ({
    area: id,
    ends,
    wire: simulation.connect(...ends.map(({ router, name }) => [routers[router]!, name] as const)),
  }));
  return { simulation, routers, cables, areas, prefixes };
}

/** From one router to another inside an area: distance, and the first hops of all shortest ways. */
interface Way {
  cost: number;
  /** `interface router-index`. */
  hops: Set<string>;
}

/** Ways from `source` to all routers of the area that run, over cables that are up. Bellman and Ford, until nothing changes. */
function waysFrom(fabric: Fabric, source: number, id: number): Map<number, Way> {
  const ways = new Map<number, Way>([[source, { cost: 0, hops: new Set() }]]);
  const isRunning = (router: number): boolean => fabric.routers[router]!.core !== undefined;
  // A LAN is one only with a designated router.
  const works = ({ area: of, wire, ends }: Cable): boolean =>
    of === id && wire.up && (ends.length === 2 || ends.some((end) => end.priority > 0 && isRunning(end.router)));
  const cables = fabric.cables.filter(works);
  for (let changed = true; changed; ) {
    changed = false;
    for (const { ends } of cables) {
      for (const from of ends) {
        const way = ways.get(from.router);
        if (way === undefined || !isRunning(from.router)) continue;
        for (const to of ends) {
          if (to === from || !isRunning(to.router)) continue;
          const hops = from.router === source ? new Set([`${from.name} ${to.router}`]) : way.hops;
          if (improve(ways, to.router, { cost: way.cost + from.cost, hops })) changed = true;
        }
      }
    }
  }
  return ways;
}

function improve(ways: Map<number, Way>, to: number, way: Way): boolean {
  const known = ways.get(to);
  if (known === undefined || way.cost < known.cost) {
    ways.set(to, { cost: way.cost, hops: new Set(way.hops) });
    return true;
  }
  if (way.cost > known.cost) return false;
  const before = known.hops.size;
  for (const hop of way.hops) known.hops.add(hop);
  return known.hops.size > before;
}

export type Ways = ReadonlyMap<number, ReadonlyMap<number, ReadonlyMap<number, Way>>>;

/** By router, area, destination router. */
export function allWays(fabric: Fabric): Ways {
  return new Map(
    fabric.areas.map((mine, router) => [router, new Map(mine.map((id) => [id, waysFrom(fabric, router, id)]))]),
  );
}

/** The routes a router ought to have: `prefix cost hops`, sorted. RFC 2328 §16: inside the area, else through the backbone. */
export function expectedRoutes(fabric: Fabric, ways: Ways, router: number): string[] {
  const lines: string[] = [];
  for (const { prefix: of, router: owner, area: id } of fabric.prefixes) {
    if (owner !== router && !isAttached(fabric, owner, id)) continue;
    const way = wayTo(fabric, ways, router, { owner, id });
    if (way !== undefined) lines.push(`${formatPrefix(of)} ${way.cost} ${[...way.hops].sort().join(",")}`);
  }
  return lines.sort();
}

/** Runs, and has an interface up in the area. */
const isAttached = ({ routers, cables }: Fabric, router: number, id: number): boolean =>
  routers[router]!.core !== undefined &&
  cables.some((cable) => cable.area === id && cable.wire.up && cable.ends.some((end) => end.router === router));

const activeAreas = (fabric: Fabric, router: number): number[] =>
  fabric.areas[router]!.filter((id) => isAttached(fabric, router, id));

interface Destination {
  readonly owner: number;
  /** Area. */
  readonly id: number;
}

function wayTo(fabric: Fabric, ways: Ways, from: number, to: Destination): Way | undefined {
  const mine = activeAreas(fabric, from);
  const inside = ways.get(from)!.get(to.id)?.get(to.owner);
  if (inside !== undefined) return inside;
  // Elsewhere, or in another piece of this very area. A border router listens to the backbone alone; others have one area, whose border routers tell them.
  const through = mine.includes(0) ? 0 : mine[0];
  if (through === undefined) return undefined;
  const best: { way: Way | undefined } = { way: undefined };
  for (const [border, near] of ways.get(from)!.get(through)!) {
    if (activeAreas(fabric, border).length < 2) continue;
    // The backbone is told only what lies inside areas.
    const far = through === 0 ? ways.get(border)!.get(to.id)?.get(to.owner) : wayTo(fabric, ways, border, to);
    if (far === undefined) continue;
    const cost = near.cost + far.cost;
    if (best.way === undefined || cost < best.way.cost) best.way = { cost, hops: new Set(near.hops) };
    else if (cost === best.way.cost) for (const hop of near.hops) best.way.hops.add(hop);
  }
  return best.way;
}

/** What the router has, in the words of {@link expectedRoutes}. */
export function actualRoutes(fabric: Fabric, router: number): string[] {
  const core = fabric.routers[router]!.core!;
  const ends = new Map(
    fabric.cables.flatMap(({ wire }) =>
      wire.ends.map((end) => [end.linkLocal.toString(), fabric.routers.indexOf(end.node)] as const),
    ),
  );
  return [...core.instance.table.routes.values()]
    .map(({ text, cost, nextHops }) => {
      const hops = nextHops.map((hop) => `${hop.interface} ${hop.address && ends.get(hop.address.toString())}`);
      return `${text} ${cost} ${hops.sort().join(",")}`;
    })
    .sort();
}
