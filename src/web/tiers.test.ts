import { expect, test } from "bun:test";
import { nextBelow, seeded } from "#base/random";
import type { Untiered } from "#web/nodes";
import { tiersOf } from "#web/tiers";

const node = (role: string | null, kind: Untiered["kind"] = "router"): Untiered => ({
  ...{ name: "", kind, role, state: "up", reason: null, version: null, address: null, routerId: null, areas: [] },
  ...{ isBorder: false, started: null, busy: null, drops: null, dropReason: null, dropLevel: 0, ways: null },
  ...{ lacks: {}, socket: null },
});
const END = { port: null, cost: null, ospf: null, bfd: null, mtu: null };
const link = (a: string, b: string) => ({ kind: "ospf" as const, a: { ...END, node: a }, b: { ...END, node: b } });

test("tiers are least distances from hypervisors, whatever the graph: no link leads to more than one tier on", () => {
  const seed = Math.floor(Math.random() * 2 ** 32);
  const random = seeded(seed);
  for (let round = 0; round < 100; round++) {
    const count = 2 + nextBelow(random, 20);
    const nodes = Object.fromEntries(
      Array.from({ length: count }, (_, i) => [`n${i}`, node(nextBelow(random, 4) === 0 ? "hypervisor" : "switch")]),
    );
    const links = Array.from({ length: nextBelow(random, 40) }, () =>
      link(`n${nextBelow(random, count)}`, `n${nextBelow(random, count)}`),
    );
    const tiers = tiersOf(nodes, links);
    const where = `seed ${seed}, round ${round}`;
    for (const [id, { role }] of Object.entries(nodes)) {
      if (role === "hypervisor") expect(tiers.get(id), where).toBe(0);
      else expect(tiers.get(id), where).toBeGreaterThan(0);
    }
    const hasWay = Object.values(nodes).some(({ role }) => role === "hypervisor");
    for (const { a, b } of hasWay ? links : []) {
      const [x, y] = [tiers.get(a.node)!, tiers.get(b.node)!];
      expect(Math.abs(x - y), where).toBeLessThanOrEqual(1);
    }
  }
});

test("a LAN lies half a row above its nearest routers, and what nobody sees above all", () => {
  const nodes = { hv: node("hypervisor"), lan: node(null, "network"), sw: node("switch"), top: node(null, "unseen") };
  const tiers = tiersOf(nodes, [link("hv", "lan"), link("lan", "sw"), { ...link("sw", "top"), kind: "unseen" }]);
  expect([...tiers]).toEqual([
    ["hv", 0],
    ["lan", 0.5],
    ["sw", 1],
    ["top", 2],
  ]);
});

test("routers that no link joins to a hypervisor are one row above; unknown ones are taken for hypervisors", () => {
  const tiers = tiersOf({ sw: node("switch"), dead: node(null), lan: node(null, "network") }, [link("sw", "lan")]);
  expect([...tiers]).toEqual([
    ["dead", 0],
    ["sw", 1],
    ["lan", 1.5],
  ]);
});
