/**
 * Several ways of equal cost: AIN, FRR and BIRD, side by side on two LANs, compute the very same next hops.
 * Runs beside others.
 */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { PeerNetwork } from "./peers/network";
import { OWN_COST } from "./peers/spec";

setDefaultTimeout(90_000);

const looksOn = { l1: { priority: 0 }, l2: { priority: 0 } };

/**
 * a, f and b look on; x and y both lead to z. FRR 8.4 loses ways where several next hops to each of several routers meet,
 * so f is on one of the LANs only.
 */
const network = new PeerNetwork("ecmp", {
  routers: {
    a: { by: "ain", id: "10.0.0.1", own: { address: "2001:db8:0:a::1", area: "0.0.0.0" }, interfaces: looksOn },
    f: { by: "frr", id: "10.0.0.2", interfaces: { l1: looksOn.l1 } },
    b: { by: "bird", id: "10.0.0.3", interfaces: looksOn },
    x: {
      by: "ain",
      id: "10.0.0.4",
      own: { address: "2001:db8:0:4::1", area: "0.0.0.0" },
      interfaces: { l1: { priority: 10, address: "2001:db8:1::4/64" }, l2: { priority: 5 } },
      external: [{ prefix: "2001:db8:e0::/48", metric: 7, type: 2 }],
    },
    y: {
      by: "frr",
      id: "10.0.0.5",
      own: { address: "2001:db8:0:5::1", area: "0.0.0.0" },
      interfaces: { l1: { priority: 5 }, l2: { priority: 10 } },
      external: [{ prefix: "2001:db8:e0::/48", metric: 7, type: 2 }],
    },
    z: {
      by: "bird",
      id: "10.0.0.6",
      own: { address: "2001:db8:0:6::1", area: "0.0.0.0" },
      interfaces: { x: { address: "2001:db8:2::6/64" } },
      external: [{ prefix: "::/0", metric: 3, type: 1 }],
    },
  },
  links: [
    ["x:z", "z:x"],
    ["y:z", "z:y"],
  ],
  lans: { l1: ["a:l1", "f:l1", "b:l1", "x:l1", "y:l1"], l2: ["a:l2", "b:l2", "x:l2", "y:l2"] },
});

beforeAll(() => network.up());
afterAll(() => network.down());

const ALL = "l1>x l1>y l2>x l2>y";
const TO_A = `2001:db8:0:a::1/128 intra ${10 + OWN_COST.ain} l1>a l2>a`;
const SEEN = [
  `2001:db8:0:4::1/128 intra ${10 + OWN_COST.ain} l1>x l2>x`,
  `2001:db8:0:5::1/128 intra ${10 + OWN_COST.frr} l1>y l2>y`,
  `2001:db8:0:6::1/128 intra ${20 + OWN_COST.bird} ${ALL}`,
  `2001:db8:2::/64 intra 30 ${ALL}`,
  `2001:db8:e0::/48 external-2 10/7 ${ALL}`,
  `::/0 external-1 23 ${ALL}`,
];

/** The same, looked at from one LAN. */
const onL1 = (routes: readonly string[]): string[] => routes.map((line) => line.replaceAll(/ l2>\w/g, ""));

describe("ways of equal cost", () => {
  test("are next hops, all of them, of intra-area and external routes (RFC 2328 §16.1, §16.4)", async () => {
    await network.converged();
    await network.expectRoutes("a", SEEN);
    await network.expectRoutes("f", onL1([...SEEN, TO_A]));
    await network.expectRoutes("b", [...SEEN, TO_A]);
    expect(await network.databaseDifferences()).toEqual([]);
  });

  test("lead on without the router that is gone, and with it once more when it is back", async () => {
    network.lab.run("y", "ip link set dev z down");
    const left = SEEN.map((line) => {
      if (line.startsWith("2001:db8:0:5::") || line.startsWith("2001:db8:e0::")) return line;
      return line.replace(ALL, "l1>x l2>x");
    });
    await network.expectRoutes("a", left);
    await network.expectRoutes("b", [...left, TO_A]);
    await network.expectRoutes("f", onL1([...left, TO_A]));
    network.lab.run("y", "ip link set dev z up");
    await network.expectRoutes("a", SEEN, 30);
    await network.expectRoutes("b", [...SEEN, TO_A], 30);
    await network.expectRoutes("f", onL1([...SEEN, TO_A]), 30);
    expect(await network.databaseDifferences()).toEqual([]);
  });
});
