/**
 * Areas and what crosses them, with each of the three programs in each place: the routes and databases have to be the same
 * whoever is where.
 * Runs beside others.
 */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { PeerNetwork } from "./peers/network";
import { type NetworkSpec, OWN_COST, type Player } from "./peers/spec";

setDefaultTimeout(90_000);

interface Players {
  readonly n1: Player;
  readonly r1: Player;
  readonly n0: Player;
  readonly r2: Player;
  readonly n2: Player;
  readonly n3: Player;
}

/**
 * n1 ─ r1 ─ n0 ─ r2 ─ n2   area 1 is a normal one with ranges, 0 the backbone,
 *                   └─ n3  2 totally stubby, 3 a stub area that hears of everything inside the AS
 */
const chain = (by: Players): NetworkSpec => ({
  routers: {
    n1: {
      by: by.n1,
      id: "10.0.0.1",
      own: { address: "2001:db8:1:1::1", area: "0.0.0.1" },
      interfaces: { up: { area: "0.0.0.1", address: "2001:db8:1:2::1/64" } },
      external: [{ prefix: "2001:db8:e1::/48", metric: 7, type: 1 }],
    },
    r1: {
      by: by.r1,
      id: "10.0.0.2",
      own: { address: "2001:db8:f:2::1", area: "0.0.0.0" },
      interfaces: { down: { area: "0.0.0.1" }, up: {} },
      areas: {
        "0.0.0.1": {
          kind: "normal",
          ranges: [{ prefix: "2001:db8:1::/48" }],
        },
      },
    },
    n0: {
      by: by.n0,
      id: "10.0.0.3",
      own: { address: "2001:db8:f:3::1", area: "0.0.0.0" },
      external: [
        { prefix: "2001:db8:e0::/48", metric: 100, type: 2 },
        { prefix: "::/0", metric: 9, type: 2 },
      ],
    },
    r2: {
      by: by.r2,
      id: "10.0.0.4",
      own: { address: "2001:db8:f:4::1", area: "0.0.0.0" },
      interfaces: { up: {}, two: { area: "0.0.0.2" }, three: { area: "0.0.0.3", cost: 5 } },
      areas: {
        "0.0.0.2": {
          kind: "stub",
          summaries: false,
          ranges: [{ prefix: "2001:db8:2::/48" }, { prefix: "2001:db8:bad::/48", advertise: false }],
        },
        "0.0.0.3": { kind: "stub" },
      },
    },
    n2: {
      by: by.n2,
      id: "10.0.0.5",
      own: { address: "2001:db8:2:5::1", area: "0.0.0.2" },
      interfaces: { up: { area: "0.0.0.2", address: "2001:db8:bad:5::1/64" } },
      areas: { "0.0.0.2": { kind: "stub" } },
    },
    n3: {
      by: by.n3,
      id: "10.0.0.6",
      own: { address: "2001:db8:3:6::1", area: "0.0.0.3" },
      interfaces: { up: { area: "0.0.0.3" } },
      areas: { "0.0.0.3": { kind: "stub" } },
    },
  },
  links: [
    ["n1:up", "r1:down"],
    ["r1:up", "n0:one"],
    ["n0:two", "r2:up"],
    ["r2:two", "n2:up"],
    ["r2:three", "n3:up"],
  ],
});

/** AIN in every place; in each network all three programs. */
const NETWORKS: Record<string, Players> = {
  "AIN borders an area of FRR's and a backbone of BIRD's": {
    n1: "frr",
    r1: "ain",
    n0: "bird",
    r2: "frr",
    n2: "ain",
    n3: "bird",
  },
  "FRR and BIRD are the border routers of AIN's backbone": {
    n1: "ain",
    r1: "frr",
    n0: "ain",
    r2: "bird",
    n2: "frr",
    n3: "ain",
  },
  "AIN borders the stub areas of FRR and BIRD": {
    n1: "bird",
    r1: "ain",
    n0: "frr",
    r2: "ain",
    n2: "bird",
    n3: "frr",
  },
};

const networks = Object.values(NETWORKS).map((players, i) => new PeerNetwork(`area${i}`, chain(players)));
beforeAll(async () => {
  await Promise.all(networks.map((network) => network.up()));
});
afterAll(async () => {
  await Promise.all(networks.map((network) => network.down()));
});

/** By place; only how dear a router's own address is differs by who plays it. */
function expectedRoutes(players: Players): Record<string, string[]> {
  const own = (place: keyof Players, distance: number): number => distance + OWN_COST[players[place]];
  const via = (path: string, distance: number, hop: string) => ({
    r1: `2001:db8:f:2::1/128 ${path} ${own("r1", distance)} ${hop}`,
    n0: `2001:db8:f:3::1/128 ${path} ${own("n0", distance)} ${hop}`,
    r2: `2001:db8:f:4::1/128 ${path} ${own("r2", distance)} ${hop}`,
    three: `2001:db8:3:6::1/128 ${path} ${own("n3", distance)} ${hop}`,
  });
  const [toR1, toN0, up1, up2, down2] = ["n1–r1>r1", "r1–n0>n0", "r1–n0>r1", "n0–r2>n0", "n0–r2>r2"] as const;
  return {
    n1: [
      `2001:db8:2::/48 inter ${own("n2", 40)} ${toR1}`,
      via("inter", 35, toR1).three,
      via("inter", 10, toR1).r1,
      via("inter", 20, toR1).n0,
      via("inter", 30, toR1).r2,
      `2001:db8:e0::/48 external-2 20/100 ${toR1}`,
      `::/0 external-2 20/9 ${toR1}`,
    ],
    r1: [
      `2001:db8:1:1::1/128 intra ${own("n1", 10)} n1–r1>n1`,
      "2001:db8:1:2::/64 intra 20 n1–r1>n1",
      `2001:db8:2::/48 inter ${own("n2", 30)} ${toN0}`,
      via("inter", 25, toN0).three,
      via("intra", 10, toN0).n0,
      via("intra", 20, toN0).r2,
      `2001:db8:e0::/48 external-2 10/100 ${toN0}`,
      "2001:db8:e1::/48 external-1 17 n1–r1>n1",
      `::/0 external-2 10/9 ${toN0}`,
    ],
    n0: [
      `2001:db8:1::/48 inter 30 ${up1}`,
      `2001:db8:2::/48 inter ${own("n2", 20)} ${down2}`,
      via("inter", 15, down2).three,
      via("intra", 10, up1).r1,
      via("intra", 10, down2).r2,
      `2001:db8:e1::/48 external-1 27 ${up1}`,
    ],
    r2: [
      `2001:db8:1::/48 inter 40 ${up2}`,
      `2001:db8:2:5::1/128 intra ${own("n2", 10)} r2–n2>n2`,
      "2001:db8:bad:5::/64 intra 20 r2–n2>n2",
      via("intra", 5, "r2–n3>n3").three,
      via("intra", 20, up2).r1,
      via("intra", 10, up2).n0,
      `2001:db8:e0::/48 external-2 10/100 ${up2}`,
      `2001:db8:e1::/48 external-1 37 ${up2}`,
      `::/0 external-2 10/9 ${up2}`,
    ],
    n2: ["::/0 inter 11 r2–n2>r2"],
    n3: [
      `2001:db8:1::/48 inter 50 r2–n3>r2`,
      `2001:db8:2::/48 inter ${own("n2", 20)} r2–n3>r2`,
      via("inter", 30, "r2–n3>r2").r1,
      via("inter", 20, "r2–n3>r2").n0,
      via("inter", 10, "r2–n3>r2").r2,
      "::/0 inter 11 r2–n3>r2",
    ],
  };
}

for (const [i, [title, players]] of Object.entries(NETWORKS).entries()) {
  const network = networks[i]!;
  describe(title, () => {
    test("all are adjacent and hold the same instances in each area (RFC 5340 §4.4.3)", async () => {
      await network.converged();
      expect(await network.databaseDifferences()).toEqual([]);
    });
    test("each computes the routes of its place (RFC 2328 §16, RFC 5340 §4.8)", async () => {
      const expected = expectedRoutes(players);
      for (const router of Object.keys(expected)) await network.expectRoutes(router, expected[router]!);
      expect(await network.databaseDifferences()).toEqual([]);
    });
  });
}
