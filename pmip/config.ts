/** What the operator says about mobility, already checked by the router's configuration: plain data, equal means unchanged. */
import type { Millis } from "#base/time";
import type { AddressHex } from "#pmip/events";

export interface MobilityConfig {
  /** This router's own address: where it is a mobile access gateway and a correspondent. */
  readonly address: AddressHex;
  /** The deployment's SipHash key: 32 hexadecimal digits. */
  readonly hashKey: string;
  /** The fabric's ordered list of home prefixes: 16 hexadecimal digits each, the first 64 bits. */
  readonly homes: readonly string[];
  /** Indexes of those that are this router's. At each it is a local mobility anchor, its address being `prefix::1`. */
  readonly own: readonly number[];
  /** Whoever signals has an address in one of these; IPv6 subjects inside are the data centre's, others tenants' own. */
  readonly fabric: readonly HexPrefix[];
  /** Undefined: nothing is signed, and whoever is in the fabric is believed. */
  readonly authentication?: AuthenticationConfig;
  /** Restart Counter (RFC 5847 §3.4): greater after every start of the router. 32 bits. */
  readonly restartCounter: number;
  /** For jitter and first sequence numbers: 32 bits. */
  readonly seed: number;
  readonly timers: MobilityTimers;
  readonly limits: MobilityLimits;
}

export interface HexPrefix {
  /** Bits after `length` zero. */
  readonly address: AddressHex;
  /** 0 … 128. */
  readonly length: number;
}

/** HMAC-SHA-256 cut to 128 bits in the option of RFC 4285 §5.1. */
export interface AuthenticationConfig {
  /** SPI of the key that messages are signed with. */
  readonly send: number;
  /** Those accepted. */
  readonly keys: readonly MobilityKey[];
}

export interface MobilityKey {
  /** 256 … 2^32 − 1. */
  readonly spi: number;
  /** Any length, hexadecimal digits. */
  readonly secret: string;
}

export interface MobilityTimers {
  /** Of a binding at the home: a multiple of 4 s, 20 … 262 140 s. */
  readonly lifetime: Millis;
  /**
   * How long a correspondent believes what it was told without hearing it again: a multiple of 4 s. Not above
   * `formerLongest`, or correspondents that nobody told send to a gateway that has forgotten the VM.
   */
  readonly correspondentLifetime: Millis;
  /** A correspondent forgets what carried no packet for so long. */
  readonly idle: Millis;
  /** A former gateway sends on for so long after the VM left, and after each packet since then … */
  readonly grace: Millis;
  /** … but not longer than this after the VM left. */
  readonly formerLongest: Millis;
  /** INITIAL_BINDACK_TIMEOUT (RFC 6275 §12): until the first retransmission of anything, doubling … */
  readonly retransmit: Millis;
  /** … up to MAX_BINDACK_TIMEOUT. */
  readonly retransmitLongest: Millis;
  /** HEARTBEAT_INTERVAL (RFC 5847 §5). */
  readonly heartbeat: Millis;
  /** MISSING_HEARTBEATS_ALLOWED (RFC 5847 §5). */
  readonly missingHeartbeats: number;
  /** Difference of clocks within which a signed message is no replay: by RFC 4285 §6 7 s, not below 3. */
  readonly replayWindow: Millis;
  /** A claim that is further ahead of our clock is refused (TimestampValidityWindow of RFC 5213 §9.1). */
  readonly clockTolerance: Millis;
}

export interface MobilityLimits {
  /** Bindings as their home. */
  readonly bindings: number;
  /** Hypervisors that a home tells of one subject's moves, and correspondents that a gateway registers one at. */
  readonly correspondents: number;
  /** Subjects whose whereabouts this router asks for as a correspondent, and those it sends on for as a former gateway. */
  readonly subjects: number;
  /** Requests waiting for an answer, registrations apart: not above 32 768. */
  readonly requests: number;
  /** Routers that heartbeats are exchanged with. */
  readonly peers: number;
  /** Ethernet segments as their rendezvous, and hypervisors with members of one. */
  readonly segments: number;
  readonly segmentMembers: number;
}

export const DEFAULT_TIMERS: MobilityTimers = {
  lifetime: 300_000,
  correspondentLifetime: 60_000,
  idle: 30_000,
  grace: 10_000,
  formerLongest: 60_000,
  retransmit: 1000,
  retransmitLongest: 32_000,
  heartbeat: 5000,
  missingHeartbeats: 3,
  replayWindow: 7000,
  clockTolerance: 500,
};

export const DEFAULT_LIMITS: MobilityLimits = {
  bindings: 131_072,
  correspondents: 1024,
  subjects: 131_072,
  requests: 16_384,
  peers: 16_384,
  segments: 16_384,
  segmentMembers: 1024,
};
