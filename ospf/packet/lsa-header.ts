/** The 20 octets every LSA begins with, what its type says of flooding, and which instance is newer. RFC 5340 §A.4.2. */
import { i32, u16, u32 } from "#base/bytes";
import type { Reader } from "#base/reader";
import type { Writer } from "#base/writer";
import { MAX_AGE, MAX_AGE_DIFF } from "#ospf/constants";

export const LSA_HEADER_SIZE = 20; // octets

// LS types: U-bit, two scope bits and function code (§A.4.2.1).
export const ROUTER_LSA = 0x2001;
export const NETWORK_LSA = 0x2002;
export const INTER_AREA_PREFIX_LSA = 0x2003;
export const INTER_AREA_ROUTER_LSA = 0x2004;
export const AS_EXTERNAL_LSA = 0x4005;
export const NSSA_LSA = 0x2007;
export const LINK_LSA = 0x0008;
export const INTRA_AREA_PREFIX_LSA = 0x2009;
/** RFC 5187 §2.1. */
export const GRACE_LSA = 0x000b;

/** A type whose U-bit is set is stored and flooded by its scope even by routers that do not know it. */
const U_BIT = 0x8000;

/** 0x80000001 as a signed number, the oldest (RFC 2328 §12.1.6). */
export const INITIAL_SEQUENCE_NUMBER = -0x7fff_ffff;
/** The newest; after it the LSA must be flushed before it can be originated again. */
export const MAX_SEQUENCE_NUMBER = 0x7fff_ffff;

/** What names an LSA, whatever its instance. */
export interface LsaIdentity {
  /** LS type: 16 bits, U-bit and scope included. */
  readonly type: number;
  /** 0 … 2^32 − 1. */
  readonly linkStateId: number;
  /** Router ID, 0 … 2^32 − 1. */
  readonly advertisingRouter: number;
}

export interface LsaHeader extends LsaIdentity {
  /** Seconds, as on the wire: 0 … 0xffff, though sound ones are at most MAX_AGE. */
  readonly age: number;
  /** Signed: −2^31 … 2^31 − 1. */
  readonly sequence: number;
  /** 16 bits; 0 is never sound. */
  readonly checksum: number;
  /** Octets, this header included: 20 … 0xffff. */
  readonly length: number;
}

/** "reserved": both scope bits are set. */
export type Scope = "link" | "area" | "as" | "reserved";
const SCOPES: readonly Scope[] = ["link", "area", "as", "reserved"];

/** By the scope bits alone. */
export const scopeOf = (type: number): Scope => SCOPES[(type >> 13) & 3]!;

export function isKnown(type: number): boolean {
  switch (type) {
    case ROUTER_LSA:
    case NETWORK_LSA:
    case INTER_AREA_PREFIX_LSA:
    case INTER_AREA_ROUTER_LSA:
    case AS_EXTERNAL_LSA:
    case NSSA_LSA:
    case LINK_LSA:
    case INTRA_AREA_PREFIX_LSA:
    case GRACE_LSA:
      return true;
    default:
      return false;
  }
}

/** Where an LSA is flooded: types neither known nor marked by the U-bit stay on the link (§A.4.2.1, §4.5.2). */
export const floodingScope = (type: number): Scope => (isKnown(type) || (type & U_BIT) !== 0 ? scopeOf(type) : "link");

/** Ages above MAX_AGE, which only a broken router sends, count as MAX_AGE. */
export const isMaxAge = (header: LsaHeader): boolean => header.age >= MAX_AGE;

export const sameLsa = (a: LsaIdentity, b: LsaIdentity): boolean =>
  a.type === b.type && a.linkStateId === b.linkStateId && a.advertisingRouter === b.advertisingRouter;

/** 1: `a` is the newer instance, −1: `b` is, 0: they are the same instance (RFC 2328 §13.1). */
export function compareInstances(a: LsaHeader, b: LsaHeader): -1 | 0 | 1 {
  if (a.sequence !== b.sequence) return a.sequence > b.sequence ? 1 : -1;
  if (a.checksum !== b.checksum) return a.checksum > b.checksum ? 1 : -1;
  if (isMaxAge(a) !== isMaxAge(b)) return isMaxAge(a) ? 1 : -1;
  if (isMaxAge(a) || Math.abs(a.age - b.age) <= MAX_AGE_DIFF) return 0;
  return a.age < b.age ? 1 : -1;
}

/** The header at `at`; the caller knows that its 20 octets are there. */
export function lsaHeaderAt(b: Uint8Array, at: number): LsaHeader {
  return {
    age: u16(b, at),
    type: u16(b, at + 2),
    linkStateId: u32(b, at + 4),
    advertisingRouter: u32(b, at + 8),
    sequence: i32(b, at + 12),
    checksum: u16(b, at + 16),
    length: u16(b, at + 18),
  };
}

export function readLsaHeader(r: Reader): LsaHeader {
  const { at } = r;
  r.skip(LSA_HEADER_SIZE);
  return lsaHeaderAt(r.bytes, at);
}

export function writeLsaHeader(w: Writer, h: LsaHeader): void {
  w.u16(h.age);
  w.u16(h.type);
  w.u32(h.linkStateId);
  w.u32(h.advertisingRouter);
  w.u32(h.sequence >>> 0);
  w.u16(h.checksum);
  w.u16(h.length);
}
