import { expect, test } from "bun:test";
import { C_ENDINGS, C_RX_FRAMES, COUNTERS_OCTETS, portCounters } from "#fastpath/counters";
import { HOLD_ENDED } from "#fastpath/verdicts";
import { PortCounters } from "#router/port-counters";

test("a port's counters are the sum over all threads, and begin at 0 for each port that gets the index", () => {
  const forwarders = [1, 2].map(() => new Float64Array(COUNTERS_OCTETS / 8));
  const counters = new PortCounters(() => forwarders);
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
