import { expect, test } from "bun:test";
import { nextBelow, seeded } from "#base/random";
import { compute, newMemory, noChanges } from "#ospf/routes/computation";
import type { OspfRoute, RouterPath } from "#ospf/routes/model";
import { instanceOf } from "#ospf/testing/databases";
import { finish, tableOf } from "#ospf/testing/drive";
import { hopText, Naive, type NaiveRoute } from "#ospf/testing/naive";
import { areasOf, describeNetwork, type Network, randomNetwork } from "#ospf/testing/network";

function asNaive({ path, area, cost, type2Cost, tag, nextHops }: OspfRoute): NaiveRoute {
  if (path === "discard") throw new Error("no ranges were configured");
  const hops = nextHops.map((hop) => hopText(hop.interface, hop.address));
  return { path, area, cost, hops, ...(type2Cost !== undefined && { type2Cost }), ...(tag !== undefined && { tag }) };
}

const sorted = <T>(map: Iterable<[string, T]>): [string, T][] => [...map].sort(([a], [b]) => (a < b ? -1 : 1));

function expectTruth(network: Network, router: number, maxPaths: number, seed: number): void {
  const table = tableOf(instanceOf({ network, router, maxPaths, random: seeded(seed) }));
  const naive = new Naive(network);
  const found = sorted([...table.routes].map(([text, route]): [string, NaiveRoute] => [text, asNaive(route)]));
  expect(found).toEqual(sorted(naive.routes(router, maxPaths)));
  for (const area of areasOf(network, router)) {
    for (let other = 0; other < network.routers.length; other++) {
      const path = table.routers.get(area)?.get(network.routers[other]!.id);
      const way = naive.router(router, area, other);
      expect(path && routerText(path)).toBe(
        way && `${way.path} ${way.cost} ${way.isAsbr} ${way.hops.slice(0, maxPaths).join()}`,
      );
    }
  }
}

const routerText = ({ path, cost, isAsbr, nextHops }: RouterPath): string =>
  `${path} ${cost} ${isAsbr} ${nextHops.map((hop) => hopText(hop.interface, hop.address)).join()}`;

/** More of them: OSPF_NETWORKS=10000. */
const SEEDS = Number(process.env.OSPF_NETWORKS ?? 300);

test("RFC 5340 §4.8: routes of random networks are those of an oracle that knows no LSAs", () => {
  for (let seed = 1; seed <= SEEDS; seed++) {
    const random = seeded(seed);
    const network = randomNetwork(random);
    const router = network.routers.findIndex(({ admits }) => admits);
    const maxPaths = seed % 3 === 0 ? 1 + nextBelow(random, 4) : 64;
    try {
      expectTruth(network, nextBelow(random, 2) === 0 ? router : 0, maxPaths, seed);
    } catch (error) {
      throw new Error(`seed ${seed}: ${error instanceof Error ? error.message : error}\n${describeNetwork(network)}`);
    }
  }
}, 600_000);

test("sets of next hops that are thrown away and made anew leave routes the objects that they were", () => {
  for (let seed = 1; seed <= 50; seed++) {
    const random = seeded(seed);
    const instance = instanceOf({ network: randomNetwork(random), router: 0, maxPaths: 64, random });
    const memory = newMemory(instance);
    const first = finish(compute(instance, memory, noChanges(), instance.table)).table;
    const { sets } = memory;
    memory.mostSets = 0;
    const second = finish(compute(instance, memory, noChanges(), first)).table;
    expect(memory.sets).not.toBe(sets);
    expect(memory.mostSets).toBe(2 * memory.sets.size + 20_000);
    expect(second.routers).toEqual(first.routers);
    for (const [text, route] of first.routes) expect(second.routes.get(text)).toBe(route);
  }
});
