import { expect, test } from "bun:test";
import { DropSamples } from "#fastpath/drop-samples";
import { ENDINGS } from "#fastpath/verdicts";

const LAST = ENDINGS.length - 1;

const taken = (samples: DropSamples, of: readonly [port: number, ending: number, now: number], times: number): number =>
  Array.from({ length: times }, () => samples.take(...of)).filter(Boolean).length;

test("a reason at a port is shown four times at once, and five times a second after that", () => {
  const samples = new DropSamples();
  expect(taken(samples, [0, 20, 100], 1000)).toBe(4);
  let count = 0;
  for (let now = 101; now <= 200; now++) count += taken(samples, [0, 20, now], 1000);
  expect(count).toBe(50);
  expect(taken(samples, [0, 20, 1000], 1000)).toBe(4);
});

test("a flood of one reason, or at one port, hides no other", () => {
  const samples = new DropSamples();
  for (let now = 0; now < 50; now++) taken(samples, [1, 20, now], 1000);
  expect(samples.take(1, LAST, 50)).toBeTrue();
  expect(samples.take(1023, 20, 50)).toBeTrue();
});

test("all reasons together are shown 32 times a tick", () => {
  const samples = new DropSamples();
  const all = (now: number): number =>
    Array.from({ length: 1000 }, (_, port) => samples.take(port, LAST, now)).filter(Boolean).length;
  expect([all(5), all(5), all(6)]).toEqual([32, 0, 32]);
});

test("it goes on when ticks pass 2^31, and after a year without a drop", () => {
  const samples = new DropSamples();
  const end = 0x7fff_ffff;
  expect(taken(samples, [3, 20, end], 10)).toBe(4);
  expect(taken(samples, [3, 20, (end + 20) | 0], 10)).toBe(4);
  expect(taken(samples, [3, 20, ((end + 20) | 0) + 315_000_000], 10)).toBe(4);
  expect(taken(samples, [3, 20, -5], 10)).toBe(4);
});
