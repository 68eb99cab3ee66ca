import { expect, test } from "bun:test";
import { RateHistory } from "#router/drops/rates";

test("rates are of the last second and of the last minute, or of as long as there is", () => {
  const history = new RateHistory();
  expect(history.isDue(5)).toBeTrue();
  expect(history.of("a", 7, 5)).toEqual({ lastSecond: 0, lastMinute: 0 });
  history.look(new Map([["a", 0]]), 0);
  expect(history.isDue(999)).toBeFalse();
  expect(history.of("a", 7, 500)).toEqual({ lastSecond: 7, lastMinute: 7 });
  for (let second = 1; second <= 120; second++) history.look(new Map([["a", 10 * second]]), 1000 * second);
  expect(history.of("a", 1200 + 30, 120_500)).toEqual({ lastSecond: 40 / 1.5, lastMinute: 630 / 60.5 });
  expect(history.of("a", 1200, 121_000).lastSecond).toBe(0);
});

test("what counts from zero anew has grown by what it says, and what is new by all it is", () => {
  const history = new RateHistory();
  history.look(new Map([["a", 100]]), 0);
  history.look(new Map([["a", 100]]), 1000);
  expect([history.of("a", 30, 2000), history.of("b", 6, 2000)]).toEqual([
    { lastSecond: 30, lastMinute: 15 },
    { lastSecond: 6, lastMinute: 3 },
  ]);
});
