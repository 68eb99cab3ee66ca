/**
 * Databases of hundreds of LSAs, learnt by an exchange from FRR and BIRD while these still describe (RFC 2328 §10.9).
 * Runs beside others.
 */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { call } from "#cli/client";
import { PeerNetwork } from "./peers/network";
import type { ExternalSpec, Player } from "./peers/spec";

setDefaultTimeout(90_000);

/** More than fill three packets of requests. */
const PREFIXES = 400;
const ownOf = (player: Player): ExternalSpec[] =>
  Array.from({ length: PREFIXES }, (_, i) => ({
    prefix: `2001:db8:${player === "frr" ? "f" : "b"}${i.toString(16).padStart(3, "0")}::/48`,
    metric: 20,
    type: 2,
  }));

/** f – a – b. `ain`: a is the master of its exchanges, or the slave (§10.6). */
const networkOf = (ain: "master" | "slave"): PeerNetwork =>
  new PeerNetwork(`load${ain[0]}`, {
    routers: {
      a: { by: "ain", id: ain === "master" ? "10.0.0.9" : "10.0.0.1" },
      f: { by: "frr", id: "10.0.0.2", external: ownOf("frr") },
      b: { by: "bird", id: "10.0.0.3", external: ownOf("bird") },
    },
    links: [
      ["a:one", "f:one"],
      ["a:two", "b:one"],
    ],
  });

const hasAllRoutes = (network: PeerNetwork): Promise<void> =>
  network.lab.until("all routes", async () => (await network.routes("a")).length === 2 * PREFIXES);

describe.each(["master", "slave"] as const)("AIN, the %s of its exchanges with FRR and BIRD", (part) => {
  const network = networkOf(part);
  beforeAll(async () => {
    await network.up();
  });
  afterAll(async () => {
    await network.down();
  });

  test("has all they tell when they are adjacent, and each has the other's by it", async () => {
    await network.converged(60);
    await hasAllRoutes(network);
  });

  test("started again, it asks both for all of it, and neither exchange is broken off (§10.9, §10.6)", async () => {
    await call(network.lab.socket("a"), "POST", "stop");
    await network.hasEnded("a");
    await network.startAgain();
    await network.converged(60);
    await hasAllRoutes(network);
    const broken = network.lab.log("a").match(/neighbor .* → ExStart.*/g);
    expect(broken).toBeNull();
    expect(await network.ain("a").troubles()).toEqual([]);
  });
});
