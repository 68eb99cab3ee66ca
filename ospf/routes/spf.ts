/** The shortest-path tree of an area: Dijkstra's algorithm, RFC 2328 §16.1 as changed by RFC 5340 §4.8.1. */
import { isMaxAge } from "#ospf/database/store";
import { ROUTER_LSA } from "#ospf/packet/lsa-header";
import { FirstHops } from "#ospf/routes/first-hops";
import { buildGraph, type Graph, type Vertices } from "#ospf/routes/graph";
import { VertexHeap } from "#ospf/routes/heap";
import { type NextHopSets, NO_WAY, OWN } from "#ospf/routes/next-hops";
import { PIECE, type Work } from "#ospf/routes/work";
import type { Area } from "#ospf/state";

/** What is known of each vertex once the tree is complete. */
export interface Tree {
  readonly vertices: Vertices;
  /** Infinity: it cannot be reached. */
  readonly distance: Float64Array;
  /** Set of next hops; of this router itself OWN, of what cannot be reached NO_WAY. */
  readonly hops: Int32Array;
  /** Vertices that can be reached. */
  readonly reached: number;
}

export interface TreeRequest {
  readonly area: Area;
  readonly routerId: number;
  readonly sets: NextHopSets;
  /** See `PairIndex`. */
  readonly salt: number;
}

export function* shortestPaths({ area, routerId, sets, salt }: TreeRequest): Work<Tree> {
  const graph = yield* buildGraph(area.database, salt);
  const search = new Search(graph, area, sets);
  search.begin(routerId);
  for (search.advance(); !search.isOver; search.advance()) yield;
  return search;
}

class Search implements Tree {
  readonly vertices: Vertices;
  readonly distance: Float64Array;
  readonly hops: Int32Array;
  reached = 0;
  readonly #graph: Graph;
  readonly #area: Area;
  readonly #sets: NextHopSets;
  readonly #first: FirstHops;
  readonly #candidates: VertexHeap;
  /** 1: on the tree. */
  readonly #done: Uint8Array;
  /** Vertex + 1 that was the last to find an edge from here to itself. */
  readonly #linksTo: Int32Array;
  /** Network that was the last to lead to the router. */
  readonly #crossed: Int32Array;

  constructor(graph: Graph, area: Area, sets: NextHopSets) {
    const { count } = graph.vertices;
    this.vertices = graph.vertices;
    this.distance = new Float64Array(count).fill(Number.POSITIVE_INFINITY);
    this.hops = new Int32Array(count).fill(NO_WAY);
    this.#graph = graph;
    this.#area = area;
    this.#sets = sets;
    this.#first = new FirstHops(area, sets);
    this.#candidates = new VertexHeap(count);
    this.#done = new Uint8Array(count);
    this.#linksTo = new Int32Array(count);
    this.#crossed = new Int32Array(count);
  }

  get isOver(): boolean {
    return this.#candidates.size === 0;
  }

  /** The root goes onto the tree, its neighbors become candidates. Without a router-LSA of ours there is no root. */
  begin(routerId: number): void {
    const root = this.vertices.router(routerId);
    if (root < 0) return;
    this.distance[root] = 0;
    this.hops[root] = OWN;
    this.#settle(root);
    this.#noteBackLinks(root);
    for (const entry of this.#area.database.ofRouter(ROUTER_LSA, routerId)) {
      if (isMaxAge(entry) || entry.body.kind !== "router") continue;
      for (const link of entry.body.links) {
        const target = this.vertices.target(link);
        if (target >= 0 && this.#isEligible(root, target)) this.#offer(target, link.metric, this.#first.over(link));
      }
    }
  }

  /** A piece of work. */
  advance(): void {
    for (let steps = 0; steps < PIECE && !this.isOver; ) steps += this.#takeClosest();
  }

  /** The closest candidate goes onto the tree. Answers how many edges were looked at. */
  #takeClosest(): number {
    const vertex = this.#candidates.take();
    this.#settle(vertex);
    if (!this.vertices.isRouter(vertex)) return this.#leaveNetwork(vertex);
    return this.vertices.transits(vertex) ? this.#leaveRouter(vertex) : 1;
  }

  #settle(vertex: number): void {
    this.#done[vertex] = 1;
    this.reached++;
  }

  #leaveRouter(router: number): number {
    const { start, to, cost } = this.#graph.out;
    const looked = this.#noteBackLinks(router);
    const distance = this.distance[router]!;
    const hops = this.hops[router]!;
    const end = start[router + 1]!;
    for (let i = start[router]!; i < end; i++) {
      const target = to[i]!;
      if (this.#isEligible(router, target)) this.#offer(target, distance + cost[i]!, hops);
    }
    return 1 + looked + end - start[router]!;
  }

  #leaveNetwork(network: number): number {
    const { start, to } = this.#graph.out;
    const looked = this.#noteBackLinks(network);
    const distance = this.distance[network]!;
    const hops = this.hops[network]!;
    const isDirect = this.#sets.hasDirect(hops);
    const end = start[network + 1]!;
    for (let i = start[network]!; i < end; i++) {
      const router = to[i]!;
      // A network-LSA may name a router many times; its links are searched once.
      if (this.#crossed[router] === network || !this.#isEligible(network, router)) continue;
      this.#crossed[router] = network;
      if (distance > this.distance[router]!) continue;
      this.#offer(router, distance, isDirect ? this.#acrossTo(router, network) : hops);
    }
    return 1 + looked + end - start[network]!;
  }

  /** The next hops of a network that we are on ourselves, as they are for one of its routers. */
  #acrossTo(router: number, network: number): number {
    const lanRouter = { routerId: this.vertices.routerId(router), ...this.vertices.networkKey(network) };
    return this.#sets.replaceDirect(this.hops[network]!, (on) => this.#first.across(on, lanRouter));
  }

  /** Remembers which vertices have an edge to this one; any counts, whatever its cost (RFC 2328 footnote 23). */
  #noteBackLinks(vertex: number): number {
    const { start, to } = this.#graph.back;
    const end = start[vertex + 1]!;
    for (let i = start[vertex]!; i < end; i++) this.#linksTo[to[i]!] = vertex + 1;
    return end - start[vertex]!;
  }

  /** RFC 2328 §16.1 (2) (b), (c): the target has a link back and is not on the tree; a router takes part in IPv6. */
  #isEligible(from: number, target: number): boolean {
    return (
      this.#linksTo[target] === from + 1 &&
      this.#done[target] === 0 &&
      (!this.vertices.isRouter(target) || this.vertices.admits(target))
    );
  }

  /** §16.1 (2) (d). Networks come before routers of the same distance, lest equal paths be missed (3). */
  #offer(vertex: number, distance: number, hops: number): void {
    if (hops === NO_WAY || distance > this.distance[vertex]!) return;
    if (distance === this.distance[vertex]!) {
      this.hops[vertex] = this.#sets.union(this.hops[vertex]!, hops);
      return;
    }
    this.distance[vertex] = distance;
    this.hops[vertex] = hops;
    this.#candidates.put(vertex, 2 * distance + (this.vertices.isRouter(vertex) ? 1 : 0));
  }
}
