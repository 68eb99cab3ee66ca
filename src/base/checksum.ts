/**
 * The Internet checksum (RFC 1071) and its incremental update (RFC 1624).
 *
 * Sums are plain numbers that gather 16-bit words in network order; they may exceed 16 bits until folded.
 */
import { u16 } from "#base/bytes";

/** Folds the carries in: any sum below 2^48 → 0 … 0xffff; zero only for zero. */
export function fold(sum: number): number {
  if (sum > 0xffff_ffff) sum = (sum & 0xffff) + ((sum >>> 16) & 0xffff) + Math.floor(sum / 0x1_0000_0000);
  sum = (sum >>> 16) + (sum & 0xffff); // at most 0x1fffe: one more carry
  return (sum >>> 16) + (sum & 0xffff);
}

/** The same for sums below 2^31, in small-integer arithmetic throughout: for the packet path. */
export function foldSmall(sum: number): number {
  const once = (sum >>> 16) + (sum & 0xffff);
  return (once >>> 16) + (once & 0xffff);
}

/** Adds `length` octets as 16-bit words, an odd last octet padded with zero (RFC 1071 §1). ≤ 64 KiB a call. */
export function sum(b: Uint8Array, at: number, length: number, start = 0): number {
  const even = at + (length & ~1);
  let total = start;
  for (let i = at; i < even; i += 2) total += u16(b, i);
  return length & 1 ? total + (b[even]! << 8) : total;
}

/** The checksum field's value for data whose words (field zeroed) add up to `total`. */
export const finish = (total: number): number => ~fold(total) & 0xffff;

/**
 * RFC 1624 eqn. 3: the new field when words that added up to `before` are replaced by words that add up to `after`
 * (both may be unfolded).
 */
export const update = (field: number, before: number, after: number): number =>
  ~fold((~field & 0xffff) + (~fold(before) & 0xffff) + fold(after)) & 0xffff;
