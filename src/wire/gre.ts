/** GRE header, in place. RFC 2784, with the key and sequence number of RFC 2890. */
import { put16, put32, u8, u16, u32 } from "#base/bytes";
import { finish, fold, sum } from "#base/checksum";

/** Octets without any optional field. */
export const SIZE = 4;

const CHECKSUM_PRESENT = 0x8000;
/** RFC 1701's; RFC 2784 §2.3 has a receiver that does not know it discard the packet. */
const ROUTING_PRESENT = 0x4000;
const KEY_PRESENT = 0x2000;
const SEQUENCE_PRESENT = 0x1000;
/** Bits 4–5 of RFC 1701 (strict source route, recursion): must be zero, else discard (RFC 2784 §2.3 names bits 1–5). */
const MUST_BE_ZERO = ROUTING_PRESENT | 0x0c00;
const VERSION = 0x0007;

/**
 * True when this is a version 0 header without routing and every accessor below is safe on [at, end). Ask once, at the door.
 */
export function fits(b: Uint8Array, at: number, end: number): boolean {
  if (end - at < SIZE || end > b.length) return false;
  return (u16(b, at) & (MUST_BE_ZERO | VERSION)) === 0 && headerLength(b, at) <= end - at;
}

export const hasChecksum = (b: Uint8Array, at: number): boolean => (u16(b, at) & CHECKSUM_PRESENT) !== 0;
export const hasKey = (b: Uint8Array, at: number): boolean => (u16(b, at) & KEY_PRESENT) !== 0;
export const hasSequence = (b: Uint8Array, at: number): boolean => (u16(b, at) & SEQUENCE_PRESENT) !== 0;
/** EtherType of the payload. */
export const protocolType = (b: Uint8Array, at: number): number => u16(b, at + 2);

/** Octets: 4 for each optional field present. */
export function headerLength(b: Uint8Array, at: number): number {
  const flags = u8(b, at) >> 4;
  return SIZE + ((flags & 8) >> 1) + ((flags & 2) << 1) + ((flags & 1) << 2);
}

const keyAt = (b: Uint8Array, at: number): number => at + (hasChecksum(b, at) ? 8 : 4);

/** 0 … 2^32 − 1; only where {@link hasKey}. */
export const key = (b: Uint8Array, at: number): number => u32(b, keyAt(b, at));
/** 0 … 2^32 − 1; only where {@link hasSequence}. */
export const sequence = (b: Uint8Array, at: number): number => u32(b, keyAt(b, at) + (hasKey(b, at) ? 4 : 0));

/** Right, or absent. The checksum is over header and payload up to `end` (RFC 2784 §2.5). */
export const checksumHolds = (b: Uint8Array, at: number, end: number): boolean =>
  !hasChecksum(b, at) || fold(sum(b, at, end - at)) === 0xffff;

export interface GreFields {
  readonly protocolType: number;
  readonly key?: number;
  readonly sequence?: number;
  /** Reserves the checksum field; {@link writeChecksum} fills it when the payload is in place. */
  readonly checksum?: boolean;
}

/** Writes the header; returns its octets: 4 … 16. */
export function write(b: Uint8Array, at: number, h: GreFields): number {
  let flags = 0;
  let next = at + SIZE;
  const field = (flag: number, value: number): void => {
    flags |= flag;
    put32(b, next, value);
    next += 4;
  };
  if (h.checksum) field(CHECKSUM_PRESENT, 0);
  if (h.key !== undefined) field(KEY_PRESENT, h.key);
  if (h.sequence !== undefined) field(SEQUENCE_PRESENT, h.sequence);
  put16(b, at, flags);
  put16(b, at + 2, h.protocolType);
  return next - at;
}

/** Computes the checksum over [at, end); only for a header that {@link hasChecksum}. */
export function writeChecksum(b: Uint8Array, at: number, end: number): void {
  put16(b, at + 4, 0);
  put16(b, at + 4, finish(sum(b, at, end - at)));
}
