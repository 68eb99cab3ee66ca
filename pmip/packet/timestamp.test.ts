import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import type { Timestamp } from "#pmip/packet/message";
import { compareTimestamps, timestampAfter, timestampAt, unixMillisOf } from "#pmip/packet/timestamp";

const timestamps: fc.Arbitrary<Timestamp> = fc.record({
  seconds: fc.oneof(fc.nat(3), fc.bigInt(0n, 2n ** 48n - 2n).map(Number)),
  fraction: fc.oneof(fc.nat(3), fc.nat(0xffff)),
});
/** The 64 bits of RFC 5213 §8.8. */
const bits = ({ seconds, fraction }: Timestamp): bigint => (BigInt(seconds) << 16n) | BigInt(fraction);

describe("timestamps (RFC 5213 §8.8)", () => {
  test("are ordered as their 64 bits are", () => {
    fc.assert(
      fc.property(timestamps, timestamps, (a, b) => {
        expect(Math.sign(compareTimestamps(a, b))).toBe(bits(a) < bits(b) ? -1 : bits(a) > bits(b) ? 1 : 0);
      }),
    );
  });
  test("count seconds since 1970 and their 65536ths", () => {
    expect(timestampAt(0)).toEqual({ seconds: 0, fraction: 0 });
    expect(timestampAt(1500)).toEqual({ seconds: 1, fraction: 0x8000 });
    expect(timestampAt(Date.UTC(2026, 0, 1) + 250)).toEqual({ seconds: 1_767_225_600, fraction: 0x4000 });
    expect(timestampAt(999.999_999)).toEqual({ seconds: 0, fraction: 0xffff });
  });
  test("are the last one not after the time, by less than 1/65536 s", () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 2 ** 42, noNaN: true }), (millis) => {
        const late = millis - unixMillisOf(timestampAt(millis));
        expect(late).toBeGreaterThanOrEqual(-0.001);
        expect(late).toBeLessThan(1000 / 65536 + 0.001);
      }),
    );
  });
  test("of whole milliseconds grow with them", () => {
    fc.assert(
      fc.property(fc.nat(2 ** 31), (n) => {
        const millis = 1_700_000_000_000 + n;
        expect(compareTimestamps(timestampAt(millis), timestampAt(millis + 1))).toBeLessThan(0);
        expect(Math.ceil(unixMillisOf(timestampAt(millis)))).toBe(millis);
      }),
    );
  });
  test("are made for no other times", () => {
    for (const millis of [-1, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 48 * 1000]) {
      expect(() => timestampAt(millis)).toThrow(RangeError);
    }
    expect(timestampAt(2 ** 48 * 1000 - 1000)).toEqual({ seconds: 2 ** 48 - 1, fraction: 0 });
  });
  test("follow one another strictly, also while the clock stands or goes back (§5.5)", () => {
    fc.assert(
      fc.property(timestamps, fc.double({ min: 0, max: 2 ** 42, noNaN: true }), (previous, millis) => {
        const next = timestampAfter(previous, millis);
        expect(compareTimestamps(next, previous)).toBeGreaterThan(0);
        const now = timestampAt(millis);
        if (compareTimestamps(now, previous) > 0) expect(next).toEqual(now);
        else expect(bits(next)).toBe(bits(previous) + 1n);
      }),
    );
  });
});
