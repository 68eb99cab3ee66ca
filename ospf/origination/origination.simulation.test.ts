/** What whole routers have out, and what their neighbors make of it. */
import { expect, test } from "bun:test";
import { formatPrefix } from "#base/address";
import { isMaxAge } from "#ospf/database/store";
import { INTRA_AREA_PREFIX_LSA, NETWORK_LSA } from "#ospf/packet/lsa-header";
import { area, config, on, prefix, stub } from "#ospf/testing/configs";
import { type SimulatedRouter, Simulation } from "#ospf/testing/simulation";

const routes = ({ core }: SimulatedRouter): string[] =>
  [...core!.instance.table.routes.values()].map(({ text, path, cost }) => `${text} ${path} ${cost}`).sort();

test("a prefix that only one router on a LAN has is told by the Designated Router, and taken back with it (RFC 5340 §4.4.3)", () => {
  const sim = new Simulation(1);
  const lan = (priority: number, prefixes: string[] = []) =>
    on("lan", { kind: "broadcast", priority, cost: 3, prefixes: prefixes.map(prefix) });
  const a = sim.add("a", config(1, { interfaces: [lan(9)] }));
  const b = sim.add("b", config(2, { interfaces: [lan(1)] }));
  const c = sim.add("c", config(3, { interfaces: [lan(0)] }));
  sim.connect([a, "lan"], [b, "lan"], [c, "lan"]);
  sim.startAll();
  sim.run(60_000);
  sim.tell(c, { type: "configure", config: config(3, { interfaces: [lan(0, ["2001:db8::/64"])] }) });
  sim.run(10_000);
  const { database } = b.core!.instance.areas.get(0)!;
  const told = [...database.ofType(INTRA_AREA_PREFIX_LSA)].filter((entry) => !isMaxAge(entry));
  expect(told.map(({ lsa, body }) => [lsa.header.advertisingRouter, body])).toMatchObject([
    [
      1,
      {
        referenced: { type: NETWORK_LSA, advertisingRouter: 1 },
        prefixes: [{ ...prefix("2001:db8::/64"), metric: 0 }],
      },
    ],
  ]);
  expect(routes(b)).toEqual(["2001:db8::/64 intra 3"]);
  sim.tell(c, { type: "configure", config: config(3, { interfaces: [lan(0)] }) });
  sim.run(10_000);
  expect(routes(b)).toEqual([]);
});

/** asbr – border (backbone) – core, the ASBR in area 1 of that kind. */
function border(kind: "stub" | "nssa", summaries = true) {
  const sim = new Simulation(2);
  const edge = area(1, { kind, summaries, defaultCost: 7 });
  const external = [{ prefix: prefix("2001:db8:e::/48"), metric: 20, metricType: 2 as const, tag: 5 }];
  const asbr = sim.add(
    "asbr",
    config(1, {
      areas: [edge],
      interfaces: [on("up", { area: 1 })],
      prefixes: [stub("2001:db8:1::1/128", { area: 1 })],
      external,
    }),
  );
  const abr = sim.add("abr", config(2, { areas: [area(0), edge], interfaces: [on("down", { area: 1 }), on("up")] }));
  const inner = sim.add("inner", config(3, { interfaces: [on("down")], prefixes: [stub("2001:db8:3::/64")] }));
  sim.connect([asbr, "up"], [abr, "down"]);
  sim.connect([abr, "up"], [inner, "down"]);
  sim.startAll();
  sim.run(60_000);
  return { sim, asbr, abr, inner };
}

test("through an NSSA's border router routes go both ways, external ones by translation (RFC 3101 §3.2)", () => {
  const { sim, asbr, abr, inner } = border("nssa");
  expect(routes(inner)).toEqual([
    "2001:db8:1::1/128 inter 20",
    "2001:db8:3::/64 intra 0",
    "2001:db8:e::/48 external-2 20",
  ]);
  expect(inner.core!.instance.table.routes.get("2001:db8:e::/48")).toMatchObject({ type2Cost: 20, tag: 5 });
  expect(routes(asbr)).toEqual(["2001:db8:1::1/128 intra 0", "2001:db8:3::/64 inter 20", "::/0 external-2 10"]);
  // The route goes at its source: so does the translation.
  sim.tell(asbr, { type: "configure", config: { ...asbr.config, external: [] } });
  sim.run(10_000);
  expect(routes(inner)).toEqual(["2001:db8:1::1/128 inter 20", "2001:db8:3::/64 intra 0"]);
  expect(abr.core!.instance.external.size).toBe(0);
});

test("a stub area has a default, and takes no external routes (RFC 2328 §12.4.3.1)", () => {
  const { asbr, inner } = border("stub");
  expect(routes(asbr)).toEqual(["2001:db8:1::1/128 intra 0", "2001:db8:3::/64 inter 20", "::/0 inter 17"]);
  expect(routes(inner)).toEqual(["2001:db8:1::1/128 inter 20", "2001:db8:3::/64 intra 0"]);
});

test("totally stubby areas, and NSSAs without summaries, have an inter-area default alone (RFC 3101 §2.7)", () => {
  for (const kind of ["stub", "nssa"] as const) {
    const { asbr } = border(kind, false);
    expect(routes(asbr)).toEqual(["2001:db8:1::1/128 intra 0", "::/0 inter 17"]);
  }
});

test("of two NSSA border routers that with the greater router id translates; when it ends, the other does (RFC 3101 §3.1)", () => {
  const sim = new Simulation(3);
  const edge = area(1, { kind: "nssa" });
  const asbr = sim.add(
    "asbr",
    config(1, {
      areas: [edge],
      interfaces: [on("l", { area: 1 }), on("r", { area: 1 })],
      prefixes: [stub("2001:db8:1::1/128", { area: 1 })],
      external: [{ prefix: prefix("2001:db8:e::/48"), metric: 20, metricType: 1 }],
    }),
  );
  const sides = [2, 3].map((id) =>
    sim.add(`abr${id}`, config(id, { areas: [area(0), edge], interfaces: [on("down", { area: 1 }), on("up")] })),
  );
  const inner = sim.add("inner", config(4, { interfaces: [on("l"), on("r")] }));
  for (const [i, side] of ["l", "r"].entries()) {
    sim.connect([asbr, side], [sides[i]!, "down"]);
    sim.connect([sides[i]!, "up"], [inner, side]);
  }
  sim.startAll();
  sim.run(120_000);
  const translators = () =>
    [...inner.core!.instance.external.entries()]
      .filter((entry) => !isMaxAge(entry))
      .map(
        ({ lsa, body }) => `${lsa.header.advertisingRouter} ${body.kind === "asExternal" && formatPrefix(body.prefix)}`,
      );
  expect(translators()).toEqual(["3 2001:db8:e::/48"]);
  sim.tell(sides[1]!, { type: "shutdown" });
  sim.run(5000);
  sim.crash(sides[1]!);
  sim.run(60_000);
  expect(translators()).toEqual(["2 2001:db8:e::/48"]);
  expect(routes(inner)).toEqual(["2001:db8:1::1/128 inter 20", "2001:db8:e::/48 external-1 40"]);
  sim.start(sides[1]!);
  sim.run(120_000);
  expect(translators()).toEqual(["3 2001:db8:e::/48"]);
});

test("a router that is told to stop flushes all that it had out", () => {
  const { sim, abr, inner } = border("nssa");
  sim.tell(abr, { type: "shutdown" });
  sim.run(5000);
  const { areas, external } = inner.core!.instance;
  const left = [...areas.get(0)!.database.entries(), ...external.entries()];
  expect(left.filter(({ lsa }) => lsa.header.advertisingRouter === 2)).toEqual([]);
});
