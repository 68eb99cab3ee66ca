/** Connections that go with a VM from one router's table to another's. */
import { expect, test } from "bun:test";
import { parseIpv4 } from "#base/address";
import { FORWARD } from "#fastpath/tables/connection-entries";
import { createConnectionTable } from "#fastpath/tables/connection-layout";
import { listConnections } from "#fastpath/tables/connection-list";
import { FLAG_ACK, FLAG_SYN } from "#fastpath/tables/connection-tcp";
import {
  C_ACKNOWLEDGMENT,
  C_DESTINATION,
  C_FLAGS,
  C_PORTS,
  C_PROTOCOL,
  C_SEQUENCE,
  C_SOURCE,
  Connections,
} from "#fastpath/tables/connections";
import { networkAddress } from "#policy/homes";
import { carriedOf, readCarried, takeOver } from "#router/vms/carried-connections";

const TCP = 6;
const UDP = 17;
const ICMP = 1;
const PORT = 3;

const newTable = (entries = 64): Connections =>
  new Connections(createConnectionTable({ entries, owners: 16, quota: 32, key: Int32Array.of(3, 4) }));
const hostOf = (text: string): Uint8Array => networkAddress(new Uint8Array(8), 0x401, parseIpv4(text)!);
const VM = hostOf("10.0.0.2");
const PEER = hostOf("10.0.0.3");

interface Sent {
  readonly protocol: number;
  readonly from: readonly [Uint8Array, number];
  readonly to: readonly [Uint8Array, number];
  readonly flags?: number;
}

function describe({ packet }: Connections, { protocol, from, to, flags = FLAG_ACK }: Sent): void {
  packet.set(new Int32Array(from[0].slice().buffer), C_SOURCE);
  packet.set(new Int32Array(to[0].slice().buffer), C_DESTINATION);
  packet[C_PORTS] = ((from[1] & 0xff) << 8) | (from[1] >>> 8) | (((to[1] & 0xff) << 24) | ((to[1] >>> 8) << 16));
  packet[C_PROTOCOL] = protocol;
  packet[C_FLAGS] = flags;
  packet[C_SEQUENCE] = 1;
  packet[C_ACKNOWLEDGMENT] = 2;
}

function begin(table: Connections, packet: Sent, owner = PORT): number {
  describe(table, packet);
  return table.insert(owner, 0, 0, 0);
}

function answer(table: Connections, { protocol, from, to }: Sent, flags = FLAG_ACK): void {
  describe(table, { protocol, from: to, to: from, flags });
  const entry = table.find(0);
  table.advance(entry, table.version, table.direction, 0);
}

const states = (table: Connections): string[] =>
  [...listConnections(table.entries, 0)].map(({ protocol, state, owner, source, destination }) =>
    [protocol, state, owner, source.port, destination.port].join(" "),
  );

const download: Sent = { protocol: TCP, from: [VM, 40_000], to: [PEER, 80] };

test("an open connection is open there too, and what answers it finds it", () => {
  const [here, there] = [newTable(), newTable()];
  begin(here, { ...download, flags: FLAG_SYN });
  answer(here, download, FLAG_SYN | FLAG_ACK);
  describe(here, download);
  here.advance(here.find(0), here.version, FORWARD, 0);
  expect(states(here)).toEqual([`${TCP} established ${PORT} 40000 80`]);
  const all = readCarried(JSON.parse(JSON.stringify(carriedOf(here, { addresses: [VM], owner: undefined }, 0))))!;
  expect(takeOver(there, all, { owner: 7, now: 0 })).toBe(1);
  expect(states(there)).toEqual([`${TCP} established 7 40000 80`]);
  describe(there, { protocol: TCP, from: download.to, to: download.from });
  expect(there.find(0)).toBeGreaterThan(0);
  expect(there.direction).not.toBe(FORWARD);
});

test("what others began with the VM goes too, also where its peer's port is the one that it is counted for; the rest stays", () => {
  const [here, there] = [newTable(), newTable()];
  const asked: Sent = { protocol: UDP, from: [PEER, 5000], to: [VM, 53] };
  begin(here, asked, 9);
  answer(here, asked);
  begin(here, { protocol: UDP, from: [VM, 6000], to: [PEER, 6001] });
  begin(here, { protocol: ICMP, from: [VM, 5], to: [PEER, 5] }); // a query asks again
  begin(here, { ...download, flags: FLAG_SYN }); // so does a SYN
  begin(here, { protocol: UDP, from: [PEER, 1], to: [hostOf("10.0.0.4"), 2] }, 9);
  const all = carriedOf(here, { addresses: [VM], owner: PORT }, 0);
  takeOver(there, all, { owner: 7, now: 0 });
  expect(states(there).sort()).toEqual([`${UDP} udp-new 7 6000 6001`, `${UDP} udp-replied 7 5000 53`]);
});

test("a VM has no more of them there than any VM has, however often they come", () => {
  const [here, there] = [newTable(), newTable()];
  for (let port = 1; port <= 40; port++) begin(here, { protocol: UDP, from: [VM, port], to: [PEER, 53] }, port % 2);
  const all = carriedOf(here, { addresses: [VM], owner: undefined }, 0);
  expect(all.length).toBe(40);
  for (let i = 0; i < 2; i++) {
    takeOver(there, all, { owner: 7, now: 0 });
    expect(states(there).length).toBe(32); // the quota of one VM
  }
});

test("anything else than a list of connections is refused", () => {
  const good = { protocol: 6, from: { address: "00".repeat(16), port: 1 }, to: { address: "00".repeat(16), port: 2 } };
  expect(readCarried([{ ...good, isAnswered: true }])).toHaveLength(1);
  const bad = [
    ...[undefined, {}, "x", [1], [good], [{ ...good, isAnswered: true, protocol: 256 }]],
    ...[[{ ...good, isAnswered: true, from: { address: "00", port: 1 } }], [{ ...good, isAnswered: true, more: 1 }]],
    [{ ...good, isAnswered: true, to: { address: "00".repeat(16), port: 65_536 } }],
  ];
  for (const json of bad) expect(readCarried(json)).toBeUndefined();
});
