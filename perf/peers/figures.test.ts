import { expect, test } from "bun:test";
import { type Figures, METRICS, median, quantile, ratio, shown, spread } from "./figures";

const round = (oneStream: number): Figures => ({
  oneStream,
  fourStreams: 0,
  bothWays: 0,
  udpRate: 0,
  rttMedian: 0,
  rtt99: 0,
  cpuPerGbit: 0,
  ownCpuPerGbit: 0,
});

test("quantiles lie between their neighbours, in whatever order the values come", () => {
  expect(median([3, 1, 2])).toBe(2);
  expect(median([4, 1, 2, 3])).toBe(2.5);
  expect(quantile([0, 100], 0.99)).toBe(99);
  expect(quantile([], 0.5)).toBeNaN();
});

test("a spread is the rounds' median, least and most", () => {
  expect(spread([round(5), round(9), round(6)], "oneStream")).toEqual({ median: 6, min: 5, max: 9 });
});

test("a ratio is taken within each round, and rounds that lack one side are left out", () => {
  const ours = [round(10), round(1), null, round(30)];
  const theirs = [round(20), round(2), round(7), null];
  expect(ratio(ours, theirs, "oneStream")).toBe(0.5);
  expect(ratio([null], theirs, "oneStream")).toBeNaN();
});

test("every figure has one metric, shown in its unit", () => {
  expect(METRICS.map((metric) => metric.key).toSorted()).toEqual(Object.keys(round(0)).toSorted() as (keyof Figures)[]);
  const udp = METRICS.find((metric) => metric.key === "udpRate");
  expect(udp && shown(udp, 412_345)).toBe("412");
});
