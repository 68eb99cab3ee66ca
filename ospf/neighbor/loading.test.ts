import { expect, test } from "bun:test";
import { LINK_STATE_REQUEST } from "#ospf/packet/header";
import type { Lsa } from "#ospf/packet/lsa";
import type { LsaHeader } from "#ospf/packet/lsa-header";
import { DD_I, DD_M, DD_MS } from "#ospf/packet/packet";
import { Bench, Peer } from "#ospf/testing/scripted-peer";
import { step } from "#ospf/testing/step";

/** Greater than ours: the peer is the master. */
const PEER = 0x0a00_0003;
/** Requests in a packet of 1500 octets: 40 are IPv6's, 16 OSPF's, 12 each. */
const PER_PACKET = 120;
/** What may be asked for and not be here yet. */
const IN_FLIGHT = 65_536;

function inExchange(): { bench: Bench; peer: Peer } {
  const bench = new Bench();
  const peer = new Peer(bench, PEER);
  peer.greet();
  peer.describe({ flags: DD_I | DD_M | DD_MS });
  bench.hear();
  return { bench, peer };
}

function describe(peer: Peer, lsas: readonly Lsa[], flags: number): void {
  peer.sequence++;
  peer.describe({ flags: DD_MS | flags, headers: lsas.map(({ header }) => header) });
}

const lsasOf = (peer: Peer, count: number, bodyOctets = 4): Lsa[] =>
  Array.from({ length: count }, (_, i) =>
    peer.lsa({ kind: "unknown", type: 0xa123, octets: new Uint8Array(bodyOctets) }, { linkStateId: i }),
  );

const asked = (bench: Bench): number[] => bench.heard(LINK_STATE_REQUEST).map(({ requests }) => requests.length);

step("what fills a packet is asked for while the neighbor still describes, the rest at the end (§10.9)", () => {
  const { bench, peer } = inExchange();
  const lsas = lsasOf(peer, PER_PACKET + 5);
  describe(peer, lsas.slice(0, PER_PACKET - 1), DD_M);
  expect(asked(bench)).toEqual([]);
  describe(peer, lsas.slice(PER_PACKET - 1, PER_PACKET + 3), DD_M);
  expect(bench.state(PEER)).toBe("Exchange");
  expect(asked(bench)).toEqual([PER_PACKET]);
  describe(peer, lsas.slice(PER_PACKET + 3), 0);
  expect(bench.state(PEER)).toBe("Loading");
  expect(asked(bench)).toEqual([5]);
});

step(
  "what comes in Exchange lacks no more: nothing is asked for twice, and Full follows at once (§10.9, §10.3)",
  () => {
    const { bench, peer } = inExchange();
    const lsas = lsasOf(peer, PER_PACKET);
    describe(peer, lsas, DD_M);
    expect(asked(bench)).toEqual([PER_PACKET]);
    for (let i = 0; i < PER_PACKET; i += 40) peer.update(...lsas.slice(i, i + 40));
    describe(peer, [], 0);
    expect(bench.state(PEER)).toBe("Full");
    expect(asked(bench)).toEqual([]);
  },
);

step("what was asked for in Exchange and has not come is asked for again after RxmtInterval (§10.9)", () => {
  const { bench, peer } = inExchange();
  const lsas = lsasOf(peer, PER_PACKET + 1);
  describe(peer, lsas, DD_M);
  peer.update(...lsas.slice(0, 20));
  bench.hear();
  bench.pass(1000);
  expect(asked(bench)).toEqual([]); // it is less than a packet's worth by now
  describe(peer, [], 0);
  expect(asked(bench)).toEqual([PER_PACKET + 1 - 20]);
  bench.pass(1000);
  expect(asked(bench)).toEqual([PER_PACKET + 1 - 20]);
});

test("large LSAs: one packet of requests, and another when less than 64 KiB is on its way (§10.9)", () => {
  const { bench, peer } = inExchange();
  const lsas = lsasOf(peer, PER_PACKET + 60, 1380);
  describe(peer, lsas.slice(0, PER_PACKET), DD_M);
  describe(peer, lsas.slice(PER_PACKET), 0);
  expect(asked(bench)).toEqual([PER_PACKET]);
  const enough = PER_PACKET - Math.ceil(IN_FLIGHT / lsas[0]!.header.length) + 1;
  for (const lsa of lsas.slice(0, enough - 1)) peer.update(lsa);
  expect(asked(bench)).toEqual([]);
  peer.update(lsas[enough - 1]!);
  expect(asked(bench)).toEqual([60]);
});

test("small LSAs: as many packets as 64 KiB take, however short they are said to be (§10.9)", () => {
  for (const [length, packets] of [
    [40, 14],
    [0, 28],
  ] as const) {
    const { bench, peer } = inExchange();
    const [{ header }] = lsasOf(peer, 1) as [Lsa];
    const headers: LsaHeader[] = Array.from({ length: 4000 }, (_, linkStateId) => ({ ...header, linkStateId, length }));
    for (const [from, flags] of [
      [0, DD_MS | DD_M],
      [2000, DD_MS],
    ] as const) {
      peer.sequence++;
      peer.describe({ flags, headers: headers.slice(from, from + 2000) });
    }
    expect(asked(bench)).toEqual(Array.from({ length: packets }, () => PER_PACKET));
  }
});
