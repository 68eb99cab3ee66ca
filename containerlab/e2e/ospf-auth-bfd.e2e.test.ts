/** Authentication trailers (RFC 7166) and BFD (RFC 5880) with FRR and BIRD at the other end. Runs beside others. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { call } from "#cli/client";
import type { BfdStatusView } from "#router/bfd/bfd-view";
import { keyTwins } from "./peers/frr-key";
import { PeerNetwork } from "./peers/network";
import { OWN_COST } from "./peers/spec";

setDefaultTimeout(90_000);

const twins = keyTwins();
const BIRD_KEY = { id: 2, secret: "spoken-by-all" };
/** The dead interval is out of the tests' reach: whatever happens before is BFD's doing. */
const WATCHED = { bfd: true, dead: 60, broadcast: false };

const network = new PeerNetwork("auth", {
  routers: {
    a: {
      by: "ain",
      id: "10.0.0.1",
      own: { address: "2001:db8:0:1::1", area: "0.0.0.0" },
      interfaces: {
        frr: { key: { id: 1, secret: twins.others } },
        bird: { key: BIRD_KEY },
        wf: WATCHED,
        wb: WATCHED,
      },
    },
    f: {
      by: "frr",
      id: "10.0.0.2",
      own: { address: "2001:db8:0:2::1", area: "0.0.0.0" },
      interfaces: { up: { key: { id: 1, secret: twins.frr } } },
    },
    b: {
      by: "bird",
      id: "10.0.0.3",
      own: { address: "2001:db8:0:3::1", area: "0.0.0.0" },
      interfaces: { up: { key: BIRD_KEY } },
    },
    wf: {
      by: "frr",
      id: "10.0.0.4",
      own: { address: "2001:db8:0:4::1", area: "0.0.0.0" },
      interfaces: { up: WATCHED },
    },
    wb: {
      by: "bird",
      id: "10.0.0.5",
      own: { address: "2001:db8:0:5::1", area: "0.0.0.0" },
      interfaces: { up: WATCHED },
    },
  },
  links: [
    ["a:frr", "f:up"],
    ["a:bird", "b:up"],
  ],
  // With a bridge in between, that can swallow packets while both ends stay up.
  lans: { lanf: ["a:wf", "wf:up"], lanb: ["a:wb", "wb:up"] },
});

beforeAll(() => network.up());
afterAll(() => network.down());

const neighborOn = async (name: string) =>
  (await network.ain("a").show("neighbors")).neighbors.find((one) => one.interface === name);

describe("the authentication trailer", () => {
  test("of FRR and BIRD is believed, and ours by them (RFC 7166 §4.5, §4.6)", async () => {
    await network.converged();
    await network.expectRoute("a", "2001:db8:0:2::1/128 intra 11 a–f>f");
    await network.expectRoute("a", "2001:db8:0:3::1/128 intra 11 a–b>b");
    await network.expectRoute("b", `2001:db8:0:2::1/128 intra 21 a–b>a`);
    await network.expectRoute("f", `2001:db8:0:3::1/128 intra 21 a–f>a`);
    for (const name of ["frr", "bird"]) expect(await neighborOn(name)).toMatchObject({ state: "Full", changes: 1 });
  });

  test("with a key that the other end does not have any more ends the adjacency, and is told", async () => {
    writeFileSync(join(network.lab.folder, "a.bird.key"), "another-one");
    await call(network.lab.socket("a"), "POST", "reload");
    const isTold = async (): Promise<boolean> =>
      (await network.ain("a").troubles()).some((line) => line.startsWith("bird 10.0.0.3: authentication: "));
    await network.lab.until("the reason is told", isTold);
    await network.lab.until("the adjacency ends", async () => (await neighborOn("bird"))?.state !== "Full", 15);
    expect(await neighborOn("frr")).toMatchObject({ state: "Full", changes: 1 });
    writeFileSync(join(network.lab.folder, "a.bird.key"), BIRD_KEY.secret);
    await call(network.lab.socket("a"), "POST", "reload");
    await network.lab.until("it is adjacent again", async () => (await neighborOn("bird"))?.state === "Full", 20);
  });
});

for (const [name, lan, player] of [
  ["wf", "lanf", "frr"],
  ["wb", "lanb", "bird"],
] as const) {
  describe(`BFD with ${player}`, () => {
    const seesUs = async (): Promise<boolean> => (await network.neighbors(name)).includes("a Full");
    const isFull = async (): Promise<boolean> => (await neighborOn(name))?.state === "Full";

    test("is up beside the adjacency, at what both ends asked for (RFC 5881 §3, RFC 5882 §4.2)", async () => {
      const session = async () =>
        ((await call(network.lab.socket("a"), "GET", "show/bfd")) as BfdStatusView).sessions.find(
          (one) => one.interface === name,
        );
      await network.lab.until("the session is up", async () => (await session())?.state === "Up", 20);
      expect(await session()).toMatchObject({ remoteState: "Up", transmitInterval: 100, detectionTime: 300 });
      expect(await neighborOn(name)).toMatchObject({ state: "Full", changes: 1, watchedByBfd: true });
    });

    test("ends the adjacency at both ends when packets are lost in silence, long before the dead interval", async () => {
      network.lab.run(lan, "ip link set dev p1 nomaster");
      await network.lab.until("we gave it up", async () => !(await isFull()));
      await network.lab.until("it gave us up", async () => !(await seesUs()));
    });

    test("and the adjacency is back, with its routes, when packets pass again", async () => {
      network.lab.run(lan, "ip link set dev p1 master br0");
      await network.lab.until("both are Full", async () => (await isFull()) && (await seesUs()), 30);
      const there = name === "wf" ? "4" : "5";
      await network.expectRoute("a", `2001:db8:0:${there}::1/128 intra ${10 + OWN_COST[player]} ${lan}>${name}`);
    });
  });
}
