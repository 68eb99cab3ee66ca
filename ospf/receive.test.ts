import { expect, test } from "bun:test";
import { nextOctets, seeded } from "#base/random";
import { Malformed } from "#base/reader";
import { appendTrailer, readTrailer, type SecurityAssociation } from "#ospf/packet/auth-trailer";
import { ALL_SPF_ROUTERS, HELLO } from "#ospf/packet/header";
import { OPTION_AT } from "#ospf/packet/options";
import { writePacket } from "#ospf/packet/packet";
import { Bench, linkLocal, OPTIONS, OWN_ID, Peer } from "#ospf/testing/scripted-peer";
import { step } from "#ospf/testing/step";

const PEER = 0x0a00_0003;
const text = (words: string): Uint8Array => new TextEncoder().encode(words);
const NOW = 1_700_000_001_000; // of the bench, Unix milliseconds

const up = (bench: Bench) => bench.core.instance.interfaces.get("up0")!;
const reasons = (bench: Bench): string[] => [...up(bench).refusals.values()].map(({ reason }) => reason);

const source = linkLocal(PEER & 0xff);

function hello(options = OPTIONS): Uint8Array {
  const peer = { routerId: PEER, areaId: 0, instanceId: 0 };
  return writePacket(
    {
      type: HELLO,
      ...peer,
      interfaceId: 3,
      priority: 1,
      options,
      helloInterval: 1,
      routerDeadInterval: 4,
      designatedRouter: 0,
      backupDesignatedRouter: 0,
      neighbors: [OWN_ID],
    },
    source,
    ALL_SPF_ROUTERS,
  );
}

function tell(bench: Bench, octets: Uint8Array): void {
  bench.tell({ type: "packet", interface: "up0", source, destination: ALL_SPF_ROUTERS, octets });
}

const signed = (sa: SecurityAssociation, low: number): Uint8Array =>
  appendTrailer(hello(OPTIONS | OPTION_AT), source, sa, { high: 1, low });

const association = (id: number, key: string): SecurityAssociation => ({
  id,
  algorithm: "hmac-sha-256",
  key: text(key),
});

const guarded = (): Bench =>
  new Bench({
    authentication: {
      keys: [
        { id: 1, secret: text("one") },
        { id: 2, secret: text("two"), sendFrom: NOW + 10_000 },
      ],
    },
  });

step("with authentication, a hello under a known key is taken (RFC 7166 §4.6)", () => {
  const bench = guarded();
  tell(bench, signed(association(1, "one"), 1));
  expect(bench.state(PEER)).toBe("ExStart");
});

step("a key may be used by neighbors before we send with it: they need not all change at once (RFC 7166 §3)", () => {
  const bench = guarded();
  tell(bench, signed(association(2, "two"), 1));
  expect(bench.state(PEER)).toBe("ExStart");
});

step(
  "without a trailer, with another key or another id nothing is taken, and the reason is kept (RFC 7166 §4.6)",
  () => {
    const cases: [Uint8Array, string][] = [
      [hello(), "authentication: no trailer, one is required here"],
      [signed(association(1, "another"), 1), "authentication: digest"],
      [signed(association(9, "one"), 1), "authentication: unknown security association"],
    ];
    for (const [octets, reason] of cases) {
      const bench = guarded();
      tell(bench, octets);
      expect(bench.state(PEER)).toBe("none");
      expect(reasons(bench)).toEqual([reason]);
    }
  },
);

step("a trailer where none is configured is refused (RFC 7166 §2.1)", () => {
  const bench = new Bench();
  tell(bench, signed(association(1, "one"), 1));
  expect(bench.state(PEER)).toBe("none");
  expect(reasons(bench)).toEqual(["authentication: trailer received, none configured"]);
});

step("a sequence number that was seen is a replay (RFC 7166 §4.6)", () => {
  const bench = guarded();
  tell(bench, signed(association(1, "one"), 5));
  bench.pass(3000);
  tell(bench, signed(association(1, "one"), 5));
  expect(bench.neighbor(PEER)!.trouble).toBe("authentication: sequence number not above the last");
  bench.pass(1000);
  expect(bench.state(PEER)).toBe("none"); // the replay kept nothing alive
});

step("the key that began last is sent with, sequence numbers go up (RFC 7166 §3, §4.1)", () => {
  const bench = new Bench({
    authentication: {
      keys: [
        { id: 1, secret: text("one") },
        { id: 2, secret: text("two"), sendFrom: NOW + 3000 },
      ],
    },
  });
  const trailers: [number, number][] = [];
  bench.onSend = (octets) => {
    const trailer = readTrailer(octets);
    if (!(trailer instanceof Malformed))
      trailers.push([trailer.association, trailer.sequence.high * 2 ** 32 + trailer.sequence.low]);
  };
  bench.pass(6000);
  const ids = trailers.map(([id]) => id);
  expect([ids[0], ids.at(-1)]).toEqual([1, 2]);
  expect(ids.toSorted()).toEqual(ids);
  for (let i = 1; i < trailers.length; i++) expect(trailers[i]![1]).toBeGreaterThan(trailers[i - 1]![1]);
});

step("a key whose time is over is accepted no more (RFC 7166 §3)", () => {
  const bench = new Bench({ authentication: { keys: [{ id: 1, secret: text("one"), acceptUntil: NOW + 2000 }] } });
  tell(bench, signed(association(1, "one"), 1));
  expect(bench.state(PEER)).toBe("ExStart");
  bench.pass(2500);
  tell(bench, signed(association(1, "one"), 2));
  expect(bench.neighbor(PEER)!.trouble).toBe("authentication: unknown security association");
});

test("whatever octets come, the core counts them and goes on", () => {
  const bench = new Bench();
  new Peer(bench, PEER).becomeFull();
  const random = seeded(4711);
  const real = hello();
  for (let i = 0; i < 20_000; i++) {
    const octets = i % 2 === 0 ? nextOctets(random, i % 200) : real.slice();
    if (i % 2 === 1) octets[i % octets.length]! ^= 1 << (i % 8);
    tell(bench, octets);
  }
  const refused = [...up(bench).counters.refused.values()].reduce((sum, n) => sum + n, 0);
  expect(refused).toBe(20_000);
  expect(up(bench).counters.refused.size).toBeLessThanOrEqual(65);
  expect(bench.state(PEER)).toBe("Full");
});
