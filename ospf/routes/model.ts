/** The routing table that OSPF computes (RFC 2328 §11 as changed by RFC 5340 §4.8). */
import type { Prefix } from "#base/address";

/**
 * Preference order of RFC 2328 §11 and RFC 3101 §2.5: intra before inter before external 1 before external 2.
 * "discard": a border router's active range (RFC 2328 §11.1). Packets for what is in it and has no route of its own are
 * refused, lest they loop between those that summarise and those that believe it.
 */
export type PathType = "intra" | "discard" | "inter" | "external-1" | "external-2";

export interface NextHop {
  /** Configured name of the interface. */
  readonly interface: string;
  /**
   * Link-local address of the next router, or the forwarding address of an AS-external-LSA that lies on the link;
   * undefined: the destination is on the link itself.
   */
  readonly address: Uint8Array | undefined;
}

export interface OspfRoute {
  readonly prefix: Prefix;
  /** `formatPrefix(prefix)`: the key. */
  readonly text: string;
  readonly path: PathType;
  /** Area of an intra or inter path, or of the range; undefined for AS-external ones. */
  readonly area: number | undefined;
  readonly cost: number;
  /** Of an external-2 path: compared first; `cost` is then the distance to the ASBR or forwarding address. */
  readonly type2Cost?: number;
  /**
   * 1 … maxPaths, by interface and address, without duplicates. Empty: this router itself owns the prefix, or it is to be
   * discarded. Equal sets of routes that were computed together are the same array.
   */
  readonly nextHops: readonly NextHop[];
  readonly tag?: number;
}

/** A way to a router: to border routers and ASBRs these are needed beyond the area (RFC 2328 §16.1 (4)). */
export interface RouterPath {
  readonly routerId: number;
  readonly area: number;
  readonly path: "intra" | "inter";
  readonly cost: number;
  readonly nextHops: readonly NextHop[];
  readonly isBorder: boolean;
  readonly isAsbr: boolean;
  /** Intra only: sets Nt in its router-LSA (RFC 3101 §3.1). */
  readonly translates: boolean;
}

export interface RoutingTable {
  /** By prefix text. */
  readonly routes: ReadonlyMap<string, OspfRoute>;
  /** By area id, then router id: border routers and ASBRs reached inside the area (or, of the area they were told in, by inter-area-router-LSAs). */
  readonly routers: ReadonlyMap<number, ReadonlyMap<number, RouterPath>>;
}

export const EMPTY_TABLE: RoutingTable = { routes: new Map(), routers: new Map() };
