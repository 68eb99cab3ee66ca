import { expect, test } from "bun:test";
import { flightsText, flightText, moveText } from "#cli/flight-text";
import { mergeFlights } from "#router/mobility/move-report";
import type { FlightReport } from "#router/mobility/views";

const AT = Date.UTC(2026, 10, 26, 12, 0, 0);
const REPORT: FlightReport = {
  ...{ id: 7, vm: "web", router: "hv1", side: "source", outcome: "done", began: AT, ended: AT + 21.25 },
  events: [
    { at: AT, what: "held" },
    { at: AT + 20.5, what: "bri-received", peer: "hv3", detail: "blue/prod 10.0.0.5" },
    { at: AT + 21.25, what: "released" },
  ],
  marks: { firstFromVm: AT, lastFromVm: AT + 1, firstToVm: null, lastToVm: null },
  packets: { held: 12, reinjected: 11, givenUp: 1, stragglers: 3, dropped: { "no-such-vm": 2 } },
  downtime: 21.25,
};
const TARGET: FlightReport = {
  ...REPORT,
  ...{ id: 1, router: "hv2", side: "target", ended: AT + 40 },
  events: [{ at: AT + 15, what: "activated", detail: "by its first frame" }],
  marks: { firstFromVm: AT + 15, lastFromVm: AT + 30, firstToVm: AT + 22, lastToVm: AT + 30 },
  packets: { held: 0, reinjected: 0, givenUp: 0, stragglers: 0, dropped: {} },
};

test("a report of one side is a time line and what became of the packets", () => {
  expect(flightText(REPORT)).toBe(`flight 7: web, hv1 is its source; done after 21.3ms, began 2026-11-26 12:00:00

TIME            MS  WHAT
12:00:00.000   0.0  held
12:00:00.020  20.5  bri-received  hv3, blue/prod 10.0.0.5
12:00:00.021  21.3  released

downtime  21.3ms as this side saw it
held      12, of which 11 went on and 1 were lost
passed on 3 after the VM had gone
dropped   2 no-such-vm (of this router, for want of a VM)`);
});

test("a report of both sides claims nothing that routers cannot know", () => {
  expect(moveText(mergeFlights(REPORT, TARGET))).toBe(`web: hv1 → hv2, done in 21.3ms, began 2026-11-26 12:00:00

TIME            MS  ROUTER  WHAT
12:00:00.000   0.0  hv1     held
12:00:00.015  15.0  hv2     activated     by its first frame
12:00:00.020  20.5  hv1     bri-received  hv3, blue/prod 10.0.0.5
12:00:00.021  21.3  hv1     released

downtime    22ms: the VM stood still 15ms, the network took 7ms
lost        3
duplicated  not known to routers
reordered   not known to routers
held        12, and 3 passed on by hv1 after that`);
});

test("the list has a line for each flight", () => {
  const { id, vm, side, outcome, began, downtime } = REPORT;
  expect(flightsText([{ id, vm, side, outcome, began, downtime, took: null, held: 12, lost: 3 }])).toBe(
    `FLIGHT  VM   SIDE    BEGAN                OUTCOME  TOOK  DOWNTIME  HELD  LOST
     7  web  source  2026-11-26 12:00:00  done        -    21.3ms    12     3`,
  );
});
