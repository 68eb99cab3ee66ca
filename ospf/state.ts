/** What an OSPF router knows: plain data that the parts of the core read and change. Nothing here acts. */
import type { Random } from "#base/random";
import type { Millis } from "#base/time";
import type { AreaConfig, InterfaceConfig, OspfConfig } from "#ospf/config";
import type { Entry, LsaStore } from "#ospf/database/store";
import type { InterfaceState } from "#ospf/interface/machine";
import type { NeighborState } from "#ospf/neighbor/machine";
import type { RequestList } from "#ospf/neighbor/request-list";
import type { CryptoSequence } from "#ospf/packet/auth-trailer";
import type { LsaHeader, LsaIdentity } from "#ospf/packet/lsa";
import type { RoutingTable } from "#ospf/routes/model";

export interface Instance {
  config: OspfConfig;
  readonly random: Random;
  /** Unix milliseconds are `now` plus this. */
  clockOffset: number;
  readonly areas: Map<number, Area>;
  /** By configured name. */
  readonly interfaces: Map<string, Interface>;
  /** AS scope: AS-external-LSAs, and unknown types of that scope. */
  readonly external: LsaStore;
  /** As computed last. */
  table: RoutingTable;
  /** Attached to the backbone and to another area, both with an interface up (RFC 2328 §3.3). */
  isBorder: boolean;
  /** We restart gracefully until then at the latest: nothing is originated or installed (RFC 3623 §2.2). */
  restartingUntil: Millis | undefined;
  /** LSAs over all databases. */
  lsaCount: number;
  /** Octets that they have, headers included. */
  lsaOctets: number;
}

export interface Area {
  readonly id: number;
  config: AreaConfig;
  /** Area scope. */
  readonly database: LsaStore;
  readonly interfaces: Set<Interface>;
  /** Nobody is adjacent to us here: what we say is withheld (origination/silence.ts). */
  isSilent: boolean;
  /** When that ends at the latest. */
  silentUntil: Millis;
  /** It has ended before, in this life of ours. */
  hasSpoken: boolean;
}

export interface Interface {
  readonly name: string;
  config: InterfaceConfig;
  readonly area: Area;
  /** 0 until it was up for the first time. */
  interfaceId: number;
  linkLocal: Uint8Array;
  /** Octets of the largest IPv6 packet. */
  mtu: number;
  /** The link carries packets. */
  linkUp: boolean;
  state: InterfaceState;
  /** Router ids, 0: none. */
  designatedRouter: number;
  backupDesignatedRouter: number;
  /** By router id. */
  readonly neighbors: Map<number, Neighbor>;
  /** Link scope: Link-LSAs and Grace-LSAs of all routers on the link, and unknown types. */
  readonly database: LsaStore;
  helloAt: Millis;
  /** The last one that was brought forward. */
  helloHurriedAt: Millis;
  /** End of the Waiting state. */
  waitUntil: Millis;
  /** To be flooded out of this interface, in packets as large as it takes, at `floodAt` the next ones. */
  readonly outgoing: Set<Entry>;
  floodAt: Millis;
  /** Headers to be acknowledged in one packet, and when (RFC 2328 §13.5). */
  delayedAcks: LsaHeader[];
  delayedAcksAt: Millis;
  /** Why packets of routers that are no neighbors were refused: by router id, the latest reason. */
  readonly refusals: Map<number, Refusal>;
  readonly counters: InterfaceCounters;
}

/** Adjacent, as far as what we advertise goes: a neighbor that restarts gracefully counts as it was (RFC 3623 §3). */
export const isAdjacent = (neighbor: Neighbor): boolean =>
  neighbor.state === "Full" || neighbor.helpUntil !== undefined;

export interface Refusal {
  readonly address: Uint8Array;
  readonly reason: string;
  readonly at: Millis;
  count: number;
}

export interface InterfaceCounters {
  /** By packet type 1 … 5; index 0: none of these. */
  readonly sent: number[];
  readonly received: number[];
  /** Packets, by reason. */
  readonly refused: Map<string, number>;
}

export interface Neighbor {
  readonly routerId: number;
  readonly interface: Interface;
  /** Its link-local address: the source of its hellos. */
  address: Uint8Array;
  /** Its own interface id (RFC 5340 §4.1.2). */
  interfaceId: number;
  priority: number;
  options: number;
  /** What its hellos say. */
  designatedRouter: number;
  backupDesignatedRouter: number;
  state: NeighborState;
  /** Since when in this state. */
  since: Millis;
  inactiveAt: Millis;
  readonly exchange: Exchange;
  readonly requests: RequestList;
  requestAt: Millis;
  /** Sent and not acknowledged: Link state retransmission list. */
  readonly retransmissions: Map<Entry, Millis>;
  retransmitAt: Millis;
  /** It restarts gracefully, and we help (RFC 3623 §3.1) until then. */
  helpUntil: Millis | undefined;
  /** BFD was asked to watch it. */
  watched: boolean;
  /** Greatest authentication sequence number seen, by packet type (RFC 7166 §4.6). */
  readonly authenticated: (CryptoSequence | undefined)[];
  /** Why it does not get on, or why it last fell back: for the operator. */
  trouble: string;
  /** Adjacencies made and lost. */
  changes: number;
}

/** Database description (RFC 2328 §10.6, §10.8). */
export interface Exchange {
  /** We count the sequence. */
  master: boolean;
  sequence: number;
  /** Our last packet, to be repeated. */
  sent: Uint8Array | undefined;
  repeatAt: Millis;
  /** Initialize, More, MasterSlave bits, options and sequence of the last packet received: tells duplicates. */
  received: { readonly flags: number; readonly options: number; readonly sequence: number } | undefined;
  /** Database summary list: still to be described. */
  summary: Entry[];
  summaryAt: number;
  /** Set in our last packet. */
  more: boolean;
}

/** A name for an LSA in maps. */
export const keyOf = ({ type, linkStateId, advertisingRouter }: LsaIdentity): string =>
  `${type}.${linkStateId}.${advertisingRouter}`;
