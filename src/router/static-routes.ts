/** The configured routes, over those of their next hops that work. */
import type { Member } from "#fastpath/tables/groups";
import type { Route } from "#router/config/model";
import type { Ports } from "#router/ports";
import type { Rib } from "#router/rib";
import type { Target } from "#router/routing";
import type { UplinkNeighbors } from "#router/uplink-neighbors";
import type { RouteView } from "#router/views";

export class StaticRoutes {
  private readonly rib: Rib;
  private readonly ports: Ports;
  private readonly neighbors: UplinkNeighbors;
  private routes: readonly Route[] = [];

  constructor(rib: Rib, ports: Ports, neighbors: UplinkNeighbors) {
    this.rib = rib;
    this.ports = ports;
    this.neighbors = neighbors;
  }

  /** In place of those before. Their uplinks are there. */
  configure(routes: readonly Route[]): void {
    const wanted = new Set(routes.map(({ to }) => to.text));
    for (const { to } of this.routes) if (!wanted.has(to.text)) this.rib.remove("static", to.text);
    this.routes = routes;
    this.refresh();
  }

  /** Next hops failed or came back, or are on other ports now. Setting the same route again costs nothing. */
  refresh(): void {
    for (const route of this.routes) this.rib.set("static", route.to, this.targetOf(route));
  }

  /** True when the route to just that prefix has a next hop that works, or discards; undefined: there is none. */
  isReachable(prefix: string): boolean | undefined {
    const route = this.routes.find(({ to }) => to.text === prefix);
    if (route === undefined) return undefined;
    return route.via.length === 0 || this.membersOf(route).some(({ adjacency }) => this.neighbors.isUsable(adjacency));
  }

  *hops(): IterableIterator<{ readonly uplink: string; readonly address: Uint8Array }> {
    for (const { via } of this.routes) for (const { uplink, address } of via) yield { uplink, address: address.bytes };
  }

  view(): RouteView[] {
    const states = this.neighbors.states();
    return this.routes.map(({ to, via }) => ({
      prefix: to.text,
      origin: via.length === 0 ? "discard" : "static",
      nextHops: via.map(({ uplink, address: { text: address } }) => ({
        uplink,
        address,
        state: states(uplink, address),
      })),
    }));
  }

  /** The next hops that work; all of them when none does, so that senders are told. */
  private targetOf(route: Route): Target {
    const members = this.membersOf(route);
    if (members.length === 0) return { kind: "discard" };
    const usable = members.filter(({ adjacency }) => this.neighbors.isUsable(adjacency));
    return { kind: "hops", members: usable.length > 0 ? usable : members };
  }

  private membersOf({ via }: Route): Member[] {
    return via.map((hop) => ({
      adjacency: this.neighbors.adjacencyOf(this.ports.find("uplink", hop.uplink)!, hop.address.bytes),
      weight: hop.weight,
      key: `${hop.uplink} ${hop.address.text}`,
    }));
  }
}
