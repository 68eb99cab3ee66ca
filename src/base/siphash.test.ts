import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { fromHex } from "#base/bytes";
import { siphash24, siphash24Of, siphash24Words, siphashKey } from "#base/siphash";
import homes from "./testdata/homes.json";

const MASK = (1n << 64n) - 1n;

/** The paper's pseudo-code, in 64-bit arithmetic. */
function reference(key: Uint8Array, message: Uint8Array): bigint {
  const word = (b: Uint8Array, at: number) => new DataView(b.buffer, b.byteOffset).getBigUint64(at, true);
  const [k0, k1] = [word(key, 0), word(key, 8)];
  let v0 = k0 ^ 0x736f6d6570736575n;
  let v1 = k1 ^ 0x646f72616e646f6dn;
  let v2 = k0 ^ 0x6c7967656e657261n;
  let v3 = k1 ^ 0x7465646279746573n;
  const rotate = (x: bigint, n: bigint) => ((x << n) | (x >> (64n - n))) & MASK;
  const rounds = (count: number) => {
    for (let i = 0; i < count; i++) {
      v0 = (v0 + v1) & MASK;
      v1 = rotate(v1, 13n) ^ v0;
      v0 = rotate(v0, 32n);
      v2 = (v2 + v3) & MASK;
      v3 = rotate(v3, 16n) ^ v2;
      v0 = (v0 + v3) & MASK;
      v3 = rotate(v3, 21n) ^ v0;
      v2 = (v2 + v1) & MASK;
      v1 = rotate(v1, 17n) ^ v2;
      v2 = rotate(v2, 32n);
    }
  };
  const padded = new Uint8Array((message.length & ~7) + 8);
  padded.set(message);
  padded[padded.length - 1] = message.length;
  for (let at = 0; at < padded.length; at += 8) {
    v3 ^= word(padded, at);
    rounds(2);
    v0 ^= word(padded, at);
  }
  v2 ^= 0xffn;
  rounds(4);
  return v0 ^ v1 ^ v2 ^ v3;
}

const joined = (out: Int32Array): bigint => (BigInt(out[1]! >>> 0) << 32n) | BigInt(out[0]! >>> 0);
const octets16 = fc.uint8Array({ minLength: 16, maxLength: 16 });
const octets8 = fc.uint8Array({ minLength: 8, maxLength: 8 });

function hash8(key: Uint8Array, message: Uint8Array): bigint {
  const view = new DataView(message.buffer, message.byteOffset);
  const out = new Int32Array(2).fill(-1);
  siphash24(siphashKey(key), view.getInt32(0, true), view.getInt32(4, true), out);
  return joined(out);
}

function hashOf(key: Uint8Array, message: Uint8Array): bigint {
  const out = new Int32Array(2).fill(-1);
  siphash24Of(siphashKey(key), message, out);
  return joined(out);
}

describe("SipHash-2-4", () => {
  test("of the paper's appendix A example", () => {
    const key = Uint8Array.from({ length: 16 }, (_, i) => i);
    expect(hashOf(key, key.subarray(0, 15))).toBe(0xa129ca6149be45e5n);
  });

  test.each(homes.rows)("of the deployment vector %s", (iid, expected) => {
    const key = fromHex(homes.key)!;
    const message = fromHex(iid as string)!;
    expect(hash8(key, message)).toBe(BigInt(`0x${expected as string}`));
    expect(hashOf(key, message)).toBe(BigInt(`0x${expected as string}`));
  });

  test("in 32-bit halves equals 64-bit arithmetic for any key and 8 octets", () => {
    fc.assert(
      fc.property(octets16, octets8, (key, message) => {
        expect(hash8(key, message)).toBe(reference(key, message));
      }),
      { numRuns: 1000 },
    );
  });

  test("of any length equals 64-bit arithmetic", () => {
    fc.assert(
      fc.property(octets16, fc.uint8Array({ maxLength: 300 }), (key, message) => {
        expect(hashOf(key, message)).toBe(reference(key, message));
      }),
      { numRuns: 500 },
    );
  });

  test("of an odd number of words, without allocation, is that of their octets", () => {
    const [state, out] = [new Int32Array(8), new Int32Array(2)];
    fc.assert(
      fc.property(octets16, fc.uint8Array({ minLength: 20, maxLength: 20 }), (key, message) => {
        const words = new Int32Array(message.slice().buffer);
        siphash24Words(siphashKey(key), words, state, out);
        const result = (BigInt(out[1]! >>> 0) << 32n) | BigInt(out[0]! >>> 0);
        expect(result).toBe(hashOf(key, message));
      }),
      { numRuns: 300 },
    );
  });

  test("refuses a key that is not 128 bits long", () => {
    expect(() => siphashKey(new Uint8Array(15))).toThrow(RangeError);
  });
});
