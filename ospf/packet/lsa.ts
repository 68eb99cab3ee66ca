/** One instance of an LSA: its header, and its octets as they came, which are what is flooded on. RFC 5340 §A.4. */
import type { Reader } from "#base/reader";
import type { Writer } from "#base/writer";
import { fletcherHolds } from "#ospf/packet/fletcher";
import { LSA_HEADER_SIZE, type LsaHeader, lsaHeaderAt } from "#ospf/packet/lsa-header";

export type { LsaBody } from "#ospf/packet/lsa-body";
export type { LsaHeader, LsaIdentity } from "#ospf/packet/lsa-header";

export interface Lsa {
  /** `header.age` is the age that counts; all else is as in `octets`. */
  readonly header: LsaHeader;
  /** `header.length` octets, the header's 20 included; its age may be out of date. Never changed: instances share them. */
  readonly octets: Uint8Array;
}

/** Offset and octets of the LS age, which the checksum leaves out lest it change on the way (RFC 2328 §12.1.7). */
const AGE_OCTETS = 2;
/** Offset of the LS checksum. */
export const CHECKSUM_AT = 16;

/** The same instance at another age, in seconds; no octets are copied. */
export const withAge = (lsa: Lsa, age: number): Lsa => ({ header: { ...lsa.header, age }, octets: lsa.octets });

/** RFC 2328 §13 step 1. A checksum of zero never holds. */
export const lsaChecksumHolds = ({ header, octets }: Lsa): boolean =>
  header.checksum !== 0 && fletcherHolds(octets, AGE_OCTETS, octets.length);

/** True when two instances of an LSA say the same, ages aside: then no route changes (RFC 2328 §13.2). */
export function sameContents(a: Lsa, b: Lsa): boolean {
  if (a.octets.length !== b.octets.length) return false;
  for (let i = LSA_HEADER_SIZE; i < a.octets.length; i++) if (a.octets[i] !== b.octets[i]) return false;
  return true;
}

/** The whole LSA, framed by its length; its octets are a copy. Neither checksum nor body are looked at. */
export function readLsa(r: Reader): Lsa {
  if (r.remaining < LSA_HEADER_SIZE) r.fail("truncated");
  const header = lsaHeaderAt(r.bytes, r.at);
  if (header.length < LSA_HEADER_SIZE) r.fail("LSA length below 20", r.at + 18);
  return { header, octets: r.octets(header.length) };
}

/** The octets with the header's age. */
export function writeLsaOctets(w: Writer, lsa: Lsa): void {
  const at = w.length;
  w.octets(lsa.octets);
  w.patch16(at, lsa.header.age);
}
