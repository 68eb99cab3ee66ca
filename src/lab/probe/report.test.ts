import { expect, test } from "bun:test";
import { reportOn, type Trace } from "#lab/probe/report";

/** Ten datagrams, one a millisecond from 1000 on, each taking half a millisecond unless `arrivals` says otherwise. */
const trace = (arrivals: readonly (readonly [number, number])[]): Trace => ({
  name: "there",
  sent: Array.from({ length: 10 }, (_, i) => 1000 + i),
  numbers: arrivals.map(([number]) => number),
  times: arrivals.map(([, time]) => time),
  strays: 0,
});
const inOrder = Array.from({ length: 10 }, (_, i) => [i, 1000.5 + i] as const);

test("a flow that nothing happened to", () => {
  expect(reportOn(trace(inOrder))).toEqual({
    ...{
      sent: 10,
      lost: 0,
      duplicated: 0,
      reordered: 0,
      longestGap: 1,
      gapBegan: 1000.5,
      longestDelay: 0.5,
      strays: 0,
    },
  });
});

test("losses, duplicates and datagrams that were overtaken are told apart (RFC 4737 §3)", () => {
  const arrivals = [0, 1, 3, 2, 2, 4, 7, 8, 8, 8].map((number, i) => [number, 1001 + i] as const);
  expect(reportOn(trace(arrivals))).toMatchObject({ sent: 10, lost: 3, duplicated: 3, reordered: 1 });
});

test("the longest silence is between arrivals, whatever was lost in it", () => {
  const held = inOrder.filter(([n]) => n !== 5).map(([n, at]) => [n, n < 4 ? at : at + 30] as const);
  expect(reportOn(trace(held))).toMatchObject({ lost: 1, longestGap: 31, gapBegan: 1003.5, longestDelay: 30.5 });
});

test("a window counts what was sent in it, whenever it came", () => {
  const late = inOrder.map(([n, at]) => [n, n === 4 ? 9000 : at] as const).filter(([n]) => n !== 8);
  expect(reportOn(trace(late), { from: 1002, until: 1005 })).toMatchObject({ sent: 3, lost: 0, longestDelay: 7996 });
  expect(reportOn(trace(late), { from: 1005, until: 2000 })).toMatchObject({ sent: 5, lost: 1, longestDelay: 0.5 });
});

test("a flow of which nothing came has no silence and no delay", () => {
  expect(reportOn(trace([]))).toMatchObject({ sent: 10, lost: 10, longestGap: undefined, longestDelay: undefined });
});
