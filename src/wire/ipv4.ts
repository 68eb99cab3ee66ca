/** IPv4 header, in place. RFC 791 §3.1. */
import { i32, put8, put16, put32, u8, u16 } from "#base/bytes";
import { finish, fold, sum } from "#base/checksum";

/** Octets without options. */
export const SIZE = 20;
/** Offsets of the addresses, four octets each. */
export const SOURCE = 12;
export const DESTINATION = 16;

/** Bits of {@link fragment}. */
export const DONT_FRAGMENT = 0x4000;
export const MORE_FRAGMENTS = 0x2000;
/** In units of 8 octets. */
export const FRAGMENT_OFFSET = 0x1fff;

/**
 * True when every accessor below is safe on [at, end) and the whole packet lies there. Ask once, at the door.
 * The checksum is {@link checksumHolds}' affair. Octets after {@link totalLength} are Ethernet's padding.
 */
export function fits(b: Uint8Array, at: number, end: number): boolean {
  return end - at >= SIZE && end <= b.length && fitsQuoted(b, at, end) && totalLength(b, at) <= end - at;
}

/** As {@link fits}, for a packet that an ICMP error quotes: its payload may be cut off. */
export function fitsQuoted(b: Uint8Array, at: number, end: number): boolean {
  if (end - at < SIZE || version(b, at) !== 4) return false;
  const header = headerLength(b, at);
  return header >= SIZE && header <= end - at && header <= totalLength(b, at);
}

export const version = (b: Uint8Array, at: number): number => u8(b, at) >> 4;
/** IHL in octets, 0 … 60; at least SIZE after fits(). */
export const headerLength = (b: Uint8Array, at: number): number => (u8(b, at) & 15) << 2;
export const tos = (b: Uint8Array, at: number): number => u8(b, at + 1);
/** Octets of header and payload. */
export const totalLength = (b: Uint8Array, at: number): number => u16(b, at + 2);
export const identification = (b: Uint8Array, at: number): number => u16(b, at + 4);
/** Flags and fragment offset as they stand: DONT_FRAGMENT, MORE_FRAGMENTS, FRAGMENT_OFFSET. */
export const fragment = (b: Uint8Array, at: number): number => u16(b, at + 6);
export const dontFragment = (b: Uint8Array, at: number): boolean => (fragment(b, at) & DONT_FRAGMENT) !== 0;
export const moreFragments = (b: Uint8Array, at: number): boolean => (fragment(b, at) & MORE_FRAGMENTS) !== 0;
/** In units of 8 octets. */
export const fragmentOffset = (b: Uint8Array, at: number): number => fragment(b, at) & FRAGMENT_OFFSET;
/** Any fragment, the first one too. */
export const isFragment = (b: Uint8Array, at: number): boolean =>
  (fragment(b, at) & (MORE_FRAGMENTS | FRAGMENT_OFFSET)) !== 0;
export const ttl = (b: Uint8Array, at: number): number => u8(b, at + 8);
export const protocol = (b: Uint8Array, at: number): number => u8(b, at + 9);
export const checksum = (b: Uint8Array, at: number): number => u16(b, at + 10);
/** As signed 32 bits. */
export const source = (b: Uint8Array, at: number): number => i32(b, at + SOURCE);
export const destination = (b: Uint8Array, at: number): number => i32(b, at + DESTINATION);

export const setTotalLength = (b: Uint8Array, at: number, v: number): void => put16(b, at + 2, v);
export const setIdentification = (b: Uint8Array, at: number, v: number): void => put16(b, at + 4, v);
export const setFragment = (b: Uint8Array, at: number, v: number): void => put16(b, at + 6, v);
export const setTtl = (b: Uint8Array, at: number, v: number): void => put8(b, at + 8, v);
export const setProtocol = (b: Uint8Array, at: number, v: number): void => put8(b, at + 9, v);
export const setSource = (b: Uint8Array, at: number, v: number): void => put32(b, at + SOURCE, v);
export const setDestination = (b: Uint8Array, at: number, v: number): void => put32(b, at + DESTINATION, v);

/** True when the header's checksum is right. */
export const checksumHolds = (b: Uint8Array, at: number): boolean => fold(sum(b, at, headerLength(b, at))) === 0xffff;

/** Computes and stores the header's checksum. */
export function writeChecksum(b: Uint8Array, at: number): void {
  put16(b, at + 10, 0);
  put16(b, at + 10, finish(sum(b, at, headerLength(b, at))));
}

/** Sum of TCP's and UDP's pseudo-header (RFC 9293 §3.1, RFC 768); `length`: octets of transport header and data. */
export const pseudoHeader = (b: Uint8Array, at: number, protocol: number, length: number): number =>
  sum(b, at + SOURCE, 8, protocol + length);

export interface Ipv4Fields {
  /** Header (without options) and payload, ≤ 65535. */
  readonly totalLength: number;
  readonly ttl: number;
  readonly protocol: number;
  /** Four octets each. */
  readonly source: Uint8Array;
  readonly destination: Uint8Array;
  readonly tos?: number;
  readonly identification?: number;
  /** DONT_FRAGMENT, MORE_FRAGMENTS and the offset. */
  readonly fragment?: number;
}

/** Writes the SIZE octets of a header without options, checksum included. */
export function write(b: Uint8Array, at: number, h: Ipv4Fields): void {
  put8(b, at, 0x45);
  put8(b, at + 1, h.tos ?? 0);
  setTotalLength(b, at, h.totalLength);
  setIdentification(b, at, h.identification ?? 0);
  setFragment(b, at, h.fragment ?? 0);
  setTtl(b, at, h.ttl);
  setProtocol(b, at, h.protocol);
  b.set(h.source, at + SOURCE);
  b.set(h.destination, at + DESTINATION);
  writeChecksum(b, at);
}

/** True when the address at `at` may be one host's: not in 0/8, 127/8, 224/4 or 240/4 (RFC 1122 §3.2.1.3). */
export const isHostAddress = (b: Uint8Array, at: number): boolean => {
  const first = u8(b, at);
  return first !== 0 && first !== 127 && first < 224;
};

/** What {@link options} found. */
export const OPTIONS_HARMLESS = 0;
/** A loose or strict source route with hops left: RFC 7915 §4.1 wants Destination Unreachable, code 5. */
export const OPTIONS_SOURCE_ROUTE = 1;
/** A length that is too small or runs past the header. */
export const OPTIONS_MALFORMED = 2;

const END_OF_OPTIONS = 0;
const NO_OPERATION = 1;
const LOOSE_SOURCE_ROUTE = 131;
const STRICT_SOURCE_ROUTE = 137;

/** Walks the options, RFC 791 §3.1; call it after fits(). */
export function options(b: Uint8Array, at: number): number {
  const end = at + headerLength(b, at);
  let option = at + SIZE;
  let found = OPTIONS_HARMLESS;
  while (option < end) {
    const type = b[option]!;
    if (type === END_OF_OPTIONS) break;
    if (type === NO_OPERATION) {
      option++;
      continue;
    }
    const length = option + 1 < end ? b[option + 1]! : 0;
    if (length < 2 || option + length > end) return OPTIONS_MALFORMED;
    if (type === LOOSE_SOURCE_ROUTE || type === STRICT_SOURCE_ROUTE) {
      if (length < 3) return OPTIONS_MALFORMED;
      // The pointer counts from 1; past the length, the route is used up.
      if (b[option + 2]! <= length) found = OPTIONS_SOURCE_ROUTE;
    }
    option += length;
  }
  return found;
}
