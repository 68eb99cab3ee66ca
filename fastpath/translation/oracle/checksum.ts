/**
 * The Internet checksum as arithmetic modulo 65535, which is what ones' complement sums are (RFC 1071 §2): no carries,
 * no folding.
 */
import { padded, roundedUp } from "./octets";

const MODULUS = 0xffff;

/** Sum of the 16-bit words modulo 65535, an odd last octet padded with zero. */
export function wordSum(octets: Uint8Array): number {
  const words = padded(octets, roundedUp(octets.length, 2));
  let sum = 0;
  for (let at = 0; at < words.length; at += 2) sum += words[at]! * 256 + words[at + 1]!;
  return sum % MODULUS;
}

/** What belongs into the checksum field of data that is not all zeros, the field itself counted as 0. RFC 1071 §1. */
export const checksumOf = (octets: Uint8Array): number => (MODULUS - wordSum(octets)) % MODULUS;

/** True when data that includes its checksum adds up (to a multiple of 65535, and not because it is empty). */
export const addsUp = (octets: Uint8Array): boolean => octets.some((octet) => octet !== 0) && wordSum(octets) === 0;

/**
 * The checksum field after `before` in the covered data became `after`; both start at even offsets. A field that was
 * right stays right, one that was wrong stays wrong by as much. RFC 1624 §3.
 */
export function carried(field: number, before: Uint8Array, after: Uint8Array): number {
  return (field + wordSum(before) + (MODULUS - wordSum(after))) % MODULUS;
}
