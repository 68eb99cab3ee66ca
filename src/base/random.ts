/**
 * Seeded random numbers: xoshiro128** (Blackman and Vigna, 2018), for tests, simulations and the protocols' jitter.
 * Not for secrets. The state is plain data, so that a core that holds one can be recorded and replayed.
 */

export interface Random {
  a: number;
  b: number;
  c: number;
  d: number;
}

/** Any 32-bit number is a good seed: the four words are drawn from it by splitmix32. */
export function seeded(seed: number): Random {
  let s = seed | 0;
  const word = (): number => {
    s = (s + 0x9e37_79b9) | 0;
    let z = s;
    z = Math.imul(z ^ (z >>> 16), 0x85eb_ca6b);
    z = Math.imul(z ^ (z >>> 13), 0xc2b2_ae35);
    return z ^ (z >>> 16);
  };
  return { a: word(), b: word(), c: word(), d: word() };
}

/** 0 … 2^32 − 1. */
export function nextU32(r: Random): number {
  const scrambled = Math.imul(rotateLeft(Math.imul(r.b, 5), 7), 9);
  const t = r.b << 9;
  r.c ^= r.a;
  r.d ^= r.b;
  r.b ^= r.c;
  r.a ^= r.d;
  r.c ^= t;
  r.d = rotateLeft(r.d, 11);
  return scrambled >>> 0;
}

/** 0 ≤ x < 1, in steps of 2^−32. */
export const nextFraction = (r: Random): number => nextU32(r) / 0x1_0000_0000;

/** Whole number 0 … bound − 1; `bound` is 1 … 2^32. The bias is below 2^−32 · bound. */
export const nextBelow = (r: Random, bound: number): number => Math.floor(nextFraction(r) * bound);

/** Whole number low … high, both included. */
export const nextBetween = (r: Random, low: number, high: number): number => low + nextBelow(r, high - low + 1);

export function nextOctets(r: Random, length: number): Uint8Array {
  const out = new Uint8Array(length);
  for (let i = 0; i < length; i++) out[i] = nextU32(r) >>> 24;
  return out;
}

const rotateLeft = (x: number, bits: number): number => (x << bits) | (x >>> (32 - bits));
