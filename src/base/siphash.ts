/**
 * SipHash-2-4 (Aumasson and Bernstein, "SipHash: a fast short-input PRF", 2012) in 32-bit halves.
 *
 * A 64-bit word is a pair (low, high) of 32-bit integers, octets in little-endian order as the paper has it: so what
 * an Int32Array over network-order octets holds on a little-endian machine is ready to be hashed as it lies.
 */

/** 128-bit key as four little-endian words: k0 low, k0 high, k1 low, k1 high. */
export function siphashKey(octets: Uint8Array): Int32Array {
  if (octets.length !== 16) throw new RangeError(`a SipHash key has 16 octets, this one ${octets.length}`);
  return Int32Array.from({ length: 4 }, (_, i) => littleEndian(octets, 4 * i));
}

/**
 * Hash of an 8-octet message, without allocation. `low` holds its octets 0–3 and `high` its octets 4–7, both little
 * endian. The 64-bit result goes to `out[0]` (low half) and `out[1]` (high half).
 */
export function siphash24(key: Int32Array, low: number, high: number, out: Int32Array): void {
  let v0l = key[0]! ^ 0x70736575;
  let v0h = key[1]! ^ 0x736f6d65;
  let v1l = key[2]! ^ 0x6e646f6d;
  let v1h = key[3]! ^ 0x646f7261;
  let v2l = key[0]! ^ 0x6e657261;
  let v2h = key[1]! ^ 0x6c796765;
  let v3l = key[2]! ^ 0x79746573 ^ low;
  let v3h = key[3]! ^ 0x74656462 ^ high;
  // Rounds 0–1 take the message, 2–3 the block that holds its length (8) alone, 4–7 finish.
  for (let round = 0; round < 8; round++) {
    if (round === 2) {
      v0l ^= low;
      v0h ^= high;
      v3h ^= LENGTH_8;
    } else if (round === 4) {
      v0h ^= LENGTH_8;
      v2l ^= 0xff;
    }
    // v0 += v1; v1 = rotl(v1, 13) ^ v0; v0 = rotl(v0, 32)
    let sum = (v0l + v1l) | 0;
    const s0h = (v0h + v1h + carry(v0l, v1l, sum)) | 0;
    let rotated = ((v1l << 13) | (v1h >>> 19)) ^ sum;
    v1h = ((v1h << 13) | (v1l >>> 19)) ^ s0h;
    v1l = rotated;
    v0h = sum;
    v0l = s0h;
    // v2 += v3; v3 = rotl(v3, 16) ^ v2
    sum = (v2l + v3l) | 0;
    v2h = (v2h + v3h + carry(v2l, v3l, sum)) | 0;
    v2l = sum;
    rotated = ((v3l << 16) | (v3h >>> 16)) ^ v2l;
    v3h = ((v3h << 16) | (v3l >>> 16)) ^ v2h;
    v3l = rotated;
    // v0 += v3; v3 = rotl(v3, 21) ^ v0
    sum = (v0l + v3l) | 0;
    v0h = (v0h + v3h + carry(v0l, v3l, sum)) | 0;
    v0l = sum;
    rotated = ((v3l << 21) | (v3h >>> 11)) ^ v0l;
    v3h = ((v3h << 21) | (v3l >>> 11)) ^ v0h;
    v3l = rotated;
    // v2 += v1; v1 = rotl(v1, 17) ^ v2; v2 = rotl(v2, 32)
    sum = (v2l + v1l) | 0;
    const s2h = (v2h + v1h + carry(v2l, v1l, sum)) | 0;
    rotated = ((v1l << 17) | (v1h >>> 15)) ^ sum;
    v1h = ((v1h << 17) | (v1l >>> 15)) ^ s2h;
    v1l = rotated;
    v2h = sum;
    v2l = s2h;
  }
  out[0] = v0l ^ v1l ^ v2l ^ v3l;
  out[1] = v0h ^ v1h ^ v2h ^ v3h;
}

/** The last block of an 8-octet message: no octets left over, the length in the top octet. High half. */
const LENGTH_8 = 8 << 24;

/** Carry out of bit 31 when `sum` is the low half of a + b. */
const carry = (a: number, b: number, sum: number): number => ((a & b) | ((a | b) & ~sum)) >>> 31;

/** Hash of a message of any length, to `out` as above. For the control thread: it allocates its state. */
export function siphash24Of(key: Int32Array, message: Uint8Array, out: Int32Array): void {
  const v = new Int32Array(8);
  begin(v, key);
  const whole = message.length & ~7;
  for (let at = 0; at < whole; at += 8) block(v, littleEndian(message, at), littleEndian(message, at + 4));
  const last = new Uint8Array(8);
  last.set(message.subarray(whole));
  last[7] = message.length;
  block(v, littleEndian(last, 0), littleEndian(last, 4));
  end(v, out);
}

/**
 * Hash of a message of an odd number of whole 32-bit words, as they lie in memory, to `out` as above; without allocation:
 * `state` is eight words of scratch.
 */
export function siphash24Words(key: Int32Array, message: Int32Array, state: Int32Array, out: Int32Array): void {
  begin(state, key);
  const { length } = message;
  for (let i = 0; i + 1 < length; i += 2) block(state, message[i]!, message[i + 1]!);
  block(state, message[length - 1]!, (length << 2) << 24);
  end(state, out);
}

function begin(v: Int32Array, key: Int32Array): void {
  v[V0] = key[0]! ^ 0x70736575;
  v[V0 + 1] = key[1]! ^ 0x736f6d65;
  v[V1] = key[2]! ^ 0x6e646f6d;
  v[V1 + 1] = key[3]! ^ 0x646f7261;
  v[V2] = key[0]! ^ 0x6e657261;
  v[V2 + 1] = key[1]! ^ 0x6c796765;
  v[V3] = key[2]! ^ 0x79746573;
  v[V3 + 1] = key[3]! ^ 0x74656462;
}

function end(v: Int32Array, out: Int32Array): void {
  v[V2]! ^= 0xff;
  rounds(v, 4);
  out[0] = v[V0]! ^ v[V1]! ^ v[V2]! ^ v[V3]!;
  out[1] = v[V0 + 1]! ^ v[V1 + 1]! ^ v[V2 + 1]! ^ v[V3 + 1]!;
}

/** Index of a state word's low half; the high half follows. */
const V0 = 0;
const V1 = 2;
const V2 = 4;
const V3 = 6;

function block(v: Int32Array, low: number, high: number): void {
  v[V3]! ^= low;
  v[V3 + 1]! ^= high;
  rounds(v, 2);
  v[V0]! ^= low;
  v[V0 + 1]! ^= high;
}

function rounds(v: Int32Array, count: number): void {
  for (let i = 0; i < count; i++) {
    add(v, V0, V1);
    rotateXor(v, V1, 13, V0);
    swap(v, V0);
    add(v, V2, V3);
    rotateXor(v, V3, 16, V2);
    add(v, V0, V3);
    rotateXor(v, V3, 21, V0);
    add(v, V2, V1);
    rotateXor(v, V1, 17, V2);
    swap(v, V2);
  }
}

function add(v: Int32Array, to: number, from: number): void {
  const low = v[to]!;
  const sum = (low + v[from]!) | 0;
  v[to + 1] = v[to + 1]! + v[from + 1]! + carry(low, v[from]!, sum);
  v[to] = sum;
}

function rotateXor(v: Int32Array, at: number, bits: number, other: number): void {
  const low = v[at]!;
  const high = v[at + 1]!;
  v[at] = ((low << bits) | (high >>> (32 - bits))) ^ v[other]!;
  v[at + 1] = ((high << bits) | (low >>> (32 - bits))) ^ v[other + 1]!;
}

/** Rotation by 32 bits: the halves change places. */
function swap(v: Int32Array, at: number): void {
  const low = v[at]!;
  v[at] = v[at + 1]!;
  v[at + 1] = low;
}

const littleEndian = (b: Uint8Array, at: number): number =>
  b[at]! | (b[at + 1]! << 8) | (b[at + 2]! << 16) | (b[at + 3]! << 24);
