import { expect, test } from "bun:test";
import type { Knowledge } from "#web/knowledge";
import { movesOf, type WholeMove } from "#web/moves";
import type { ViewOf } from "#web/router-views";
import { knows } from "#web/testing/knowing";

type Flight = ViewOf<"flights">["flights"][number];
const flight = (side: Flight["side"], began: number, more: Partial<Flight> = {}): Flight => ({
  ...{ id: 1, vm: "web", side, outcome: "done", began, took: 20, downtime: 12, held: 3, lost: 0 },
  ...more,
});
const hv = (name: string, ...flights: Flight[]): Knowledge => knows(name, { flights: { flights } });
const moves = (routers: readonly Knowledge[], whole: ReadonlyMap<string, WholeMove | null> = new Map(), now = 0) =>
  Object.values(movesOf(routers, { whole, now }));

test("the two sides' reports of a move are one move", () => {
  const found = moves([hv("hv1", flight("source", 1000)), hv("hv2", flight("target", 990, { downtime: 7 }))]);
  expect(found).toHaveLength(1);
  expect(found[0]).toMatchObject({ source: "hv1", target: "hv2", outcome: "done", began: 990, downtime: 12, held: 6 });
});

test("of several moves of a VM the sides that began closest belong together", () => {
  const found = moves([
    hv("hv1", flight("source", 1000), flight("target", 9000, { id: 2 })),
    hv("hv2", flight("target", 1010), flight("source", 8990, { id: 2 })),
  ]);
  expect(found.map(({ source, target }) => [source, target])).toEqual([
    ["hv2", "hv1"],
    ["hv1", "hv2"],
  ]);
});

test("a move is reported when both sides' reports are in, or cannot be had", () => {
  const routers = [hv("hv1", flight("source", 1000)), hv("hv2", flight("target", 1000))];
  expect(moves(routers)[0]?.isReported).toBe(false);
  const id = Object.keys(movesOf(routers, { whole: new Map(), now: 0 }))[0]!;
  expect(moves(routers, new Map([[id, null]]))[0]).toMatchObject({ isReported: true, downtime: 12, still: null });
  const whole = { took: 21, lost: 2, downtime: { total: 18, still: 11, network: 7 } };
  expect(moves(routers, new Map([[id, whole]]))[0]).toMatchObject({
    ...{ isReported: true, took: 21, downtime: 18, still: 11, network: 7, lost: 2 },
  });
});

test("a side alone is reported once the other had time to be heard", () => {
  const alone = [hv("hv1", flight("source", 1000))];
  expect(moves(alone, new Map(), 2000)[0]).toMatchObject({ target: null, isReported: false });
  expect(moves(alone, new Map(), 7000)[0]?.isReported).toBe(true);
});

test("an open side keeps the move open, an aborted one ends it", () => {
  const open = hv("hv2", flight("target", 1000, { outcome: "open", took: null }));
  expect(moves([hv("hv1", flight("source", 1000)), open])[0]).toMatchObject({ outcome: "open", took: null });
  const aborted = hv("hv2", flight("target", 1000, { outcome: "aborted" }));
  expect(moves([hv("hv1", flight("source", 1000)), aborted])[0]).toMatchObject({ outcome: "aborted" });
});
