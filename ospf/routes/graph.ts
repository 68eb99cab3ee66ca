/**
 * An area's routers and transit networks as a directed graph with dense numbers: RFC 5340 §4.8.1, RFC 2328 §16.1.
 * Routers are the vertices 0 … routerCount − 1, networks follow.
 */
import { type Entry, isMaxAge, type LsaStore } from "#ospf/database/store";
import {
  type NetworkLsa,
  POINT_TO_POINT_LINK,
  ROUTER_B,
  ROUTER_E,
  ROUTER_NT,
  type RouterLink,
  type RouterLsa,
  TRANSIT_LINK,
} from "#ospf/packet/lsa-body";
import { NETWORK_LSA, ROUTER_LSA } from "#ospf/packet/lsa-header";
import { hasOptions, OPTION_R, OPTION_V6 } from "#ospf/packet/options";
import { CostList, IntList, PairIndex } from "#ospf/routes/numbers";
import { Pace, type Work } from "#ospf/routes/work";

/** What a tree and the prefix phases need to know of vertices. */
export class Vertices {
  readonly #routers: PairIndex;
  readonly #networks: PairIndex;
  /** Flags and options of each router's LSA with the smallest Link State ID, and that ID (§4.8.1). */
  readonly #flags = new IntList();
  readonly #options = new IntList();
  readonly #origin = new CostList();

  constructor(salt: number) {
    this.#routers = new PairIndex(salt);
    this.#networks = new PairIndex(salt);
  }

  get routerCount(): number {
    return this.#routers.size;
  }

  get count(): number {
    return this.#routers.size + this.#networks.size;
  }

  /** −1: there is none. */
  router(routerId: number): number {
    return this.#routers.get(routerId, 0);
  }

  /** By the Designated Router's Router ID and Interface ID; −1: there is none. */
  network(designatedRouter: number, interfaceId: number): number {
    const network = this.#networks.get(designatedRouter, interfaceId);
    return network < 0 ? -1 : this.routerCount + network;
  }

  isRouter(vertex: number): boolean {
    return vertex < this.routerCount;
  }

  routerId(vertex: number): number {
    return this.#routers.first(vertex);
  }

  /** Router ID and Interface ID of the network's Designated Router. */
  networkKey(vertex: number): { designatedRouter: number; interfaceId: number } {
    const network = vertex - this.routerCount;
    return { designatedRouter: this.#networks.first(network), interfaceId: this.#networks.second(network) };
  }

  isBorder(router: number): boolean {
    return (this.#flags.array[router]! & ROUTER_B) !== 0;
  }

  isAsbr(router: number): boolean {
    return (this.#flags.array[router]! & ROUTER_E) !== 0;
  }

  translates(router: number): boolean {
    return (this.#flags.array[router]! & ROUTER_NT) !== 0;
  }

  /** The router takes part in IPv6 routing (§A.2, V6-bit). */
  admits(router: number): boolean {
    return hasOptions(this.#options.array[router]!, OPTION_V6);
  }

  /** Paths may lead through the router (§A.2, R-bit); without, they may still end there (RFC 5340 erratum 2078). */
  transits(router: number): boolean {
    return hasOptions(this.#options.array[router]!, OPTION_R);
  }

  /** A router-LSA is one of several fragments; flags and options count in that with the smallest Link State ID. */
  addRouter(entry: Entry, body: RouterLsa): void {
    const { advertisingRouter, linkStateId } = entry.lsa.header;
    const router = this.#routers.add(advertisingRouter, 0);
    if (router === this.#flags.length) {
      this.#flags.push(body.flags);
      this.#options.push(body.options);
      this.#origin.push(linkStateId);
    } else if (linkStateId <= this.#origin.array[router]!) {
      this.#flags.array[router] = body.flags;
      this.#options.array[router] = body.options;
      this.#origin.array[router] = linkStateId;
    }
  }

  addNetwork(entry: Entry): void {
    this.#networks.add(entry.lsa.header.advertisingRouter, entry.lsa.header.linkStateId);
  }

  /** The vertex a link leads to; −1: none that takes part. */
  target(link: RouterLink): number {
    switch (link.type) {
      case POINT_TO_POINT_LINK:
        return this.router(link.neighborRouterId);
      case TRANSIT_LINK:
        return this.network(link.neighborRouterId, link.neighborInterfaceId);
      default:
        return -1;
    }
  }
}

/** Edges by vertex: those of vertex v are at `start[v]` … `start[v + 1] − 1`. Cost is 0 from a network to a router. */
export interface Edges {
  readonly start: Int32Array;
  readonly to: Int32Array;
  readonly cost: Int32Array;
}

export interface Graph {
  readonly vertices: Vertices;
  readonly out: Edges;
  /** Where edges come from: an edge counts only when there is one back, too (RFC 2328 §16.1 (2) (b)). */
  readonly back: Edges;
}

interface Parts {
  readonly routers: { entry: Entry; body: RouterLsa }[];
  readonly networks: { entry: Entry; body: NetworkLsa }[];
}

/** `salt`: see {@link PairIndex}. MaxAge LSAs are as if they were not there. */
export function* buildGraph(database: LsaStore, salt: number): Work<Graph> {
  const vertices = new Vertices(salt);
  const parts = yield* collect(database, vertices);
  const edges = yield* join(parts, vertices);
  const out = yield* sorted(vertices.count, { by: edges.from, to: edges.to, cost: edges.cost });
  const back = yield* sorted(vertices.count, { by: edges.to, to: edges.from, cost: edges.cost });
  return { vertices, out, back };
}

function* collect(database: LsaStore, vertices: Vertices): Work<Parts> {
  const pace = new Pace();
  const parts: Parts = { routers: [], networks: [] };
  for (const entry of database.ofType(ROUTER_LSA)) {
    const { body } = entry;
    if (isMaxAge(entry) || body.kind !== "router") continue;
    vertices.addRouter(entry, body);
    parts.routers.push({ entry, body });
    if (pace.step(2)) yield;
  }
  for (const entry of database.ofType(NETWORK_LSA)) {
    const { body } = entry;
    if (isMaxAge(entry) || body.kind !== "network") continue;
    vertices.addNetwork(entry);
    parts.networks.push({ entry, body });
    if (pace.step(2)) yield;
  }
  return parts;
}

interface EdgeList {
  readonly from: IntList;
  readonly to: IntList;
  readonly cost: IntList;
}

function* join({ routers, networks }: Parts, vertices: Vertices): Work<EdgeList> {
  const pace = new Pace();
  const edges = { from: new IntList(4096), to: new IntList(4096), cost: new IntList(4096) };
  for (const { entry, body } of routers) {
    addLinks(edges, vertices, entry.lsa.header.advertisingRouter, body.links);
    if (pace.step(1 + body.links.length)) yield;
  }
  for (const { entry, body } of networks) {
    const { advertisingRouter, linkStateId } = entry.lsa.header;
    const network = vertices.network(advertisingRouter, linkStateId);
    for (const routerId of body.attachedRouters) addEdge(edges, network, vertices.router(routerId), 0);
    if (pace.step(1 + body.attachedRouters.length)) yield;
  }
  return edges;
}

function addLinks(edges: EdgeList, vertices: Vertices, routerId: number, links: readonly RouterLink[]): void {
  const router = vertices.router(routerId);
  for (const link of links) addEdge(edges, router, vertices.target(link), link.metric);
}

/** References to what is not there are left out. */
function addEdge(edges: EdgeList, from: number, to: number, cost: number): void {
  if (to < 0 || from < 0) return;
  edges.from.push(from);
  edges.to.push(to);
  edges.cost.push(cost);
}

/** Counting sort of edges by one of their ends. */
function* sorted(count: number, { by, to, cost }: { by: IntList; to: IntList; cost: IntList }): Work<Edges> {
  const pace = new Pace();
  const start = new Int32Array(count + 1);
  for (let i = 0; i < by.length; i++) {
    start[by.array[i]! + 1]!++;
    if (pace.step(1)) yield;
  }
  for (let vertex = 0; vertex < count; vertex++) {
    start[vertex + 1]! += start[vertex]!;
    if (pace.step(1)) yield;
  }
  const next = start.slice(0, count);
  const result = { start, to: new Int32Array(by.length), cost: new Int32Array(by.length) };
  for (let i = 0; i < by.length; i++) {
    const at = next[by.array[i]!]!++;
    result.to[at] = to.array[i]!;
    result.cost[at] = cost.array[i]!;
    if (pace.step(1)) yield;
  }
  return result;
}
