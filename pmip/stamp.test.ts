import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { aheadOf, freshnessAt, freshnessCorrected, freshnessIn } from "#pmip/replay";
import { millisOf, nextStamp, stampIn, stampOf, timestampOf } from "#pmip/stamp";

const time = fc.integer({ min: 0, max: 4_102_444_800_000 }); // until 2100

describe("stamps (RFC 5213 §8.8)", () => {
  test("are timestamps as one number, and come back from the wire as they were", () => {
    fc.assert(
      fc.property(time, fc.integer({ min: 0, max: 65_535 }), (unix, more) => {
        const stamp = stampOf(unix) + more;
        expect(stampIn(timestampOf(stamp))).toBe(stamp);
      }),
    );
  });

  test("are as late as the time they are of, and their milliseconds not earlier than they", () => {
    fc.assert(
      fc.property(time, (unix) => {
        expect(millisOf(stampOf(unix))).toBe(unix);
        expect(stampOf(millisOf(stampOf(unix) + 1))).toBeGreaterThan(stampOf(unix));
      }),
    );
  });

  test("beyond what is exact are none", () => {
    expect(stampIn({ seconds: 2 ** 37, fraction: 0 })).toBeUndefined();
    expect(stampIn({ seconds: 2 ** 37 - 1, fraction: 65_535 })).toBe(2 ** 53 - 1);
  });

  test("of one attachment grow with each message, and by a tick a second for who has forgotten the last", () => {
    const claim = stampOf(1_000_000);
    expect(nextStamp(claim, 0, 1_000_000)).toBe(claim);
    expect(nextStamp(claim, claim, 1_000_000)).toBe(claim + 1);
    expect(nextStamp(claim, 0, 1_060_000)).toBe(claim + 60);
    expect(nextStamp(claim, 0, 900_000)).toBe(claim);
  });
});

describe("freshness (RFC 4285 §6)", () => {
  test("tells how far a message's time is ahead, over NTP's turn of 2036 too", () => {
    fc.assert(
      fc.property(time, fc.integer({ min: -1_000_000_000, max: 1_000_000_000 }), (unix, ahead) => {
        expect(aheadOf(unix, freshnessAt(unix + ahead))).toBeCloseTo(ahead, 4);
      }),
    );
  });

  test("of a refusal has the anchor's seconds, and the rest as it came", () => {
    const sent = freshnessAt(1_000_250);
    const corrected = freshnessCorrected(sent, 5_000_900);
    expect(corrected.data.slice(4)).toEqual(sent.data.slice(4));
    expect(aheadOf(5_000_000, corrected)).toBeCloseTo(250, 4);
  });

  test("is an option of eight octets, and nothing else of that type", () => {
    expect(freshnessIn([{ type: 10, data: new Uint8Array(7) }])).toBeUndefined();
    expect(freshnessIn(undefined)).toBeUndefined();
    const option = freshnessAt(0);
    expect(freshnessIn([{ type: 19, data: new Uint8Array(8) }, option])).toBe(option);
  });
});
