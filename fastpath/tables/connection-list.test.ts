import { expect, test } from "bun:test";
import { BACK, FORWARD } from "#fastpath/tables/connection-entries";
import { type ConnectionFilter, listConnections } from "#fastpath/tables/connection-list";
import { Connections } from "#fastpath/tables/connections";
import {
  back,
  describePacket,
  host,
  newTable,
  pass,
  TCP,
  type TestPacket,
  UDP,
  vm,
} from "#fastpath/testing/connection-packets";

const toVm: TestPacket = { source: vm(0x0200_0100, 0x0100_000a, 5353), destination: vm(7, 9, 53), protocol: UDP };
const toHost: TestPacket = {
  source: host([1, 2, 3, 4], 443),
  destination: host([5, 6, 7, 8], 50_000),
  protocol: TCP,
  flags: 0x02,
};

function tableOfTwo(): Connections {
  const table = new Connections(newTable());
  describePacket(table, toVm);
  const entry = table.insert(3, 12, 34, 100);
  table.entries.count(entry, FORWARD, 1, 60);
  pass(table, back(toVm), 150);
  table.entries.count(entry, BACK, 2, 140);
  pass(table, toHost, 160, 5);
  return table;
}

test("a listed connection says all that the table knows of it", () => {
  const table = tableOfTwo();
  const [view] = [...listConnections(table.entries, 170, { protocol: UDP })];
  expect(view).toEqual({
    entry: expect.any(Number),
    version: expect.any(Number),
    protocol: UDP,
    state: "udp-replied",
    source: {
      address: Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 2, 10, 0, 0, 1),
      port: 5353,
      packets: 1,
      octets: 60,
    },
    destination: {
      address: Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 7, 0, 0, 0, 9, 0, 0, 0),
      port: 53,
      packets: 2,
      octets: 140,
    },
    idleTicks: 20,
    ageTicks: 70,
    owner: 3,
    rule: 34,
    ruleGeneration: 12,
  });
  expect(table.entries.remove(view!.entry, view!.version)).toBeTrue();
  expect([...listConnections(table.entries, 170, { protocol: UDP })]).toEqual([]);
});

test("a list holds what fits all of the filter, and nothing expired", () => {
  const table = tableOfTwo();
  const octets = (words: readonly number[]): Uint8Array => new Uint8Array(Int32Array.from(words).buffer);
  const protocols = (filter: ConnectionFilter, now = 170): number[] =>
    [...listConnections(table.entries, now, filter)].map((c) => c.protocol).sort((a, b) => a - b);
  expect(protocols({})).toEqual([TCP, UDP]);
  expect(protocols({}, 2570)).toEqual([UDP]); // the SYN's 240 s are over
  expect(protocols({ owner: 5 })).toEqual([TCP]);
  expect(protocols({ owner: 5, protocol: UDP })).toEqual([]);
  expect(protocols({ port: 53 })).toEqual([UDP]);
  expect(protocols({ port: 443 })).toEqual([TCP]);
  expect(protocols({ port: 54 })).toEqual([]);
  expect(protocols({ address: octets(toHost.destination.address) })).toEqual([TCP]);
  expect(protocols({ address: octets(toVm.source.address) })).toEqual([UDP]);
});

test("a list told in pieces is the list", () => {
  const table = new Connections(newTable());
  for (let i = 0; i < 300; i++) pass(table, { ...toVm, source: vm(1, i, i) }, 0);
  const whole = [...listConnections(table.entries, 0)].map((c) => c.entry);
  const pieces: number[] = [];
  for (let from = 1; ; ) {
    const piece = listConnections(table.entries, 0, {}, from).take(7).toArray();
    if (piece.length === 0) break;
    pieces.push(...piece.map((c) => c.entry));
    from = pieces.at(-1)! + 1;
  }
  expect(whole.length).toBe(300);
  expect(pieces).toEqual(whole);
});
