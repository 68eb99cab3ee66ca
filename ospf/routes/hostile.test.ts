/** Databases that no honest network has: the work is bounded by their size, nothing throws, honest routes stay right. */
import { expect, test } from "bun:test";
import fc from "fast-check";
import { nextBelow, nextU32, seeded } from "#base/random";
import { type LsaBody, POINT_TO_POINT_LINK, type RouterLink, TRANSIT_LINK } from "#ospf/packet/lsa-body";
import { NETWORK_LSA, ROUTER_LSA } from "#ospf/packet/lsa-header";
import { OPTION_R, OPTION_V6 } from "#ospf/packet/options";
import type { MeasuredPrefix } from "#ospf/packet/prefix";
import { compute, newMemory, noChanges, type Outcome } from "#ospf/routes/computation";
import { PIECE } from "#ospf/routes/work";
import type { Instance } from "#ospf/state";
import { area, on as interfaceConfig } from "#ospf/testing/configs";
import { addInterface, addNeighbor, entryOf, linkLocal, put } from "#ospf/testing/instances";
import { databaseOf, external, intra, ME, neighborhood, summary } from "#ospf/testing/neighborhood";

const OPTIONS = OPTION_R | OPTION_V6;
const HONEST = "2001:db8:1::/48";

/** We, router 2 on a point-to-point link, which owns a prefix. */
function honest(): Instance {
  const instance = neighborhood([area(0)], [{ id: 2, area: 0, cost: 3 }]);
  put(databaseOf(instance, 0), intra(2, HONEST, 1), { advertisingRouter: 2 });
  return instance;
}

function run(instance: Instance): Outcome & { readonly pieces: number } {
  const work = compute(instance, newMemory(instance), noChanges(), instance.table);
  for (let pieces = 1; ; pieces++) {
    const { done, value } = work.next();
    if (done) return { ...value, pieces };
  }
}

const link = (to: number, more: Partial<RouterLink> = {}): RouterLink => ({
  type: POINT_TO_POINT_LINK,
  metric: 1,
  interfaceId: 1,
  neighborInterfaceId: 1,
  neighborRouterId: to,
  ...more,
});
const router = (links: readonly RouterLink[]): LsaBody => ({ kind: "router", flags: 3, options: OPTIONS, links });

function expectHonest({ table }: Outcome): void {
  expect(table.routes.get(HONEST)).toMatchObject({ path: "intra", cost: 4, nextHops: [{ interface: "to2" }] });
}

test("a million prefixes are a million routes, found in as many steps", () => {
  const instance = honest();
  const each = 2900;
  for (let id = 1; id <= 345; id++) {
    const prefixes: MeasuredPrefix[] = Array.from({ length: each }, (_, i) => {
      const address = new Uint8Array(16);
      address.set([0x20, 0x02, id >> 8, id, i >> 8, i]);
      return { address, length: 64, options: 0, metric: 0 };
    });
    const referenced = { type: ROUTER_LSA, linkStateId: 0, advertisingRouter: 2 };
    // Written without prefixes: a thousand times faster, and nobody looks at the octets here.
    const entry = entryOf(
      { kind: "intraAreaPrefix", referenced, prefixes: [] },
      { advertisingRouter: 2, linkStateId: id },
    );
    databaseOf(instance, 0).set({ ...entry, body: { kind: "intraAreaPrefix", referenced, prefixes } });
  }
  const outcome = run(instance);
  expect(outcome.table.routes.size).toBe(345 * each + 1);
  expect(outcome.leftOut).toBe(0);
  expect(outcome.pieces).toBeLessThan((4 * 345 * each) / PIECE);
  expectHonest(outcome);
}, 60_000);

test("beyond two for each of maxLsas prefixes are left out, until those before them are gone", () => {
  const instance = honest();
  instance.config = { ...instance.config, maxLsas: 50 };
  const memory = newMemory(instance);
  const computeAgain = (): Outcome => {
    const work = compute(instance, memory, { ...noChanges(), internal: true }, instance.table);
    for (;;) {
      const { done, value } = work.next();
      if (!done) continue;
      instance.table = value.table;
      return value;
    }
  };
  const tell = (from: number, count: number): void => {
    const database = databaseOf(instance, 0);
    for (let i = 0; i < count; i++) {
      const at = { advertisingRouter: 2, linkStateId: 1000 + i };
      put(database, intra(2, `2001:db8:ffff:${(from + i).toString(16)}::/64`, 1), at);
    }
  };
  tell(0, 150);
  expectHonest(computeAgain());
  expect(instance.table.routes.size).toBe(100);
  expect(computeAgain().leftOut).toBe(51);
  for (let i = 0; i < 150; i++) {
    databaseOf(instance, 0).delete({ type: 0x2009, advertisingRouter: 2, linkStateId: 1000 + i });
  }
  tell(1000, 90);
  computeAgain(); // the numbers are all given: it finds only what had one
  expect(computeAgain()).toMatchObject({ leftOut: 0 });
  expect(instance.table.routes.size).toBe(91);
});

test("costs of 60 000 hops of 65535 are exact", () => {
  const instance = honest();
  const database = databaseOf(instance, 0);
  const hops = 60_000;
  const id = (i: number): number => 1000 + i;
  put(database, router([link(ME, { interfaceId: 9, metric: 3 }), link(id(0))]), { advertisingRouter: 2 });
  for (let i = 0; i < hops; i++) {
    const links = [link(i === 0 ? 2 : id(i - 1)), link(id(i + 1), { metric: 65_535 })];
    put(database, router(links), { advertisingRouter: id(i) });
  }
  put(database, router([link(id(hops - 1))]), { advertisingRouter: id(hops) });
  put(database, intra(id(hops), "2001:db8:2::/48", 65_535), { advertisingRouter: id(hops) });
  put(database, summary("2001:db8:3::/48", 0xff_fffe), { advertisingRouter: id(hops) });
  const outcome = run(instance);
  const distance = 3 + 1 + hops * 65_535;
  expect(outcome.table.routes.get("2001:db8:2::/48")?.cost).toBe(distance + 65_535);
  expect(outcome.table.routes.get("2001:db8:3::/48")?.cost).toBe(distance + 0xff_fffe);
  expectHonest(outcome);
});

test("loops of links that cost nothing end, and lead nowhere that they should not", () => {
  const instance = honest();
  const database = databaseOf(instance, 0);
  const free = { metric: 0 };
  const ring = [10, 11, 12];
  put(database, router([link(ME, { interfaceId: 9, metric: 3 }), ...ring.map((id) => link(id, free))]), {
    advertisingRouter: 2,
  });
  for (const id of ring) {
    const links = [2, ...ring, id].map((to) => link(to, free));
    put(database, router(links), { advertisingRouter: id });
    put(database, intra(id, "2001:db8:2::/48"), { advertisingRouter: id });
  }
  const outcome = run(instance);
  expect(outcome.table.routes.get("2001:db8:2::/48")).toMatchObject({ cost: 3, nextHops: [{ interface: "to2" }] });
  expectHonest(outcome);
});

test("links that others claim to us, our neighbors or networks that do not answer change nothing", () => {
  const instance = honest();
  const database = databaseOf(instance, 0);
  const liar = 66;
  const claims = [ME, 2, 99].flatMap((id) => [link(id), link(id, { type: TRANSIT_LINK }), link(id, { type: 77 })]);
  put(database, router(claims), { advertisingRouter: liar });
  put(database, intra(liar, HONEST), { advertisingRouter: liar });
  put(database, summary(HONEST, 0), { advertisingRouter: liar });
  put(instance.external, external("asExternal", HONEST, { metricType: 1, metric: 0 }), { advertisingRouter: liar });
  for (let linkStateId = 0; linkStateId < 4; linkStateId++) {
    const attachedRouters = [ME, 2, liar, 99, ME, ME];
    const body = { kind: "network", options: OPTIONS, attachedRouters } as const;
    put(database, body, { advertisingRouter: linkStateId < 2 ? liar : 99, linkStateId });
  }
  const outcome = run(instance);
  expect(outcome.table.routes.size).toBe(1);
  expectHonest(outcome);
});

test("prefixes that refer to nothing, to networks without routers, or to LSAs of other kinds are no routes", () => {
  const instance = honest();
  const database = databaseOf(instance, 0);
  put(database, { kind: "network", options: OPTIONS, attachedRouters: [] }, { advertisingRouter: 2, linkStateId: 5 });
  const references = [
    { type: NETWORK_LSA, linkStateId: 5, advertisingRouter: 2 },
    { type: NETWORK_LSA, linkStateId: 6, advertisingRouter: 2 },
    { type: ROUTER_LSA, linkStateId: 0, advertisingRouter: 99 },
    { type: 0x2003, linkStateId: 0, advertisingRouter: 2 },
    { type: 0, linkStateId: 0, advertisingRouter: 0 },
  ];
  for (const [i, referenced] of references.entries()) {
    const body = { ...intra(2, "2001:db8:2::/48"), referenced } as LsaBody;
    put(database, body, { advertisingRouter: 2, linkStateId: 100 + i });
  }
  expect([...run(instance).table.routes.keys()]).toEqual([HONEST]);
});

test("a LAN that names one router 16 000 times, which names the LAN 4 000 times, costs no more than their octets", () => {
  const instance = honest();
  const database = databaseOf(instance, 0);
  const on = addInterface(instance, interfaceConfig("lan", { kind: "broadcast" }), 50);
  addNeighbor(on, { routerId: 7, interfaceId: 1, address: linkLocal(7) });
  const toLan = link(7, { type: TRANSIT_LINK, interfaceId: 50, neighborInterfaceId: 1, metric: 1 });
  const mine = link(2, { interfaceId: 2, neighborInterfaceId: 9, metric: 3 });
  put(database, router([mine, toLan]), { advertisingRouter: ME });
  const back = Array.from({ length: 4000 }, () => link(7, { type: TRANSIT_LINK, interfaceId: 1 }));
  put(database, router(back), { advertisingRouter: 7 });
  const attachedRouters = [ME, ...Array.from({ length: 16_000 }, () => 7)];
  put(database, { kind: "network", options: OPTIONS, attachedRouters }, { advertisingRouter: 7, linkStateId: 1 });
  put(database, intra(7, "2001:db8:2::/48"), { advertisingRouter: 7 });
  const outcome = run(instance);
  expect(outcome.table.routes.get("2001:db8:2::/48")?.nextHops).toEqual([{ interface: "lan", address: linkLocal(7) }]);
  expect(outcome.pieces).toBeLessThan((20 * 20_000) / PIECE);
  expectHonest(outcome);
});

/** Bodies of all kinds whose fields are few values, so that they meet. */
const id = fc.constantFrom(0, ME, 2, 3, 4, 0xffff_ffff);
const anyLink = fc.record({
  type: fc.constantFrom(0, 1, 2, 3, 4, 255),
  metric: fc.constantFrom(0, 1, 0xffff),
  interfaceId: id,
  neighborInterfaceId: id,
  neighborRouterId: id,
});
const anyPrefix = fc.record({
  address: fc.constantFrom(
    new Uint8Array(16),
    Uint8Array.from({ length: 16 }, (_, i) => (i < 2 ? 0x20 : 0)),
  ),
  length: fc.constantFrom(0, 3, 16, 64, 128),
  options: fc.nat(255),
  metric: fc.constantFrom(0, 0xffff),
});
const flags = fc.nat(255);
const options = fc.constantFrom(0, OPTIONS, 0xff_ffff);
const metric = fc.constantFrom(0, 1, 0xff_fffe, 0xff_ffff);
const anyBody: fc.Arbitrary<LsaBody> = fc.oneof(
  fc.record({ kind: fc.constant("router" as const), flags, options, links: fc.array(anyLink, { maxLength: 6 }) }),
  fc.record({ kind: fc.constant("network" as const), options, attachedRouters: fc.array(id, { maxLength: 5 }) }),
  fc.record({
    kind: fc.constant("intraAreaPrefix" as const),
    referenced: fc.record({ type: fc.constantFrom(0, 0x2001, 0x2002), linkStateId: id, advertisingRouter: id }),
    prefixes: fc.array(anyPrefix, { maxLength: 3 }),
  }),
  fc.record({ kind: fc.constant("interAreaPrefix" as const), metric, prefix: anyPrefix }),
  fc.record({ kind: fc.constant("interAreaRouter" as const), options, metric, destinationRouterId: id }),
  fc.record({
    kind: fc.constantFrom("asExternal" as const, "nssa" as const),
    metricType: fc.constantFrom(1 as const, 2 as const),
    metric,
    prefix: anyPrefix,
    forwardingAddress: fc.constantFrom(
      new Uint8Array(16),
      linkLocal(1),
      Uint8Array.from({ length: 16 }, () => 0x20),
    ),
  }),
);

test("whatever LSAs are in the databases, the computation ends, and every next hop is on an interface of ours", () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(anyBody, id, id, fc.constantFrom(0, 7)), { maxLength: 40 }), (lsas) => {
      const instance = neighborhood(
        [area(0), area(7, { kind: "nssa" })],
        [
          { id: 2, area: 0, cost: 3 },
          { id: 3, area: 7, cost: 3 },
        ],
      );
      for (const [body, advertisingRouter, linkStateId, of] of lsas) {
        const store = body.kind === "asExternal" ? instance.external : databaseOf(instance, of);
        put(store, body, { advertisingRouter, linkStateId });
      }
      const { table } = run(instance);
      for (const route of table.routes.values()) {
        expect(route.cost).toBeGreaterThanOrEqual(0);
        for (const hop of route.nextHops) expect(instance.interfaces.has(hop.interface)).toBe(true);
      }
    }),
    { numRuns: 500 },
  );
});

test("a dense graph of 300 routers costs steps by its links", () => {
  const instance = honest();
  const database = databaseOf(instance, 0);
  const random = seeded(1);
  const ids = Array.from({ length: 300 }, () => nextU32(random));
  put(database, router([link(ME, { interfaceId: 9, metric: 3 }), link(ids[0]!)]), { advertisingRouter: 2 });
  for (const [i, advertisingRouter] of ids.entries()) {
    const links = [...ids, ...(i === 0 ? [2] : [])].map((to) => link(to, { metric: 1 + nextBelow(random, 3) }));
    put(database, router(links), { advertisingRouter });
  }
  const outcome = run(instance);
  expect(outcome.vertices).toBe(302);
  expect(outcome.pieces).toBeLessThan((8 * 90_000) / PIECE);
  expectHonest(outcome);
});
