/** What border routers tell other areas of routes inside the autonomous system. */
import { expect, test } from "bun:test";
import type { AreaConfig } from "#ospf/config";
import { LS_INFINITY } from "#ospf/constants";
import { interAreaPrefixLsas, interAreaRouterLsas } from "#ospf/origination/inter-area-lsas";
import { summariesOf } from "#ospf/origination/summaries";
import type { InterAreaPrefixLsa, InterAreaRouterLsa } from "#ospf/packet/lsa-body";
import type { OspfRoute, RouterPath } from "#ospf/routes/model";
import type { Instance } from "#ospf/state";
import { area as areaConfig, config, on as interfaceConfig, prefix } from "#ospf/testing/configs";
import { addInterface, areaOf, newInstance, put } from "#ospf/testing/instances";
import { route, tableOf, way } from "#ospf/testing/tables";

const US = 0x0a000001;

/** A border router of the backbone and areas 1 and 2, an interface "if<area>" in each. */
function border(
  routes: OspfRoute[],
  ways: RouterPath[] = [],
  areas: Record<number, Partial<AreaConfig>> = {},
): Instance {
  const configs = [0, 1, 2].map((id) => areaConfig(id, areas[id]));
  const instance = newInstance(config(US, { areas: configs }));
  for (const { id } of configs) addInterface(instance, interfaceConfig(`if${id}`, { area: id }), id + 1);
  instance.isBorder = true;
  instance.table = tableOf(routes, ways);
  return instance;
}

const told = (instance: Instance, area: number): string[] =>
  interAreaPrefixLsas(instance, areaOf(instance, area), summariesOf(instance))
    .map(({ id, body }) => `${id} ${(body as InterAreaPrefixLsa).metric}`)
    .sort();

const toldRouters = (instance: Instance, area: number): string[] =>
  interAreaRouterLsas(instance, areaOf(instance, area))
    .map(({ id, body }) => {
      const { metric, options } = body as InterAreaRouterLsa;
      return `${id} ${metric} ${options}`;
    })
    .sort();

test("routes inside an area are told in all others, with their cost (RFC 2328 §12.4.3)", () => {
  const instance = border([route("2001:db8:1::/48", { area: 1, cost: 7 })]);
  expect([0, 1, 2].map((area) => told(instance, area))).toEqual([["2001:db8:1::/48 7"], [], ["2001:db8:1::/48 7"]]);
});

test("the LSA has the prefix and no options (RFC 5340 §4.4.3.4)", () => {
  const instance = border([route("2001:db8:1::/48", { area: 1, cost: 7 })]);
  expect(interAreaPrefixLsas(instance, areaOf(instance, 0), summariesOf(instance))).toEqual([
    {
      id: "2001:db8:1::/48",
      body: { kind: "interAreaPrefix", metric: 7, prefix: { ...prefix("2001:db8:1::/48"), options: 0 } },
    },
  ]);
});

test("inter-area routes go from the backbone to the other areas, never into it (RFC 2328 §12.4.3)", () => {
  const instance = border([route("2001:db8:9::/48", { path: "inter", area: 0 })]);
  expect([0, 1, 2].map((area) => told(instance, area))).toEqual([[], ["2001:db8:9::/48 10"], ["2001:db8:9::/48 10"]]);
});

test("external routes and discarded ranges are no summaries (RFC 2328 §12.4.3)", () => {
  const instance = border([
    route("2001:db8:a::/48", { path: "external-1", area: undefined }),
    route("2001:db8:b::/48", { path: "discard", area: 1 }),
  ]);
  expect(told(instance, 2)).toEqual([]);
});

test("a route whose next hop lies in an area is not told there: split horizon (RFC 2328 §12.4.3)", () => {
  const nextHops = [{ interface: "if2", address: undefined }];
  const instance = border([route("2001:db8:9::/48", { path: "inter", area: 0, nextHops })]);
  expect(told(instance, 1)).toEqual(["2001:db8:9::/48 10"]);
  expect(told(instance, 2)).toEqual([]);
});

test("what is unreachable, link-local or multicast is not told (RFC 2328 §12.4.3, RFC 5340 §4.4.3.4)", () => {
  const instance = border([
    route("2001:db8:1::/48", { area: 1, cost: LS_INFINITY }),
    route("fe80::/64", { area: 1 }),
    route("ff00::/8", { area: 1 }),
  ]);
  expect(told(instance, 0)).toEqual([]);
});

test("our own prefixes are told like others, at cost 0", () => {
  const instance = border([route("2001:db8:1::/64", { area: 1, cost: 0, nextHops: [] })]);
  expect(told(instance, 0)).toEqual(["2001:db8:1::/64 0"]);
});

test("a range stands for what lies in it, at the greatest cost inside, unless its cost is configured (RFC 2328 §12.4.3)", () => {
  const routes = [
    route("2001:db8:1:1::/64", { area: 1, cost: 3 }),
    route("2001:db8:1:2::/64", { area: 1, cost: 9 }),
    route("2001:db8:7::/64", { area: 1, cost: 5 }),
  ];
  const range = { prefix: prefix("2001:db8:1::/48"), advertise: true };
  expect(told(border(routes, [], { 1: { ranges: [range] } }), 0)).toEqual(["2001:db8:1::/48 9", "2001:db8:7::/64 5"]);
  expect(told(border(routes, [], { 1: { ranges: [{ ...range, cost: 100 }] } }), 2)).toEqual([
    "2001:db8:1::/48 100",
    "2001:db8:7::/64 5",
  ]);
});

test("a range without anything in it is not told; one that is not advertised hides what is in it (RFC 2328 §12.4.3)", () => {
  const ranges = [
    { prefix: prefix("2001:db8:1::/48"), advertise: false },
    { prefix: prefix("2001:db8:2::/48"), advertise: true },
  ];
  const instance = border([route("2001:db8:1:1::/64", { area: 1 })], [], { 1: { ranges } });
  expect(told(instance, 0)).toEqual([]);
});

test("the most specific range counts, and a range equal to a prefix holds it", () => {
  const ranges = [
    { prefix: prefix("2001:db8::/32"), advertise: true },
    { prefix: prefix("2001:db8:1::/48"), advertise: false },
    { prefix: prefix("2001:db8:2::/48"), advertise: true },
  ];
  const routes = ["2001:db8:1:1::/64", "2001:db8:2::/48", "2001:db8:3::/48"].map((text) => route(text, { area: 1 }));
  expect(told(border(routes, [], { 1: { ranges } }), 0)).toEqual(["2001:db8:2::/48 10", "2001:db8::/32 10"]);
});

test("ranges condense the routes inside their own area alone, the backbone's too (RFC 2328 §12.4.3)", () => {
  const ranges = [{ prefix: prefix("2001:db8::/32"), advertise: true }];
  const routes = [
    route("2001:db8:1::/48", { area: 0, cost: 4 }),
    route("2001:db8:2::/48", { area: 1, cost: 5 }),
    route("2001:db8:3::/48", { area: 0, path: "inter", cost: 6 }),
  ];
  expect(told(border(routes, [], { 0: { ranges } }), 2)).toEqual([
    "2001:db8:2::/48 5",
    "2001:db8:3::/48 6",
    "2001:db8::/32 4",
  ]);
});

test("two areas that both have a prefix tell it once, at the least cost", () => {
  const ranges = [{ prefix: prefix("2001:db8::/32"), advertise: true }];
  const routes = [route("2001:db8::/32", { area: 2, cost: 3 }), route("2001:db8:1::/48", { area: 1, cost: 8 })];
  expect(told(border(routes, [], { 1: { ranges } }), 0)).toEqual(["2001:db8::/32 3"]);
});

test("a stub area has summaries and a default, a totally stubby one the default alone (RFC 2328 §12.4.3.1)", () => {
  const routes = [route("2001:db8:2::/48", { area: 2 }), route("::/0", { area: 0, path: "inter" })];
  const stub = { kind: "stub", defaultCost: 42 } as const;
  expect(told(border(routes, [], { 1: stub }), 1)).toEqual(["2001:db8:2::/48 10", "::/0 42"]);
  expect(told(border(routes, [], { 1: { ...stub, summaries: false } }), 1)).toEqual(["::/0 42"]);
  // What lies inside it goes out all the same.
  expect(told(border([route("2001:db8:1::/48", { area: 1 })], [], { 1: { ...stub, summaries: false } }), 0)).toEqual([
    "2001:db8:1::/48 10",
  ]);
});

test("an NSSA's default is an inter-area one only in place of the summaries (RFC 3101 §2.7)", () => {
  const routes = [route("2001:db8:2::/48", { area: 2 }), route("::/0", { area: 0, path: "inter" })];
  const nssa = { kind: "nssa", defaultCost: 42 } as const;
  expect(told(border(routes, [], { 1: nssa }), 1)).toEqual(["2001:db8:2::/48 10"]);
  expect(told(border(routes, [], { 1: { ...nssa, summaries: false } }), 1)).toEqual(["::/0 42"]);
});

test("who is no border router tells nothing, and nobody tells an area without interfaces up", () => {
  const instance = border([route("2001:db8:1::/48", { area: 1 })], [], { 2: { kind: "stub" } });
  instance.interfaces.get("if2")!.state = "Down";
  expect(told(instance, 2)).toEqual([]);
  instance.isBorder = false;
  expect(told(instance, 0)).toEqual([]);
});

test("AS boundary routers are told in other normal areas, by cost and their router-LSA's options (RFC 5340 §4.4.3.5)", () => {
  const ways = [way(7, { area: 1, cost: 14, isAsbr: true }), way(8, { area: 1 })];
  const instance = border([], ways, { 2: { kind: "stub" } });
  const said = { kind: "router", flags: 0, links: [] } as const;
  put(areaOf(instance, 1).database, { ...said, options: 0x33 }, { advertisingRouter: 7, linkStateId: 1 });
  put(areaOf(instance, 1).database, { ...said, options: 0x13 }, { advertisingRouter: 7, linkStateId: 0 });
  expect(interAreaRouterLsas(instance, areaOf(instance, 0))).toEqual([
    { id: "0.0.0.7", body: { kind: "interAreaRouter", options: 0x13, metric: 14, destinationRouterId: 7 } },
  ]);
  expect(toldRouters(instance, 1)).toEqual([]);
  expect(toldRouters(instance, 2)).toEqual([]); // §12.4.3.1: never into stub areas
});

test("AS boundary routers known by other border routers are told in the areas behind us, with the options passed on", () => {
  const nextHops = [{ interface: "if0", address: undefined }];
  const instance = border([], [way(7, { path: "inter", cost: 20, isAsbr: true, nextHops })]);
  const said = { kind: "interAreaRouter", metric: 3, destinationRouterId: 7 } as const;
  put(areaOf(instance, 0).database, { ...said, options: 0x13 }, { advertisingRouter: 99 });
  put(areaOf(instance, 0).database, { ...said, options: 0xff }, { advertisingRouter: US });
  expect(toldRouters(instance, 0)).toEqual([]);
  expect(toldRouters(instance, 1)).toEqual(["0.0.0.7 20 19"]);
});

test("of several ways to an AS boundary router the preferred one is told: inside areas that are not the backbone, then by cost, then the greatest area (RFC 2328 §16.4 (3), §16.4.1)", () => {
  const costs = (...ways: RouterPath[]) => [0, 1, 2].map((area) => toldRouters(border([], ways), area).join());
  const asbr = (area: number, cost: number, path: RouterPath["path"] = "intra") =>
    way(7, { area, cost, path, isAsbr: true });
  expect(costs(asbr(0, 1), asbr(1, 50))).toEqual(["0.0.0.7 50 0", "", "0.0.0.7 50 0"]);
  expect(costs(asbr(1, 9), asbr(2, 8))).toEqual(["0.0.0.7 8 0", "0.0.0.7 8 0", ""]);
  expect(costs(asbr(1, 8), asbr(2, 8))).toEqual(["0.0.0.7 8 0", "0.0.0.7 8 0", ""]);
});

test("AS boundary routers of an NSSA are no way for AS-external routes, and are not told (RFC 3101 §2.5 (3))", () => {
  const instance = border([], [way(7, { area: 1, isAsbr: true })], { 1: { kind: "nssa" } });
  expect(toldRouters(instance, 0)).toEqual([]);
});
