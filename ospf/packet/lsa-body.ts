/** What LSAs say, by kind; their octets are read and written by lsa-reader.ts and lsa-writer.ts. RFC 5340 §A.4.3 … §A.4.10. */
import type { LsaIdentity } from "#ospf/packet/lsa-header";
import type { AdvertisedPrefix, MeasuredPrefix } from "#ospf/packet/prefix";

// Flags of router-LSAs (§A.4.3).
/** Area border router. */
export const ROUTER_B = 0x01;
/** AS boundary router. */
export const ROUTER_E = 0x02;
/** Endpoint of a virtual link through the area. */
export const ROUTER_V = 0x04;
/** Translates NSSA-LSAs unconditionally (RFC 3101 appendix B). */
export const ROUTER_NT = 0x10;

// Types of router-LSAs' links.
export const POINT_TO_POINT_LINK = 1;
export const TRANSIT_LINK = 2;
export const VIRTUAL_LINK = 4;

export interface RouterLink {
  /** POINT_TO_POINT_LINK, TRANSIT_LINK or VIRTUAL_LINK; others are no part of any calculation. */
  readonly type: number;
  /** 0 … 0xffff. */
  readonly metric: number;
  /** Of the Advertising Router on this link. */
  readonly interfaceId: number;
  /** Of the neighbor, or of the Designated Router on a transit link. */
  readonly neighborInterfaceId: number;
  /** The neighbor, or the Designated Router. */
  readonly neighborRouterId: number;
}

export interface RouterLsa {
  readonly kind: "router";
  /** ROUTER_… bits: 8. */
  readonly flags: number;
  /** OPTION_… bits: 24. */
  readonly options: number;
  readonly links: readonly RouterLink[];
}

export interface NetworkLsa {
  readonly kind: "network";
  readonly options: number;
  /** Router IDs of the routers fully adjacent to the Designated Router, and its own. */
  readonly attachedRouters: readonly number[];
}

export interface InterAreaPrefixLsa {
  readonly kind: "interAreaPrefix";
  /** 24 bits. */
  readonly metric: number;
  readonly prefix: AdvertisedPrefix;
}

export interface InterAreaRouterLsa {
  readonly kind: "interAreaRouter";
  readonly options: number;
  /** 24 bits. */
  readonly metric: number;
  readonly destinationRouterId: number;
}

/** What AS-external- and NSSA-LSAs have in common: all but their type (§A.4.8). */
export interface ExternalRoute {
  /** 2: larger than any path within the AS (bit E set). */
  readonly metricType: 1 | 2;
  /** 24 bits. */
  readonly metric: number;
  readonly prefix: AdvertisedPrefix;
  /** 16 octets; never `::` or link-local in a sound LSA, which is for the routing calculation to say. */
  readonly forwardingAddress?: Uint8Array;
  /** 32 bits. */
  readonly tag?: number;
  /** An LSA of the same router that says more; its type is not 0. */
  readonly referenced?: Pick<LsaIdentity, "type" | "linkStateId">;
}

export interface AsExternalLsa extends ExternalRoute {
  readonly kind: "asExternal";
}

/** RFC 3101; the P-bit is in its prefix's options. */
export interface NssaLsa extends ExternalRoute {
  readonly kind: "nssa";
}

export interface LinkLsa {
  readonly kind: "link";
  /** Router Priority on the link. */
  readonly priority: number;
  readonly options: number;
  /** 16 octets. */
  readonly linkLocalAddress: Uint8Array;
  readonly prefixes: readonly AdvertisedPrefix[];
}

export interface IntraAreaPrefixLsa {
  readonly kind: "intraAreaPrefix";
  /** The router-LSA (Link State ID 0) or network-LSA the prefixes belong to. */
  readonly referenced: LsaIdentity;
  readonly prefixes: readonly MeasuredPrefix[];
}

// Reasons of a graceful restart (RFC 3623 appendix A).
export const RESTART_UNKNOWN = 0;
export const RESTART_SOFTWARE = 1;
export const RESTART_RELOAD = 2;
export const RESTART_SWITCH = 3;

/** RFC 5187 §2.2, RFC 3623 appendix A; unknown TLVs are passed over. */
export interface GraceLsa {
  readonly kind: "grace";
  /** Seconds, 32 bits. */
  readonly gracePeriod: number;
  /** RESTART_…: 8 bits. */
  readonly reason: number;
}

/** Stored and flooded, not understood. */
export interface UnknownLsa {
  readonly kind: "unknown";
  /** LS type, 16 bits. */
  readonly type: number;
  /** All octets after the LSA header. */
  readonly octets: Uint8Array;
}

export type LsaBody =
  | RouterLsa
  | NetworkLsa
  | InterAreaPrefixLsa
  | InterAreaRouterLsa
  | AsExternalLsa
  | NssaLsa
  | LinkLsa
  | IntraAreaPrefixLsa
  | GraceLsa
  | UnknownLsa;
