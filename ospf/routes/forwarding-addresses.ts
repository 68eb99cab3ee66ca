/** Ways to the forwarding addresses of AS-external- and NSSA-LSAs, in the table as computed so far: RFC 2328 §16.4 (3). */
import { contains } from "#base/address";
import { DISCARD, INTRA, type InternalRoutes, NONE } from "#ospf/routes/internal";
import { type NextHopSets, NO_WAY, OWN } from "#ospf/routes/next-hops";
import { preferenceClass } from "#ospf/routes/routers";
import type { Instance, Interface } from "#ospf/state";

/** A way to an AS boundary router or a forwarding address. */
export interface Way {
  readonly cost: number;
  readonly preference: 0 | 1;
  readonly hops: number;
}

export class ForwardingAddresses {
  readonly #routes: InternalRoutes;
  readonly #sets: NextHopSets;
  readonly #interfaces: readonly Interface[];
  readonly #isRoute: (destination: number) => boolean;

  constructor(instance: Instance, routes: InternalRoutes, sets: NextHopSets) {
    this.#routes = routes;
    this.#sets = sets;
    const byName = (a: Interface, b: Interface): number => (a.name < b.name ? -1 : 1);
    this.#interfaces = [...instance.interfaces.values()].filter(({ state }) => state !== "Down").sort(byName);
    this.#isRoute = (destination) => routes.kindOf(destination) !== NONE;
  }

  /**
   * By the longest match among routes inside the AS, which must be in an area that is `allowed`. External routes do not
   * take part: what matches would depend on the order in which LSAs are examined.
   */
  find(address: Uint8Array, allowed: (area: number, isIntra: boolean) => boolean): Way | undefined {
    const routes = this.#routes;
    const destination = routes.destinations.longestMatch(address, this.#isRoute);
    const kind = destination < 0 ? NONE : routes.kindOf(destination);
    if (kind === NONE || kind === DISCARD) return undefined;
    const area = routes.area[destination]!;
    const isIntra = kind === INTRA;
    const hops = allowed(area, isIntra) ? this.#hopsTo(address, routes.hops[destination]!) : NO_WAY;
    if (hops === NO_WAY) return undefined;
    return { cost: routes.cost[destination]!, preference: preferenceClass(isIntra ? "intra" : "inter", area), hops };
  }

  /** An address on a link of ours is the next hop itself. */
  #hopsTo(address: Uint8Array, hops: number): number {
    if (hops === OWN) {
      const on = this.#linkOf(address);
      return on === undefined ? NO_WAY : this.#sets.single(on.name, address);
    }
    if (!this.#sets.hasDirect(hops)) return hops;
    return this.#sets.replaceDirect(hops, (name) => this.#sets.single(name, address));
  }

  /** Whose link has the longest prefix around the address; of several the first by name. A prefix of 128 bits is our own address, on no link. */
  #linkOf(address: Uint8Array): Interface | undefined {
    let best: Interface | undefined;
    let bestLength = -1;
    for (const on of this.#interfaces) {
      for (const prefix of on.config.prefixes) {
        if (prefix.length <= bestLength || !contains(prefix, address)) continue;
        best = prefix.length === 128 ? undefined : on;
        bestLength = prefix.length;
      }
    }
    return best;
  }
}
