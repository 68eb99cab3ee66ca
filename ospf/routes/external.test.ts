/** Routes out of the autonomous system, case by case; random networks are in computation.test.ts. */
import { expect, test } from "bun:test";
import { parsePrefix6 } from "#base/address";
import { LS_INFINITY } from "#ospf/constants";
import { POINT_TO_POINT_LINK } from "#ospf/packet/lsa-body";
import { OPTION_R, OPTION_V6 } from "#ospf/packet/options";
import { PREFIX_NU, PREFIX_P } from "#ospf/packet/prefix";
import type { OspfRoute } from "#ospf/routes/model";
import type { Instance } from "#ospf/state";
import { area, prefix } from "#ospf/testing/configs";
import { tableOf } from "#ospf/testing/drive";
import { put } from "#ospf/testing/instances";
import { databaseOf, type ExternalMore, external, intra, ME, neighborhood } from "#ospf/testing/neighborhood";

const TEXT = "2001:db8:e::/48";

const routeTo = (instance: Instance, text = TEXT): OspfRoute | undefined => tableOf(instance).routes.get(text);

function told(route: OspfRoute | undefined): string {
  if (route === undefined) return "none";
  const { path, cost, type2Cost, tag, nextHops } = route;
  return [path, cost, type2Cost ?? "-", tag ?? "-", ...nextHops.map((hop) => hop.interface)].join(" ");
}

function say(instance: Instance, from: number, more: ExternalMore = {}, text = TEXT): void {
  const { external: store } = instance;
  put(store, external("asExternal", text, more), { advertisingRouter: from, linkStateId: store.size });
}

function sayInside(instance: Instance, from: number, more: ExternalMore = {}, text = TEXT): void {
  const store = databaseOf(instance, 7);
  put(store, external("nssa", text, more), { advertisingRouter: from, linkStateId: store.size });
}

const TWO = [
  { id: 2, area: 0, cost: 3 },
  { id: 3, area: 0, cost: 5 },
];

test("RFC 2328 §16.4 (5): type 1 costs add up, type 2 stand alone", () => {
  const instance = neighborhood([area(0)], TWO);
  say(instance, 2, { metricType: 1, metric: 20, tag: 9 });
  expect(told(routeTo(instance))).toBe("external-1 23 - 9 to2");
  const other = neighborhood([area(0)], TWO);
  say(other, 2, { metricType: 2, metric: 20 });
  expect(told(routeTo(other))).toBe("external-2 3 20 - to2");
});

test("RFC 2328 §16.4 (6) (b): type 1 before type 2, the smaller type 2 metric before the shorter way", () => {
  const instance = neighborhood([area(0)], TWO);
  say(instance, 2, { metricType: 2, metric: 20 });
  say(instance, 3, { metricType: 2, metric: 19 });
  expect(told(routeTo(instance))).toBe("external-2 5 19 - to3");
  say(instance, 3, { metricType: 1, metric: 1000 });
  expect(told(routeTo(instance))).toBe("external-1 1005 - - to3");
});

test("RFC 2328 §16.4 (6) (d): equal type 2 metrics go the shorter way, equal ways are all used", () => {
  const instance = neighborhood([area(0)], [...TWO, { id: 4, area: 0, cost: 3 }]);
  for (const from of [2, 3, 4]) say(instance, from, { metricType: 2, metric: 20 });
  expect(told(routeTo(instance))).toBe("external-2 3 20 - to2 to4");
});

test("RFC 2328 §16.4 (1), (2), (3): LSInfinity, our own LSAs, strangers' and the NU-bit are passed over", () => {
  const instance = neighborhood([area(0)], TWO);
  say(instance, 2, { metric: LS_INFINITY });
  say(instance, ME);
  say(instance, 99);
  say(instance, 2, { options: PREFIX_NU });
  expect(told(routeTo(instance))).toBe("none");
});

test("RFC 2328 §16.4 (6) (a): what lies inside the AS is preferred", () => {
  const instance = neighborhood([area(0)], TWO);
  say(instance, 2, { metricType: 1, metric: 0 });
  put(databaseOf(instance, 0), intra(3, TEXT, 60_000), { advertisingRouter: 3 });
  expect(told(routeTo(instance))).toBe("intra 60005 - - to3");
});

test("RFC 2328 §16.4.1: a way inside another area than the backbone is preferred to a shorter one through it", () => {
  const instance = neighborhood([area(0), area(7)], [TWO[0]!, { id: 3, area: 7, cost: 50 }]);
  say(instance, 2, { metricType: 1, metric: 1 });
  say(instance, 3, { metricType: 1, metric: 1 });
  expect(told(routeTo(instance))).toBe("external-1 51 - - to3");
});

test("RFC 2328 §16.4 (3): an ASBR in two areas is gone to inside the one that is no backbone", () => {
  const instance = neighborhood([area(0), area(7)], [TWO[0]!]);
  const database = databaseOf(instance, 7);
  const options = OPTION_R | OPTION_V6;
  const link = { type: POINT_TO_POINT_LINK, metric: 9, interfaceId: 2, neighborInterfaceId: 9 };
  const links = [{ ...link, neighborRouterId: 2 }];
  put(database, { kind: "router", flags: 0, options, links }, { advertisingRouter: ME });
  const back = [{ ...link, neighborRouterId: ME }];
  put(database, { kind: "router", flags: 3, options, links: back }, { advertisingRouter: 2 });
  instance.areas.get(7)!.interfaces.add(instance.interfaces.get("to2")!);
  say(instance, 2, { metricType: 1, metric: 1 });
  expect(told(routeTo(instance))).toBe("external-1 10 - - to2");
});

test("RFC 2328 §16.4 (3): a forwarding address is gone to by the longest match inside the AS", () => {
  const instance = neighborhood([area(0)], TWO);
  const database = databaseOf(instance, 0);
  put(database, intra(2, "2001:db8::/32", 1), { advertisingRouter: 2, linkStateId: 1 });
  put(database, intra(3, "2001:db8:f::/48", 1), { advertisingRouter: 3, linkStateId: 1 });
  say(instance, 2, { metricType: 1, metric: 1, via: "2001:db8:f::1" });
  expect(told(routeTo(instance))).toBe("external-1 7 - - to3");
});

test("a forwarding address is not gone to by an external route, though that matches longer", () => {
  const instance = neighborhood([area(0)], TWO);
  put(databaseOf(instance, 0), intra(2, "2001:db8::/32", 1), { advertisingRouter: 2, linkStateId: 1 });
  say(instance, 3, {}, "2001:db8:f::/48");
  say(instance, 3, { metricType: 1, metric: 1, via: "2001:db8:f::1" });
  expect(told(routeTo(instance))).toBe("external-1 5 - - to2");
});

test("RFC 2328 §16.4 (3): without a way to the forwarding address, or to the ASBR, there is no route", () => {
  const instance = neighborhood([area(0)], TWO);
  say(instance, 2, { via: "2001:db8:f::1" });
  expect(told(routeTo(instance))).toBe("none");
  put(databaseOf(instance, 0), intra(3, "2001:db8:f::/48", 1), { advertisingRouter: 3, linkStateId: 1 });
  expect(told(routeTo(instance))).toBe("external-2 6 1 - to3");
  const other = neighborhood([area(0)], TWO);
  put(databaseOf(other, 0), intra(3, "2001:db8:f::/48", 1), { advertisingRouter: 3, linkStateId: 1 });
  say(other, 99, { via: "2001:db8:f::1" });
  expect(told(routeTo(other))).toBe("none");
});

test("RFC 5340 §A.4.7: forwarding addresses that are unspecified, link-local or multicast make the LSA void", () => {
  const instance = neighborhood([area(0)], TWO);
  put(databaseOf(instance, 0), intra(2, "::/0", 1), { advertisingRouter: 2, linkStateId: 1 });
  for (const via of ["::", "fe80::1", "ff02::5"]) say(instance, 2, { via });
  expect(told(routeTo(instance))).toBe("none");
});

test("RFC 2328 §11.1: a forwarding address in a range of ours that leads nowhere leads nowhere", () => {
  const ranges = [{ prefix: prefix("2001:db8:f00::/40"), advertise: true }];
  const instance = neighborhood([area(0), area(7, { ranges })], [...TWO, { id: 4, area: 7, cost: 1 }]);
  put(databaseOf(instance, 0), intra(2, "::/0", 1), { advertisingRouter: 2, linkStateId: 1 });
  put(databaseOf(instance, 7), intra(4, "2001:db8:f01::/48", 1), { advertisingRouter: 4 });
  say(instance, 2, { via: "2001:db8:f02::1" });
  expect(told(routeTo(instance))).toBe("none");
  say(instance, 2, { via: "2001:db8:f01::1" });
  expect(told(routeTo(instance))).toBe("external-2 2 1 - to4");
});

test("a forwarding address on a link of ours is the next hop itself; our own address is none", () => {
  const instance = neighborhood([area(0)], TWO);
  const on = instance.interfaces.get("to3")!;
  on.config = { ...on.config, prefixes: [prefix("2001:db8:f::/64"), prefix("2001:db8:f::1/128")] };
  const database = databaseOf(instance, 0);
  put(database, intra(ME, "2001:db8:f::/64", 5), { advertisingRouter: ME, linkStateId: 1 });
  put(database, intra(ME, "2001:db8:f::1/128"), { advertisingRouter: ME, linkStateId: 2 });
  put(database, intra(ME, "2001:db8:a::/64"), { advertisingRouter: ME, linkStateId: 3 });
  say(instance, 2, { via: "2001:db8:f::1" });
  say(instance, 2, { via: "2001:db8:a::1" });
  expect(told(routeTo(instance))).toBe("none");
  say(instance, 2, { via: "2001:db8:f::9" });
  const address = parsePrefix6("2001:db8:f::9/128")!.address;
  expect(routeTo(instance)?.nextHops).toEqual([{ interface: "to3", address }]);
  expect(told(routeTo(instance))).toBe("external-2 5 1 - to3");
});

test("RFC 3101 §2.5 (3): AS-external-LSAs are not for who is in stub areas and NSSAs alone", () => {
  for (const kind of ["stub", "nssa"] as const) {
    const instance = neighborhood([area(7, { kind })], [{ id: 3, area: 7, cost: 1 }]);
    say(instance, 3);
    expect(told(routeTo(instance))).toBe("none");
  }
});

const NSSA_BORDER = [TWO[0]!, { id: 3, area: 7, cost: 2 }];
const nssaBorder = (summaries = true): Instance =>
  neighborhood([area(0), area(7, { kind: "nssa", summaries })], NSSA_BORDER);

test("RFC 3101 §2.5 (3): NSSA-LSAs count in their NSSA, and there the ASBR and the forwarding address must be", () => {
  const instance = nssaBorder();
  sayInside(instance, 2);
  expect(told(routeTo(instance))).toBe("none");
  put(databaseOf(instance, 0), intra(2, "2001:db8:f::/48"), { advertisingRouter: 2, linkStateId: 1 });
  sayInside(instance, 3, { via: "2001:db8:f::1" });
  expect(told(routeTo(instance))).toBe("none");
  put(databaseOf(instance, 7), intra(3, "2001:db8:f:1::/64", 1), { advertisingRouter: 3 });
  sayInside(instance, 3, { via: "2001:db8:f:1::1" });
  expect(told(routeTo(instance))).toBe("external-2 3 1 - to3");
  const normal = neighborhood([area(7)], [NSSA_BORDER[1]!]);
  sayInside(normal, 3);
  expect(told(routeTo(normal))).toBe("none");
});

test("RFC 3101 §2.5 (3): border routers take an NSSA's default with the P-bit, and if they tell it summaries", () => {
  const defaultOf = (instance: Instance, options: number): string => {
    sayInside(instance, 3, { options }, "::/0");
    return told(routeTo(instance, "::/0"));
  };
  expect(defaultOf(nssaBorder(), 0)).toBe("none");
  expect(defaultOf(nssaBorder(), PREFIX_P)).toBe("external-2 2 1 - to3");
  expect(defaultOf(nssaBorder(false), PREFIX_P)).toBe("none");
  const inside = neighborhood([area(7, { kind: "nssa" })], [NSSA_BORDER[1]!]);
  expect(defaultOf(inside, 0)).toBe("external-2 2 1 - to3");
});

test("RFC 3101 §2.5 (6) (e): of equal LSAs an NSSA's with the P-bit, then type 5, then the greater router id is told of", () => {
  const instance = neighborhood(
    [area(0), area(7, { kind: "nssa" }), area(8)],
    [
      { id: 3, area: 7, cost: 2 },
      { id: 4, area: 8, cost: 2 },
      { id: 5, area: 8, cost: 2 },
    ],
  );
  sayInside(instance, 3, { tag: 1 });
  expect(routeTo(instance)?.tag).toBe(1);
  say(instance, 4, { tag: 2 });
  expect(routeTo(instance)?.tag).toBe(2);
  say(instance, 5, { tag: 3 });
  expect(routeTo(instance)?.tag).toBe(3);
  say(instance, 4, { tag: 4 });
  expect(routeTo(instance)?.tag).toBe(3);
  sayInside(instance, 3, { tag: 5, options: PREFIX_P });
  expect(told(routeTo(instance))).toBe("external-2 2 1 5 to3 to4 to5");
});
