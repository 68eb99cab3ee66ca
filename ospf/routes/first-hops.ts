/**
 * The first step of a path: which interface, which neighbor's address. RFC 5340 §4.8.2, RFC 2328 §16.1.1.
 *
 * Databases say what was; interfaces and neighbors say what is. A neighbor lost a moment ago, by BFD say, is still in
 * our router-LSA for up to MinLSInterval; so an interface that is down, a neighbor that is not adjacent on a
 * point-to-point link or not heard of on a LAN, is no next hop whatever the databases say.
 */
import { isLinkLocal6 } from "#base/address";
import { isMaxAge } from "#ospf/database/store";
import { type RouterLink, TRANSIT_LINK } from "#ospf/packet/lsa-body";
import { LINK_LSA, ROUTER_LSA } from "#ospf/packet/lsa-header";
import { type NextHopSets, NO_WAY } from "#ospf/routes/next-hops";
import { type Area, type Interface, isAdjacent } from "#ospf/state";

/** A router on a link, seen from another router on that link. */
export interface LanRouter {
  readonly routerId: number;
  /** Of the link's Designated Router. */
  readonly designatedRouter: number;
  readonly interfaceId: number;
}

export class FirstHops {
  readonly #area: Area;
  readonly #sets: NextHopSets;
  readonly #byId = new Map<number, Interface>();
  readonly #byName = new Map<string, Interface>();

  constructor(area: Area, sets: NextHopSets) {
    this.#area = area;
    this.#sets = sets;
    for (const on of area.interfaces) {
      if (on.state === "Down") continue;
      this.#byId.set(on.interfaceId, on);
      this.#byName.set(on.name, on);
    }
  }

  /** The set of next hops when this link of our own router-LSA is the first step; or NO_WAY. */
  over(link: RouterLink): number {
    const on = this.#byId.get(link.interfaceId);
    if (on === undefined) return NO_WAY;
    if (link.type === TRANSIT_LINK) return this.#sets.single(on.name, undefined);
    const neighbor = on.neighbors.get(link.neighborRouterId);
    return neighbor !== undefined && isAdjacent(neighbor) ? this.#sets.single(on.name, neighbor.address) : NO_WAY;
  }

  /** The set when the path leaves the LAN that interface `name` is on towards one of its routers; or NO_WAY. */
  across(name: string, router: LanRouter): number {
    const on = this.#byName.get(name);
    if (on === undefined || !isHeard(on, router.routerId)) return NO_WAY;
    let set = NO_WAY;
    for (const entry of this.#area.database.ofRouter(ROUTER_LSA, router.routerId)) {
      if (isMaxAge(entry) || entry.body.kind !== "router") continue;
      for (const link of entry.body.links) {
        const address = leadsTo(link, router) ? addressOf(on, router.routerId, link.interfaceId) : undefined;
        if (address !== undefined) set = this.#sets.union(set, this.#sets.single(name, address));
      }
    }
    return set;
  }
}

function isHeard(on: Interface, routerId: number): boolean {
  const neighbor = on.neighbors.get(routerId);
  return neighbor !== undefined && (neighbor.state !== "Down" || isAdjacent(neighbor));
}

const leadsTo = (link: RouterLink, { designatedRouter, interfaceId }: LanRouter): boolean =>
  link.type === TRANSIT_LINK && link.neighborRouterId === designatedRouter && link.neighborInterfaceId === interfaceId;

/** What the router's Link-LSA for the link says; where there is none yet, what its hellos come from. */
function addressOf(on: Interface, routerId: number, interfaceId: number): Uint8Array | undefined {
  const entry = on.database.get({ type: LINK_LSA, advertisingRouter: routerId, linkStateId: interfaceId });
  if (entry !== undefined && !isMaxAge(entry) && entry.body.kind === "link") {
    const { linkLocalAddress } = entry.body;
    if (isLinkLocal6(linkLocalAddress)) return linkLocalAddress;
  }
  const neighbor = on.neighbors.get(routerId);
  return neighbor?.interfaceId === interfaceId ? neighbor.address : undefined;
}
