import { expect, test } from "bun:test";
import { C_RECEIVE_DROPS, C_TRANSMIT_ERRORS, COUNTERS_OCTETS, portCounters } from "#fastpath/counters";
import { PortLosses } from "#fastpath/port-losses";
import { MemoryPort } from "#fastpath/ports/memory";
import type { Port } from "#fastpath/ports/port";

/** A port of index 3 that has lost so many frames. */
const losing = (drops: number, transmitErrors: number): Port =>
  Object.assign(Object.create(MemoryPort.prototype) as Port, { index: 3, receiveDrops: () => drops, transmitErrors });

test("what a port lost is counted once, and goes on from there when the port is opened anew", () => {
  const counters = new Float64Array(COUNTERS_OCTETS / 8);
  const losses = new PortLosses(counters);
  const shown = () => [C_RECEIVE_DROPS, C_TRANSMIT_ERRORS].map((at) => counters[portCounters(3) + at]);
  const first = losing(5, 2);
  losses.tell(first);
  losses.tell(first);
  expect(shown()).toEqual([5, 2]);
  Object.assign(first, { receiveDrops: () => 7, transmitErrors: 3 });
  losses.forget(first);
  expect(shown()).toEqual([7, 3]);
  losses.tell(losing(1, 1));
  expect(shown()).toEqual([8, 4]);
});
