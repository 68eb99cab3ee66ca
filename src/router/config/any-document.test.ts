/** Whatever a file holds, checking it ends with errors, not with an exception. */
import { expect, test } from "bun:test";
import fc from "fast-check";
import { checkFabric } from "#router/config/fabric";
import { checkNode } from "#router/config/node";
import { parseSource, type Source } from "#runtime/document/source";

const FABRIC = {
  name: "demo",
  key: "000102030405060708090a0b0c0d0e0f",
  prefixes: ["2001:db8:a1::/48"],
  homes: ["2001:db8:a1:1::/64", { prefix: "2001:db8:a1:2::/64", hypervisor: "hv2" }],
  tenants: { blue: { id: 1, networks: { prod: { id: 1, prefixes: ["10.0.0.0/16"], gateway: "10.0.0.1" } } } },
};
const NODE = {
  name: "hv1",
  fabric: "fabric.yaml",
  role: "hypervisor",
  prefix: "2001:db8:a1:1::/64",
  flowCache: { entries: 1024 },
  uplinks: [{ interface: "eth1", name: "up1" }],
  routes: [
    { to: "::/0", via: [{ uplink: "up1", nextHop: "fe80::1" }] },
    { to: "2001:db8::/32", discard: true },
  ],
  vms: [{ name: "web1", network: "blue/prod", address: "10.0.0.2", tap: { name: "t", netns: "n" } }],
  ospf: {
    routerId: "10.0.0.1",
    areas: { "0.0.0.1": { kind: "stub", ranges: [{ prefix: "2001:db8::/32", cost: 3 }] } },
    defaults: { hello: "1s", bfd: { interval: "100ms" } },
    interfaces: { up1: { area: 1, auth: { keys: [{ id: 1, secret: "s", sendFrom: "2026-12-01T00:00Z" }] } } },
    redistribute: { static: { metric: 1 }, default: true },
    spf: { initial: "10ms" },
    gracefulRestart: { period: "2min" },
    record: { file: "r", limit: 1 },
  },
};

type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

/** The document with one of its values, at any depth, replaced by anything. */
function damaged(document: Json): fc.Arbitrary<Json> {
  return fc.tuple(fc.infiniteStream(fc.nat()), fc.jsonValue()).map(([choices, value]) => {
    const choose = (count: number): number => choices.next().value! % count;
    const damage = (at: Json): Json => {
      if (typeof at !== "object" || at === null || choose(4) === 0) return value as Json;
      const keys = Object.keys(at);
      const key = keys[choose(keys.length)]!;
      if (Array.isArray(at)) return at.map((item, i) => (String(i) === key ? damage(item) : item));
      return choose(8) === 0 ? { ...at, [JSON.stringify(value)]: value as Json } : { ...at, [key]: damage(at[key]!) };
    };
    return damage(document);
  });
}

function source(file: string, value: Json): Source {
  const result = parseSource(file, JSON.stringify(value, null, 1));
  if ("errors" in result) throw new Error("JSON is YAML");
  return result.source;
}

test.each([
  ["anything", fc.jsonValue() as fc.Arbitrary<Json>, fc.jsonValue() as fc.Arbitrary<Json>],
  ["a damaged node", damaged(NODE), fc.constant<Json>(FABRIC)],
  ["a node of a damaged fabric", fc.constant<Json>(NODE), damaged(FABRIC)],
])("%s is checked without an exception, and its errors have places", (_, nodes, fabrics) => {
  fc.assert(
    fc.property(nodes, fabrics, (node, fabric) => {
      const result = checkNode(source("node.yaml", node), checkFabric(source("fabric.yaml", fabric)));
      if (result.ok) return;
      expect(result.errors.length).toBeGreaterThan(0);
      for (const { line, column, found, expected } of result.errors) {
        expect(line).toBeGreaterThan(0);
        expect(column).toBeGreaterThan(0);
        expect(found).not.toContain("undefined");
        expect(expected).not.toMatch(/undefined|Invalid|Unrecognized|Too /);
      }
    }),
    { numRuns: 300 },
  );
});
