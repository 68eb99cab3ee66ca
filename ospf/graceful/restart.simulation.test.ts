/** Graceful restart among many cores: RFC 3623, RFC 5187. */
import { expect, test } from "bun:test";
import type { InterfaceConfig } from "#ospf/config";
import type { OspfEffect } from "#ospf/events";
import { ALL_SPF_ROUTERS } from "#ospf/packet/header";
import { ROUTER_LSA } from "#ospf/packet/lsa-header";
import { config, on, stub } from "#ospf/testing/configs";
import { type SimulatedRouter, Simulation } from "#ospf/testing/simulation";

type Routes = Extract<OspfEffect, { type: "routes" }>;

/** a – x – b in a row, and c on a LAN with x; x is the one that restarts. */
function network(more: Partial<InterfaceConfig> = {}) {
  const sim = new Simulation(5, { loss: 0, minDelay: 1, maxDelay: 3 });
  const lan = (priority: number) => on("lan", { kind: "broadcast", priority, ...more });
  const a = sim.add("a", config(1, { interfaces: [on("x", more)], prefixes: [stub("2001:db8:1::/64")] }));
  const b = sim.add("b", config(2, { interfaces: [on("x", more)], prefixes: [stub("2001:db8:2::/64")] }));
  const c = sim.add("c", config(3, { interfaces: [lan(1)], prefixes: [stub("2001:db8:3::/64")] }));
  const x = sim.add(
    "x",
    config(9, { interfaces: [on("a", more), on("b", more), lan(5)], prefixes: [stub("2001:db8:9::/64")] }),
  );
  sim.connect([a, "x"], [x, "a"]);
  const xb = sim.connect([x, "b"], [b, "x"]);
  sim.connect([x, "lan"], [c, "lan"]);
  sim.startAll();
  sim.run(60_000);
  return { sim, a, b, c, x, xb };
}

const routesTold = (router: SimulatedRouter): Routes[] =>
  router.effects.filter((effect): effect is Routes => effect.type === "routes");

const table = (router: SimulatedRouter): string[] =>
  [...router.core!.instance.table.routes.values()].map(({ text, cost }) => `${text} ${cost}`).sort();

const routerLsa = (router: SimulatedRouter, id: number) =>
  [...router.core!.instance.areas.get(0)!.database.ofRouter(ROUTER_LSA, id)][0]?.lsa.header.sequence;

/** Tells x to prepare, waits until it may go, and takes it away for `gap` milliseconds. */
function restart(sim: Simulation, x: SimulatedRouter, gap: number): void {
  sim.tell(x, { type: "prepareRestart" });
  sim.run(1000);
  expect(x.effects.some(({ type }) => type === "drained")).toBe(true);
  sim.crash(x);
  x.effects.length = 0;
  sim.run(gap);
  sim.start(x, sim.now + 60_000 - gap);
}

test("neighbors keep their routes while a router restarts, longer than the dead interval (RFC 3623 §3)", () => {
  const { sim, a, b, c, x } = network();
  const before = [a, b, c].map(table);
  const told = [a, b, c].map((router) => routesTold(router).length);
  restart(sim, x, 10_000);
  sim.run(60_000);
  expect([a, b, c].map(table)).toEqual(before);
  expect([a, b, c].map((router) => routesTold(router).length)).toEqual(told);
  expect(x.core!.instance.restartingUntil).toBeUndefined();
});

test("the router that restarts learns its routes anew and tells its host once, at the end (§2.2, §2.3)", () => {
  const { sim, x } = network();
  const before = table(x);
  restart(sim, x, 5000);
  sim.run(100);
  expect(routesTold(x)).toEqual([]);
  sim.run(30_000);
  expect(table(x)).toEqual(before);
  expect(routesTold(x).length).toBeGreaterThan(0);
  const notices = x.effects.flatMap((effect) => (effect.type === "notice" ? [effect.text] : []));
  expect(notices).toContain("graceful restart ends: all adjacencies are back");
});

test("it is designated router as before, and its LSAs outdo those of its earlier life (§2.3)", () => {
  const { sim, c, x } = network();
  expect(x.core!.instance.interfaces.get("lan")!.state).toBe("DR");
  const before = routerLsa(c, 9)!;
  restart(sim, x, 5000);
  sim.run(60_000);
  expect(x.core!.instance.interfaces.get("lan")!.state).toBe("DR");
  expect(c.core!.instance.interfaces.get("lan")!.designatedRouter).toBe(9);
  expect(routerLsa(c, 9)!).toBeGreaterThanOrEqual(before);
});

test("its Grace-LSAs are flushed at the end, and its neighbors help no longer (§2.3 (6), §3.2 (1))", () => {
  const { sim, a, c, x } = network();
  restart(sim, x, 5000);
  sim.run(1);
  expect(a.core!.instance.interfaces.get("x")!.neighbors.get(9)!.helpUntil).toBeDefined();
  sim.run(60_000);
  for (const [router, name] of [
    [a, "x"],
    [c, "lan"],
  ] as const) {
    const up = router.core!.instance.interfaces.get(name)!;
    expect(up.neighbors.get(9)).toMatchObject({ helpUntil: undefined, state: "Full" });
    expect([...up.database.entries()].some(({ body }) => body.kind === "grace")).toBe(false);
  }
});

test("a change of topology ends the help: routes lead around the router that restarts (§3.2 (3))", () => {
  const { sim, a, b, x } = network();
  sim.tell(x, { type: "prepareRestart" });
  sim.run(1000);
  sim.crash(x);
  sim.tell(b, { type: "configure", config: { ...b.config, prefixes: [stub("2001:db8:22::/64")] } });
  sim.run(10_000);
  expect(b.core!.instance.interfaces.get("x")!.neighbors.size).toBe(0);
  expect(table(b)).toEqual(["2001:db8:22::/64 0"]);
  expect(table(a).length).toBe(4); // what b said did not come through: a helps on
});

test("a router that does not come back is given up when its grace period ends (§3.2 (2))", () => {
  const { sim, a, x } = network();
  sim.tell(x, { type: "prepareRestart" });
  sim.run(1000);
  sim.crash(x);
  sim.run(50_000);
  expect(table(a).length).toBe(4);
  sim.run(20_000);
  expect(table(a)).toEqual(["2001:db8:1::/64 0"]);
});

test("without helpers a restart is an ordinary one (§4)", () => {
  const { sim, a, x } = network();
  for (const router of sim.routers) {
    const helper = { ...router.config, gracefulRestart: { period: 60, helper: false } };
    sim.tell(router, { type: "configure", config: helper });
  }
  restart(sim, x, 12_000);
  expect(table(a)).toEqual(["2001:db8:1::/64 0"]);
  sim.run(120_000);
  expect(table(a).length).toBe(4);
  expect(x.core!.instance.restartingUntil).toBeUndefined();
});

test("after a crash Grace-LSAs go out before the first hello, to all on the link (§5)", () => {
  const { sim, x } = network();
  sim.crash(x);
  const first: string[] = [];
  sim.onSend = (from, { interface: name, destination, octets }) => {
    if (from !== x || first.some((each) => each.startsWith(`${name} `))) return;
    first.push(`${name} ${octets[1]} ${destination.toString() === ALL_SPF_ROUTERS.toString()}`);
  };
  sim.start(x, sim.now + 60_000);
  sim.run(5);
  expect(first.sort()).toEqual(["a 4 true", "b 4 true", "lan 4 true"]);
  sim.onSend = undefined;
  const before = table(sim.routers[0]!);
  sim.run(60_000);
  expect(table(sim.routers[0]!)).toEqual(before);
});
