import { expect, test } from "bun:test";
import { EventLoopLag } from "#router/metrics/event-loop";
import { Histogram } from "#router/metrics/histogram";
import { SpfTimes } from "#router/metrics/spf-times";

test("a value counts in the first bucket that is not below it, and in all after that", () => {
  const histogram = new Histogram([1, 2]);
  for (const value of [0, 1, 1.5, 2, 2.5]) histogram.observe(value);
  expect(histogram.sample(["x"])).toEqual({
    labels: ["x"],
    buckets: [
      { le: 1, count: 2 },
      { le: 2, count: 4 },
      { le: Number.POSITIVE_INFINITY, count: 5 },
    ],
    sum: 7,
  });
});

test("an event loop that was held up shows as lag", async () => {
  const loop = new EventLoopLag();
  await Bun.sleep(50);
  const end = performance.now() + 120;
  while (performance.now() < end);
  for (let i = 0; i < 100 && loop.lag.sample().sum < 0.05; i++) await Bun.sleep(20);
  loop.stop();
  expect(loop.lag.sample().sum).toBeGreaterThan(0.05);
});

test("a route computation counts once, however often the log is looked at, and after another core took over", () => {
  const run = (kind: string, startedAt: number, endedAt: number) => ({ kind, startedAt, endedAt });
  let log = [run("full", 0, 2), run("prefix", 10, 11)];
  const ospf = { host: { run: { core: { routing: { log: () => log } } } } } as never;
  const times = new SpfTimes();
  times.look(ospf);
  times.look(ospf);
  log = [run("full", 20, 30)]; // another core's
  times.look(ospf);
  times.look({ host: undefined });
  expect(times.samples().map(({ labels, sum, buckets }) => [labels, sum, buckets.at(-1)!.count])).toEqual([
    [["full"], 0.012, 2],
    [["prefix"], 0.001, 1],
  ]);
});
