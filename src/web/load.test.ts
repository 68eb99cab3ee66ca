import { expect, test } from "bun:test";
import fc from "fast-check";
import type { View } from "#web/knowledge";
import { bitsOf, rateOf, rounded } from "#web/load";
import type { ViewOf } from "#web/router-views";

const looked = (before: number, now: number, millis: number): View<"drops"> => {
  const value = (frames: number): ViewOf<"drops"> => ({ reasons: [{ reason: "x", frames, lastMinute: 0 }] });
  return { before: { at: 0, value: value(before) }, now: { at: millis, value: value(now) } };
};
const frames = ({ reasons }: ViewOf<"drops">) => reasons[0]?.frames;

test("a rate is the difference of two looks over the time between them", () => {
  expect(rateOf(looked(100, 400, 2000), frames)).toBe(150);
  expect(bitsOf(looked(0, 1000, 1000), frames)).toBe(8000);
});

test("no rate is made up of one look, of a counter that began anew, or of one that is not there", () => {
  expect(rateOf<"drops">(undefined, frames)).toBeNull();
  expect(rateOf<"drops">({ now: looked(0, 5, 1).now, before: undefined }, frames)).toBeNull();
  expect(rateOf(looked(500, 3, 1000), frames)).toBeNull();
  expect(rateOf(looked(1, 2, 0), frames)).toBeNull();
  expect(rateOf(looked(1, 2, 1000), () => undefined)).toBeNull();
});

test("rounding keeps two digits, never turns order around, and is within five per cent", () => {
  fc.assert(
    fc.property(
      fc.double({ min: 0, max: 1e12, noNaN: true }),
      fc.double({ min: 0, max: 1e12, noNaN: true }),
      (a, b) => {
        const [low, high] = a <= b ? [a, b] : [b, a];
        expect(rounded(low)).toBeLessThanOrEqual(rounded(high));
        expect(Math.abs(rounded(a) - a)).toBeLessThanOrEqual(0.0501 * a);
      },
    ),
  );
});
