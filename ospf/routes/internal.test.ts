/** Routes inside the autonomous system, case by case; random networks are in computation.test.ts. */
import { expect, test } from "bun:test";
import { LS_INFINITY } from "#ospf/constants";
import { PREFIX_LA, PREFIX_NU } from "#ospf/packet/prefix";
import type { Instance } from "#ospf/state";
import { area, prefix } from "#ospf/testing/configs";
import { tableOf } from "#ospf/testing/drive";
import { put } from "#ospf/testing/instances";
import { databaseOf, intra, ME, neighborhood, summary } from "#ospf/testing/neighborhood";

/** "path cost area hops" of each route. */
function routes(instance: Instance): Record<string, string> {
  const found: Record<string, string> = {};
  for (const { text, path, cost, area: of, nextHops } of tableOf(instance).routes.values()) {
    found[text] = [path, cost, of, ...nextHops.map((hop) => hop.interface)].join(" ");
  }
  return found;
}

const ranged = (...texts: string[]) =>
  area(7, { ranges: texts.map((text, i) => ({ prefix: prefix(text), advertise: i === 0 })) });
const BACKBONE = { id: 2, area: 0, cost: 3 };
const POD = { id: 3, area: 7, cost: 4 };

test("RFC 5340 §4.8.1: prefixes cost what the vertex costs and their own metric; with the NU-bit they count for nothing", () => {
  const instance = neighborhood([area(0)], [BACKBONE]);
  const database = databaseOf(instance, 0);
  put(database, intra(2, "2001:db8:1::/48", 7), { advertisingRouter: 2, linkStateId: 1 });
  put(database, intra(2, "2001:db8::1/128", 0, PREFIX_LA), { advertisingRouter: 2, linkStateId: 2 });
  put(database, intra(2, "2001:db8:2::/48", 0, PREFIX_NU), { advertisingRouter: 2, linkStateId: 3 });
  put(database, intra(ME, "2001:db8:3::/48", 5), { advertisingRouter: ME });
  expect(routes(instance)).toEqual({
    "2001:db8:1::/48": "intra 10 0 to2",
    "2001:db8::1/128": "intra 3 0 to2",
    "2001:db8:3::/48": "intra 5 0",
  });
});

test("link-local and multicast prefixes are no routes, whoever advertises them; the default and what is near them are", () => {
  const instance = neighborhood([area(0)], [BACKBONE]);
  const texts = ["fe80::/64", "fe80::/10", "ff00::/8", "ff05::1/128", "febf::/16", "fec0::/10", "fe00::/9", "::/0"];
  for (const [i, text] of texts.entries()) {
    put(databaseOf(instance, 0), intra(2, text), { advertisingRouter: 2, linkStateId: i });
    put(databaseOf(instance, 0), summary(text), { advertisingRouter: 2, linkStateId: i });
  }
  expect(Object.keys(routes(instance)).sort()).toEqual(["::/0", "fe00::/9", "fec0::/10"]);
});

test("RFC 2328 §11.1: ranges with something in them are discarded, advertised or not, the empty one is nothing", () => {
  const config = ranged("2001:db8:100::/40", "2001:db8:200::/40", "2001:db8:300::/40");
  const instance = neighborhood([area(0), config], [BACKBONE, POD]);
  put(databaseOf(instance, 7), intra(3, "2001:db8:101::/48"), { advertisingRouter: 3, linkStateId: 1 });
  put(databaseOf(instance, 7), intra(3, "2001:db8:102::/48"), { advertisingRouter: 3, linkStateId: 2 });
  put(databaseOf(instance, 7), intra(3, "2001:db8:201::/48"), { advertisingRouter: 3, linkStateId: 3 });
  put(databaseOf(instance, 0), intra(2, "2001:db8:301::/48"), { advertisingRouter: 2 });
  expect(routes(instance)).toEqual({
    "2001:db8:101::/48": "intra 4 7 to3",
    "2001:db8:102::/48": "intra 4 7 to3",
    "2001:db8:201::/48": "intra 4 7 to3",
    "2001:db8:301::/48": "intra 3 0 to2",
    "2001:db8:100::/40": "discard 0 7",
    "2001:db8:200::/40": "discard 0 7",
  });
});

test("RFC 2328 §11.1: a route that contains a range does not make it active", () => {
  const instance = neighborhood([area(0), ranged("2001:db8::/40")], [BACKBONE, POD]);
  put(databaseOf(instance, 7), intra(3, "2001:db8::/32"), { advertisingRouter: 3 });
  expect(routes(instance)).toEqual({ "2001:db8::/32": "intra 4 7 to3" });
});

test("RFC 2328 §16.2 (3): a summary of an active range of ours is ignored, of an inactive one it is not", () => {
  const instance = neighborhood([area(0), ranged("2001:db8:100::/40", "2001:db8:200::/40")], [BACKBONE, POD]);
  put(databaseOf(instance, 7), intra(3, "2001:db8:101::/48"), { advertisingRouter: 3 });
  put(databaseOf(instance, 0), summary("2001:db8:100::/40"), { advertisingRouter: 2, linkStateId: 1 });
  put(databaseOf(instance, 0), summary("2001:db8:200::/40"), { advertisingRouter: 2, linkStateId: 2 });
  expect(routes(instance)).toMatchObject({
    "2001:db8:100::/40": "discard 0 7",
    "2001:db8:200::/40": "inter 4 0 to2",
  });
});

test("a range that is itself a prefix of its area is a route, not to be discarded", () => {
  const instance = neighborhood([area(0), ranged("2001:db8:100::/40")], [BACKBONE, POD]);
  put(databaseOf(instance, 7), intra(3, "2001:db8:100::/40"), { advertisingRouter: 3 });
  expect(routes(instance)).toEqual({ "2001:db8:100::/40": "intra 4 7 to3" });
});

test("RFC 2328 §11.1: who is no border router has no ranges", () => {
  const instance = neighborhood([ranged("2001:db8:100::/40")], [POD]);
  put(databaseOf(instance, 7), intra(3, "2001:db8:101::/48"), { advertisingRouter: 3 });
  expect(Object.keys(routes(instance))).toEqual(["2001:db8:101::/48"]);
});

test("RFC 2328 §16.2 (1), (2): summaries of LSInfinity, of ourselves, with the NU-bit are passed over", () => {
  const instance = neighborhood([area(0)], [BACKBONE]);
  const database = databaseOf(instance, 0);
  put(database, summary("2001:db8:1::/48", LS_INFINITY), { advertisingRouter: 2, linkStateId: 1 });
  put(database, summary("2001:db8:2::/48"), { advertisingRouter: ME, linkStateId: 2 });
  put(database, summary("2001:db8:3::/48", 1, PREFIX_NU), { advertisingRouter: 2, linkStateId: 3 });
  put(database, summary("2001:db8:4::/48", LS_INFINITY - 1), { advertisingRouter: 2, linkStateId: 4 });
  expect(routes(instance)).toEqual({ "2001:db8:4::/48": `inter ${LS_INFINITY + 2} 0 to2` });
});

test("RFC 2328 §16.2: a border router believes the backbone's summaries alone, others those of all their areas", () => {
  const instance = neighborhood([area(0), area(7)], [BACKBONE, POD]);
  put(databaseOf(instance, 0), summary("2001:db8:1::/48"), { advertisingRouter: 2 });
  put(databaseOf(instance, 7), summary("2001:db8:2::/48"), { advertisingRouter: 3 });
  expect(Object.keys(routes(instance))).toEqual(["2001:db8:1::/48"]);
  instance.isBorder = false;
  expect(Object.keys(routes(instance))).toEqual(["2001:db8:1::/48", "2001:db8:2::/48"]);
});

test("RFC 2328 §16.2 (6): an intra-area route is preferred, however dear", () => {
  const instance = neighborhood([area(0)], [BACKBONE, { id: 4, area: 0, cost: 60_000 }]);
  put(databaseOf(instance, 0), summary("2001:db8:1::/48"), { advertisingRouter: 2 });
  put(databaseOf(instance, 0), intra(4, "2001:db8:1::/48", 60_000), { advertisingRouter: 4 });
  expect(routes(instance)).toEqual({ "2001:db8:1::/48": "intra 120000 0 to4" });
});
