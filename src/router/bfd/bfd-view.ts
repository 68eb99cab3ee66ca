/** What `show bfd` answers, as JSON: addresses and states are text, times milliseconds. */
import { formatIpv6 } from "#base/address";
import { describeDiagnostic } from "#bfd/packet";
import type { BfdThreadStatus } from "#router/bfd/bfd-messages";

export interface BfdStatusView {
  /** "real-time", "preferred" or "ordinary" (src/sys/scheduling.ts); "none": it does not run, for nobody wants it. */
  readonly scheduling: string;
  /** How late the thread ever was for one of its own deadlines. */
  readonly longestDelay: number;
  /** Packets refused since the start, by reason; those without one are left out. */
  readonly refused: Readonly<Record<string, number>>;
  /** Polls left unanswered because there were too many, and packets for sessions that are administratively down. */
  readonly pollsUnanswered: number;
  readonly ignored: number;
  /** Packets the kernel did not take from us, and those it could not keep for us. */
  readonly transmitErrors: number;
  readonly receiveDrops: number;
  readonly sessions: readonly BfdSessionView[];
}

export interface BfdSessionView {
  readonly port: number;
  readonly interface: string;
  readonly local: string;
  readonly remote: string;
  /** "AdminDown", "Down", "Init" or "Up". */
  readonly state: string;
  readonly remoteState: string;
  readonly diagnostic: string;
  readonly remoteDiagnostic: string;
  readonly localDiscriminator: number;
  readonly remoteDiscriminator: number;
  /** Negotiated, before jitter; null: the neighbor wants no periodic packets. */
  readonly transmitInterval: number | null;
  /** Silence after which the session goes down; null: nothing was received yet. */
  readonly detectionTime: number | null;
  readonly multiplier: number;
  readonly remoteMultiplier: number;
  readonly polling: boolean;
  /** How long it has been Up; null: it is not. */
  readonly upFor: number | null;
  readonly flaps: number;
  readonly packetsSent: number;
  readonly packetsReceived: number;
  /** Longest time without a packet since it last came Up. */
  readonly longestSilence: number;
}

/** `interfaceOf`: the name of a port's interface. */
export function statusView(status: BfdThreadStatus, interfaceOf: (port: number) => string): BfdStatusView {
  const { scheduling, longestDelay, counters, transmitErrors, receiveDrops } = status;
  const { pollsUnanswered, ignored } = counters;
  return {
    ...{ scheduling, longestDelay, pollsUnanswered, ignored, transmitErrors, receiveDrops },
    refused: { ...counters.refused, ...status.malformed },
    sessions: status.sessions.map((s) => sessionView(s, interfaceOf(s.port))),
  };
}

function sessionView(s: BfdThreadStatus["sessions"][number], interfaceName: string): BfdSessionView {
  const { port, localDiscriminator, remoteDiscriminator, state, remoteState, transmitInterval, detectionTime } = s;
  const { polling, upFor, flaps, packetsSent, packetsReceived, longestSilence } = s;
  return {
    port,
    interface: interfaceName,
    local: formatIpv6(s.localAddress),
    remote: formatIpv6(s.remoteAddress),
    ...{ state, remoteState, diagnostic: describeDiagnostic(s.diagnostic) },
    ...{ remoteDiagnostic: describeDiagnostic(s.remoteDiagnostic), localDiscriminator, remoteDiscriminator },
    ...{ transmitInterval, detectionTime, multiplier: s.detectMult, remoteMultiplier: s.remoteDetectMult },
    ...{ polling, upFor, flaps, packetsSent, packetsReceived, longestSilence },
  };
}
