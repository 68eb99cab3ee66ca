/** Jump consistent hash (Lamping and Veach, "A fast, minimal memory, consistent hash algorithm", 2014), exact, in 32-bit halves. */

/** The paper's multiplier 2862933555777941757 = 0x27bb2ee687b0b0fd: high half, low half, and the low half in two. */
const MULTIPLIER_HIGH = 0x27bb2ee6;
const MULTIPLIER_LOW = 0x87b0b0fd;
const MULTIPLIER_LOW_UPPER = MULTIPLIER_LOW >>> 16;
const MULTIPLIER_LOW_LOWER = MULTIPLIER_LOW & 0xffff;

/**
 * Bucket of the 64-bit key (`high`, `low`), 0 … buckets − 1. `buckets` is 1 … 2^31. No allocation.
 * One more bucket moves 1/(buckets + 1) of the keys, all of them into the new one.
 */
export function jump(high: number, low: number, buckets: number): number {
  let bucket = 0;
  let next = 0;
  while (next < buckets) {
    bucket = next;
    // key = key × multiplier + 1 (mod 2^64). The low half's product needs all its 64 bits; 16-bit pieces keep every
    // intermediate below 2^32, so it stays integer arithmetic.
    const lower = low & 0xffff;
    const upper = low >>> 16;
    const p = Math.imul(upper, MULTIPLIER_LOW_LOWER) + (Math.imul(lower, MULTIPLIER_LOW_LOWER) >>> 16);
    const q = Math.imul(lower, MULTIPLIER_LOW_UPPER) + (p & 0xffff);
    const carried = Math.imul(upper, MULTIPLIER_LOW_UPPER) + (p >>> 16) + (q >>> 16);
    high = (Math.imul(high, MULTIPLIER_LOW) + Math.imul(low, MULTIPLIER_HIGH) + carried) | 0;
    low = (Math.imul(low, MULTIPLIER_LOW) + 1) | 0;
    if (low === 0) high = (high + 1) | 0;
    // The quotient first, then the product: the paper's order of the two roundings, else the last bit may differ.
    next = Math.floor((bucket + 1) * (0x8000_0000 / ((high >>> 1) + 1)));
  }
  return bucket;
}
