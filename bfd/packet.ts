/**
 * BFD Control packets (RFC 5880 §4.1): the UDP payload. Reading applies the checks of §6.8.6 that need no session, in
 * their order; the reason of a refusal is for a counter.
 */
import { decode, type Malformed, type Reader } from "#base/reader";
import { Writer } from "#base/writer";

/** Whole microseconds, 0 … 2^32 − 1: the protocol's unit of time. */
export type Micros = number;

export const VERSION = 1;
/** Octets of the mandatory section, and of the least Authentication Section. */
export const SIZE = 24;
const LEAST_AUTHENTICATION = 2;

/** The State field: the index is the number on the wire. */
export const STATES = ["AdminDown", "Down", "Init", "Up"] as const;
export type State = (typeof STATES)[number];

/** Why the sender's session state last changed. A peer may send any number up to 31; these have names. */
export const NO_DIAGNOSTIC = 0;
export const DETECTION_TIME_EXPIRED = 1;
export const NEIGHBOR_SIGNALED_DOWN = 3;
export const PATH_DOWN = 5;
export const ADMINISTRATIVELY_DOWN = 7;

/** RFC 5880 §8 (IANA). */
const DIAGNOSTICS = [
  "no diagnostic",
  "control detection time expired",
  "echo function failed",
  "neighbor signaled session down",
  "forwarding plane reset",
  "path down",
  "concatenated path down",
  "administratively down",
  "reverse concatenated path down",
];

/** A diagnostic in words, for operators. */
export const describeDiagnostic = (diagnostic: number): string => DIAGNOSTICS[diagnostic] ?? `diagnostic ${diagnostic}`;

export interface ControlPacket {
  /** 0 … 31. */
  readonly diagnostic: number;
  readonly state: State;
  readonly poll: boolean;
  readonly final: boolean;
  readonly controlPlaneIndependent: boolean;
  readonly demand: boolean;
  /** 1 … 255. */
  readonly detectMult: number;
  /** 1 … 2^32 − 1. */
  readonly myDiscriminator: number;
  /** 0: unknown. */
  readonly yourDiscriminator: number;
  readonly desiredMinTx: Micros;
  /** 0: wants no periodic packets. */
  readonly requiredMinRx: Micros;
  /** 0: loops no Echo packets back. */
  readonly requiredMinEchoRx: Micros;
  /** The Authentication Section, its type and length octets included; null when the A bit is clear. */
  readonly authentication: Uint8Array | null;
}

const POLL = 0x20;
const FINAL = 0x10;
const CONTROL_PLANE_INDEPENDENT = 0x08;
const AUTHENTICATION = 0x04;
const DEMAND = 0x02;
const MULTIPOINT = 0x01;

/** Reads a UDP payload; what is behind the packet's own Length is nobody's business. */
export const readControl = (payload: Uint8Array): ControlPacket | Malformed => decode(payload, read);

function read(r: Reader): ControlPacket {
  const payload = r.remaining;
  const first = r.u8();
  if (first >> 5 !== VERSION) r.fail("version", r.at - 1);
  const flags = r.u8();
  const detectMult = r.u8();
  const length = r.u8();
  const authenticated = (flags & AUTHENTICATION) !== 0;
  if (length < SIZE + (authenticated ? LEAST_AUTHENTICATION : 0)) r.fail("length too small", r.at - 1);
  if (length > payload) r.fail("truncated", r.at - 1);
  if (detectMult === 0) r.fail("detect mult zero", r.at - 2);
  if ((flags & MULTIPOINT) !== 0) r.fail("multipoint", r.at - 3);
  const myDiscriminator = r.u32();
  if (myDiscriminator === 0) r.fail("my discriminator zero", r.at - 4);
  return {
    diagnostic: first & 0x1f,
    state: STATES[flags >> 6]!,
    poll: (flags & POLL) !== 0,
    final: (flags & FINAL) !== 0,
    controlPlaneIndependent: (flags & CONTROL_PLANE_INDEPENDENT) !== 0,
    demand: (flags & DEMAND) !== 0,
    detectMult,
    myDiscriminator,
    yourDiscriminator: r.u32(),
    desiredMinTx: r.u32(),
    requiredMinRx: r.u32(),
    requiredMinEchoRx: r.u32(),
    authentication: authenticated ? r.octets(length - SIZE) : null,
  };
}

/** The UDP payload. Throws RangeError for values out of range. */
export function writeControl(p: ControlPacket): Uint8Array {
  const w = new Writer(SIZE);
  w.u8((VERSION << 5) | p.diagnostic);
  w.u8(
    (STATES.indexOf(p.state) << 6) |
      (p.poll ? POLL : 0) |
      (p.final ? FINAL : 0) |
      (p.controlPlaneIndependent ? CONTROL_PLANE_INDEPENDENT : 0) |
      (p.authentication === null ? 0 : AUTHENTICATION) |
      (p.demand ? DEMAND : 0),
  );
  w.u8(p.detectMult);
  w.u8(SIZE + (p.authentication?.length ?? 0));
  w.u32(p.myDiscriminator);
  w.u32(p.yourDiscriminator);
  w.u32(p.desiredMinTx);
  w.u32(p.requiredMinRx);
  w.u32(p.requiredMinEchoRx);
  if (p.authentication !== null) w.octets(p.authentication);
  return w.finish();
}
