import { expect, test } from "bun:test";
import { formatPrefix, parsePrefix6 } from "#base/address";
import { NEVER } from "#base/time";
import type { Entry, LsaStore } from "#ospf/database/store";
import type { OspfEffect, Turn } from "#ospf/events";
import { withAge } from "#ospf/packet/lsa";
import { type LsaBody, POINT_TO_POINT_LINK, ROUTER_B, ROUTER_NT } from "#ospf/packet/lsa-body";
import { INTRA_AREA_PREFIX_LSA, ROUTER_LSA } from "#ospf/packet/lsa-header";
import { OPTION_R, OPTION_V6 } from "#ospf/packet/options";
import { opensOwnLink } from "#ospf/routes/own-links";
import { Routing } from "#ospf/routes/routing";
import type { Scope } from "#ospf/scope";
import type { Area, Instance } from "#ospf/state";
import { area as areaConfig, config, on } from "#ospf/testing/configs";
import { runUntil } from "#ospf/testing/drive";
import { addInterface, addNeighbor, entryOf, linkLocal, newInstance, type Origin, put } from "#ospf/testing/instances";
import { type ExternalMore, external, neighborhood, summary } from "#ospf/testing/neighborhood";
import { podOf, serverInstance } from "#ospf/testing/pods";

const ME = 1;
const OTHER = 2;
const OPTIONS = OPTION_R | OPTION_V6;

/** Us and one neighbor, which owns a prefix. */
class Pair {
  readonly instance: Instance;
  readonly area: Area;
  readonly routing: Routing;
  readonly effects: OspfEffect[] = [];

  constructor() {
    this.instance = newInstance(config(ME, { areas: [areaConfig(0)] }));
    this.area = this.instance.areas.get(0)!;
    const up = addInterface(this.instance, on("up"), 10);
    addNeighbor(up, { routerId: OTHER, interfaceId: 20, address: linkLocal(20) });
    this.routing = new Routing(this.instance);
    this.put(0, router(10, 20, OTHER), { advertisingRouter: ME });
    this.put(0, router(20, 10, ME), { advertisingRouter: OTHER });
    this.put(0, prefixLsa("2001:db8:1::/48"), { advertisingRouter: OTHER });
  }

  get scope(): Scope {
    return { kind: "area", area: this.area };
  }

  put(now: number, body: LsaBody, origin: Origin): Entry {
    const entry = entryOf(body, origin);
    this.install(now, entry);
    return entry;
  }

  install(now: number, entry: Entry): void {
    const before = this.area.database.get(entry.lsa.header);
    this.area.database.set(entry);
    this.routing.lsaChanged(now, this.scope, before, entry);
  }

  /** Until nothing is left to do before `now`; the last `routes` effect. */
  until(now: number): Extract<OspfEffect, { type: "routes" }> | undefined {
    const effects = runUntil(this.routing, now);
    this.effects.push(...effects);
    return effects.findLast((effect) => effect.type === "routes");
  }

  get texts(): string[] {
    return [...this.instance.table.routes.keys()];
  }
}

const router = (interfaceId: number, neighborInterfaceId: number, neighborRouterId: number, flags = 0): LsaBody => ({
  kind: "router",
  flags,
  options: OPTIONS,
  links: [{ type: POINT_TO_POINT_LINK, metric: 5, interfaceId, neighborInterfaceId, neighborRouterId }],
});

const prefixLsa = (text: string, metric = 1, of = OTHER): LsaBody => ({
  kind: "intraAreaPrefix",
  referenced: { type: ROUTER_LSA, linkStateId: 0, advertisingRouter: of },
  prefixes: [{ ...parsePrefix6(text)!, options: 0, metric }],
});

test("RFC 8405 §5.4: changes are computed together after the delay, and told once", () => {
  const pair = new Pair();
  pair.until(1000);
  const { routing } = pair;
  const effects: OspfEffect[] = [];
  pair.put(20_000, prefixLsa("2001:db8:2::/48"), { advertisingRouter: OTHER, linkStateId: 1 });
  pair.put(20_030, prefixLsa("2001:db8:3::/48"), { advertisingRouter: OTHER, linkStateId: 2 });
  expect(routing.deadline()).toBe(20_050);
  expect(routing.run({ now: 20_049, effects })).toBe(false);
  expect(effects).toEqual([]);
  expect(routing.run({ now: 20_050, effects })).toBe(true);
  const nextHops = [{ interface: "up", address: linkLocal(20) }];
  const changed = ["2001:db8:2::/48", "2001:db8:3::/48"].map((text) => {
    const prefix = parsePrefix6(text)!;
    return { prefix, text: formatPrefix(prefix), path: "intra" as const, area: 0, cost: 6, nextHops };
  });
  expect(effects).toEqual([{ type: "routes", changed, removed: [] }]);
  expect(routing.deadline()).toBe(NEVER);
});

test("a link of ours that begins to carry traffic is computed at once, whatever the back-off has others wait", () => {
  const pair = new Pair();
  const { routing } = pair;
  const withoutLink: LsaBody = { kind: "router", flags: 0, options: OPTIONS, links: [] };
  pair.put(100, withoutLink, { advertisingRouter: ME });
  for (let now = 200; now < 2000; now += 100)
    pair.put(now, prefixLsa("2001:db8:1::/48", now), { advertisingRouter: OTHER });
  pair.until(9000);
  pair.put(9000, prefixLsa("2001:db8:1::/48"), { advertisingRouter: OTHER });
  pair.put(9000, router(10, 20, OTHER), { advertisingRouter: ME });
  expect(routing.deadline()).toBe(14_000); // the neighbor has not said of late that it is there
  expect(pair.texts).toEqual([]);
  pair.put(9010, withoutLink, { advertisingRouter: ME });
  pair.install(9050, { ...entryOf(router(20, 10, ME, ROUTER_B), { advertisingRouter: OTHER }), installedAt: 9050 });
  pair.put(9100, router(10, 20, OTHER), { advertisingRouter: ME });
  expect(routing.deadline()).toBe(9100);
  pair.until(9100);
  expect(pair.texts).toEqual(["2001:db8:1::/48"]);
  const runs = routing.log().length;
  pair.until(20_000);
  expect(routing.log()).toHaveLength(runs); // nothing was left for the timer that had been running
});

test("links are our own that name us, or a network that we are on; another metric opens none, nor does one that goes", () => {
  const { instance, scope } = new Pair();
  const opens = (advertisingRouter: number, after: LsaBody, before?: LsaBody): boolean => {
    const entry = (body: LsaBody): Entry => entryOf(body, { advertisingRouter });
    return opensOwnLink(instance, { scope, before: before && entry(before), after: entry(after) }, 1000);
  };
  expect(opens(ME, router(10, 20, OTHER))).toBe(true);
  expect(opens(OTHER, router(20, 10, ME))).toBe(true);
  expect(opens(OTHER, router(21, 30, 3))).toBe(false);
  expect(opens(OTHER, router(20, 10, ME), router(20, 10, ME, ROUTER_B))).toBe(false);
  expect(opens(OTHER, { kind: "router", flags: 0, options: OPTIONS, links: [] }, router(20, 10, ME))).toBe(false);
  const network = (...attachedRouters: number[]): LsaBody => ({ kind: "network", options: OPTIONS, attachedRouters });
  expect(opens(OTHER, network(OTHER, ME))).toBe(true);
  expect(opens(OTHER, network(OTHER, ME), network(OTHER))).toBe(true);
  expect(opens(OTHER, network(OTHER), network(OTHER, ME))).toBe(false);
  expect(opens(OTHER, network(OTHER, 3))).toBe(false);
});

test("RFC 2328 §13.2: an instance that says the same needs no computation", () => {
  const pair = new Pair();
  pair.until(1000);
  pair.put(1000, router(20, 10, ME), { advertisingRouter: OTHER, sequence: 2 });
  pair.put(1000, prefixLsa("2001:db8:1::/48"), { advertisingRouter: OTHER, sequence: 2 });
  expect(pair.routing.deadline()).toBe(NEVER);
  expect(pair.routing.log()).toHaveLength(1);
});

test("RFC 2328 §16: a MaxAge instance takes its routes away, its removal from the database then changes nothing", () => {
  const pair = new Pair();
  pair.until(1000);
  const entry = pair.area.database.get({ type: INTRA_AREA_PREFIX_LSA, linkStateId: 0, advertisingRouter: OTHER })!;
  const old = { ...entry, lsa: withAge(entry.lsa, 3600) };
  pair.install(1000, old);
  const effect = pair.until(7000);
  expect(effect?.changed).toEqual([]);
  expect(effect?.removed.map(({ text }) => text)).toEqual(["2001:db8:1::/48"]);
  pair.area.database.delete(old.lsa.header);
  pair.routing.lsaChanged(7000, pair.scope, old, undefined);
  expect(pair.routing.deadline()).toBe(NEVER);
});

test("RFC 5340 §4.8.3: only a change of links computes trees; prefixes are computed with the last ones", () => {
  const pair = new Pair();
  pair.until(1000);
  pair.put(1000, prefixLsa("2001:db8:2::/48"), { advertisingRouter: OTHER, linkStateId: 2 });
  pair.until(20_000);
  pair.put(20_000, router(20, 10, ME, ROUTER_B), { advertisingRouter: OTHER, sequence: 3 });
  pair.until(40_000);
  pair.put(40_000, summary("2001:db8:3::/48"), { advertisingRouter: OTHER });
  pair.until(60_000);
  expect(pair.routing.log().map(({ kind, prefixes, changed }) => [kind, prefixes, changed])).toEqual([
    ["full", 1, 1],
    ["prefix", 2, 1],
    ["full", 2, 0],
    ["prefix", 3, 1],
  ]);
});

test("routes that did not change are the same objects in the next table", () => {
  const pair = new Pair();
  pair.until(1000);
  const route = pair.instance.table.routes.get("2001:db8:1::/48");
  pair.put(1000, prefixLsa("2001:db8:2::/48"), { advertisingRouter: OTHER, linkStateId: 2 });
  pair.routing.topologyChanged(1000);
  const effect = pair.until(20_000);
  expect(pair.instance.table.routes.get("2001:db8:1::/48")).toBe(route!);
  expect(effect?.changed.map(({ text }) => text)).toEqual(["2001:db8:2::/48"]);
});

test("RFC 2328 §16.2 (2): summaries of ours are no reason to compute, nor are those of areas besides a border's backbone", () => {
  const pair = new Pair();
  pair.until(1000);
  pair.put(1000, summary("2001:db8:3::/48"), { advertisingRouter: ME });
  expect(pair.routing.deadline()).toBe(NEVER);
  pair.instance.isBorder = true;
  const area: Area = { ...pair.area, id: 7 };
  const entry = entryOf(summary("2001:db8:3::/48"), { advertisingRouter: OTHER });
  pair.routing.lsaChanged(1000, { kind: "area", area }, undefined, entry);
  expect(pair.routing.deadline()).toBe(NEVER);
});

test("RFC 5340 §4.8.2: of Link-LSAs another address is a reason to compute, other prefixes are none", () => {
  const pair = new Pair();
  pair.until(1000);
  const up = pair.instance.interfaces.get("up")!;
  const link = (address: number, prefixes: string[]): Entry =>
    entryOf(
      {
        kind: "link",
        priority: 1,
        options: OPTIONS,
        linkLocalAddress: linkLocal(address),
        prefixes: prefixes.map((text) => ({ ...parsePrefix6(text)!, options: 0 })),
      },
      { advertisingRouter: OTHER, linkStateId: 20 },
    );
  const scope: Scope = { kind: "link", interface: { ...up, config: on("up", { kind: "broadcast" }) } };
  pair.routing.lsaChanged(1000, { kind: "link", interface: up }, link(20, []), link(21, []));
  expect(pair.routing.deadline()).toBe(NEVER); // point-to-point: what the hellos come from counts
  pair.routing.lsaChanged(1000, scope, link(20, []), link(20, ["2001:db8:9::/64"]));
  expect(pair.routing.deadline()).toBe(NEVER);
  pair.routing.lsaChanged(1000, scope, link(20, []), link(21, []));
  expect(pair.routing.deadline()).toBe(6000);
});

test("RFC 3623 §2.2, §2.3: while suspended the table is computed and not told; resuming tells all, even nothing", () => {
  const pair = new Pair();
  pair.routing.suspend();
  pair.until(1000);
  expect(pair.texts).toEqual(["2001:db8:1::/48"]);
  expect(pair.effects).toEqual([]);
  pair.routing.resume(1000);
  expect(pair.routing.deadline()).toBe(1000);
  expect(pair.until(1000)?.changed.map(({ text }) => text)).toEqual(["2001:db8:1::/48"]);
  pair.routing.suspend();
  pair.routing.resume(2000);
  const effects: OspfEffect[] = [];
  pair.routing.run({ now: 2000, effects });
  expect(effects).toEqual([{ type: "routes", changed: [], removed: [] }]);
  pair.routing.topologyChanged(3000);
  expect(runUntil(pair.routing, 20_000)).toEqual([]);
});

test("RFC 3623 §2.3: what was being computed when the restart ended is given up for what is known then", () => {
  const instance = serverInstance(podOf(1024));
  const routing = new Routing(instance);
  routing.suspend();
  routing.topologyChanged(0);
  const turn: Turn = { now: 100, effects: [] };
  routing.run(turn);
  expect(routing.deadline()).toBe(100);
  const area = instance.areas.get(1)!;
  for (const entry of [...area.database.ofType(INTRA_AREA_PREFIX_LSA)]) area.database.delete(entry.lsa.header);
  routing.resume(100);
  const effects = runUntil(routing, 100);
  expect(effects).toHaveLength(1);
  expect(routing.log()).toHaveLength(1);
  expect(instance.table.routes.size).toBeLessThan(100);
});

test("a large table is computed in slices, and comes into force whole", () => {
  const instance = serverInstance(podOf(256));
  const routing = new Routing(instance);
  routing.topologyChanged(0);
  const sizes = new Set<number>();
  let slices = 0;
  for (let now = 50; ; now++) {
    const effects: OspfEffect[] = [];
    const done = routing.run({ now, effects });
    slices++;
    sizes.add(instance.table.routes.size);
    expect(effects).toHaveLength(done ? 1 : 0);
    if (done) break;
    expect(routing.deadline()).toBe(now);
  }
  expect(sizes).toEqual(new Set([0, 1119]));
  const [run] = routing.log();
  expect(run).toMatchObject({
    slices,
    startedAt: 50,
    endedAt: 50 + slices - 1,
    vertices: 3160,
    changed: 1119,
    leftOut: 0,
  });
  expect(slices).toBeGreaterThan(5);
});

test("the log has the last 50 runs and of many reasons the first five", () => {
  const pair = new Pair();
  pair.until(1000);
  expect(pair.routing.log()[0]).toMatchObject({
    events: 3,
    reasons: [
      "router-LSA 0.0.0.0 of 0.0.0.1 came",
      "router-LSA 0.0.0.0 of 0.0.0.2 came",
      "intra-area-prefix-LSA 0.0.0.0 of 0.0.0.2 came",
    ],
    delay: 50,
    state: "SHORT_WAIT",
  });
  for (let i = 1; i <= 60; i++) {
    for (let event = 0; event < 9; event++) pair.routing.topologyChanged(i * 60_000);
    pair.until(i * 60_000 + 50);
  }
  const log = pair.routing.log();
  expect(log).toHaveLength(50);
  expect(log.at(-1)).toMatchObject({ events: 9, triggeredAt: 3_600_000, startedAt: 3_600_050 });
  expect(log.at(-1)?.reasons).toHaveLength(5);
});

test("another tag, type 2 metric or area is another route", () => {
  const instance = neighborhood(
    [areaConfig(7), areaConfig(8)],
    [
      { id: 2, area: 7, cost: 3 },
      { id: 3, area: 8, cost: 4 },
    ],
  );
  const routing = new Routing(instance);
  routing.topologyChanged(0);
  runUntil(routing, 1000);
  let now = 1000;
  const said = (store: LsaStore, scope: Scope, body: LsaBody, origin: Origin): unknown => {
    const before = store.get(entryOf(body, origin).lsa.header);
    routing.lsaChanged(now, scope, before, put(store, body, origin));
    now += 20_000;
    const [effect] = runUntil(routing, now);
    return effect?.type === "routes"
      ? effect.changed.map(({ tag, type2Cost, area }) => [tag, type2Cost, area])
      : effect;
  };
  const from = { advertisingRouter: 2, linkStateId: 1 };
  const tell = (more: ExternalMore): unknown =>
    said(instance.external, { kind: "as" }, external("asExternal", "2001:db8:e::/48", more), from);
  expect(tell({ tag: 1, metric: 5 })).toEqual([[1, 5, undefined]]);
  expect(tell({ tag: 2, metric: 5 })).toEqual([[2, 5, undefined]]);
  expect(tell({ tag: 2, metric: 6 })).toEqual([[2, 6, undefined]]);
  const tellSummary = (area: number, routerId: number, metric: number): unknown => {
    const of = instance.areas.get(area)!;
    const body = { ...summary("2001:db8:f::/48"), metric } as LsaBody;
    return said(of.database, { kind: "area", area: of }, body, { advertisingRouter: routerId, linkStateId: 1 });
  };
  expect(tellSummary(7, 2, 9)).toEqual([[undefined, undefined, 7]]);
  expect(tellSummary(8, 3, 8)).toEqual([[undefined, undefined, 8]]);
});

test("RFC 3101 §3.1: a border router that translates from now on makes another table, though no route changed", () => {
  const pair = new Pair();
  pair.put(0, router(20, 10, ME, ROUTER_B), { advertisingRouter: OTHER });
  pair.until(1000);
  pair.put(1000, router(20, 10, ME, ROUTER_B | ROUTER_NT), { advertisingRouter: OTHER });
  const effects: OspfEffect[] = [];
  expect(pair.routing.run({ now: 7000, effects })).toBe(true);
  expect(effects).toEqual([]);
  pair.routing.topologyChanged(20_000);
  expect(pair.routing.run({ now: 20_050, effects })).toBe(false);
});

test("another number of paths, and areas that go, make another table", () => {
  const neighbors = [2, 3].map((id) => ({ id, area: 0, cost: 3 }));
  const instance = neighborhood([areaConfig(0), areaConfig(7)], [...neighbors, { id: 4, area: 7, cost: 3 }]);
  for (const { id, area } of [...neighbors, { id: 4, area: 7 }]) {
    const text = area === 0 ? "2001:db8:1::/48" : "2001:db8:2::/48";
    put(instance.areas.get(area)!.database, prefixLsa(text, 1, id), { advertisingRouter: id });
  }
  const routing = new Routing(instance);
  const hops = (text: string): string[] | undefined =>
    instance.table.routes.get(text)?.nextHops.map((hop) => hop.interface);
  routing.topologyChanged(0);
  runUntil(routing, 1000);
  expect([hops("2001:db8:1::/48"), hops("2001:db8:2::/48")]).toEqual([["to2", "to3"], ["to4"]]);
  instance.config = { ...instance.config, maxPaths: 1 };
  instance.areas.delete(7);
  routing.topologyChanged(20_000);
  runUntil(routing, 30_000);
  expect([hops("2001:db8:1::/48"), hops("2001:db8:2::/48")]).toEqual([["to2"], undefined]);
  expect([...instance.table.routers.keys()]).toEqual([0]);
});

test("what many prefixes that are gone have left behind is thrown away, and mixes nothing up", () => {
  const pair = new Pair();
  const { instance } = pair;
  const count = 30_000;
  const prefixes = Array.from({ length: count }, (_, i) => {
    const address = Uint8Array.from({ length: 16 }, (_, at) =>
      at === 0 ? 0x20 : at === 4 ? i >> 8 : at === 5 ? i : 0,
    );
    return { address, length: 64, options: 0, metric: 1 };
  });
  const { body: one, ...entry } = entryOf(prefixLsa("2001:db8:2::/48"), { advertisingRouter: OTHER, linkStateId: 2 });
  pair.install(0, { ...entry, body: { ...one, prefixes } as LsaBody });
  pair.until(1000);
  expect(instance.table.routes.size).toBe(count + 1);
  for (const now of [20_000, 40_000, 60_000]) {
    const left = now === 40_000 ? [prefixes[1]!, prefixes[0]!] : [prefixes[0]!, prefixes[1]!];
    const body = { ...one, prefixes: left } as LsaBody;
    pair.put(now, body, { advertisingRouter: OTHER, linkStateId: 2, sequence: now });
    pair.until(now + 10_000);
    expect([...instance.table.routes].map(([text, route]) => [text, formatPrefix(route.prefix)]).sort()).toEqual([
      ["2000:0:1::/64", "2000:0:1::/64"],
      ["2000::/64", "2000::/64"],
      ["2001:db8:1::/48", "2001:db8:1::/48"],
    ]);
  }
});
