/** TCP header, in place. RFC 9293 §3.1. */
import { i32, put8, put16, put32, u8, u16, u32 } from "#base/bytes";

/** Octets without options. */
export const SIZE = 20;
/** Offset of the checksum field. */
export const CHECKSUM = 16;

/** Bits of {@link flags}. */
export const FIN = 0x01;
export const SYN = 0x02;
export const RST = 0x04;
export const PSH = 0x08;
export const ACK = 0x10;
export const URG = 0x20;
export const ECE = 0x40;
export const CWR = 0x80;

/** True when every accessor below is safe on [at, end), options included. Ask once, at the door. */
export function fits(b: Uint8Array, at: number, end: number): boolean {
  return end - at >= SIZE && end <= b.length && dataOffset(b, at) >= SIZE && dataOffset(b, at) <= end - at;
}

export const sourcePort = (b: Uint8Array, at: number): number => u16(b, at);
export const destinationPort = (b: Uint8Array, at: number): number => u16(b, at + 2);
export const sequenceNumber = (b: Uint8Array, at: number): number => u32(b, at + 4);
export const acknowledgmentNumber = (b: Uint8Array, at: number): number => u32(b, at + 8);
/** Octets of the header with its options: 0 … 60, at least SIZE after fits(). */
export const dataOffset = (b: Uint8Array, at: number): number => (u8(b, at + 12) >> 4) << 2;
export const flags = (b: Uint8Array, at: number): number => u8(b, at + 13);
export const window = (b: Uint8Array, at: number): number => u16(b, at + 14);
export const checksum = (b: Uint8Array, at: number): number => u16(b, at + CHECKSUM);
/** Both ports as one signed 32-bit word. */
export const ports = (b: Uint8Array, at: number): number => i32(b, at);

export const setSourcePort = (b: Uint8Array, at: number, v: number): void => put16(b, at, v);
export const setDestinationPort = (b: Uint8Array, at: number, v: number): void => put16(b, at + 2, v);
export const setSequenceNumber = (b: Uint8Array, at: number, v: number): void => put32(b, at + 4, v);
export const setAcknowledgmentNumber = (b: Uint8Array, at: number, v: number): void => put32(b, at + 8, v);
/** In octets, a multiple of 4; the reserved bits become zero. */
export const setDataOffset = (b: Uint8Array, at: number, v: number): void => put8(b, at + 12, (v >> 2) << 4);
export const setFlags = (b: Uint8Array, at: number, v: number): void => put8(b, at + 13, v);
export const setWindow = (b: Uint8Array, at: number, v: number): void => put16(b, at + 14, v);
export const setChecksum = (b: Uint8Array, at: number, v: number): void => put16(b, at + CHECKSUM, v);

const END_OF_OPTIONS = 0;
const NO_OPERATION = 1;
const MAXIMUM_SEGMENT_SIZE = 2;

/**
 * Offset of the 16-bit value of the Maximum Segment Size option; 0 without one, also when the options before it are
 * malformed. Call it after fits(). The value may lie at an odd offset.
 */
export function maximumSegmentSizeAt(b: Uint8Array, at: number): number {
  const end = at + dataOffset(b, at);
  let option = at + SIZE;
  while (option < end) {
    const kind = b[option]!;
    if (kind === END_OF_OPTIONS) return 0;
    if (kind === NO_OPERATION) {
      option++;
      continue;
    }
    const length = option + 1 < end ? b[option + 1]! : 0;
    if (length < 2 || option + length > end) return 0;
    if (kind === MAXIMUM_SEGMENT_SIZE) return length === 4 ? option + 2 : 0;
    option += length;
  }
  return 0;
}
