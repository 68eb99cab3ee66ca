/** What changed, and what is therefore out. */
import { expect, test } from "bun:test";
import { NEVER } from "#base/time";
import type { AreaConfig, OspfConfig } from "#ospf/config";
import { noteBorder } from "#ospf/configure";
import { FOLLOW_UP_INTERVAL, MIN_LS_INTERVAL } from "#ospf/constants";
import { isMaxAge } from "#ospf/database/store";
import { Originator } from "#ospf/origination/originator";
import { TRANSLATOR_STABILITY } from "#ospf/origination/translator";
import type { NssaLsa, RouterLsa } from "#ospf/packet/lsa-body";
import {
  AS_EXTERNAL_LSA,
  GRACE_LSA,
  INITIAL_SEQUENCE_NUMBER,
  INTER_AREA_PREFIX_LSA,
  INTRA_AREA_PREFIX_LSA,
  LINK_LSA,
  NETWORK_LSA,
  NSSA_LSA,
  ROUTER_LSA,
} from "#ospf/packet/lsa-header";
import { writeLsa } from "#ospf/packet/lsa-writer";
import { PREFIX_P } from "#ospf/packet/prefix";
import type { Scope } from "#ospf/scope";
import { area as areaConfig, config, on as interfaceConfig, prefix, stub } from "#ospf/testing/configs";
import { addInterface, addNeighbor, areaOf, linkLocal, newInstance, put } from "#ospf/testing/instances";
import { MemoryOutlet } from "#ospf/testing/memory-outlet";
import { route, tableOf, way } from "#ospf/testing/tables";

const US = 50;

/** A router with an interface "if<area>" up in each area. */
function bench(areas: AreaConfig[] = [areaConfig(0)], more: Partial<OspfConfig> = {}) {
  const instance = newInstance(config(US, { areas, ...more }));
  for (const { id } of areas) addInterface(instance, interfaceConfig(`if${id}`, { area: id }), id + 1);
  noteBorder(instance);
  const outlet = new MemoryOutlet(instance);
  const originator = new Originator(instance, outlet);
  const work = () => originator.reconcile({ now: outlet.now, effects: [] });
  return {
    instance,
    outlet,
    originator,
    work,
    on: (area: number) => instance.interfaces.get(`if${area}`)!,
    pass: (millis: number) => {
      const end = outlet.now + millis;
      while (originator.deadline() <= end) {
        outlet.now = Math.max(outlet.now, originator.deadline());
        work();
      }
      outlet.now = end;
    },
    /** Types out in an area, on the link of its interface, and in the autonomous system. */
    types: (area: number) =>
      [areaOf(instance, area).database, instance.interfaces.get(`if${area}`)!.database, instance.external].map(
        (store) =>
          [...store.entries()]
            .filter((entry) => !isMaxAge(entry))
            .map(({ lsa }) => lsa.header.type)
            .sort(),
      ),
  };
}

test("a router that starts tells what it is: nothing needs to be said to it first", () => {
  const { work, types } = bench([areaConfig(0)], { prefixes: [stub("2001:db8::/64")] });
  work();
  expect(types(0)).toEqual([[ROUTER_LSA, INTRA_AREA_PREFIX_LSA], [LINK_LSA], []]);
});

test("without a word of change nothing is computed, and the deadline is that of the next renewal", () => {
  const { originator, work, outlet, on } = bench();
  expect(originator.deadline()).toBe(0);
  work();
  expect(originator.deadline()).toBeGreaterThan(1_000_000);
  addNeighbor(on(0), { routerId: 9, interfaceId: 1, address: linkLocal(9) });
  work();
  expect(outlet.originated.length).toBe(2);
});

test("a neighbor that becomes Full changes the router-LSA alone", () => {
  const { originator, pass, outlet, instance, on } = bench();
  pass(10_000);
  addNeighbor(on(0), { routerId: 9, interfaceId: 1, address: linkLocal(9) });
  originator.changed({ kind: "area", area: areaOf(instance, 0) });
  pass(0);
  expect(outlet.originated.slice(2).map(({ lsa }) => lsa.header.type)).toEqual([ROUTER_LSA]);
});

test("an adjacency on a link that we are Designated Router of: network-LSA, router-LSA and the link's prefixes (RFC 5340 §4.4.3)", () => {
  const { originator, pass, types, on } = bench();
  const link = on(0);
  link.config = { ...link.config, kind: "broadcast", prefixes: [prefix("2001:db8::/64")] };
  Object.assign(link, { state: "DR", designatedRouter: US });
  addNeighbor(link, { routerId: 9, interfaceId: 1, address: linkLocal(9) });
  originator.changed({ kind: "link", interface: link });
  pass(0);
  expect(types(0)[0]).toEqual([ROUTER_LSA, NETWORK_LSA, INTRA_AREA_PREFIX_LSA]);
  link.designatedRouter = 9; // RFC 2328 §12.4 (3)
  link.state = "Backup";
  originator.changed({ kind: "area", area: link.area });
  pass(10_000);
  expect(types(0)[0]).toEqual([ROUTER_LSA]);
});

test("an interface that goes down takes its Link-LSA, its links and its prefixes with it", () => {
  const { originator, pass, types, on } = bench([areaConfig(0)], { prefixes: [] });
  const link = on(0);
  link.config = { ...link.config, prefixes: [prefix("2001:db8::/64")] };
  pass(0);
  expect(types(0)[0]).toEqual([ROUTER_LSA, INTRA_AREA_PREFIX_LSA]);
  link.state = "Down";
  originator.changed({ kind: "link", interface: link });
  pass(0);
  expect(types(0)).toEqual([[ROUTER_LSA], [], []]);
});

test("becoming a border router changes flags everywhere and tells of the other areas, though nobody says so (RFC 2328 §12.4 (7))", () => {
  const { originator, instance, pass, types, on } = bench([areaConfig(0), areaConfig(1)]);
  on(1).state = "Down";
  noteBorder(instance);
  instance.table = tableOf([route("2001:db8:1::/48", { area: 1 }), route("2001:db8:2::/48", { area: 0 })]);
  pass(10_000);
  expect([types(0)[0], types(1)[0]]).toEqual([[ROUTER_LSA], [ROUTER_LSA]]);
  on(1).state = "PointToPoint";
  noteBorder(instance);
  originator.changed({ kind: "link", interface: on(1) });
  pass(0);
  expect([types(0)[0], types(1)[0]]).toEqual([
    [ROUTER_LSA, INTER_AREA_PREFIX_LSA],
    [ROUTER_LSA, INTER_AREA_PREFIX_LSA],
  ]);
  for (const area of [0, 1]) {
    const entry = areaOf(instance, area).database.get({ type: ROUTER_LSA, linkStateId: 0, advertisingRouter: US });
    expect((entry!.body as RouterLsa).flags).toBe(1);
  }
});

test("routes that come and go are told and taken back (RFC 2328 §12.4 (5), (6))", () => {
  const { originator, instance, pass, types } = bench([areaConfig(0), areaConfig(1)]);
  pass(10_000);
  instance.table = tableOf([route("2001:db8:1::/48", { area: 1 })]);
  originator.changed({ kind: "table" });
  pass(0);
  expect(types(0)[0]).toEqual([ROUTER_LSA, INTER_AREA_PREFIX_LSA]);
  instance.table = tableOf([]);
  originator.changed({ kind: "table" });
  pass(0);
  expect(types(0)[0]).toEqual([ROUTER_LSA]);
});

test("a router that is no AS boundary router any more flushes its AS-external-LSAs (RFC 2328 §12.4 (10))", () => {
  const external = [{ prefix: prefix("2001:db8::/32"), metric: 1, metricType: 2 as const }];
  const { originator, instance, pass, types } = bench([areaConfig(0)], { external });
  pass(10_000);
  expect(types(0)[2]).toEqual([AS_EXTERNAL_LSA]);
  instance.config = { ...instance.config, external: [] };
  originator.changed({ kind: "all" });
  pass(0);
  expect(types(0)[2]).toEqual([]);
});

/** A border router of NSSA 1, with an NSSA-LSA of router 7 inside that is to be translated. */
function translator() {
  const made = bench([areaConfig(0), areaConfig(1, { kind: "nssa", summaries: false })]);
  const body: NssaLsa = {
    kind: "nssa",
    metricType: 2,
    metric: 20,
    prefix: { ...prefix("2001:db8:e::/48"), options: PREFIX_P },
    forwardingAddress: prefix("2001:db8:f::1/128").address,
  };
  put(areaOf(made.instance, 1).database, body, { advertisingRouter: 7 });
  const compute = (...rivals: number[]): void => {
    const inside = route("2001:db8:f::/64", { area: 1, cost: 5 });
    const outside = route("2001:db8:e::/48", { area: undefined, path: "external-2", cost: 5, type2Cost: 20 });
    const ways = rivals.flatMap((id) => [way(id, { area: 1, isAsbr: true }), way(id, { area: 0, isAsbr: true })]);
    const asbr = way(7, { area: 1, isAsbr: true, isBorder: false });
    made.instance.table = tableOf([inside, outside], [asbr, ...ways]);
  };
  return { ...made, compute };
}

test("translations follow the routing table, even one in which no route changed (RFC 3101 §3.2)", () => {
  const { pass, types, compute, originator, instance } = translator();
  pass(10_000);
  expect(types(0)[2]).toEqual([]);
  compute();
  pass(0);
  expect(originator.translatorOf(areaOf(instance, 1)).state).toBe("elected");
  expect(types(0)[2]).toEqual([AS_EXTERNAL_LSA]);
});

test("an NSSA-LSA that the routing table does not know yet changes no translation (RFC 3101 §3.2)", () => {
  const { pass, types, compute, originator, instance, outlet } = translator();
  compute();
  pass(10_000);
  const [entry] = areaOf(instance, 1).database.ofType(NSSA_LSA);
  put(areaOf(instance, 1).database, { ...(entry!.body as NssaLsa), metric: 21 }, { advertisingRouter: 7 });
  originator.changed({ kind: "area", area: areaOf(instance, 1) });
  pass(10_000);
  expect(types(0)[2]).toEqual([AS_EXTERNAL_LSA]);
  expect(outlet.flushed).toEqual([]);
});

test("a deposed translator keeps its translations through the stability interval and after it, until another has them out (RFC 3101 §3.3)", () => {
  const { pass, types, compute, originator, instance } = translator();
  compute();
  pass(10_000);
  compute(US + 1);
  pass(1000);
  const nssa = areaOf(instance, 1);
  expect(originator.translatorOf(nssa)).toEqual({ state: "elected", until: 10_000 + TRANSLATOR_STABILITY });
  expect(originator.deadline()).toBe(10_000 + TRANSLATOR_STABILITY);
  pass(TRANSLATOR_STABILITY);
  expect(originator.translatorOf(nssa)).toEqual({ state: "disabled", until: NEVER });
  expect(types(0)[2]).toEqual([AS_EXTERNAL_LSA]);
  const [ours] = instance.external.ofRouter(AS_EXTERNAL_LSA, US);
  put(instance.external, ours!.body, { advertisingRouter: US + 1 });
  compute(US + 1);
  pass(0);
  expect([...instance.external.ofRouter(AS_EXTERNAL_LSA, US)].every(isMaxAge)).toBe(true);
});

test("a border router that loses the NSSA takes its translations back", () => {
  const { pass, types, compute, originator, instance, on } = translator();
  compute();
  pass(10_000);
  on(1).state = "Down";
  noteBorder(instance);
  originator.changed({ kind: "link", interface: on(1) });
  pass(0);
  expect(types(0)[2]).toEqual([]);
});

const areaScope = (made: ReturnType<typeof bench>, id: number): Scope => ({
  kind: "area",
  area: areaOf(made.instance, id),
});
const routerLsa = (sequence: number, links: RouterLsa["links"] = []) =>
  writeLsa(
    { age: 1, linkStateId: 0, advertisingRouter: US, sequence },
    { kind: "router", flags: 0, options: 0, links },
  );

test("our LSAs of an earlier life are answered in the turn that they come in (RFC 2328 §13.4)", () => {
  const made = bench();
  made.work();
  made.outlet.receive(made.originator, areaScope(made, 0), routerLsa(500));
  expect(made.originator.deadline()).toBe(0);
  made.work();
  expect(made.outlet.originated.at(-1)!.lsa.header.sequence).toBe(501);
});

test("a network-LSA for a link that we are no longer Designated Router of is flushed (RFC 2328 §13.4)", () => {
  const made = bench();
  addNeighbor(made.on(0), { routerId: 9, interfaceId: 1, address: linkLocal(9) });
  made.work();
  const lsa = writeLsa(
    { age: 1, linkStateId: 1, advertisingRouter: US, sequence: 4 },
    { kind: "network", options: 0, attachedRouters: [US, 9] },
  );
  made.outlet.receive(made.originator, areaScope(made, 0), lsa);
  made.work();
  expect(made.outlet.flushed.map(({ lsa: { header } }) => [header.type, header.sequence])).toEqual([[NETWORK_LSA, 4]]);
});

test("while we restart gracefully nothing goes out or is taken back, and our LSAs are kept (RFC 3623 §2.2)", () => {
  const made = bench();
  made.originator.suspend();
  made.outlet.receive(made.originator, areaScope(made, 0), routerLsa(500));
  made.pass(60_000);
  expect([made.originator.deadline(), made.outlet.originated, made.outlet.flushed]).toEqual([NEVER, [], []]);
});

test("when the restart ends, what is right stays as it is, what is not is put right or flushed (RFC 3623 §2.3, RFC 5187 §3.1)", () => {
  const made = bench([areaConfig(0), areaConfig(1)], { prefixes: [stub("2001:db8:9::/64", { area: 1 })] });
  const { originator, outlet, instance, pass } = made;
  // What the earlier life had out, and neighbors give back.
  const before = bench([areaConfig(0), areaConfig(1)], { prefixes: [stub("2001:db8:9::/64", { area: 1 })] });
  before.instance.table = tableOf([route("2001:db8:1::/48", { area: 1 }), route("2001:db8:2::/48", { area: 1 })]);
  before.pass(0);
  originator.suspend();
  for (const id of [0, 1]) {
    for (const { lsa } of areaOf(before.instance, id).database.entries())
      outlet.receive(originator, areaScope(made, id), lsa);
  }
  addNeighbor(made.on(0), { routerId: 9, interfaceId: 1, address: linkLocal(9) });
  pass(20_000);
  originator.resume({ now: outlet.now, effects: [] });
  pass(0);
  expect(outlet.originated.map(({ lsa: { header } }) => [header.type, header.sequence])).toEqual([
    [LINK_LSA, INITIAL_SEQUENCE_NUMBER],
    [LINK_LSA, INITIAL_SEQUENCE_NUMBER],
    [ROUTER_LSA, INITIAL_SEQUENCE_NUMBER + 1], // of area 0: it has a link now
  ]);
  expect(outlet.flushed).toEqual([]); // summaries wait for the routing table
  instance.table = tableOf([route("2001:db8:1::/48", { area: 1 }), route("2001:db8:3::/48", { area: 1 })]);
  pass(0);
  expect(outlet.originated.slice(3).map(({ lsa }) => lsa.header.type)).toEqual([INTER_AREA_PREFIX_LSA]);
  expect(outlet.flushed.map(({ lsa }) => lsa.header.type)).toEqual([INTER_AREA_PREFIX_LSA]);
});

test("Grace-LSAs of ours are let be during a restart, and flushed at other times (RFC 3623 §2.3 (6))", () => {
  const made = bench();
  const scope: Scope = { kind: "link", interface: made.on(0) };
  const grace = writeLsa(
    { age: 1, linkStateId: 1, advertisingRouter: US, sequence: 4 },
    { kind: "grace", gracePeriod: 60, reason: 1 },
  );
  made.originator.suspend();
  made.outlet.receive(made.originator, scope, grace);
  made.originator.resume({ now: 0, effects: [] });
  made.pass(0);
  expect(made.outlet.flushed).toEqual([]);
  made.outlet.receive(made.originator, scope, grace);
  made.pass(0);
  expect(made.outlet.flushed.map(({ lsa }) => lsa.header.type)).toEqual([GRACE_LSA]);
});

test("at the end all our LSAs are flushed, and none follow: also not those that come in then (RFC 2328 §14.1)", () => {
  const external = [{ prefix: prefix("2001:db8::/32"), metric: 1, metricType: 2 as const }];
  const made = bench([areaConfig(0)], { external });
  made.pass(10_000);
  made.originator.flushAll({ now: made.outlet.now, effects: [] });
  expect(made.types(0)).toEqual([[], [], []]);
  made.originator.changed({ kind: "all" });
  made.outlet.receive(made.originator, areaScope(made, 0), routerLsa(900));
  expect(made.types(0)).toEqual([[], [], []]);
  made.pass(60_000);
  expect([made.originator.deadline(), made.types(0)]).toEqual([NEVER, [[], [], []]]);
});

test("areas and interfaces that are no more leave nothing to do", () => {
  const { instance, originator, pass, on, outlet } = bench([areaConfig(0), areaConfig(1)]);
  pass(10_000);
  originator.changed({ kind: "link", interface: on(1) });
  const gone = on(1);
  instance.interfaces.delete(gone.name);
  instance.areas.delete(1);
  noteBorder(instance);
  pass(10_000);
  const before = outlet.originated.length;
  pass(4_000_000);
  expect(
    outlet.originated
      .slice(before)
      .every(({ store }) => store === on(0).database || store === areaOf(instance, 0).database),
  ).toBe(true);
});

test("MinLSInterval holds between the router-LSAs of a flapping adjacency (RFC 2328 §12.4)", () => {
  const { instance, originator, pass, outlet, on } = bench();
  const neighbor = addNeighbor(on(0), { routerId: 9, interfaceId: 1, address: linkLocal(9) });
  for (let i = 0; i < 100; i++) {
    neighbor.state = i % 2 === 0 ? "Init" : "Full";
    originator.changed({ kind: "area", area: areaOf(instance, 0) });
    pass(130);
  }
  const times = outlet.told.filter(({ lsa }) => lsa.header.type === ROUTER_LSA).map(({ at }) => at);
  expect(times.length).toBeWithin(2, 5);
  const gaps = times.slice(1).map((at, i) => at - times[i]!);
  expect(gaps[0]).toBeGreaterThanOrEqual(FOLLOW_UP_INTERVAL);
  expect(gaps[1]).toBeGreaterThanOrEqual(2 * FOLLOW_UP_INTERVAL);
  for (const gap of gaps.slice(2)) expect(gap).toBeGreaterThanOrEqual(MIN_LS_INTERVAL);
});
