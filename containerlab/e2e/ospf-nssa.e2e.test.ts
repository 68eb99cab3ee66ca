/**
 * NSSAs: their own external routes, and the border router that makes the AS's of them (RFC 3101).
 * Runs beside others.
 */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { PeerNetwork } from "./peers/network";
import { type NetworkSpec, OWN_COST, type Player } from "./peers/spec";

const AS_EXTERNAL = 0x4005;
const NSSA = 0x2007;

setDefaultTimeout(90_000);

interface Players {
  readonly inside: Player;
  /** Translates: the border router with the greater id. */
  readonly translator: Player;
  readonly candidate: Player;
  readonly outside: Player;
}

/** i ─┬─ t ─┬─ o   area 1, an NSSA whose boundary router is i, two border routers, and the backbone
 *     └─ c ─┘ */
const nssaOf = (by: Players): NetworkSpec => {
  const nssa = { "0.0.0.1": { kind: "nssa", summaries: true } } as const;
  return {
    routers: {
      i: {
        by: by.inside,
        id: "10.0.0.1",
        own: { address: "2001:db8:1:1::1", area: "0.0.0.1" },
        // BIRD takes forwarding addresses from links alone.
        interfaces: {
          one: { area: "0.0.0.1" },
          two: { area: "0.0.0.1", ...(by.inside === "bird" && { address: "2001:db8:1:f1::1/64" }) },
        },
        areas: nssa,
        external: [{ prefix: "2001:db8:e1::/48", metric: 20, type: 2 }],
      },
      t: {
        by: by.translator,
        id: "10.0.0.9",
        own: { address: "2001:db8:f:9::1", area: "0.0.0.0" },
        interfaces: { down: { area: "0.0.0.1" }, up: {} },
        areas: nssa,
      },
      c: {
        by: by.candidate,
        id: "10.0.0.8",
        own: { address: "2001:db8:f:8::1", area: "0.0.0.0" },
        interfaces: { down: { area: "0.0.0.1" }, up: {} },
        areas: nssa,
      },
      o: {
        by: by.outside,
        id: "10.0.0.2",
        own: { address: "2001:db8:f:2::1", area: "0.0.0.0" },
        external: [{ prefix: "2001:db8:e0::/48", metric: 5, type: 2 }],
      },
    },
    links: [
      ["i:one", "t:down"],
      ["i:two", "c:down"],
      ["t:up", "o:one"],
      ["c:up", "o:two"],
    ],
  };
};

const NETWORKS: readonly Players[] = [
  { inside: "frr", translator: "ain", candidate: "bird", outside: "frr" },
  { inside: "bird", translator: "frr", candidate: "ain", outside: "ain" },
  { inside: "ain", translator: "bird", candidate: "frr", outside: "bird" },
];
const networks = NETWORKS.map((by, i) => new PeerNetwork(`nssa${i}`, nssaOf(by)));
beforeAll(async () => {
  await Promise.all(networks.map((network) => network.up()));
});
afterAll(async () => {
  await Promise.all(networks.map((network) => network.down()));
});

/** To the forwarding address (RFC 3101 §2.3): the boundary router's own, or BIRD's on its link. */
const distanceOf = ({ inside }: Players): number => (inside === "bird" ? 30 : 20 + OWN_COST[inside]);

async function holdsWithin(holds: () => Promise<boolean>, seconds: number): Promise<boolean> {
  for (const end = Date.now() + 1000 * seconds; Date.now() < end; await Bun.sleep(100)) if (await holds()) return true;
  return false;
}

for (const [i, by] of NETWORKS.entries()) {
  const network = networks[i]!;
  const originators = async (router: string, type: number): Promise<string[]> =>
    (await network.reader(router).database())
      .filter((lsa) => lsa.type === type && lsa.age < 3600)
      .map(({ advertisingRouter }) => advertisingRouter)
      .sort();

  describe(`an NSSA with ${by.inside} inside, ${by.translator} and ${by.candidate} at its border`, () => {
    test("holds the same instances at all its routers, and no AS-external-LSA (RFC 3101 §2.2)", async () => {
      await network.converged();
      expect(await originators("i", AS_EXTERNAL)).not.toContain("10.0.0.2");
      for (const router of ["i", "t", "c"]) expect(await originators(router, NSSA)).toContain("10.0.0.1");
      expect((await network.routes("i")).join()).not.toContain("2001:db8:e0::");
    });

    test("the border router with the greatest id translates, alone (RFC 3101 §3.1, §3.2)", async () => {
      const alone = async (): Promise<boolean> =>
        Bun.deepEquals(await originators("o", AS_EXTERNAL), ["10.0.0.2", "10.0.0.9"]);
      // Told before it knew an address of its own, FRR's route has none to forward to, and nobody may translate it
      // (RFC 3101 §2.4); FRR tells it rightly when asked to once more.
      if (by.inside === "frr" && !(await holdsWithin(alone, 15))) {
        const again = ["no redistribute static", "redistribute static route-map external"];
        network.frr("i").vtysh("configure terminal", "router ospf6", ...again);
      }
      await network.lab.until("the translator alone tells of the route", alone, 45);
      await network.expectRoute("t", `2001:db8:e1::/48 external-2 ${distanceOf(by) - 10}/20 i–t>i`);
      await network.expectRoute("c", `2001:db8:e1::/48 external-2 ${distanceOf(by) - 10}/20 i–c>i`);
      // The forwarding address is reached by either border router; FRR has one way into another area at a time.
      if (by.outside !== "frr") {
        await network.expectRoute("o", `2001:db8:e1::/48 external-2 ${distanceOf(by)}/20 c–o>c t–o>t`);
      }
      expect(await network.databaseDifferences()).toEqual([]);
    });

    test("knows the ways out of it (RFC 3101 §2.7)", async () => {
      const ways = by.inside === "frr" ? ["i–c>c", "i–t>t"] : ["i–c>c i–t>t"];
      const toO = ways.map((way) => `2001:db8:f:2::1/128 inter ${20 + OWN_COST[by.outside]} ${way}`);
      const any = async (): Promise<boolean> => (await network.routes("i")).some((route) => toO.includes(route));
      await network.lab.until(`${toO.join(" or ")} inside`, any, 20);
    });

    // FRR 8.4 takes a border router for present as long as its LSA is, reached or not.
    if (by.candidate === "frr") return;
    test("another border router translates when the first is gone (RFC 3101 §3.1)", async () => {
      for (const name of ["down", "up"]) network.lab.run("t", `ip link set dev ${name} down`);
      const tells = async (): Promise<boolean> => (await originators("o", AS_EXTERNAL)).includes("10.0.0.8");
      await network.lab.until("the candidate tells of the route", tells, 30);
      // FRR has one way into another area at a time, and does not always find the second when the first is gone.
      if (by.outside !== "frr")
        await network.expectRoute("o", `2001:db8:e1::/48 external-2 ${distanceOf(by)}/20 c–o>c`);
    });
  });
}
