/** Graceful restart (RFC 3623, RFC 5187): AIN restarts helped by FRR and BIRD, and helps them. Runs beside others. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { call } from "#cli/client";
import { PeerNetwork } from "./peers/network";

setDefaultTimeout(90_000);

const own = (n: number) => ({ own: { address: `2001:db8:0:${n}::1`, area: "0.0.0.0" }, gracefulRestart: true });

/** f ─ a ─ b */
const networkOf = (purpose: string): PeerNetwork =>
  new PeerNetwork(purpose, {
    routers: {
      f: { by: "frr", id: "10.0.0.1", ...own(1) },
      a: { by: "ain", id: "10.0.0.2", ...own(2) },
      b: { by: "bird", id: "10.0.0.3", ...own(3) },
    },
    links: [
      ["f:a", "a:f"],
      ["a:b", "b:a"],
    ],
  });

/** Of the ends, to one another by way of a. */
const ACROSS = { f: "2001:db8:0:3::1/128 intra 21 f–a>a", b: "2001:db8:0:1::1/128 intra 21 a–b>a" } as const;
/** Of a, to either end. */
const FROM_A = { f: "2001:db8:0:1::1/128 intra 11 f–a>f", b: "2001:db8:0:3::1/128 intra 11 a–b>b" } as const;
/** More than the dead interval, milliseconds. */
const AWAY = 5000;

/** Looks again and again whether routers have their routes, while `act` goes on. @returns what was seen instead. */
async function watching(
  network: PeerNetwork,
  routes: Record<string, string>,
  act: () => Promise<void>,
): Promise<string[]> {
  const missed = new Set<string>();
  let isOver = false;
  const look = async (): Promise<void> => {
    for (; !isOver; await Bun.sleep(50)) {
      for (const [router, route] of Object.entries(routes)) {
        const has = await network.routes(router);
        if (!has.includes(route)) missed.add(`${router} has ${has.join(", ") || "nothing"}`);
      }
    }
  };
  const looking = look();
  try {
    await act();
  } finally {
    isOver = true;
    await looking;
  }
  return [...missed];
}

const networks = { a: networkOf("gra"), f: networkOf("grf"), b: networkOf("grb") };
beforeAll(async () => {
  const settle = async (network: PeerNetwork): Promise<void> => {
    await network.up();
    await network.converged();
    await network.expectRoute("f", ACROSS.f);
    await network.expectRoute("b", ACROSS.b);
    await network.quiet(); // who helps stops as soon as the topology changes (RFC 3623 §3.2)
  };
  await Promise.all(Object.values(networks).map(settle));
});
afterAll(async () => {
  await Promise.all(Object.values(networks).map((network) => network.down()));
});

const neighborOf = async (network: PeerNetwork, name: string) =>
  (await network.ain("a").show("neighbors")).neighbors.find((one) => one.interface === name);
const isHelped = async (network: PeerNetwork, name: string): Promise<boolean> =>
  ((await neighborOf(network, name))?.helpedFor ?? null) !== null;

describe("AIN restarts", () => {
  const network = networks.a;

  test("and FRR and BIRD keep their routes by way of it, and take it up again (RFC 3623 §2, §3)", async () => {
    const missed = await watching(network, ACROSS, async () => {
      await call(network.lab.socket("a"), "POST", "stop?restart");
      await network.hasEnded("a");
      await Bun.sleep(AWAY);
      await network.startAgain();
      const isOver = async (): Promise<boolean> => (await network.ain("a").show("status")).restartingFor === null;
      await network.lab.until("the restart is over", isOver, 60);
      await network.converged(60);
    });
    expect(missed).toEqual([]);
    await network.expectRoute("a", FROM_A.f);
    await network.expectRoute("a", FROM_A.b);
    expect(await network.databaseDifferences()).toEqual([]);
  });
});

describe("FRR restarts", () => {
  const network = networks.f;

  test("and AIN keeps it and the routes to it, and takes it up again (RFC 3623 §3)", async () => {
    const missed = await watching(network, { a: FROM_A.f, b: ACROSS.b }, async () => {
      network.frr("f").vtysh("graceful-restart prepare ipv6 ospf");
      await network.lab.until("a helps f", () => isHelped(network, "f"));
      await network.frr("f").endOspf6d();
      await Bun.sleep(AWAY);
      await network.frr("f").startOspf6d(`${network.lab.folder}/f.conf`);
      await network.lab.until("f is helped no more", async () => !(await isHelped(network, "f")), 60);
      await network.converged(60);
    });
    expect(missed).toEqual([]);
    expect(network.lab.log("a")).toContain("neighbor 10.0.0.1 on f is no longer helped to restart: it has restarted");
    await network.expectRoute("f", ACROSS.f);
  });
});

describe("BIRD restarts", () => {
  const network = networks.b;

  test("and AIN keeps it and the routes to it, and takes it up again (RFC 3623 §3)", async () => {
    const missed = await watching(network, { a: FROM_A.b, f: ACROSS.f }, async () => {
      network.bird("b").birdc("graceful restart");
      await network.lab.until("a helps b", () => isHelped(network, "b"));
      await Bun.sleep(AWAY);
    });
    expect(missed).toEqual([]);
    // Once back, BIRD 2.0 takes its LSAs back and tells them anew a second later: nobody can keep routes over that.
    const file = (ending: string): string => `${network.lab.folder}/b.${ending}`;
    const words = `bird -R -c ${file("conf")} -s ${file("ctl")} -P ${file("pid")}`;
    expect(network.lab.run("b", words).status).toBe(0);
    await network.lab.until("b is helped no more", async () => !(await isHelped(network, "b")), 60);
    await network.converged(60);
    expect(network.lab.log("a")).toContain("neighbor 10.0.0.3 on b is no longer helped to restart: it has restarted");
    await network.expectRoute("b", ACROSS.b);
  });
});
