import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { jump } from "#base/jump";
import { nextU32, seeded } from "#base/random";
import homes from "./testdata/homes.json";

/** The paper's figure 1, in 64-bit arithmetic. */
function reference(key: bigint, buckets: number): number {
  let b = -1;
  let j = 0;
  while (j < buckets) {
    b = j;
    key = (key * 2862933555777941757n + 1n) & 0xffff_ffff_ffff_ffffn;
    j = Math.floor((b + 1) * (2 ** 31 / Number((key >> 33n) + 1n)));
  }
  return b;
}

const halves = (key: bigint): [number, number] => [Number(key >> 32n) | 0, Number(key & 0xffff_ffffn) | 0];
const key64 = fc.bigInt({ min: 0n, max: 0xffff_ffff_ffff_ffffn });

describe("jump consistent hash", () => {
  test.each(homes.rows)("puts deployment vector %s into its homes", (_iid, hash, buckets) => {
    const [high, low] = halves(BigInt(`0x${hash as string}`));
    for (const [count, home] of Object.entries(buckets)) expect(jump(high, low, Number(count))).toBe(home);
  });

  test("in 32-bit halves equals 64-bit arithmetic for any key and up to 2^31 buckets", () => {
    const count = fc.oneof(
      fc.integer({ min: 1, max: 5000 }),
      fc.integer({ min: 1, max: 2 ** 31 }),
      fc.constant(2 ** 31),
    );
    fc.assert(
      fc.property(key64, count, (key, buckets) => {
        expect(jump(...halves(key), buckets)).toBe(reference(key, buckets));
      }),
      { numRuns: 2000 },
    );
  });

  test("carries into the high half when the low half wraps to zero", () => {
    // key × multiplier ≡ −1 (mod 2^32): the + 1 then carries. The inverse of the odd multiplier gives such a key.
    let inverse = 1n;
    for (let i = 0; i < 6; i++) inverse = (inverse * (2n - 2862933555777941757n * inverse)) & 0xffff_ffffn;
    const low = (-inverse & 0xffff_ffffn) as bigint;
    for (const high of [0n, 1n, 0xffff_ffffn]) {
      const key = (high << 32n) | low;
      for (const buckets of [2, 1000, 2 ** 31]) expect(jump(...halves(key), buckets)).toBe(reference(key, buckets));
    }
  });

  test("moves a key to the new bucket or nowhere when a bucket is added", () => {
    fc.assert(
      fc.property(key64, fc.integer({ min: 1, max: 100_000 }), (key, buckets) => {
        const before = jump(...halves(key), buckets);
        const after = jump(...halves(key), buckets + 1);
        expect(after === before || after === buckets).toBe(true);
      }),
    );
  });

  test("spreads keys evenly", () => {
    const counts = new Uint32Array(16);
    const random = seeded(1);
    for (let i = 0; i < 32_000; i++) counts[jump(nextU32(random), nextU32(random), 16)]!++;
    for (const count of counts) expect(Math.abs(count - 2000)).toBeLessThan(300);
  });
});
