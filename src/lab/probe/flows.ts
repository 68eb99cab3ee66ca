/** What a prober is told and what it tells, and the datagrams it sends. */
import type { Trace } from "#lab/probe/report";

export interface ProbeEnd {
  /** Where its socket is; its address must be one of that namespace's. */
  readonly namespace: string;
  readonly address: string;
  /** UDP port, both of its own and of whom it sends to, 1 … 65535. */
  readonly port: number;
}

export interface ProbeFlow {
  /** For reports. */
  readonly name: string;
  /** Index in `ends`. */
  readonly from: number;
  /** The end that it is for; several: they share address and port. */
  readonly to: readonly number[];
  /** It goes to this address, whose host sends back what he gets from the same port; `to` is `from` then. */
  readonly echo?: string;
}

export interface ProbePlan {
  readonly ends: readonly ProbeEnd[];
  readonly flows: readonly ProbeFlow[];
  /** Datagrams a second in each flow. */
  readonly rate: number;
  /** Octets of UDP payload, at least {@link PROBE_HEAD}. */
  readonly size: number;
}

export interface ProbeOutcome {
  readonly traces: readonly Trace[];
}

const MAGIC = 0x41494e21;
/** Octets: magic, flow, number. */
export const PROBE_HEAD = 12;

export function writeProbe(octets: Buffer, flow: number, number: number): void {
  octets.writeUInt32BE(MAGIC, 0);
  octets.writeUInt32BE(flow, 4);
  octets.writeUInt32BE(number, 8);
}

/** undefined: it is not from a prober. */
export function readProbe(octets: Buffer): { flow: number; number: number } | undefined {
  if (octets.length < PROBE_HEAD || octets.readUInt32BE(0) !== MAGIC) return undefined;
  return { flow: octets.readUInt32BE(4), number: octets.readUInt32BE(8) };
}
