/**
 * The authentication trailer: a digest of packet, signalling block, trailer and source address under a shared key, and a
 * sequence number against replay. RFC 7166 §4. Which associations are valid now and which sequence number came last
 * from a neighbor is the caller's to know.
 */
import { createHmac, hash, timingSafeEqual } from "node:crypto";
import { put16, put32, u16, u32 } from "#base/bytes";
import { Malformed } from "#base/reader";
import { type Datagram, layout, setChecksum } from "#ospf/packet/header";

/** Octets before the digest. */
const FIXED = 16;
/** Authentication Type: HMAC. */
const HMAC = 1;
/** Repeated after the source address in Apad (§4.5). */
const APAD = 0x878f_e1f3;
/**
 * OSPFv3 Cryptographic Protocol ID (§7), appended to the key against use of a digest in another protocol (§4.4). FRR
 * before its pull request 14146 (8.4.4 for one) appends it in host order: its digests differ from ours and BIRD's.
 */
const PROTOCOL_ID = 1;

export type AuthAlgorithm = "hmac-sha-1" | "hmac-sha-256" | "hmac-sha-384" | "hmac-sha-512";

interface HashFunction {
  /** node:crypto's name. */
  readonly name: string;
  /** Octets of the digest. */
  readonly octets: number;
}
const HASHES: Record<AuthAlgorithm, HashFunction> = {
  "hmac-sha-1": { name: "sha1", octets: 20 },
  "hmac-sha-256": { name: "sha256", octets: 32 },
  "hmac-sha-384": { name: "sha384", octets: 48 },
  "hmac-sha-512": { name: "sha512", octets: 64 },
};

/** OSPFv3 Security Association (§3), without its times. */
export interface SecurityAssociation {
  /** SA ID: 16 bits. */
  readonly id: number;
  readonly algorithm: AuthAlgorithm;
  /** Any length; 16 octets of good randomness at least are advised (§6). */
  readonly key: Uint8Array;
  /**
   * The Cryptographic Protocol ID is put after the key with its octets swapped. So FRR before 9.1 does it on machines that
   * are little-endian (its pull request 14146), and nobody who follows §4.4 understands it.
   */
  readonly swapsProtocolId?: boolean;
}

/** Cryptographic Sequence Number: 64 bits as two numbers, 0 … 2^32 − 1 each. */
export interface CryptoSequence {
  /** By §4.1's advice a count of boots and wraps that outlives restarts. */
  readonly high: number;
  readonly low: number;
}

export interface AuthTrailer {
  /** SA ID. */
  readonly association: number;
  readonly sequence: CryptoSequence;
  /** Offset of the trailer in the payload. */
  readonly at: number;
  /** Octets, digest included. */
  readonly length: number;
}

/** Octets that {@link appendTrailer} adds: to be left free in a packet that shall not be fragmented. */
export const trailerOctets = (algorithm: AuthAlgorithm): number => FIXED + HASHES[algorithm].octets;

/** Positive when `a` is the greater. */
export const compareSequences = (a: CryptoSequence, b: CryptoSequence): number => a.high - b.high || a.low - b.low;

/** The next one; undefined after the last of all, when keys must be changed (§4.1.1). */
export function nextSequence({ high, low }: CryptoSequence): CryptoSequence | undefined {
  if (low < 0xffff_ffff) return { high, low: low + 1 };
  return high < 0xffff_ffff ? { high: high + 1, low: 0 } : undefined;
}

/**
 * The payload `writePacket` made, with its checksum cleared (§4.2) and the trailer after it. The caller has set the
 * AT-bit in Hellos and Database Descriptions, and sends each sequence number once.
 */
export function appendTrailer(
  payload: Uint8Array,
  source: Uint8Array,
  sa: SecurityAssociation,
  sequence: CryptoSequence,
): Uint8Array {
  const at = payload.length;
  const length = trailerOctets(sa.algorithm);
  const b = new Uint8Array(at + length);
  b.set(payload);
  setChecksum(b, 0);
  put16(b, at, HMAC);
  put16(b, at + 2, length);
  put16(b, at + 6, sa.id);
  put32(b, at + 8, sequence.high);
  put32(b, at + 12, sequence.low);
  b.set(digest(b.subarray(0, at + FIXED), source, sa), at + FIXED);
  return b;
}

/** Where the trailer lies and what it says of itself; its digest is not looked at yet. */
export function readTrailer(payload: Uint8Array): AuthTrailer | Malformed {
  const parts = layout(payload);
  if (parts instanceof Malformed) return parts;
  const at = parts.signallingEnd;
  if (payload.length - at < FIXED) return new Malformed("no authentication trailer", at);
  if (u16(payload, at) !== HMAC) return new Malformed("unknown authentication type", at);
  const length = u16(payload, at + 2);
  // To the octet: nothing that no digest vouches for may ride along.
  if (length !== payload.length - at) return new Malformed("authentication trailer's length", at + 2);
  const sequence = { high: u32(payload, at + 8), low: u32(payload, at + 12) };
  return { association: u16(payload, at + 6), sequence, at, length };
}

/**
 * The trailer whose digest holds under the association it names (§4.6); the first of `associations` with that id counts.
 * The caller then refuses sequence numbers not above the last of this neighbor's packet type, and Hellos and Database
 * Descriptions without the AT-bit (`announcesTrailer`).
 */
export function verifyTrailer(
  datagram: Datagram,
  associations: readonly SecurityAssociation[],
): AuthTrailer | Malformed {
  const { octets: payload, source } = datagram;
  const trailer = readTrailer(payload);
  if (trailer instanceof Malformed) return trailer;
  const sa = associations.find(({ id }) => id === trailer.association);
  if (sa === undefined) return new Malformed("unknown security association", trailer.at + 6);
  if (trailer.length !== trailerOctets(sa.algorithm)) return new Malformed("digest's length", trailer.at + 2);
  const digestAt = trailer.at + FIXED;
  const expected = digest(payload.subarray(0, digestAt), source, sa);
  const found = payload.subarray(digestAt, trailer.at + trailer.length);
  return timingSafeEqual(expected, found) ? trailer : new Malformed("digest", digestAt);
}

/** §4.5. `covered`: packet, signalling block and the trailer up to its digest, in whose place Apad is hashed. */
function digest(covered: Uint8Array, source: Uint8Array, sa: SecurityAssociation): Uint8Array {
  const { name, octets } = HASHES[sa.algorithm];
  const apad = new Uint8Array(octets);
  apad.set(source);
  for (let i = 16; i < octets; i += 4) put32(apad, i, APAD);
  return createHmac(name, preparedKey(sa, name, octets))
    .update(covered)
    .update(apad)
    .digest();
}

/** Ko of §4.5 step 1. HMAC itself pads it with zeros, so a short one may stay short. */
function preparedKey({ key, swapsProtocolId }: SecurityAssociation, name: string, octets: number): Uint8Array {
  const specific = new Uint8Array(key.length + 2);
  specific.set(key);
  put16(specific, key.length, swapsProtocolId === true ? PROTOCOL_ID << 8 : PROTOCOL_ID);
  return specific.length > octets ? hash(name, specific, "buffer") : specific;
}
