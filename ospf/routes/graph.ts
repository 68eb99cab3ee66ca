/**
 * An area's routers and transit networks as a directed graph with dense numbers: RFC 5340 §4.8.1, RFC 2328 §16.1.
 * Routers are the vertices 0 … routerCount − 1, networks follow.
 */
import { type Entry, isMaxAge, type LsaStore } from "#ospf/database/store";
import {
  POINT_TO_POINT_LINK,
  ROUTER_B,
  ROUTER_E,
  ROUTER_NT,
  type RouterLink,
  TRANSIT_LINK,
} from "#ospf/packet/lsa-body";
import { NETWORK_LSA, ROUTER_LSA } from "#ospf/packet/lsa-header";
import { hasOptions, OPTION_R, OPTION_V6 } from "#ospf/packet/options";
import { CostList, IntList, PairIndex } from "#ospf/routes/numbers";
import { eachOf, rangesOf, type Work } from "#ospf/routes/work";

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
  addRouter({ lsa, body }: Entry): number {
    if (body.kind !== "router") return 1;
    const { advertisingRouter, linkStateId } = lsa.header;
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
    return 1;
  }

  addNetwork({ lsa, body }: Entry): number {
    if (body.kind === "network") this.#networks.add(lsa.header.advertisingRouter, lsa.header.linkStateId);
    return 1;
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

/** `salt`: see {@link PairIndex}. MaxAge LSAs are as if they were not there. */
export function* buildGraph(database: LsaStore, salt: number): Work<Graph> {
  const routers = database.listOf(ROUTER_LSA).filter((entry) => !isMaxAge(entry));
  const networks = database.listOf(NETWORK_LSA).filter((entry) => !isMaxAge(entry));
  const vertices = new Vertices(salt);
  yield* eachOf(routers.length, (i) => vertices.addRouter(routers[i]!));
  yield* eachOf(networks.length, (i) => vertices.addNetwork(networks[i]!));
  const list = new EdgeList(vertices);
  yield* eachOf(routers.length, (i) => list.addLinks(routers[i]!));
  yield* eachOf(networks.length, (i) => list.addAttached(networks[i]!));
  const { from, to, cost } = list;
  const out = yield* sorted(vertices.count, { by: from, to, cost });
  const back = yield* sorted(vertices.count, { by: to, to: from, cost });
  return { vertices, out, back };
}

/** In the order of their coming. */
class EdgeList {
  readonly from = new IntList(4096);
  readonly to = new IntList(4096);
  readonly cost = new IntList(4096);
  readonly #vertices: Vertices;

  constructor(vertices: Vertices) {
    this.#vertices = vertices;
  }

  addLinks({ lsa, body }: Entry): number {
    if (body.kind !== "router") return 1;
    const router = this.#vertices.router(lsa.header.advertisingRouter);
    for (const link of body.links) this.#add(router, this.#vertices.target(link), link.metric);
    return 1 + body.links.length;
  }

  addAttached({ lsa, body }: Entry): number {
    if (body.kind !== "network") return 1;
    const network = this.#vertices.network(lsa.header.advertisingRouter, lsa.header.linkStateId);
    for (const routerId of body.attachedRouters) this.#add(network, this.#vertices.router(routerId), 0);
    return 1 + body.attachedRouters.length;
  }

  /** References to what is not there are left out. */
  #add(from: number, to: number, cost: number): void {
    if (to < 0 || from < 0) return;
    this.from.push(from);
    this.to.push(to);
    this.cost.push(cost);
  }
}

/** Counting sort of edges by one of their ends. */
function* sorted(count: number, edges: { by: IntList; to: IntList; cost: IntList }): Work<Edges> {
  const by = edges.by.array;
  const length = edges.by.length;
  const start = new Int32Array(count + 1);
  const result = { start, to: new Int32Array(length), cost: new Int32Array(length) };
  yield* rangesOf(length, (from, to) => tally(start, by, from, to));
  yield* rangesOf(count, (from, to) => accumulate(start, from, to));
  const next = start.slice(0, count);
  yield* rangesOf(length, (from, to) => {
    for (let i = from; i < to; i++) {
      const at = next[by[i]!]!++;
      result.to[at] = edges.to.array[i]!;
      result.cost[at] = edges.cost.array[i]!;
    }
  });
  return result;
}

function tally(start: Int32Array, by: Int32Array, from: number, to: number): void {
  for (let i = from; i < to; i++) start[by[i]! + 1]!++;
}

function accumulate(start: Int32Array, from: number, to: number): void {
  for (let vertex = from; vertex < to; vertex++) start[vertex + 1]! += start[vertex]!;
}
