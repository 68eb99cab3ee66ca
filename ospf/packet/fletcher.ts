/**
 * The Fletcher checksum that LSAs carry: two sums modulo 255, C0 of the octets and C1 of C0 after each octet, and two
 * check octets that bring both to zero. RFC 2328 §12.1.7, ISO 8473 (RFC 1008 has the arithmetic).
 */

/** Octets between two reductions: from sums below 255, C1 stays below 2^31, a small integer for the JIT. */
const BLOCK = 4096;

/** Both sums over octets `at` … `end` − 1, as C1 · 256 + C0; each 0 … 254. */
function sums(b: Uint8Array, at: number, end: number): number {
  let c0 = 0;
  let c1 = 0;
  while (at < end) {
    const stop = Math.min(at + BLOCK, end);
    for (; at < stop; at++) {
      c0 += b[at]!;
      c1 += c0;
    }
    c0 %= 255;
    c1 %= 255;
  }
  return (c1 << 8) | c0;
}

/** True when the octets, check octets included, are whole. */
export const fletcherHolds = (b: Uint8Array, at: number, end: number): boolean => sums(b, at, end) === 0;

/**
 * The check octets, as one 16-bit number, for octets `at` … `end` − 1 whose own place, `checkAt` and the next, holds zero
 * now. Each is 1 … 255, so a checksum of 0 means that there is none.
 */
export function fletcher(b: Uint8Array, at: number, end: number, checkAt: number): number {
  const both = sums(b, at, end);
  const c0 = both & 0xff;
  const c1 = both >> 8;
  // x counts once in C0 and (end − checkAt) times in C1, y once and (end − checkAt − 1) times; both sums shall be 0.
  const x = modulo255((end - checkAt - 1) * c0 - c1);
  const y = modulo255(-c0 - x);
  return ((x || 255) << 8) | (y || 255);
}

const modulo255 = (n: number): number => ((n % 255) + 255) % 255;
