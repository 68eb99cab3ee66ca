import { expect, test } from "bun:test";
import { C_ENDINGS } from "#fastpath/counters";
import { CONNECTION_QUOTA } from "#fastpath/verdicts";
import { Alarms } from "#router/alarms";
import { Log } from "#router/log";
import type { PortCounters } from "#router/port-counters";
import type { PortState } from "#router/ports";

test("a table without room is told of at once, again after a minute if it goes on, and not when it does not", () => {
  let dropped = 0;
  const lines: string[] = [];
  const counters = { of: (_: number, counter: number) => (counter === C_ENDINGS + CONNECTION_QUOTA ? dropped : 0) };
  const alarms = new Alarms(counters as PortCounters, new Log("info", (line) => lines.push(line.replace(/^\S+ /, ""))));
  const ports = [{ index: 1, name: "web1" } as PortState];
  const look = (now: number, count: number): void => {
    dropped = count;
    alarms.look(ports, now);
  };
  look(0, 0);
  look(500, 7);
  look(1000, 9);
  look(1500, 12);
  expect(lines).toEqual([
    "warn port web1: 7 packets dropped: the VM has all connections it may have (connections.perVm in node.yaml)",
  ]);
  look(61_000, 12);
  expect(lines[1]).toContain("5 packets dropped");
  look(200_000, 12);
  look(300_000, 3); // opened anew
  expect(lines).toHaveLength(3);
  expect(lines[2]).toContain("3 packets dropped");
});
