/** What `show ospf …` answers, as JSON: the API's schema. Ids are dotted, addresses and prefixes text, times seconds. */
import type { LsaBodyView } from "#router/ospf/lsa-view";

export interface OspfStatusView {
  readonly routerId: string;
  readonly areas: readonly string[];
  /** Area border router, AS boundary router. */
  readonly isBorder: boolean;
  readonly isBoundary: boolean;
  readonly interfacesUp: number;
  readonly neighbors: number;
  readonly full: number;
  readonly lsas: number;
  readonly maxLsas: number;
  readonly routes: number;
  /** Routes that wait for their turn to be installed, and those that found no room. */
  readonly waiting: number;
  readonly withoutRoom: number;
  /** What is left of the time that neighbors wait for our restart; null: no restart is under way. */
  readonly restartingFor: number | null;
  /** Database exchanges with itself that it has come through since its start, and whether it goes on with them. */
  readonly rehearsed: number;
  readonly isRehearsing: boolean;
}

export interface OspfNeighborView {
  readonly routerId: string;
  readonly interface: string;
  readonly address: string;
  readonly area: string;
  /** "Down", "Init", "TwoWay", "ExStart", "Exchange", "Loading" or "Full". */
  readonly state: string;
  /** In this state. */
  readonly for: number;
  /** Until it is given up unless it is heard; null: never. */
  readonly deadIn: number | null;
  readonly priority: number;
  readonly interfaceId: number;
  readonly options: string;
  /** Router ids as it has them, 0.0.0.0: none. */
  readonly designated: string;
  readonly backup: string;
  /** LSAs that are to be asked for, and those it has not acknowledged. */
  readonly requests: number;
  readonly retransmissions: number;
  /** What is left of the time that we wait for its restart; null: it does not restart. */
  readonly helpedFor: number | null;
  readonly watchedByBfd: boolean;
  /** Times it became or ceased to be adjacent. */
  readonly changes: number;
  /** Why it does not get on, or last fell back; empty: nothing is known. */
  readonly trouble: string;
}

/** Somebody whose packets were refused. */
export interface OspfRefusalView {
  readonly interface: string;
  readonly routerId: string;
  readonly address: string;
  readonly reason: string;
  readonly packets: number;
  /** Since the last one. */
  readonly ago: number;
}

export interface OspfNeighborsView {
  readonly neighbors: readonly OspfNeighborView[];
  readonly refused: readonly OspfRefusalView[];
}

export interface OspfInterfaceView {
  readonly interface: string;
  readonly area: string;
  readonly kind: "point-to-point" | "broadcast";
  /** "Down", "Waiting", "PointToPoint", "DROther", "Backup" or "DR". */
  readonly state: string;
  readonly passive: boolean;
  readonly cost: number;
  readonly interfaceId: number;
  readonly linkLocal: string;
  readonly mtu: number;
  readonly instance: number;
  readonly priority: number;
  readonly hello: number;
  readonly dead: number;
  /** Until the next hello; null: none is sent. */
  readonly helloIn: number | null;
  /** Router ids, 0.0.0.0: none. */
  readonly designated: string;
  readonly backup: string;
  readonly neighbors: number;
  readonly full: number;
  readonly bfd: boolean;
  /** Ids of the authentication keys. */
  readonly keys: readonly number[];
  readonly prefixes: readonly string[];
  readonly sent: OspfPacketsView;
  readonly received: OspfPacketsView;
  /** Packets, by reason. */
  readonly refused: Readonly<Record<string, number>>;
}

export interface OspfPacketsView {
  readonly hellos: number;
  readonly descriptions: number;
  readonly requests: number;
  readonly updates: number;
  readonly acknowledgments: number;
}

export interface OspfAreaView {
  readonly area: string;
  readonly kind: "normal" | "stub" | "nssa";
  /** False: totally stubby. */
  readonly summaries: boolean;
  readonly interfaces: readonly string[];
  /** Border and boundary routers that are reached in it. */
  readonly borderRouters: readonly string[];
  readonly boundaryRouters: readonly string[];
  readonly lsas: number;
  readonly checksum: number;
  readonly ranges: readonly { readonly prefix: string; readonly advertise: boolean; readonly cost: number | null }[];
  /** Why what is configured is not told there; "": it is. */
  readonly trouble: string;
}

/** An LSA of a database. */
export interface OspfLsaView {
  /** "as", "area 0.0.0.1" or "link eth1". */
  readonly scope: string;
  /** With U-bit and scope. */
  readonly type: number;
  /** "router", "network" …; "unknown". */
  readonly kind: string;
  readonly linkStateId: string;
  readonly advertisingRouter: string;
  readonly age: number;
  /** 32 bits, unsigned. */
  readonly sequence: number;
  readonly checksum: number;
  /** Octets, header included. */
  readonly length: number;
}

export interface OspfScopeView {
  readonly scope: string;
  readonly lsas: number;
  /** Sum of all checksums, modulo 2^32: two routers whose databases are the same have the same. */
  readonly checksum: number;
  readonly types: readonly {
    readonly type: number;
    readonly kind: string;
    readonly lsas: number;
    readonly checksum: number;
  }[];
}

export interface OspfDatabaseView {
  readonly scopes: readonly OspfScopeView[];
  readonly lsas: readonly OspfLsaView[];
}

/** LSAs with what they say. */
export type OspfLsasView = readonly (OspfLsaView & { readonly body: LsaBodyView })[];

export interface OspfRouteView {
  readonly prefix: string;
  /** "intra", "inter", "external-1", "external-2", or "discard": a range of ours. */
  readonly path: string;
  /** Null for external paths. */
  readonly area: string | null;
  readonly cost: number;
  /** Of an external-2 path; `cost` is then the way to the boundary router. */
  readonly type2Cost?: number;
  readonly tag?: number;
  /** No address: the prefix is on that link. Empty: this router's own, or discarded. */
  readonly nextHops: readonly { readonly interface: string; readonly address: string | null }[];
  /** "used", or why not: "own", "on the link", "waiting", "no room", "static route", "home". */
  readonly state?: string;
}

export interface OspfSpfView {
  /** RFC 8405's state, and when the next computation begins; null: none is due. */
  readonly state: string;
  readonly computeIn: number | null;
  /** The latest first. */
  readonly runs: readonly OspfSpfRunView[];
}

export interface OspfSpfRunView {
  readonly ago: number;
  readonly kind: "full" | "prefix";
  /** Milliseconds: from its first reason to the beginning (null: it was the first of all), and from there to the end. */
  readonly waited: number | null;
  readonly took: number;
  readonly reasons: readonly string[];
  /** Changes that it took in, of which only the first have their reasons told. */
  readonly events: number;
  readonly slices: number;
  readonly vertices: number;
  readonly prefixes: number;
  readonly changed: number;
  readonly removed: number;
  readonly leftOut: number;
}

export interface OspfViews {
  readonly status: OspfStatusView;
  readonly neighbors: OspfNeighborsView;
  readonly interfaces: readonly OspfInterfaceView[];
  readonly areas: readonly OspfAreaView[];
  readonly database: OspfDatabaseView;
  readonly routes: readonly OspfRouteView[];
  readonly spf: OspfSpfView;
}

export const OSPF_VIEWS = ["status", "neighbors", "interfaces", "areas", "database", "routes", "spf"] as const;
export type OspfViewName = (typeof OSPF_VIEWS)[number];
