/**
 * The hash of a connection's end: HalfSipHash-1-3 (Aumasson; SipHash with 32-bit words), keyed. Tenants choose addresses
 * and ports; without the key they cannot choose many ends that hash alike. Hashes without a key, or whose key is only
 * mixed in, can be collided whatever the key is.
 *
 * Both directions of a connection hash alike because the hashes of its two ends are added.
 */

/** Octets of an end: four words of address, one of port and protocol. */
const LENGTH = 20;
const WORDS = 5;
const ROUNDS = WORDS + 1 + 3; // one a word, one for the length, three to finish

/**
 * Hash of the four words at `words[at …]` and a fifth, `last`; any 32 bits. `key`: two words.
 * No allocation; about 20 ns.
 */
export function hashEnd(key: Int32Array, words: Int32Array, at: number, last: number): number {
  let v0 = key[0]!;
  let v1 = key[1]!;
  let v2 = 0x6c796765 ^ v0;
  let v3 = 0x74656462 ^ v1;
  for (let round = 0; round < ROUNDS; round++) {
    let m = 0;
    if (round < 4) m = words[at + round]!;
    else if (round === 4) m = last;
    else if (round === WORDS) m = LENGTH << 24;
    else if (round === WORDS + 1) v2 ^= 0xff;
    v3 ^= m;
    v0 = (v0 + v1) | 0;
    v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0;
    v0 = (v0 << 16) | (v0 >>> 16);
    v2 = (v2 + v3) | 0;
    v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2;
    v0 = (v0 + v3) | 0;
    v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0;
    v2 = (v2 + v1) | 0;
    v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2;
    v2 = (v2 << 16) | (v2 >>> 16);
    v0 ^= m;
  }
  return v1 ^ v3;
}

/** Octets of what hashEnds() hashes: an address, a port, a protocol. */
const END_OCTETS = 19;

/**
 * Hashes of two ends, added; any 32 bits. Their addresses are words 0 … 3 and 4 … 7; `source` and `destination` are their
 * ports and, 16 bits higher, protocols. `key`: two words. No allocation; about 17 ns: the two are computed side by side, so
 * that the processor is at work on one while the other's last step is not over.
 */
export function hashEnds(key: Int32Array, words: Int32Array, source: number, destination: number): number {
  let v0 = key[0]!;
  let v1 = key[1]!;
  let v2 = 0x6c796765 ^ v0;
  let v3 = 0x74656462 ^ v1;
  let w0 = v0;
  let w1 = v1;
  let w2 = v2;
  let w3 = v3;
  for (let i = 0; i < 4; i++) {
    const m = words[i]!;
    const n = words[4 + i]!;
    v3 ^= m;
    w3 ^= n;
    v0 = (v0 + v1) | 0;
    w0 = (w0 + w1) | 0;
    v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0;
    w1 = ((w1 << 5) | (w1 >>> 27)) ^ w0;
    v0 = (v0 << 16) | (v0 >>> 16);
    w0 = (w0 << 16) | (w0 >>> 16);
    v2 = (v2 + v3) | 0;
    w2 = (w2 + w3) | 0;
    v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2;
    w3 = ((w3 << 8) | (w3 >>> 24)) ^ w2;
    v0 = (v0 + v3) | 0;
    w0 = (w0 + w3) | 0;
    v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0;
    w3 = ((w3 << 7) | (w3 >>> 25)) ^ w0;
    v2 = (v2 + v1) | 0;
    w2 = (w2 + w1) | 0;
    v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2;
    w1 = ((w1 << 13) | (w1 >>> 19)) ^ w2;
    v2 = (v2 << 16) | (v2 >>> 16);
    w2 = (w2 << 16) | (w2 >>> 16);
    v0 ^= m;
    w0 ^= n;
  }
  let m = source | (END_OCTETS << 24);
  let n = destination | (END_OCTETS << 24);
  // The last word's round and the three that finish. One loop for all eight, with a question in it, takes 3 ns more.
  for (let i = 0; i < 4; i++) {
    v3 ^= m;
    w3 ^= n;
    v0 = (v0 + v1) | 0;
    w0 = (w0 + w1) | 0;
    v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0;
    w1 = ((w1 << 5) | (w1 >>> 27)) ^ w0;
    v0 = (v0 << 16) | (v0 >>> 16);
    w0 = (w0 << 16) | (w0 >>> 16);
    v2 = (v2 + v3) | 0;
    w2 = (w2 + w3) | 0;
    v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2;
    w3 = ((w3 << 8) | (w3 >>> 24)) ^ w2;
    v0 = (v0 + v3) | 0;
    w0 = (w0 + w3) | 0;
    v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0;
    w3 = ((w3 << 7) | (w3 >>> 25)) ^ w0;
    v2 = (v2 + v1) | 0;
    w2 = (w2 + w1) | 0;
    v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2;
    w1 = ((w1 << 13) | (w1 >>> 19)) ^ w2;
    v2 = (v2 << 16) | (v2 >>> 16);
    w2 = (w2 << 16) | (w2 >>> 16);
    v0 ^= m;
    w0 ^= n;
    if (i === 0) {
      v2 ^= 0xff;
      w2 ^= 0xff;
    }
    m = 0;
    n = 0;
  }
  return ((v1 ^ v3) + (w1 ^ w3)) | 0;
}

/** A hash's second choice of a set. */
export function secondHash(hash: number): number {
  let other = Math.imul(hash ^ (hash >>> 15), 0x85eb_ca6b);
  other ^= other >>> 13;
  return Math.imul(other, 0xc2b2_ae35);
}

/** The set that a hash falls into: its share of 2^32, as large for all sets. 0 … sets − 1. */
export const setOf = (hash: number, sets: number): number => ((hash >>> 0) * sets * (1 / 0x1_0000_0000)) | 0;
