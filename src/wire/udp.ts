/** UDP header, in place. RFC 768. */
import { put16, u16 } from "#base/bytes";

export const SIZE = 8; // octets
/** Offset of the checksum field. */
export const CHECKSUM = 6;

/** True when every accessor below is safe on [at, end) and the whole datagram lies there. Ask once, at the door. */
export function fits(b: Uint8Array, at: number, end: number): boolean {
  return end - at >= SIZE && end <= b.length && length(b, at) >= SIZE && length(b, at) <= end - at;
}

export const sourcePort = (b: Uint8Array, at: number): number => u16(b, at);
export const destinationPort = (b: Uint8Array, at: number): number => u16(b, at + 2);
/** Octets of header and data. */
export const length = (b: Uint8Array, at: number): number => u16(b, at + 4);
/** 0: the sender computed none, which only IPv4 allows. */
export const checksum = (b: Uint8Array, at: number): number => u16(b, at + CHECKSUM);

export const setSourcePort = (b: Uint8Array, at: number, v: number): void => put16(b, at, v);
export const setDestinationPort = (b: Uint8Array, at: number, v: number): void => put16(b, at + 2, v);
export const setLength = (b: Uint8Array, at: number, v: number): void => put16(b, at + 4, v);
/** A computed checksum of zero goes out as 0xffff: zero means "none". */
export const setChecksum = (b: Uint8Array, at: number, v: number): void =>
  put16(b, at + CHECKSUM, v === 0 ? 0xffff : v);
