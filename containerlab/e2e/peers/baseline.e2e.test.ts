/** The harness itself: FRR and BIRD among themselves agree on everything that these tests read of them. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { PeerNetwork } from "./network";

setDefaultTimeout(60_000);

const network = new PeerNetwork("base", {
  routers: {
    f: {
      by: "frr",
      id: "1.1.1.1",
      own: { address: "2001:db8:0:1::1", area: "0.0.0.0" },
      interfaces: { lan: { priority: 10, address: "2001:db8:9:1::f/64" } },
      external: [{ prefix: "2001:db8:f000::/36", metric: 20, type: 2 }],
    },
    b: {
      by: "bird",
      id: "2.2.2.2",
      own: { address: "2001:db8:0:2::1", area: "0.0.0.0" },
      interfaces: { lan: { priority: 9, address: "2001:db8:9:1::b/64" } },
      external: [
        { prefix: "2001:db8:b000::/36", metric: 30, type: 1 },
        { prefix: "::/0", metric: 5, type: 1 },
      ],
    },
    g: { by: "frr", id: "3.3.3.3", interfaces: { lan: { priority: 0 } } },
    c: { by: "bird", id: "4.4.4.4", interfaces: { lan: { priority: 0 } } },
  },
  links: [["f:eth1", "b:eth1"]],
  lans: { lan1: ["f:lan", "b:lan", "g:lan", "c:lan"] },
});

beforeAll(() => network.up());
afterAll(() => network.down());

/** What both bystanders on the LAN compute. */
const SEEN = [
  "2001:db8:0:1::1/128 intra 11 lan1>f",
  "2001:db8:0:2::1/128 intra 11 lan1>b",
  "2001:db8:b000::/36 external-1 40 lan1>b",
  "2001:db8:f000::/36 external-2 10/20 lan1>f",
  "::/0 external-1 15 lan1>b",
];

describe("FRR and BIRD", () => {
  test("become adjacent, elect by priority, and hold the same instances (RFC 5340 §4.2, RFC 2328 §9.4)", async () => {
    await network.converged();
    expect(await network.neighbors("f")).toEqual(["b Full", "b Full", "c Full", "g Full"]);
    expect(await network.neighbors("c")).toEqual(["b Full", "f Full", "g TwoWay"]);
    for (const [router, state] of Object.entries({ f: "DR", b: "Backup", g: "DROther", c: "DROther" })) {
      const segment = { interface: "lan", state, designated: "1.1.1.1", backup: "2.2.2.2" };
      expect(await network.reader(router).segments()).toContainEqual(segment);
    }
  });

  test("compute the same routes, with all next hops (RFC 2328 §16)", async () => {
    await network.expectRoutes("g", SEEN);
    await network.expectRoutes("c", SEEN);
    await network.expectRoutes("f", [
      "2001:db8:0:2::1/128 intra 11 f–b>b lan1>b",
      "2001:db8:b000::/36 external-1 40 f–b>b lan1>b",
      "::/0 external-1 15 f–b>b lan1>b",
    ]);
    await network.expectRoutes("b", [
      "2001:db8:0:1::1/128 intra 11 f–b>f lan1>f",
      "2001:db8:f000::/36 external-2 10/20 f–b>f lan1>f",
    ]);
    expect(await network.databaseDifferences()).toEqual([]);
  });

  test("install them in the kernel", () => {
    expect(network.kernelRoutes("f")).toContain("::/0 f–b>b lan1>b");
    expect(network.kernelRoutes("b")).toContain("2001:db8:0:1::1/128 f–b>f lan1>f");
    for (const router of ["g", "c"]) {
      expect(network.kernelRoutes(router)).toEqual(
        expect.arrayContaining(SEEN.map((line) => `${line.split(" ")[0]} ${line.split(" ").at(-1)}`)),
      );
    }
  });
});
