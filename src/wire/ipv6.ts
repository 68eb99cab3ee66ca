/** IPv6 fixed header, in place, and the walk over its extension headers. RFC 8200 §3, §4. */
import { put8, put16, put32, u8, u16, u32 } from "#base/bytes";
import { sum } from "#base/checksum";
import {
  PROTOCOL_AH,
  PROTOCOL_DESTINATION_OPTIONS,
  PROTOCOL_FRAGMENT,
  PROTOCOL_HOP_BY_HOP,
  PROTOCOL_ROUTING,
} from "#wire/protocol";

export const SIZE = 40; // octets
/** Every link carries packets of this size (RFC 8200 §5). */
export const MINIMUM_MTU = 1280;
/** Offsets of the addresses, 16 octets each. */
export const SOURCE = 8;
export const DESTINATION = 24;

/** True when every accessor below is safe on [at, end) and the whole packet lies there. Ask once, at the door. */
export function fits(b: Uint8Array, at: number, end: number): boolean {
  return fitsQuoted(b, at, end) && end <= b.length && payloadLength(b, at) <= end - at - SIZE;
}

/** As {@link fits}, for a packet that an ICMP error quotes: its payload may be cut off. */
export function fitsQuoted(b: Uint8Array, at: number, end: number): boolean {
  return end - at >= SIZE && version(b, at) === 6;
}

export const version = (b: Uint8Array, at: number): number => u8(b, at) >> 4;
export const trafficClass = (b: Uint8Array, at: number): number => (u16(b, at) >> 4) & 0xff;
/** 20 bits. */
export const flowLabel = (b: Uint8Array, at: number): number => u32(b, at) & 0xf_ffff;
/** Octets after the fixed header, extension headers included. */
export const payloadLength = (b: Uint8Array, at: number): number => u16(b, at + 4);
export const nextHeader = (b: Uint8Array, at: number): number => u8(b, at + 6);
export const hopLimit = (b: Uint8Array, at: number): number => u8(b, at + 7);
/** Copies. */
export const source = (b: Uint8Array, at: number): Uint8Array => b.slice(at + SOURCE, at + SOURCE + 16);
export const destination = (b: Uint8Array, at: number): Uint8Array => b.slice(at + DESTINATION, at + DESTINATION + 16);

/** Version 6, traffic class (8 bits), flow label (20 bits). */
export const setFirstWord = (b: Uint8Array, at: number, trafficClass: number, flowLabel: number): void =>
  put32(b, at, (6 << 28) | (trafficClass << 20) | flowLabel);
export const setPayloadLength = (b: Uint8Array, at: number, v: number): void => put16(b, at + 4, v);
export const setNextHeader = (b: Uint8Array, at: number, v: number): void => put8(b, at + 6, v);
export const setHopLimit = (b: Uint8Array, at: number, v: number): void => put8(b, at + 7, v);

/** Sum of the pseudo-header (RFC 8200 §8.1); `length`: octets of the upper-layer header and data. */
export const pseudoHeader = (b: Uint8Array, at: number, protocol: number, length: number): number =>
  sum(b, at + SOURCE, 32, protocol + length);

export interface Ipv6Fields {
  readonly payloadLength: number;
  readonly nextHeader: number;
  readonly hopLimit: number;
  /** 16 octets each. */
  readonly source: Uint8Array;
  readonly destination: Uint8Array;
  readonly trafficClass?: number;
  readonly flowLabel?: number;
}

/** Writes the SIZE octets of the fixed header. */
export function write(b: Uint8Array, at: number, h: Ipv6Fields): void {
  setFirstWord(b, at, h.trafficClass ?? 0, h.flowLabel ?? 0);
  setPayloadLength(b, at, h.payloadLength);
  setNextHeader(b, at, h.nextHeader);
  setHopLimit(b, at, h.hopLimit);
  b.set(h.source, at + SOURCE);
  b.set(h.destination, at + DESTINATION);
}

// ---- extension headers (§4) ----

/** Fragment header (§4.5): octets, and what its offset field holds beside the offset (in 8-octet units) << 3. */
export const FRAGMENT_SIZE = 8;
export const FRAGMENT_MORE = 1;
export const FRAGMENT_OFFSET = 0xfff8;

/** Accessors of a Fragment header at `at`. */
export const fragmentOffset = (b: Uint8Array, at: number): number => u16(b, at + 2) >> 3;
export const moreFragments = (b: Uint8Array, at: number): boolean => (u8(b, at + 3) & FRAGMENT_MORE) !== 0;
export const fragmentIdentification = (b: Uint8Array, at: number): number => u32(b, at + 4);

/** Outcomes of {@link extensions}. */
export const EXTENSIONS_WHOLE = 0;
/** A header runs past the end. */
export const EXTENSIONS_TRUNCATED = 1;
/** More headers, or more octets of them, than anything honest has. */
export const EXTENSIONS_TOO_MANY = 2;
/** Hop-by-hop options that are not first (§4.1), or a second Fragment header. */
export const EXTENSIONS_ORDER = 3;

/** More headers than this are a sign of mischief: §4.1 knows no sensible packet with more than eight. */
export const MAX_EXTENSIONS = 8;
export const MAX_EXTENSION_OCTETS = 2048;

/** What the walk found. Made once by the caller and used again; offsets are into the array, 0: there is none. */
export class Extensions {
  /** Upper-layer protocol, or that of the fragment's first header when {@link isLaterFragment}. */
  protocol = 0;
  /** Where the upper layer begins, or a later fragment's data. */
  payload = 0;
  /** The Fragment header. */
  fragmentHeader = 0;
  /** The Routing header, if it has segments left: the destination is not the final one (§4.4). */
  segmentsLeft = 0;
  /** A fragment that is not the first: what is at `payload` is no header. */
  isLaterFragment = false;
  /** Extension headers seen. */
  count = 0;
}

/**
 * Walks the extension headers of the packet at `at`, which fits() or fitsQuoted() allowed; `end` is one past its last octet.
 * Returns EXTENSIONS_WHOLE or why it stopped; `found` then tells how far it came. No allocation.
 */
export function extensions(b: Uint8Array, at: number, end: number, found: Extensions): number {
  found.fragmentHeader = 0;
  found.segmentsLeft = 0;
  found.isLaterFragment = false;
  found.count = 0;
  found.protocol = nextHeader(b, at);
  found.payload = at + SIZE;
  while (isExtension(found.protocol) && !found.isLaterFragment) {
    if (found.count === MAX_EXTENSIONS) return EXTENSIONS_TOO_MANY;
    const refusal = step(b, end, found);
    if (refusal !== EXTENSIONS_WHOLE) return refusal;
    if (found.payload - at - SIZE > MAX_EXTENSION_OCTETS) return EXTENSIONS_TOO_MANY;
  }
  return EXTENSIONS_WHOLE;
}

/** Steps over the one header at `found.payload`. */
function step(b: Uint8Array, end: number, found: Extensions): number {
  const at = found.payload;
  const type = found.protocol;
  if (end - at < 8) return EXTENSIONS_TRUNCATED;
  if (type === PROTOCOL_HOP_BY_HOP && found.count > 0) return EXTENSIONS_ORDER;
  const length = extensionLength(b, at, type);
  if (end - at < length) return EXTENSIONS_TRUNCATED;
  if (type === PROTOCOL_FRAGMENT) {
    if (found.fragmentHeader !== 0) return EXTENSIONS_ORDER;
    found.fragmentHeader = at;
    found.isLaterFragment = fragmentOffset(b, at) !== 0;
  } else if (type === PROTOCOL_ROUTING && u8(b, at + 3) !== 0 && found.segmentsLeft === 0) {
    found.segmentsLeft = at;
  }
  found.count++;
  found.protocol = u8(b, at);
  found.payload = at + length;
  return EXTENSIONS_WHOLE;
}

/** Octets: 8-octet units beyond the first 8 (§4.3), but AH counts 4-octet units less 2 (RFC 4302 §2.2). */
function extensionLength(b: Uint8Array, at: number, type: number): number {
  if (type === PROTOCOL_FRAGMENT) return FRAGMENT_SIZE;
  return type === PROTOCOL_AH ? (u8(b, at + 1) + 2) << 2 : (u8(b, at + 1) + 1) << 3;
}

function isExtension(type: number): boolean {
  switch (type) {
    case PROTOCOL_HOP_BY_HOP:
    case PROTOCOL_ROUTING:
    case PROTOCOL_FRAGMENT:
    case PROTOCOL_AH:
    case PROTOCOL_DESTINATION_OPTIONS:
      return true;
    default:
      return false;
  }
}
