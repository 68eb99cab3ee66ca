/** BFD sessions as the router asks for them, and their counterparts in the core. */
import { formatIpv6 } from "#base/address";
import type { SessionKey, SessionTimers } from "#bfd/events";

/** Which session: one for each neighbor on a port. */
export interface BfdNeighbor {
  /** Index of the uplink. */
  readonly port: number;
  /** The neighbor's address, 16 octets: usually link-local. */
  readonly remote: Uint8Array;
}

export interface BfdSession extends BfdNeighbor {
  /** The uplink's interface. */
  readonly interface: string;
  /** Of the port and of the neighbor; {@link BfdThread.setMac} follows a neighbor that changes its own. */
  readonly localMac: Uint8Array;
  readonly remoteMac: Uint8Array;
  /** Our address, 16 octets. */
  readonly local: Uint8Array;
  /** Milliseconds, 1 … 4294967; what is negotiated is the greater of one end's desiredMinTx and the other's requiredMinRx. */
  readonly desiredMinTx: number;
  readonly requiredMinRx: number;
  /** 1 … 255: so many packets in a row may be lost. */
  readonly multiplier: number;
}

export type BfdTimers = Pick<BfdSession, "desiredMinTx" | "requiredMinRx" | "multiplier">;

/** A session came up, or is up no longer. */
export interface BfdChange extends BfdNeighbor {
  readonly up: boolean;
  /** Why, in words (RFC 5880 §4.1). */
  readonly reason: string;
  /**
   * True: an operator took the session down, here or there. That says nothing of the path, and routing over it may go on
   * (RFC 5882 §3.2, §4.2).
   */
  readonly administrative: boolean;
}

export const keyOf = ({ port, remote }: BfdNeighbor): string => `${port} ${formatIpv6(remote)}`;
export const toKey = ({ port, remote }: BfdNeighbor): SessionKey => ({ port, remoteAddress: remote });
export const describe = ({ port, remote }: BfdNeighbor): string => `${formatIpv6(remote)} on port #${port}`;

export const toTimers = ({ desiredMinTx, requiredMinRx, multiplier }: BfdTimers): SessionTimers => ({
  ...{ desiredMinTx, requiredMinRx, detectMult: multiplier },
});
