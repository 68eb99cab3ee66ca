import { expect } from "bun:test";
import { MAX_AGE } from "#ospf/constants";
import type { Entry } from "#ospf/database/store";
import { ALL_SPF_ROUTERS, LINK_STATE_ACKNOWLEDGMENT, LINK_STATE_UPDATE } from "#ospf/packet/header";
import { type Lsa, withAge } from "#ospf/packet/lsa";
import {
  AS_EXTERNAL_LSA,
  INITIAL_SEQUENCE_NUMBER,
  type LsaIdentity,
  MAX_SEQUENCE_NUMBER,
  ROUTER_LSA,
} from "#ospf/packet/lsa-header";
import { area, prefix, stub } from "#ospf/testing/configs";
import { Bench, OPTIONS, OWN_ID, Peer } from "#ospf/testing/scripted-peer";
import { step } from "#ospf/testing/step";

const PEER = 0x0a00_0003;
const ELSEWHERE = 0x0a00_0063;

const router = (metric: number) =>
  ({
    kind: "router",
    flags: 0,
    options: OPTIONS,
    links: [{ type: 1, metric, interfaceId: 1, neighborInterfaceId: 1, neighborRouterId: 9 }],
  }) as const;

/** A peer that is Full and quiet: what follows is about one LSA of a third router. */
function full(...bench: ConstructorParameters<typeof Bench>): { bench: Bench; peer: Peer } {
  const made = new Bench(...bench);
  const peer = new Peer(made, PEER);
  peer.becomeFull();
  settle(made, peer);
  return { bench: made, peer };
}

/** Acknowledges all that the core floods, for a while. */
function settle(bench: Bench, peer: Peer): void {
  for (let i = 0; i < 10; i++) {
    bench.pass(700);
    peer.hello();
    for (const { lsas } of bench.heard(LINK_STATE_UPDATE)) peer.acknowledge(...lsas);
  }
  bench.hear();
}

const held = (bench: Bench, id: LsaIdentity): Entry | undefined => bench.core.instance.areas.get(0)!.database.get(id);

const third = (peer: Peer, sequence = INITIAL_SEQUENCE_NUMBER, metric = 5): Lsa =>
  peer.lsa(router(metric), { advertisingRouter: ELSEWHERE, sequence });

step("step 1: an LSA whose checksum does not hold is passed over, not acknowledged, and counted (RFC 2328 §13)", () => {
  const { bench, peer } = full();
  const lsa = third(peer);
  const octets = lsa.octets.slice();
  octets[30]! ^= 1;
  peer.update({ ...lsa, octets });
  expect(held(bench, lsa.header)).toBeUndefined();
  bench.pass(1000);
  expect(bench.heard(LINK_STATE_ACKNOWLEDGMENT)).toEqual([]);
  expect(bench.core.instance.interfaces.get("up0")!.counters.refused.get("LSA checksum")).toBe(1);
});

step("step 2: AS scope has no place in a stub area (RFC 5340 §4.5.1)", () => {
  const { bench, peer } = stubBench();
  const lsa = peer.lsa({
    kind: "asExternal",
    metricType: 2,
    metric: 1,
    prefix: { ...prefix("2001:db8::/32"), options: 0 },
  });
  expect(lsa.header.type).toBe(AS_EXTERNAL_LSA);
  peer.update(lsa);
  expect(bench.core.instance.external.size).toBe(0);
});

function stubBench(): { bench: Bench; peer: Peer } {
  const bench = new Bench({ area: 0 }, { areas: [area(0, { kind: "stub" })] });
  const peer = new Peer(bench, PEER);
  const stub = OPTIONS & ~2;
  peer.hello({ options: stub });
  peer.describe({ flags: 7, options: stub });
  peer.describe({ flags: 1, options: stub, sequence: peer.sequence + 1 });
  expect(bench.state(PEER)).toBe("Full");
  return { bench, peer };
}

step("step 3: reserved scope is discarded (RFC 5340 §4.5.1)", () => {
  const { bench, peer } = full();
  const before = bench.core.instance.lsaCount;
  peer.update(peer.lsa({ kind: "unknown", type: 0xe001, octets: new Uint8Array(4) }));
  expect(bench.core.instance.lsaCount).toBe(before);
});

step("step 4: MaxAge without an instance here is acknowledged at once and forgotten (§13)", () => {
  const { bench, peer } = full();
  const lsa = withAge(third(peer), MAX_AGE);
  peer.update(lsa);
  expect(bench.heard(LINK_STATE_ACKNOWLEDGMENT).flatMap(({ headers }) => headers.map((h) => h.type))).toEqual([
    ROUTER_LSA,
  ]);
  expect(held(bench, lsa.header)).toBeUndefined();
});

step("step 5: what is new is installed and acknowledged a little later (§13, §13.5)", () => {
  const { bench, peer } = full();
  peer.update(third(peer));
  expect(held(bench, third(peer).header)).toBeDefined();
  expect(bench.heard(LINK_STATE_ACKNOWLEDGMENT)).toEqual([]);
  bench.pass(300);
  const said = bench.hear().filter(({ packet }) => packet.type === LINK_STATE_ACKNOWLEDGMENT);
  expect(said.length).toBe(1);
  expect(said[0]!.destination).toEqual(ALL_SPF_ROUTERS);
});

step("step 5a: a newer instance within MinLSArrival is passed over and not acknowledged (§13)", () => {
  const { bench, peer } = full();
  peer.update(third(peer));
  bench.pass(500);
  bench.hear();
  peer.update(third(peer, INITIAL_SEQUENCE_NUMBER + 1));
  bench.pass(400);
  expect(held(bench, third(peer).header)!.lsa.header.sequence).toBe(INITIAL_SEQUENCE_NUMBER);
  expect(bench.heard(LINK_STATE_ACKNOWLEDGMENT)).toEqual([]);
  bench.pass(200);
  peer.update(third(peer, INITIAL_SEQUENCE_NUMBER + 1));
  expect(held(bench, third(peer).header)!.lsa.header.sequence).toBe(INITIAL_SEQUENCE_NUMBER + 1);
});

step("step 5a: what was asked for did not come by flooding: the next instance may follow at once (§13)", () => {
  const bench = new Bench();
  const peer = new Peer(bench, PEER);
  peer.becomeFull(peer.lsa(router(5)));
  peer.update(peer.lsa(router(6), { sequence: INITIAL_SEQUENCE_NUMBER + 1 }));
  const id = { type: ROUTER_LSA, linkStateId: 0, advertisingRouter: PEER };
  expect(held(bench, id)!.lsa.header.sequence).toBe(INITIAL_SEQUENCE_NUMBER + 1);
});

step("step 5f: an instance of ours that is newer than ours is outdone (§13.4)", () => {
  const { bench, peer } = full();
  const own = { type: ROUTER_LSA, linkStateId: 0, advertisingRouter: OWN_ID };
  const before = held(bench, own)!.lsa.header.sequence;
  peer.update(peer.lsa(router(77), { advertisingRouter: OWN_ID, sequence: before + 10 }));
  bench.pass(1000);
  peer.hello();
  expect(held(bench, own)!.lsa.header.sequence).toBe(before + 11);
  const flooded = bench.heard(LINK_STATE_UPDATE).flatMap(({ lsas }) => lsas);
  expect(flooded.some(({ header }) => header.sequence === before + 11 && header.advertisingRouter === OWN_ID)).toBe(
    true,
  );
});

step("step 5f: an LSA of ours that we would not originate is flushed (§13.4)", () => {
  const { bench, peer } = full();
  const stray = peer.lsa(router(1), { advertisingRouter: OWN_ID, linkStateId: 42 });
  peer.update(stray);
  const flooded = bench.heard(LINK_STATE_UPDATE).flatMap(({ lsas }) => lsas);
  expect(flooded.find(({ header }) => header.linkStateId === 42)?.header.age).toBe(MAX_AGE);
});

step("step 7: a duplicate that we are flooding is an acknowledgment; another is acknowledged at once (§13)", () => {
  const { bench, peer } = full();
  const lsa = third(peer);
  peer.update(lsa);
  bench.pass(2000);
  peer.hello();
  bench.hear();
  peer.update(lsa);
  expect(bench.heard(LINK_STATE_ACKNOWLEDGMENT).length).toBe(1);

  bench.tell({ type: "configure", config: { ...bench.core.instance.config, prefixes: [stub("2001:db8:1::/64")] } });
  const [flooded] = bench.heard(LINK_STATE_UPDATE).flatMap(({ lsas }) => lsas);
  peer.update(flooded!);
  bench.pass(900);
  peer.hello();
  expect(bench.heard(LINK_STATE_ACKNOWLEDGMENT)).toEqual([]);
  bench.pass(900);
  expect(bench.heard(LINK_STATE_UPDATE)).toEqual([]);
});

step("step 8: who sends an older instance gets ours, once in MinLSArrival (§13)", () => {
  const { bench, peer } = full();
  peer.update(third(peer, INITIAL_SEQUENCE_NUMBER + 5));
  bench.pass(2000);
  peer.hello();
  bench.hear();
  peer.update(third(peer, INITIAL_SEQUENCE_NUMBER + 2));
  peer.update(third(peer, INITIAL_SEQUENCE_NUMBER + 2));
  const sent = bench.heard(LINK_STATE_UPDATE).flatMap(({ lsas }) => lsas.map(({ header }) => header.sequence));
  expect(sent).toEqual([INITIAL_SEQUENCE_NUMBER + 5]);
});

step("step 8: one that leaves with its last sequence number is let go in silence (§13)", () => {
  const { bench, peer } = full();
  peer.update(third(peer, MAX_SEQUENCE_NUMBER));
  bench.pass(2000);
  peer.hello();
  const entry = held(bench, third(peer).header)!;
  const other = new Peer(bench, 0x0a00_0004);
  other.hello(); // in ExStart: nothing leaves the database yet
  other.describe({ flags: 7 });
  peer.update(withAge(entry.lsa, MAX_AGE));
  bench.hear();
  peer.update(third(peer, INITIAL_SEQUENCE_NUMBER));
  expect(bench.heard(LINK_STATE_UPDATE)).toEqual([]);
});

step("what is not acknowledged goes again every RxmtInterval, a second older each time (§13.6, §13.3)", () => {
  const { bench, peer } = full();
  bench.tell({ type: "configure", config: { ...bench.core.instance.config, prefixes: [stub("2001:db8:1::/64")] } });
  const times = [];
  for (let i = 0; i < 4; i++) {
    times.push(bench.heard(LINK_STATE_UPDATE).flatMap(({ lsas }) => lsas.map(({ header }) => header.age)));
    bench.pass(1000);
    peer.hello();
  }
  expect(times).toEqual([[1], [2], [3], [4]]);
});

step("an LSA of unknown type with the U-bit is stored in its scope, without it on the link (RFC 5340 §4.5.3)", () => {
  const { bench, peer } = full();
  const up = bench.core.instance.interfaces.get("up0")!;
  const marked = peer.lsa({ kind: "unknown", type: 0xa0f0, octets: new Uint8Array(4) });
  const plain = peer.lsa({ kind: "unknown", type: 0x20f0, octets: new Uint8Array(4) });
  peer.update(marked, plain);
  expect(held(bench, marked.header)).toBeDefined();
  expect(held(bench, plain.header)).toBeUndefined();
  expect(up.database.get(plain.header)).toBeDefined();
});

step("a body that cannot be read is kept and flooded, but means nothing", () => {
  const { bench, peer } = full();
  const lsa = peer.lsa(
    { kind: "unknown", type: ROUTER_LSA, octets: new Uint8Array(7) },
    { advertisingRouter: ELSEWHERE },
  );
  peer.update(lsa);
  expect(held(bench, lsa.header)?.body.kind).toBe("unknown");
});

step("an LSA grows old: at MaxAge it is flooded once more, and gone when acknowledged (§14)", () => {
  const { bench, peer } = full();
  const lsa = withAge(third(peer), MAX_AGE - 3);
  peer.update(lsa);
  bench.hear();
  for (let i = 0; i < 4; i++) {
    bench.pass(1000);
    peer.hello();
  }
  const flooded = bench.heard(LINK_STATE_UPDATE).flatMap(({ lsas }) => lsas);
  const last = flooded.find(({ header }) => header.advertisingRouter === ELSEWHERE)!;
  expect(last.header.age).toBe(MAX_AGE);
  expect(held(bench, lsa.header)).toBeDefined();
  peer.acknowledge(last);
  expect(held(bench, lsa.header)).toBeUndefined();
});

step("beyond maxLsas, LSAs of others are acknowledged and not kept; the operator is told once", () => {
  const { bench, peer } = full({}, { maxLsas: 10 });
  for (let i = 0; i < 50; i++) peer.update(peer.lsa(router(1), { advertisingRouter: ELSEWHERE + i }));
  expect(bench.core.instance.lsaCount).toBeLessThanOrEqual(10);
  expect(bench.effects.filter((e) => e.type === "notice" && e.text.includes("more than 10 LSAs")).length).toBe(1);
  expect(bench.state(PEER)).toBe("Full");
});

step("few LSAs that say much count as many: beyond 64 octets for each of maxLsas they are not kept, nor grow", () => {
  const { bench, peer } = full({}, { maxLsas: 30 });
  const wide = { ...router(1), links: Array.from({ length: 40 }, () => router(1).links[0]) };
  const small = peer.lsa(router(1), { advertisingRouter: ELSEWHERE });
  peer.update(small);
  for (let i = 1; i < 10; i++) peer.update(peer.lsa(wide, { advertisingRouter: ELSEWHERE + i }));
  expect(bench.core.instance.lsaOctets).toBeLessThanOrEqual(30 * 64);
  expect(bench.core.instance.lsaCount).toBeLessThan(10);
  bench.pass(1000);
  peer.hello();
  const next = { advertisingRouter: ELSEWHERE, sequence: INITIAL_SEQUENCE_NUMBER + 1 };
  peer.update(peer.lsa(wide, next));
  expect(held(bench, small.header)?.lsa.header.sequence).toBe(INITIAL_SEQUENCE_NUMBER);
  peer.update(peer.lsa(router(1), next));
  expect(held(bench, small.header)?.lsa.header.sequence).toBe(next.sequence);
  const told = bench.effects.filter((e) => e.type === "notice" && e.text.includes("more than 1920 octets of LSAs"));
  expect(told.length).toBe(1);
});

step("an instance that comes after the flush that ended it is not taken for a new LSA", () => {
  const { bench, peer } = full();
  const lsa = third(peer);
  peer.update(withAge(lsa, MAX_AGE));
  peer.update(lsa);
  expect(held(bench, lsa.header)).toBeUndefined();
  const next = third(peer, INITIAL_SEQUENCE_NUMBER + 1);
  peer.update(next);
  expect(held(bench, next.header)).toBeDefined();
});

step("an instance that is still sent some time after a flush is believed", () => {
  const { bench, peer } = full();
  const lsa = third(peer);
  peer.update(withAge(lsa, MAX_AGE));
  bench.pass(2000);
  peer.hello();
  peer.update(lsa);
  expect(held(bench, lsa.header)).toBeDefined();
});

step("an acknowledgment of the instance before its flush does not acknowledge the flush (§13.7)", () => {
  const { bench, peer } = full();
  const lsa = withAge(third(peer), MAX_AGE - 2);
  peer.update(lsa);
  bench.pass(2500);
  peer.hello();
  const entry = held(bench, lsa.header)!;
  expect(entry.unacknowledged).toBe(1);
  peer.acknowledge(lsa);
  expect(entry.unacknowledged).toBe(1);
});
