import { expect, test } from "bun:test";
import { C_ENDINGS, C_RX_FRAMES, COUNTERS_OCTETS, portCounters } from "#fastpath/counters";
import { createDropTags, DropTags } from "#fastpath/drop-tags";
import { HOLD_ENDED, NO_ROUTE } from "#fastpath/verdicts";
import { PortCounters, whatKey } from "#router/port-counters";

test("a port's counters are the sum over all threads, and begin at 0 for each port that gets the index", () => {
  const forwarders = [1, 2].map(() => new Float64Array(COUNTERS_OCTETS / 8));
  const counters = new PortCounters(() =>
    forwarders.map((block) => ({ counters: block, dropTags: new DropTags(createDropTags()) })),
  );
  for (const block of forwarders) {
    block[portCounters(3) + C_RX_FRAMES] = 10;
    block[portCounters(3) + C_ENDINGS + HOLD_ENDED] = 1;
    block[portCounters(4) + C_RX_FRAMES] = 99;
  }
  counters.lost(3, HOLD_ENDED);
  expect([counters.of(3, C_RX_FRAMES), counters.of(3, C_ENDINGS + HOLD_ENDED)]).toEqual([20, 3]);
  counters.restart(3);
  forwarders[1]![portCounters(3) + C_RX_FRAMES]! += 5;
  counters.lost(3, HOLD_ENDED);
  expect([counters.of(3, C_RX_FRAMES), counters.of(3, C_ENDINGS + HOLD_ENDED)]).toEqual([5, 1]);
  expect(counters.of(4, C_RX_FRAMES)).toBe(198);
});

test("so are those by network", () => {
  const tables = [1, 2].map(() => new DropTags(createDropTags()));
  const counters = new PortCounters(() =>
    tables.map((dropTags) => ({ counters: new Float64Array(COUNTERS_OCTETS / 8), dropTags })),
  );
  const tagged = (): unknown => [...(counters.tagged().get(whatKey(3, NO_ROUTE)) ?? [])].sort();
  for (const table of tables) table.count(3, NO_ROUTE, -7);
  counters.lost(3, NO_ROUTE, -7);
  counters.lost(3, NO_ROUTE, 5);
  counters.lost(4, NO_ROUTE, 5);
  expect(tagged()).toEqual([
    [-7, 3],
    [5, 1],
  ]);
  counters.restart(3);
  expect(tagged()).toEqual([]);
  tables[0]!.count(3, NO_ROUTE, -7);
  expect(tagged()).toEqual([[-7, 1]]);
  expect(counters.tagged().get(whatKey(4, NO_ROUTE))).toEqual(new Map([[5, 1]]));
});
