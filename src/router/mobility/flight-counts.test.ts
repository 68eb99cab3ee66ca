import { expect, test } from "bun:test";
import { C_ENDINGS, C_RX_FRAMES, C_TX_FRAMES } from "#fastpath/counters";
import { HOLD_OVERFLOW, NO_SUCH_VM } from "#fastpath/verdicts";
import { type Counted, FlightCounter } from "#router/mobility/flight-counts";
import type { PortState } from "#router/ports";
import type { VmEntry } from "#router/vms/events";

const counted = (entry: Partial<VmEntry> | undefined, lost = { frames: 3 }): Counted => ({
  vms: { find: () => entry as VmEntry | undefined },
  ports: { all: new Map([1, 2].map((index) => [index, { index } as PortState])) },
  counters: {
    of: (port, counter) =>
      ({ [C_RX_FRAMES]: 10, [C_TX_FRAMES]: 20, [C_ENDINGS + NO_SUCH_VM]: lost.frames })[counter] ??
      (counter === C_ENDINGS + HOLD_OVERFLOW && port === 2 ? 1 : 0),
  },
});

test("what a flight counts is of the VM's port, its held frames, and all frames without a VM", () => {
  expect(new FlightCounter(counted({ port: 2, held: { kept: 5, returned: 4, givenUp: 1 } })).of("web", 0)).toEqual({
    port: { fromVm: 10, toVm: 20 },
    ...{ held: 5, reinjected: 4, givenUp: 1 },
    dropped: { "no-such-vm": 6, "hold-overflow": 1 },
  });
});

test("of a VM that is away or unknown there is no port, and nothing was held", () => {
  for (const entry of [undefined, { port: undefined, held: undefined }])
    expect(new FlightCounter(counted(entry)).of("web", 0)).toMatchObject({
      port: undefined,
      held: 0,
      reinjected: 0,
      givenUp: 0,
    });
});

test("frames without a VM are counted every ten milliseconds, the VM's own always", () => {
  const lost = { frames: 3 };
  const counter = new FlightCounter(counted({ port: 2, held: undefined }, lost));
  const dropped = (now: number): number => counter.of("web", now).dropped["no-such-vm"]!;
  expect(dropped(100)).toBe(6);
  lost.frames = 4;
  expect([dropped(109), dropped(110)]).toEqual([6, 8]);
});
