/** What goes into and comes out of the BFD core. Plain data: a line of a recording can hold it. */
import type { Millis } from "#base/time";
import type { State } from "#bfd/packet";

/** Which session: one for each neighbor on a port (RFC 5881 §3). Addresses are 16 octets. */
export interface SessionKey {
  /** Index of the uplink. */
  readonly port: number;
  readonly remoteAddress: Uint8Array;
}

/** The operator's wishes. */
export interface SessionTimers {
  /** Least interval at which we want to send while Up: 1 ms … 2^32 − 1 µs. */
  readonly desiredMinTx: Millis;
  /** Least interval at which we can take packets; the same range. */
  readonly requiredMinRx: Millis;
  /** 1 … 255. */
  readonly detectMult: number;
}

export type BfdEvent =
  /** Starts a session; one of that key that is just being taken down is replaced. */
  | ({ readonly type: "addSession"; readonly localAddress: Uint8Array } & SessionKey & SessionTimers)
  /** The neighbor is told AdminDown for a Detection Time, then the session is forgotten (RFC 5880 §6.8.16). */
  | ({ readonly type: "removeSession" } & SessionKey)
  /** New wishes (RFC 5880 §6.8.3, §6.8.10 … §6.8.12), or administrative control (§6.8.16). */
  | ({ readonly type: "changeSession"; readonly adminDown?: boolean } & SessionKey & Partial<SessionTimers>)
  /** Signaling from outside that the port's path has failed: no need to wait for a Detection Time. */
  | { readonly type: "linkDown"; readonly port: number }
  /** A UDP datagram to the Control port (readDatagram). `octets`: its payload. */
  | {
      readonly type: "packet";
      readonly port: number;
      readonly source: Uint8Array;
      readonly destination: Uint8Array;
      readonly hopLimit: number;
      readonly octets: Uint8Array;
    }
  | { readonly type: "timer" };

export type BfdEffect =
  /** A whole IPv6 packet, for the neighbor at `destination`. */
  | {
      readonly type: "send";
      readonly port: number;
      readonly source: Uint8Array;
      readonly destination: Uint8Array;
      readonly octets: Uint8Array;
    }
  | ({ readonly type: "state" } & StateChange);

/** A session came Up, or is Up no longer. */
export interface StateChange extends SessionKey {
  readonly up: boolean;
  readonly state: State;
  /** Why (RFC 5880 §4.1, "Diagnostic"). */
  readonly diagnostic: number;
  /** AdminDown: the neighbor's operator took the session down, which says nothing of the path (RFC 5882 §3.2). */
  readonly remoteState: State;
}

/** For an operator to read. Times are the caller's clock. */
export interface BfdSessionView extends SessionKey {
  readonly localAddress: Uint8Array;
  readonly localDiscriminator: number;
  /** 0: unknown. */
  readonly remoteDiscriminator: number;
  readonly state: State;
  readonly remoteState: State;
  readonly diagnostic: number;
  readonly remoteDiagnostic: number;
  /** Negotiated, before jitter; null: the neighbor wants no periodic packets. */
  readonly transmitInterval: Millis | null;
  /** Silence after which the session goes down; null: nothing was received yet. */
  readonly detectionTime: Millis | null;
  readonly detectMult: number;
  readonly remoteDetectMult: number;
  /** A Poll Sequence is under way. */
  readonly polling: boolean;
  readonly upSince: Millis | null;
  /** How often it was Up and is no longer. */
  readonly flaps: number;
  readonly packetsSent: number;
  readonly packetsReceived: number;
  /** Longest time without a packet while Up, since it last came Up. */
  readonly longestSilence: Millis;
}

/** For an operator to read. */
export interface BfdCounters {
  /** Datagrams refused, by reason. */
  readonly refused: Record<string, number>;
  /** Polls left unanswered because there were too many (RFC 5880 §6.8.7). */
  pollsUnanswered: number;
  /** Valid packets for sessions that are administratively down. */
  ignored: number;
}
