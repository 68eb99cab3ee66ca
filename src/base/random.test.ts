import { describe, expect, test } from "bun:test";
import { nextBelow, nextBetween, nextFraction, nextOctets, nextU32, type Random, seeded } from "#base/random";

describe("random", () => {
  test("is xoshiro128**: the numbers of the authors' reference from the state 1, 2, 3, 4", () => {
    const r: Random = { a: 1, b: 2, c: 3, d: 4 };
    expect([nextU32(r), nextU32(r), nextU32(r), nextU32(r)]).toEqual([11520, 0, 5927040, 70819200]);
  });

  test("repeats itself from the same seed and from a copy of its state", () => {
    const r = seeded(7);
    const first = Array.from({ length: 5 }, () => nextU32(r));
    expect(
      Array.from(
        { length: 5 },
        (
          (s) => () =>
            nextU32(s)
        )(seeded(7)),
      ),
    ).toEqual(first);
    const copy = JSON.parse(JSON.stringify(r)) as Random;
    expect(nextU32(copy)).toBe(nextU32(r));
  });

  test("keeps its bounds", () => {
    const r = seeded(0);
    const seen = new Set<number>();
    for (let i = 0; i < 1000; i++) {
      seen.add(nextBelow(r, 3));
      const between = nextBetween(r, -2, 2);
      expect(between >= -2 && between <= 2 && Number.isInteger(between)).toBe(true);
      const fraction = nextFraction(r);
      expect(fraction >= 0 && fraction < 1).toBe(true);
    }
    expect([...seen].sort()).toEqual([0, 1, 2]);
    expect(nextOctets(r, 9)).toHaveLength(9);
  });
});
