/** What goes into and comes out of the neighbor cache. Plain data: a line of a recording can hold it. */
import type { Millis } from "#base/time";
import type { State } from "#services/neighbors/nud";
import type { NdPacket } from "#wire/nd";

/** `port`: index of an uplink. Addresses are 16, MAC addresses 6 octets. */
export type NeighborEvent =
  /** The uplink came up. `addresses`: what neighbors may ask for besides `linkLocal`; no duplicate detection for them. */
  | {
      readonly type: "linkUp";
      readonly port: number;
      readonly mac: Uint8Array;
      readonly linkLocal: Uint8Array;
      readonly addresses: readonly Uint8Array[];
    }
  | { readonly type: "linkDown"; readonly port: number }
  /** A valid message (readNd). `linkSource`: source of the frame it came in. */
  | { readonly type: "packet"; readonly port: number; readonly packet: NdPacket; readonly linkSource: Uint8Array }
  /** A packet waits for the neighbor; `held` names it. Without one: just find out the MAC. */
  | { readonly type: "resolve"; readonly port: number; readonly address: Uint8Array; readonly held?: number }
  /** Packets were forwarded to the neighbor. */
  | { readonly type: "used"; readonly port: number; readonly address: Uint8Array }
  /** Forward progress seen by a protocol above (RFC 4861 §7.3.1), e.g. a BFD session that is up. */
  | { readonly type: "confirmed"; readonly port: number; readonly address: Uint8Array }
  /** A permanent entry; `mac` null takes it away. */
  | { readonly type: "permanent"; readonly port: number; readonly address: Uint8Array; readonly mac: Uint8Array | null }
  | { readonly type: "timer" };

export type NeighborEffect =
  /** A whole Ethernet frame. */
  | { readonly type: "send"; readonly port: number; readonly frame: Uint8Array }
  /** What the fast path needs to know. "failed": asked without an answer, refuse at once; "unresolved": ask again. */
  | { readonly type: "adjacency"; readonly port: number; readonly address: Uint8Array; readonly mac: Resolution }
  /** Send these held packets now. */
  | { readonly type: "release"; readonly held: readonly number[] }
  /**
   * ICMPv6 destination unreachable, code 3, for each of these held packets (RFC 4861 §7.2.2). The adjacency was said to
   * have "failed" before, unless the link went down.
   */
  | { readonly type: "fail"; readonly held: readonly number[] }
  /** Forget these: newer packets took their place in the queue ("overflow"), or there is no room for another neighbor ("full"). */
  | { readonly type: "drop"; readonly held: readonly number[]; readonly reason: "overflow" | "full" }
  /** The neighbor's IsRouter flag changed (RFC 4861 §7.2.5). */
  | { readonly type: "router"; readonly port: number; readonly address: Uint8Array; readonly isRouter: boolean }
  /** Our link-local address may be used from now on (RFC 4862 §5.4). */
  | { readonly type: "preferred"; readonly port: number; readonly address: Uint8Array }
  /**
   * The node with `mac` has an address of ours too. `disabled`: it was the link-local address, before we used it: nothing
   * is sent or resolved on that port until it goes down and up again (RFC 4862 §5.4.5).
   */
  | {
      readonly type: "duplicate";
      readonly port: number;
      readonly address: Uint8Array;
      readonly mac: Uint8Array;
      readonly disabled: boolean;
    };

export type Resolution = Uint8Array | "unresolved" | "failed";

/** Variables and constants of RFC 4861 §6.3.2 and §10, RFC 4862 §5.1. */
export interface NeighborSettings {
  readonly retransTimer: Millis;
  readonly baseReachableTime: Millis;
  readonly delayFirstProbeTime: Millis;
  readonly maxMulticastSolicit: number;
  readonly maxUnicastSolicit: number;
  /** How long an unanswered address is refused before it is asked for again; ≥ retransTimer. */
  readonly failedTime: Millis;
  /** Probes for a duplicate of our link-local address; 0: no detection. */
  readonly dupAddrDetectTransmits: number;
  /** The first probe waits up to this long (MAX_RTR_SOLICITATION_DELAY), lest a whole rack asks at once. */
  readonly maxDetectionDelay: Millis;
  /** Entries over all ports, permanent ones apart. */
  readonly maxEntries: number;
  /** Packets held per neighbor. */
  readonly maxHeld: number;
}

export const DEFAULT_SETTINGS: NeighborSettings = {
  retransTimer: 1000,
  baseReachableTime: 30_000,
  delayFirstProbeTime: 5000,
  maxMulticastSolicit: 3,
  maxUnicastSolicit: 3,
  failedTime: 3000,
  dupAddrDetectTransmits: 1,
  maxDetectionDelay: 1000,
  maxEntries: 1024,
  maxHeld: 3,
};

/** For an operator to read. */
export interface NeighborEntry {
  readonly port: number;
  readonly address: Uint8Array;
  readonly mac: Uint8Array | null;
  readonly state: State;
  readonly isRouter: boolean;
}

export interface NeighborCounters {
  solicitationsSent: number;
  advertisementsSent: number;
  /** Resolutions without an answer, or without a link to ask on. */
  unresolved: number;
  /** Neighbors known before that stopped answering. */
  unreachable: number;
  /** Solicitations for addresses that are not ours, advertisements of neighbors we never asked for. */
  notForUs: number;
  /** Messages that mean nothing in the entry's state. */
  ignored: number;
  /** Entries that were thrown out for newer ones. */
  evicted: number;
  /** Entries refused because the cache was full of neighbors in use. */
  refused: number;
  /** Our own probes come back to us (RFC 7527). */
  loopedBack: number;
  /** Another node has our address. */
  duplicates: number;
}

/** What one call of handle() knows and gathers. */
export interface Turn {
  readonly now: Millis;
  readonly effects: NeighborEffect[];
}
