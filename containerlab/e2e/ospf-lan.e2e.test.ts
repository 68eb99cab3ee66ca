/** AIN, FRR and BIRD on one LAN: each in turn designated router, backup and neither. Runs beside others. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import { Capture } from "./peers/capture";
import { PeerNetwork } from "./peers/network";
import { type NetworkSpec, OWN_COST, type Player } from "./peers/spec";

setDefaultTimeout(90_000);

interface Parts {
  readonly designated: Player;
  readonly backup: Player;
  readonly other: Player;
}
const PARTS: readonly Parts[] = [
  { designated: "ain", backup: "frr", other: "bird" },
  { designated: "frr", backup: "bird", other: "ain" },
  { designated: "bird", backup: "ain", other: "frr" },
];

/** The other has a second way to the backup, a point-to-point link; an AIN that may not be designated looks on. */
const lanOf = ({ designated, backup, other }: Parts): NetworkSpec => ({
  routers: {
    d: {
      by: designated,
      id: "10.0.0.1",
      own: { address: "2001:db8:0:1::1", area: "0.0.0.0" },
      interfaces: { lan: { priority: 20, address: "2001:db8:9:1::d/64" } },
      external: [{ prefix: "2001:db8:e1::/48", metric: 20, type: 2 }],
    },
    b: {
      by: backup,
      id: "10.0.0.2",
      own: { address: "2001:db8:0:2::1", area: "0.0.0.0" },
      interfaces: { lan: { priority: 10, address: "2001:db8:9:1::b/64" } },
    },
    o: {
      by: other,
      id: "10.0.0.3",
      own: { address: "2001:db8:0:3::1", area: "0.0.0.0" },
      interfaces: { lan: { priority: 0 } },
      external: [{ prefix: "::/0", metric: 3, type: 1 }],
    },
    p: {
      by: "ain",
      id: "10.0.0.4",
      own: { address: "2001:db8:0:4::1", area: "0.0.0.0" },
      interfaces: { lan: { priority: 0 } },
    },
  },
  links: [["o:eth1", "b:eth1"]],
  lans: { lan1: ["d:lan", "b:lan", "o:lan", "p:lan"] },
});

const networks = PARTS.map((parts, i) => new PeerNetwork(`lan${i}`, lanOf(parts)));
/** What passes the designated router of the first network, an AIN: all of its own, and what another AIN sends to all or to it. */
let capture: Capture;
beforeAll(async () => {
  await Promise.all(networks.map((network) => network.up()));
  const { lab } = networks[0]!;
  capture = await Capture.begin(lab.namespace("lan1"), "p0", join(lab.folder, "p0.pcap"));
});
afterAll(async () => {
  await Promise.all(networks.map((network) => network.down()));
});

test("tshark reads all that AIN sends, of every packet type, without complaint", async () => {
  await networks[0]!.converged();
  await capture.end();
  // The designated router need not acknowledge anything: what it floods back says as much (RFC 2328 §13.5, table 19).
  const linkLocals = ["d", "p"].map((router) => networks[0]!.own(router)[0]!.linkLocal);
  const sent = `ipv6.src in {${linkLocals.join(", ")}}`;
  expect([...new Set(capture.fields(sent, "ospf.msg"))].sort()).toEqual(["1", "2", "3", "4", "5"]);
  expect(capture.fields(`${sent} && (_ws.malformed || _ws.expert.severity >= 0x600000)`, "frame.number")).toEqual([]);
});

for (const [i, parts] of PARTS.entries()) {
  const network = networks[i]!;
  describe(`on a LAN with ${parts.designated} as designated router, ${parts.backup} as backup and ${parts.other} as neither`, () => {
    test("all agree who is designated, and are adjacent to those two (RFC 2328 §9.4, §10.4)", async () => {
      await network.converged();
      for (const [router, state] of Object.entries({ d: "DR", b: "Backup", o: "DROther", p: "DROther" })) {
        const segment = { interface: "lan", state, designated: "10.0.0.1", backup: "10.0.0.2" };
        expect(await network.reader(router).segments(), router).toContainEqual(segment);
      }
      expect(await network.neighbors("d")).toEqual(["b Full", "o Full", "p Full"]);
      expect(await network.neighbors("b")).toEqual(["d Full", "o Full", "o Full", "p Full"]);
      expect(await network.neighbors("o")).toEqual(["b Full", "b Full", "d Full", "p TwoWay"]);
    });

    test("all compute the same ways over it, with all next hops (RFC 5340 §4.8)", async () => {
      const [d, b, o] = [parts.designated, parts.backup, parts.other].map((player) => 10 + OWN_COST[player]);
      const toP = `2001:db8:0:4::1/128 intra ${10 + OWN_COST.ain} lan1>p`;
      await network.expectRoutes("d", [
        `2001:db8:0:2::1/128 intra ${b} lan1>b`,
        `2001:db8:0:3::1/128 intra ${o} lan1>o`,
        toP,
        "::/0 external-1 13 lan1>o",
      ]);
      await network.expectRoutes("b", [
        `2001:db8:0:1::1/128 intra ${d} lan1>d`,
        `2001:db8:0:3::1/128 intra ${o} lan1>o o–b>o`,
        toP,
        "2001:db8:e1::/48 external-2 10/20 lan1>d",
        "::/0 external-1 13 lan1>o o–b>o",
      ]);
      await network.expectRoutes("o", [
        `2001:db8:0:1::1/128 intra ${d} lan1>d`,
        `2001:db8:0:2::1/128 intra ${b} lan1>b o–b>b`,
        toP,
        "2001:db8:e1::/48 external-2 10/20 lan1>d",
      ]);
      await network.expectRoutes("p", [
        `2001:db8:0:1::1/128 intra ${d} lan1>d`,
        `2001:db8:0:2::1/128 intra ${b} lan1>b`,
        `2001:db8:0:3::1/128 intra ${o} lan1>o`,
        "2001:db8:e1::/48 external-2 10/20 lan1>d",
        "::/0 external-1 13 lan1>o",
      ]);
      expect(await network.databaseDifferences()).toEqual([]);
    });

    // FRR 8.4 as neither does not tell of the new network in its router-LSA, so its own address is not looked at.
    test("the backup takes over when the designated router is silent, and the databases agree again (RFC 2328 §9.4)", async () => {
      network.lab.run("lan1", "ip link set p0 nomaster");
      await untilDesignated(network, ["b", "o", "p"], "10.0.0.2");
      await network.expectRoute("p", `2001:db8:0:2::1/128 intra ${10 + OWN_COST[parts.backup]} lan1>b`);
      const agree = async (): Promise<boolean> =>
        (await network.databaseDifferences(["b", "o", "p"])).length === 0 &&
        Bun.deepEquals(await network.neighbors("b"), ["o Full", "o Full", "p Full"]);
      await network.lab.until("databases agree, and all are adjacent to b", agree, 20);
    });

    test("of two that both claim to be designated when the LAN is whole again, the greater priority is (RFC 2328 §9.4)", async () => {
      network.lab.run("lan1", "ip link set p0 master br0");
      await untilDesignated(network, ["d", "b", "o", "p"], "10.0.0.1");
      await network.converged(40);
      await network.expectRoute("p", `2001:db8:0:1::1/128 intra ${10 + OWN_COST[parts.designated]} lan1>d`);
    });
  });
}

async function untilDesignated(network: PeerNetwork, routers: readonly string[], routerId: string): Promise<void> {
  for (const router of routers) {
    const isDesignated = async (): Promise<boolean> =>
      (await network.reader(router).segments()).some((one) => one.interface === "lan" && one.designated === routerId);
    await network.lab.until(`${router} takes ${routerId} for designated`, isDesignated, 20);
  }
}
