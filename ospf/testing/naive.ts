/**
 * The routes of a described network, found the slow way from the description itself: an oracle. It shares no code with
 * ospf/routes, and knows no LSA. Costs by Bellman and Ford; a first step is a next hop when the way through it costs
 * what the best way costs.
 */
import { contains, formatPrefix, parseAddress, parsePrefix6 } from "#base/address";
import { toHex } from "#base/bytes";
import { linkLocal } from "#ospf/testing/instances";
import { areasOf, type External, interfaceName, isBorder, type Network } from "#ospf/testing/network";

export interface NaiveRoute {
  readonly path: "intra" | "inter" | "external-1" | "external-2";
  readonly area: number | undefined;
  readonly cost: number;
  readonly type2Cost?: number;
  readonly tag?: number;
  /** "interface address", the address in hexadecimal or empty, sorted; none: our own. */
  readonly hops: readonly string[];
}

/** A way to a vertex, prefix or router. */
interface Way {
  readonly area: number;
  readonly cost: number;
  readonly hops: readonly string[];
}

export interface NaiveRouter extends Way {
  readonly path: "intra" | "inter";
  readonly isAsbr: boolean;
}

/** Link-local address of a router's interface. */
export const addressOf = (router: number, interfaceId: number): Uint8Array =>
  linkLocal(router * 0x1_0000 + interfaceId);

export const hopText = (on: string, address?: Uint8Array): string => `${on} ${address ? toHex(address) : ""}`;

const routerVertex = (router: number): string => `router ${router}`;
const lanVertex = (lan: number): string => `lan ${lan}`;

const union = (a: readonly string[], b: readonly string[]): string[] => [...new Set([...a, ...b])].sort();

/** Ways to the same thing: the cheapest, all of them. What is our own stays so. */
function cheaper(a: Way | undefined, b: Way): Way {
  if (a === undefined || b.cost < a.cost) return b;
  if (b.cost > a.cost) return a;
  if (a.area !== b.area) return a.area > b.area ? a : b;
  return a.hops.length === 0 || b.hops.length === 0 ? { ...a, hops: [] } : { ...a, hops: union(a.hops, b.hops) };
}

export class Naive {
  readonly #network: Network;
  readonly #distances = new Map<string, Map<string, number>>();

  constructor(network: Network) {
    this.#network = network;
  }

  /** All routes of a router, by prefix. */
  routes(router: number, maxPaths: number): Map<string, NaiveRoute> {
    const routes = new Map<string, NaiveRoute>();
    for (const [text, way] of this.external(router)) routes.set(text, way);
    for (const [text, way] of this.internal(router)) routes.set(text, way);
    for (const [text, way] of routes) routes.set(text, { ...way, hops: way.hops.slice(0, maxPaths) });
    return routes;
  }

  internal(router: number): Map<string, NaiveRoute> {
    const routes = new Map<string, NaiveRoute>();
    for (const [text, way] of this.#inter(router)) routes.set(text, { path: "inter", ...way });
    for (const [text, way] of this.#intra(router)) routes.set(text, { path: "intra", ...way });
    return routes;
  }

  /** What a border router tells an area of the others: RFC 2328 §12.4.3. */
  told(border: number, area: number): Map<string, number> {
    const told = new Map<string, number>();
    const intra = this.#intra(border);
    for (const [text, way] of intra) if (way.area !== area) told.set(text, way.cost);
    if (area === 0) return told;
    for (const [text, way] of this.#inter(border)) if (!intra.has(text)) told.set(text, way.cost);
    return told;
  }

  /** What a border router tells an area of AS boundary routers. */
  toldRouters(border: number, area: number): Map<number, number> {
    const told = new Map<number, number>();
    const normal = [...areasOf(this.#network, border)].filter((id) => this.#kind(id) === "normal");
    for (const [router, { isAsbr }] of this.#network.routers.entries()) {
      if (!isAsbr || router === border) continue;
      // Into the backbone goes what lies inside other areas, which is what is preferred if there is any (§16.4.1).
      const path =
        area === 0
          ? this.#preferred(normal.filter((id) => id !== 0).map((id) => this.#intraRouter(border, id, router)))
          : this.#preferred(normal.map((id) => this.router(border, id, router)));
      if (path !== undefined && path.area !== area) told.set(router, path.cost);
    }
    return told;
  }

  /** The way to a border or AS boundary router by what is known in one area. */
  router(from: number, area: number, to: number): NaiveRouter | undefined {
    const intra = this.#intraRouter(from, area, to);
    if (intra !== undefined || from === to || !this.#network.routers[to]!.isAsbr) return intra;
    if (!this.#summarized(from).includes(area) || this.#kind(area) !== "normal") return undefined;
    let best: Way | undefined;
    for (const border of this.#borders(area, from)) {
      const way = this.#reach(area, from, routerVertex(border));
      const cost = this.toldRouters(border, area).get(to);
      if (way !== undefined && cost !== undefined) best = cheaper(best, { ...way, cost: way.cost + cost });
    }
    return best && { path: "inter", isAsbr: true, ...best };
  }

  external(router: number): Map<string, NaiveRoute> {
    const best = new Map<string, { path: ExternalWay; tag: number | undefined; rank: number[]; hops: string[] }>();
    for (const [index, external] of this.#network.externals.entries()) {
      const path = this.#externalWay(router, external);
      if (path === undefined) continue;
      const rank = this.#rank(external, index);
      const before = best.get(external.text);
      const order = before === undefined ? -1 : compareLists(path.order, before.path.order);
      if (order > 0) continue;
      const precedes = before === undefined || order < 0 || compareLists(rank, before.rank) < 0;
      const hops = before !== undefined && order === 0 ? union(before.hops, path.hops) : [...path.hops];
      if (precedes) best.set(external.text, { path, tag: external.tag, rank, hops });
      else best.set(external.text, { ...before, hops });
    }
    const routes = new Map<string, NaiveRoute>();
    for (const [text, { path, tag, hops }] of best) {
      const { metricType, cost, type2Cost } = path;
      const of = { path: metricType === 1 ? "external-1" : "external-2", area: undefined, cost, hops } as const;
      routes.set(text, {
        ...of,
        ...(metricType === 2 && { type2Cost }),
        ...(tag !== undefined && { tag }),
      });
    }
    return routes;
  }

  /** RFC 3101 §2.5 (6) (e); the least comes first. The place in the description stands for the Link State ID. */
  #rank({ nssa, propagate, router }: External, index: number): number[] {
    return [nssa === undefined ? 1 : propagate ? 0 : 2, -this.#network.routers[router]!.id, index];
  }

  #externalWay(from: number, external: External): ExternalWay | undefined {
    const { nssa, metric, metricType } = external;
    if (external.router === from || !this.#network.routers[external.router]!.isAsbr) return undefined;
    const mine = [...areasOf(this.#network, from)];
    const areas = mine.filter((id) => (nssa === undefined ? this.#kind(id) === "normal" : id === nssa));
    const isDefault = external.text === "::/0" && nssa !== undefined;
    if (isDefault && isBorder(this.#network, from) && !external.propagate) return undefined;
    const asbr = this.#preferred(areas.map((area) => this.router(from, area, external.router)));
    const { forwardingAddress: address } = external;
    const way = asbr === undefined || address === undefined ? asbr : this.#forward(from, address, external);
    if (way === undefined) return undefined;
    const preference = isInside(way) ? 0 : 1;
    const cost = metricType === 1 ? way.cost + metric : way.cost;
    const type2Cost = metricType === 2 ? metric : 0;
    return { metricType, type2Cost, cost, hops: way.hops, order: [metricType, type2Cost, preference, cost] };
  }

  /** The way to a forwarding address: by the longest of the routes inside the AS, in an area that may carry it. */
  #forward(from: number, text: string, { nssa }: External): NaiveRouter | undefined {
    const address = parseAddress(text)!;
    let best: (NaiveRoute & { length: number }) | undefined;
    for (const [prefix, route] of this.internal(from)) {
      const parsed = parsePrefix6(prefix)!;
      if (contains(parsed, address) && parsed.length > (best?.length ?? -1)) best = { ...route, length: parsed.length };
    }
    if (best?.area === undefined || best.path === "external-1" || best.path === "external-2") return undefined;
    const { path, area, cost } = best;
    if (nssa === undefined ? this.#kind(area) !== "normal" : area !== nssa || path !== "intra") return undefined;
    const hops = best.hops.length === 0 ? this.#onLink(from, address) : best.hops.map((hop) => onto(hop, address));
    return hops.length === 0 ? undefined : { path, area, cost, hops: [...new Set(hops)].sort(), isAsbr: true };
  }

  #onLink(from: number, address: Uint8Array): string[] {
    let best = -1;
    let hop: string | undefined;
    const name = ([interfaceId]: [number, string[]]): string => interfaceName(interfaceId);
    for (const [interfaceId, texts] of [...this.prefixesOf(from)].sort((a, b) => (name(a) < name(b) ? -1 : 1))) {
      for (const text of texts) {
        const prefix = parsePrefix6(text)!;
        if (!contains(prefix, address) || prefix.length <= best) continue;
        best = prefix.length;
        hop = prefix.length === 128 ? undefined : hopText(interfaceName(interfaceId), address);
      }
    }
    return hop === undefined ? [] : [hop];
  }

  /** What is configured on a router's interfaces. */
  prefixesOf(router: number): Map<number, string[]> {
    const found = new Map<number, string[]>();
    const add = (interfaceId: number, text: string): void => {
      found.set(interfaceId, [...(found.get(interfaceId) ?? []), text]);
    };
    for (const { owner, text } of this.#network.prefixes) {
      if ("lan" in owner) {
        for (const end of this.#network.lans[owner.lan]!.members) if (end.router === router) add(end.interfaceId, text);
      } else if (owner.router === router && owner.interfaceId !== undefined) add(owner.interfaceId, text);
    }
    return found;
  }

  #preferred(paths: readonly (NaiveRouter | undefined)[]): NaiveRouter | undefined {
    const order = (path: NaiveRouter): number[] => [isInside(path) ? 0 : 1, path.cost, -path.area];
    const found = paths.filter((path) => path?.isAsbr) as NaiveRouter[];
    return found.sort((a, b) => compareLists(order(a), order(b)))[0];
  }

  #kind(area: number): string {
    return this.#network.areas.find(({ id }) => id === area)!.kind;
  }

  /** Areas whose summaries a router believes. */
  #summarized(router: number): number[] {
    return isBorder(this.#network, router) ? [0] : [...areasOf(this.#network, router)];
  }

  #borders(area: number, from: number): number[] {
    const all = this.#network.routers.map((_, router) => router);
    return all.filter((r) => r !== from && isBorder(this.#network, r) && areasOf(this.#network, r).has(area));
  }

  #intraRouter(from: number, area: number, to: number): NaiveRouter | undefined {
    const { isAsbr } = this.#network.routers[to]!;
    if (from === to || !(isAsbr || isBorder(this.#network, to))) return undefined;
    if (!areasOf(this.#network, from).has(area)) return undefined;
    const way = this.#reach(area, from, routerVertex(to));
    return way && { path: "intra", isAsbr, ...way };
  }

  #intra(router: number): Map<string, Way> {
    const best = new Map<string, Way>();
    const mine = areasOf(this.#network, router);
    for (const { area, owner, text, metric, noUnicast } of this.#network.prefixes) {
      if (noUnicast || !mine.has(area)) continue;
      const way = this.#reach(area, router, "lan" in owner ? lanVertex(owner.lan) : routerVertex(owner.router));
      if (way !== undefined) best.set(text, cheaper(best.get(text), { ...way, cost: way.cost + metric }));
    }
    return best;
  }

  #inter(router: number): Map<string, Way> {
    const best = new Map<string, Way>();
    for (const area of this.#summarized(router)) {
      for (const border of this.#borders(area, router)) {
        const way = this.#reach(area, router, routerVertex(border));
        if (way === undefined) continue;
        for (const [text, cost] of this.told(border, area)) {
          best.set(text, cheaper(best.get(text), { ...way, cost: way.cost + cost }));
        }
      }
    }
    return best;
  }

  /** The best way to a vertex within an area, and all first steps that it may begin with. */
  #reach(area: number, from: number, to: string): Way | undefined {
    if (to === routerVertex(from)) return { area, cost: 0, hops: [] };
    const cost = this.#from(area, from).get(to);
    if (cost === undefined) return undefined;
    const hops = this.#steps(area, from).filter(
      (step) => step.cost + (this.#rest(area, step, to) ?? Infinity) === cost,
    );
    return {
      area,
      cost,
      hops: union(
        [],
        hops.map(({ hop }) => hop),
      ),
    };
  }

  /** What is left to go after a step. */
  #rest(area: number, { onto: lan, via }: Step, to: string): number | undefined {
    if (via === undefined) return to === lanVertex(lan!) ? 0 : undefined;
    if (to === routerVertex(via)) return 0;
    return this.#network.routers[via]!.transits ? this.#from(area, via).get(to) : undefined;
  }

  #steps(area: number, from: number): Step[] {
    const { links, lans, routers } = this.#network;
    const steps: Step[] = [];
    for (const link of links.filter((each) => each.area === area)) {
      for (const [mine, other] of [link.ends, link.ends.toReversed()] as (typeof link.ends)[]) {
        if (mine.router !== from || !routers[other.router]!.admits) continue;
        const hop = hopText(interfaceName(mine.interfaceId), addressOf(other.router, other.interfaceId));
        steps.push({ cost: mine.cost, via: other.router, hop });
      }
    }
    for (const [lan, { members }] of [...lans.entries()].filter(([, each]) => each.area === area)) {
      for (const mine of members.filter(({ router }) => router === from)) {
        const name = interfaceName(mine.interfaceId);
        steps.push({ cost: mine.cost, onto: lan, hop: hopText(name) });
        for (const other of members) {
          if (other.router === from || !routers[other.router]!.admits) continue;
          const hop = hopText(name, addressOf(other.router, other.interfaceId));
          steps.push({ cost: mine.cost, via: other.router, hop });
        }
      }
    }
    return steps;
  }

  /** Costs from a router to every vertex of the area. */
  #from(area: number, source: number): Map<string, number> {
    const key = `${area} ${source}`;
    const known = this.#distances.get(key);
    if (known !== undefined) return known;
    const edges = this.#edges(area, source);
    const distances = new Map([[routerVertex(source), 0]]);
    for (let changed = true; changed; ) {
      changed = false;
      for (const { from, to, cost } of edges) {
        const distance = (distances.get(from) ?? Infinity) + cost;
        if (distance >= (distances.get(to) ?? Infinity)) continue;
        distances.set(to, distance);
        changed = true;
      }
    }
    this.#distances.set(key, distances);
    return distances;
  }

  #edges(area: number, source: number): { from: string; to: string; cost: number }[] {
    const { links, lans, routers } = this.#network;
    const leaves = (router: number): boolean => router === source || routers[router]!.transits;
    const enters = (router: number): boolean => routers[router]!.admits;
    const edges: { from: string; to: string; cost: number }[] = [];
    for (const { ends } of links.filter((each) => each.area === area)) {
      for (const [a, b] of [ends, ends.toReversed()] as (typeof ends)[]) {
        if (leaves(a.router) && enters(b.router))
          edges.push({ from: routerVertex(a.router), to: routerVertex(b.router), cost: a.cost });
      }
    }
    for (const [lan, { members }] of [...lans.entries()].filter(([, each]) => each.area === area)) {
      for (const { router, cost } of members) {
        if (leaves(router)) edges.push({ from: routerVertex(router), to: lanVertex(lan), cost });
        if (enters(router)) edges.push({ from: lanVertex(lan), to: routerVertex(router), cost: 0 });
      }
    }
    return edges;
  }
}

/** A first step: onto a LAN itself, or to another router. */
interface Step {
  readonly cost: number;
  readonly onto?: number;
  readonly via?: number;
  readonly hop: string;
}

interface ExternalWay {
  readonly metricType: 1 | 2;
  readonly type2Cost: number;
  readonly cost: number;
  readonly hops: readonly string[];
  /** The least is preferred. */
  readonly order: readonly number[];
}

const isInside = ({ path, area }: { path: string; area: number }): boolean => path === "intra" && area !== 0;

/** A hop onto a link, made one to an address on it. */
const onto = (hop: string, address: Uint8Array): string => (hop.endsWith(" ") ? `${hop}${toHex(address)}` : hop);

function compareLists(a: readonly number[], b: readonly number[]): number {
  for (const [i, value] of a.entries()) if (value !== b[i]) return value - b[i]!;
  return 0;
}

/** In the form that prefixes of the description have. */
export const canonical = (text: string): string => formatPrefix(parsePrefix6(text)!);
