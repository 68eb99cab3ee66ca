/** What a router says of its own links: Link-, router-, network- and intra-area-prefix-LSAs. */
import { expect, test } from "bun:test";
import { formatPrefix } from "#base/address";
import type { AreaConfig, InterfaceConfig } from "#ospf/config";
import type { Desired } from "#ospf/origination/desired";
import { intraAreaPrefixLsas } from "#ospf/origination/intra-area-prefix-lsas";
import { linkLsas } from "#ospf/origination/link-lsas";
import { networkLsas } from "#ospf/origination/network-lsas";
import { routerLsas } from "#ospf/origination/router-lsas";
import type { IntraAreaPrefixLsa, LinkLsa, NetworkLsa, RouterLsa } from "#ospf/packet/lsa-body";
import { ROUTER_B, ROUTER_E, ROUTER_NT } from "#ospf/packet/lsa-body";
import { NETWORK_LSA, ROUTER_LSA } from "#ospf/packet/lsa-header";
import { OPTION_DC, OPTION_E, OPTION_N, OPTION_R, OPTION_V6 } from "#ospf/packet/options";
import { PREFIX_LA, PREFIX_NU } from "#ospf/packet/prefix";
import type { Instance, Interface } from "#ospf/state";
import { area as areaConfig, config, on as interfaceConfig, prefix, stub } from "#ospf/testing/configs";
import { addInterface, addNeighbor, areaOf, linkLocal, newInstance, put } from "#ospf/testing/instances";

const RT3 = 0xc0000203;
const RT4 = 0xc0000204;
const RT1 = 0xc0000201;
const NORMAL = OPTION_V6 | OPTION_R | OPTION_E;
const N3 = "2001:db8:c001:100::/56";
const N4 = "2001:db8:c001:400::/56";

function router(routerId = RT3, more: Parameters<typeof config>[1] = {}): Instance {
  return newInstance(config(routerId, { areas: [areaConfig(1)], ...more }));
}

const link = (instance: Instance, id: number, more: Partial<InterfaceConfig> = {}): Interface =>
  addInterface(instance, interfaceConfig(`if${id}`, { area: 1, ...more }), id);

const lan = (instance: Instance, id: number, more: Partial<InterfaceConfig> = {}): Interface =>
  link(instance, id, { kind: "broadcast", ...more });

const neighbor = (on: Interface, routerId: number, interfaceId = 1) =>
  addNeighbor(on, { routerId, interfaceId, address: linkLocal(routerId) });

const linkLsa = (on: Interface, of: { routerId: number; interfaceId: number }, body: Partial<LinkLsa>): void => {
  const whole: LinkLsa = {
    kind: "link",
    priority: 1,
    options: NORMAL,
    linkLocalAddress: linkLocal(of.routerId),
    prefixes: [],
    ...body,
  };
  put(on.database, whole, { advertisingRouter: of.routerId, linkStateId: of.interfaceId });
};

const area1 = (instance: Instance) => areaOf(instance, 1);
const routers = (instance: Instance): { id: number | string; body: RouterLsa }[] =>
  routerLsas(instance, area1(instance)) as { id: number; body: RouterLsa }[];
const prefixesOf = ({ body }: Desired): string[] =>
  (body as IntraAreaPrefixLsa).prefixes.map((each) => `${formatPrefix(each)} ${each.metric} ${each.options}`);

/** RT3 of RFC 5340's figure 1: N3 with RT4 as its Designated Router, and N4 with nobody else. */
function figure1(): { instance: Instance; n3: Interface; n4: Interface } {
  const instance = router();
  instance.isBorder = true;
  const n3 = lan(instance, 1, { cost: 1, prefixes: [prefix(N3)] });
  n3.designatedRouter = RT4;
  neighbor(n3, RT4, 1);
  const n4 = lan(instance, 2, { cost: 2, prefixes: [prefix(N4)] });
  Object.assign(n4, { state: "DR", designatedRouter: RT3 });
  return { instance, n3, n4 };
}

test("RT3's router-LSA is the RFC's (RFC 5340 §4.4.3.2)", () => {
  const { instance } = figure1();
  expect(routerLsas(instance, area1(instance))).toEqual([
    {
      id: 0,
      body: {
        kind: "router",
        flags: ROUTER_B,
        options: NORMAL,
        links: [{ type: 2, metric: 1, interfaceId: 1, neighborInterfaceId: 1, neighborRouterId: RT4 }],
      },
    },
  ]);
});

test("RT3's Link-LSA for N3 is the RFC's (RFC 5340 §4.4.3.8)", () => {
  const { n3 } = figure1();
  expect(linkLsas(n3)).toEqual([
    {
      id: 1,
      body: {
        kind: "link",
        priority: 1,
        options: NORMAL,
        linkLocalAddress: linkLocal(1),
        prefixes: [{ ...prefix(N3), options: 0 }],
      },
    },
  ]);
});

test("RT3's own intra-area-prefix-LSA is the RFC's: N4, which no Designated Router tells of (RFC 5340 §4.4.3.9)", () => {
  const { instance } = figure1();
  expect(intraAreaPrefixLsas(instance, area1(instance))).toEqual([
    {
      id: 0,
      body: {
        kind: "intraAreaPrefix",
        referenced: { type: ROUTER_LSA, linkStateId: 0, advertisingRouter: RT3 },
        prefixes: [{ ...prefix(N4), options: 0, metric: 2 }],
      },
    },
  ]);
});

/** RT4, Designated Router of N3, with RT1 and RT3. */
function designated(): { instance: Instance; n3: Interface } {
  const instance = router(RT4);
  const n3 = lan(instance, 1);
  Object.assign(n3, { state: "DR", designatedRouter: RT4 });
  neighbor(n3, RT3, 1);
  neighbor(n3, RT1, 2);
  return { instance, n3 };
}

test("RT4's network-LSA for N3 is the RFC's, itself and all fully adjacent to it (RFC 5340 §4.4.3.3)", () => {
  const { instance, n3 } = designated();
  neighbor(n3, 0xc0000202).state = "Loading";
  expect(networkLsas(instance, area1(instance))).toEqual([
    { id: 1, body: { kind: "network", options: NORMAL, attachedRouters: [RT4, RT1, RT3] } },
  ]);
});

test("RT4's intra-area-prefix-LSA for N3 refers to the network-LSA, at cost 0 (RFC 5340 §4.4.3.9)", () => {
  const { instance, n3 } = designated();
  linkLsa(n3, { routerId: RT3, interfaceId: 1 }, { prefixes: [{ ...prefix(N3), options: 0 }] });
  expect(intraAreaPrefixLsas(instance, area1(instance))).toEqual([
    {
      id: 0,
      body: {
        kind: "intraAreaPrefix",
        referenced: { type: NETWORK_LSA, linkStateId: 1, advertisingRouter: RT4 },
        prefixes: [{ ...prefix(N3), options: 0, metric: 0 }],
      },
    },
  ]);
});

test("a point-to-point link is described for a neighbor that is Full, with its interface id (RFC 5340 §4.4.3.2)", () => {
  const instance = router();
  const on = link(instance, 5, { cost: 7 });
  const other = neighbor(on, RT1, 99);
  const described = { type: 1, metric: 7, interfaceId: 5, neighborInterfaceId: 99, neighborRouterId: RT1 };
  expect(routers(instance)[0]!.body.links).toEqual([described]);
  for (const state of ["Init", "TwoWay", "ExStart", "Exchange", "Loading"] as const) {
    other.state = state;
    expect(routers(instance)[0]!.body.links).toEqual([]);
  }
  other.helpUntil = 1000; // it restarts gracefully: it counts as Full (RFC 3623 §3)
  expect(routers(instance)[0]!.body.links).toEqual([described]);
});

test("a broadcast link is described when fully adjacent to its Designated Router, or being it with somebody (RFC 5340 §4.4.3.2)", () => {
  const instance = router();
  const on = lan(instance, 1);
  const links = () => routers(instance)[0]!.body.links.map((each) => [each.neighborRouterId, each.neighborInterfaceId]);
  expect(links()).toEqual([]);
  const dr = neighbor(on, RT4, 8);
  neighbor(on, RT1, 9);
  on.designatedRouter = RT4;
  expect(links()).toEqual([[RT4, 8]]);
  dr.state = "TwoWay";
  expect(links()).toEqual([]);
  Object.assign(on, { state: "DR", designatedRouter: RT3 });
  expect(links()).toEqual([[RT3, 1]]);
  on.neighbors.clear();
  expect(links()).toEqual([]);
  expect(networkLsas(instance, area1(instance))).toEqual([]);
});

test("nothing is said of interfaces that are down or waiting, and no links of passive ones (RFC 2328 §12.4.1)", () => {
  const instance = router();
  const on = lan(instance, 1, { prefixes: [prefix(N3)] });
  on.designatedRouter = RT4;
  neighbor(on, RT4);
  on.state = "Waiting";
  expect(routers(instance)[0]!.body.links).toEqual([]);
  expect(prefixesOf(intraAreaPrefixLsas(instance, area1(instance))[0]!)).toEqual([`${N3} 10 0`]);
  on.state = "Down";
  expect(routers(instance)[0]!.body.links).toEqual([]);
  expect(intraAreaPrefixLsas(instance, area1(instance))).toEqual([]);
  expect(linkLsas(on)).toEqual([]);
  on.state = "DROther";
  on.config = { ...on.config, passive: true };
  expect(routers(instance)[0]!.body.links).toEqual([]);
  expect(linkLsas(on)).toEqual([]);
  expect(prefixesOf(intraAreaPrefixLsas(instance, area1(instance))[0]!)).toEqual([`${N3} 10 0`]);
});

test("options follow the kind of the area in all LSAs that have them (RFC 5340 §4.4.3.1)", () => {
  const optionsIn = (more: Partial<AreaConfig>): number[] => {
    const instance = router(RT4, { areas: [areaConfig(1, more)] });
    const on = lan(instance, 1);
    Object.assign(on, { state: "DR", designatedRouter: RT4 });
    neighbor(on, RT1);
    const all = [...routerLsas(instance, area1(instance)), ...networkLsas(instance, area1(instance)), ...linkLsas(on)];
    return all.map(({ body }) => (body as RouterLsa | NetworkLsa | LinkLsa).options);
  };
  expect(optionsIn({ kind: "normal" })).toEqual(Array(3).fill(OPTION_V6 | OPTION_R | OPTION_E));
  expect(optionsIn({ kind: "stub" })).toEqual(Array(3).fill(OPTION_V6 | OPTION_R));
  expect(optionsIn({ kind: "nssa" })).toEqual(Array(3).fill(OPTION_V6 | OPTION_R | OPTION_N));
});

test("a network-LSA has the options of the Link-LSAs of fully adjacent routers, found by their interface id (RFC 5340 §4.4.3.3)", () => {
  const { instance, n3 } = designated();
  linkLsa(n3, { routerId: RT3, interfaceId: 1 }, { options: OPTION_DC });
  linkLsa(n3, { routerId: RT1, interfaceId: 77 }, { options: 0x800000 }); // not the id in its hellos
  neighbor(n3, 7, 3).state = "TwoWay";
  linkLsa(n3, { routerId: 7, interfaceId: 3 }, { options: 0x400000 });
  const [lsa] = networkLsas(instance, area1(instance));
  expect((lsa!.body as NetworkLsa).options).toBe(NORMAL | OPTION_DC);
});

test("prefixes of a network are those of all fully adjacent routers, once each, options joined; none that are addresses, no unicast or link-local (RFC 5340 §4.4.3.9)", () => {
  const { instance, n3 } = designated();
  n3.config = { ...n3.config, prefixes: [prefix("2001:db8:9::/64")] };
  linkLsa(n3, { routerId: RT3, interfaceId: 1 }, { prefixes: [{ ...prefix(N3), options: 0 }] });
  linkLsa(
    n3,
    { routerId: RT1, interfaceId: 2 },
    {
      prefixes: [
        { ...prefix(N3), options: 0x10 },
        { ...prefix("2001:db8:1::/64"), options: PREFIX_NU },
        { ...prefix("2001:db8:2::1/128"), options: PREFIX_LA },
        { ...prefix("fe80::/64"), options: 0 },
        { ...prefix("2001:db8:3::/64"), options: 0 },
      ],
    },
  );
  neighbor(n3, 7, 3).state = "Loading";
  linkLsa(n3, { routerId: 7, interfaceId: 3 }, { prefixes: [{ ...prefix("2001:db8:4::/64"), options: 0 }] });
  const [lsa] = intraAreaPrefixLsas(instance, area1(instance));
  expect(prefixesOf(lsa!).sort()).toEqual(["2001:db8:3::/64 0 0", "2001:db8:9::/64 0 0", `${N3} 0 16`]);
});

test("the router's own prefixes: configured ones of the area, links at their cost, addresses marked even on transit links (RFC 5340 §4.4.3.9)", () => {
  const instance = router(RT3, {
    prefixes: [
      stub("2001:db8:77::/64", { area: 1, cost: 3 }),
      stub("2001:db8:78::1/128", { area: 1 }),
      stub("2001:db8:79::/64", { area: 2 }),
    ],
  });
  const n3 = lan(instance, 1, { cost: 4, prefixes: [prefix(N3), prefix("2001:db8:c001:100::3/128")] });
  n3.designatedRouter = RT4;
  neighbor(n3, RT4);
  link(instance, 2, { cost: 5, prefixes: [prefix("2001:db8:5::/127"), prefix("fe80::/64")] });
  const [lsa, ...more] = intraAreaPrefixLsas(instance, area1(instance));
  expect(more).toEqual([]);
  expect(prefixesOf(lsa!).sort()).toEqual([
    "2001:db8:5::/127 5 0",
    "2001:db8:77::/64 3 0",
    `2001:db8:78::1/128 0 ${PREFIX_LA}`,
    `2001:db8:c001:100::3/128 4 ${PREFIX_LA}`,
  ]);
});

test("a prefix that is ours twice is told once, at its least cost", () => {
  const instance = router(RT3, { prefixes: [stub(N3, { area: 1, cost: 3 })] });
  link(instance, 1, { cost: 2, prefixes: [prefix(N3)] });
  expect(prefixesOf(intraAreaPrefixLsas(instance, area1(instance))[0]!)).toEqual([`${N3} 2 0`]);
});

test("a Link-LSA marks addresses, so that the Designated Router leaves them out (RFC 5340 §4.4.3.9)", () => {
  const instance = router();
  const on = lan(instance, 1, { priority: 9, prefixes: [prefix("2001:db8::1/128"), prefix("fe80::/64")] });
  expect(linkLsas(on)[0]!.body).toMatchObject({
    priority: 9,
    prefixes: [{ ...prefix("2001:db8::1/128"), options: PREFIX_LA }],
  });
});

test("B is for border routers, E for AS boundary routers outside of stub areas (RFC 2328 §12.4.1)", () => {
  const external = [{ prefix: prefix("2001:db8:e::/48"), metric: 1, metricType: 2 as const }];
  const flags = (kind: AreaConfig["kind"], isBorder: boolean): number => {
    const instance = router(RT3, { areas: [areaConfig(1, { kind })], external });
    instance.isBorder = isBorder;
    return routers(instance)[0]!.body.flags;
  };
  expect(flags("normal", false)).toBe(ROUTER_E);
  expect(flags("normal", true)).toBe(ROUTER_E | ROUTER_B);
  expect(flags("nssa", false)).toBe(ROUTER_E);
  expect(flags("stub", true)).toBe(ROUTER_B);
});

test("border routers of an NSSA set E where AS-external routes go, and Nt in it if they always translate (RFC 3101 §3.1, appendix B)", () => {
  const areas = [areaConfig(0), areaConfig(1, { kind: "nssa", translate: "always" }), areaConfig(2, { kind: "stub" })];
  const instance = router(RT3, { areas });
  for (const area of [0, 1, 2]) addInterface(instance, interfaceConfig(`if${area}`, { area }), area + 1);
  instance.isBorder = true;
  const flags = (area: number) => (routerLsas(instance, areaOf(instance, area))[0]!.body as RouterLsa).flags;
  expect([flags(0), flags(1), flags(2)]).toEqual([ROUTER_B | ROUTER_E, ROUTER_B | ROUTER_E | ROUTER_NT, ROUTER_B]);
  instance.isBorder = false;
  expect([flags(0), flags(1), flags(2)]).toEqual([0, 0, 0]);
});

test("more links than fit an update in the area's smallest MTU are spread over several router-LSAs (RFC 5340 §4.4.3.2)", () => {
  const instance = router();
  for (let id = 1; id <= 200; id++) neighbor(link(instance, id), 1000 + id, id);
  const [first] = area1(instance).interfaces;
  first!.mtu = 1280;
  const all = routers(instance);
  // 1280 less 40 IPv6, 16 OSPF, 4 number of LSAs, 20 LSA header, 4 flags and options: 1196 octets for links of 16.
  expect(all.map(({ id, body }) => [id, body.links.length])).toEqual([
    [0, 74],
    [1, 74],
    [2, 52],
  ]);
  expect(all.every(({ body }) => body.options === NORMAL)).toBe(true);
});

test("a link that goes leaves the others in the router-LSAs that they are out in, and router-LSA 0 is there without links too", () => {
  const instance = router();
  const neighbors = Array.from({ length: 100 }, (_, i) => neighbor(link(instance, i + 1), 1000 + i, i));
  const out = routers(instance);
  expect(out.map(({ body }) => body.links.length)).toEqual([88, 12]);
  for (const { id, body } of out) {
    put(area1(instance).database, body, { advertisingRouter: RT3, linkStateId: id as number });
  }
  neighbors[3]!.state = "Init";
  expect(routers(instance).map(({ body }) => body.links.length)).toEqual([87, 12]);
  for (const each of neighbors.slice(0, 88)) each.state = "Init";
  expect(routers(instance).map(({ id, body }) => [id, body.links.length])).toEqual([
    [1, 12],
    [0, 0],
  ]);
});

test("many prefixes are spread over several intra-area-prefix-LSAs that all refer to router-LSA 0 (RFC 5340 §4.4.3.9)", () => {
  const prefixes = Array.from({ length: 150 }, (_, i) => stub(`2001:db8::${(i + 1).toString(16)}/128`, { area: 1 }));
  const instance = router(RT3, { prefixes });
  link(instance, 1);
  const all = intraAreaPrefixLsas(instance, area1(instance));
  // 1500 less 40, 16, 4, 20 and 12 for count and reference: 1408 octets for prefixes of 20.
  expect(all.map((each) => [each.id, prefixesOf(each).length])).toEqual([
    [0, 70],
    [1, 70],
    [2, 10],
  ]);
  expect(new Set(all.map(({ body }) => (body as IntraAreaPrefixLsa).referenced.linkStateId))).toEqual(new Set([0]));
});

test("prefixes of another reference keep their Link State ID while they are out", () => {
  const { instance, n3 } = designated();
  linkLsa(n3, { routerId: RT3, interfaceId: 1 }, { prefixes: [{ ...prefix(N3), options: 0 }] });
  const [before] = intraAreaPrefixLsas(instance, area1(instance));
  put(area1(instance).database, before!.body, { advertisingRouter: RT4, linkStateId: before!.id as number });
  link(instance, 2, { prefixes: [prefix(N4)] });
  const after = intraAreaPrefixLsas(instance, area1(instance));
  expect(after.map(({ id, body }) => [id, (body as IntraAreaPrefixLsa).referenced.type])).toEqual([
    [1, ROUTER_LSA],
    [0, NETWORK_LSA],
  ]);
});
