/** Databases that change at random: the table must be that of a computation from nothing, however it came about. */
import { expect, test } from "bun:test";
import { nextBelow, nextFraction, type Random, seeded } from "#base/random";
import type { Entry, LsaStore } from "#ospf/database/store";
import type { OspfEffect, Turn } from "#ospf/events";
import { withAge } from "#ospf/packet/lsa";
import { Routing } from "#ospf/routes/routing";
import type { Scope } from "#ospf/scope";
import type { Instance } from "#ospf/state";
import { instanceOf } from "#ospf/testing/databases";
import { runUntil, tableOf } from "#ospf/testing/drive";
import { describeNetwork, randomNetwork } from "#ospf/testing/network";
import { podOf, serverInstance } from "#ospf/testing/pods";

/** Databases of an instance, each with how its changes are told. */
function* stores(instance: Instance): Generator<{ store: LsaStore; scope: Scope }> {
  for (const area of instance.areas.values()) yield { store: area.database, scope: { kind: "area", area } };
  yield { store: instance.external, scope: { kind: "as" } };
  for (const each of instance.interfaces.values()) {
    yield { store: each.database, scope: { kind: "link", interface: each } };
  }
}

/** Takes LSAs out, lets them age, puts them back, in no order. */
class Shaker {
  readonly #routing: Routing;
  readonly #random: Random;
  readonly #entries: { entry: Entry; store: LsaStore; scope: Scope }[];

  constructor(instance: Instance, routing: Routing, random: Random) {
    this.#routing = routing;
    this.#random = random;
    this.#entries = [...stores(instance)].flatMap(({ store, scope }) =>
      [...store.entries()].map((entry) => ({ entry, store, scope })),
    );
  }

  shake(now: number): void {
    if (this.#entries.length === 0) return;
    const { entry, store, scope } = this.#entries[nextBelow(this.#random, this.#entries.length)]!;
    const before = store.get(entry.lsa.header);
    const choice = nextFraction(this.#random);
    const after = choice < 0.3 ? undefined : choice < 0.5 ? { ...entry, lsa: withAge(entry.lsa, 3600) } : entry;
    if (after === undefined) store.delete(entry.lsa.header);
    else store.set(after);
    this.#routing.lsaChanged(now, scope, before, after);
  }
}

/** The table that the host has, by the effects it was given. */
class Host {
  readonly routes = new Map<string, unknown>();

  apply(effects: readonly OspfEffect[]): void {
    for (const effect of effects) {
      if (effect.type !== "routes") continue;
      for (const { text } of effect.removed) expect(this.routes.delete(text)).toBe(true);
      for (const route of effect.changed) this.routes.set(route.text, route);
    }
  }
}

const sorted = (routes: ReadonlyMap<string, unknown>): unknown => [...routes].sort(([a], [b]) => (a < b ? -1 : 1));

function expectAsFromNothing(instance: Instance, host: Host): void {
  const fresh = tableOf(instance);
  expect(sorted(instance.table.routes)).toEqual(sorted(fresh.routes));
  expect(instance.table.routers).toEqual(fresh.routers);
  expect(sorted(host.routes)).toEqual(sorted(fresh.routes));
}

test("whatever changes in which order, the table is that of a computation from nothing", () => {
  for (let seed = 1; seed <= 60; seed++) {
    const random = seeded(seed);
    const network = randomNetwork(random);
    const instance = instanceOf({ network, router: 0, maxPaths: 64, random });
    const routing = new Routing(instance);
    const shaker = new Shaker(instance, routing, random);
    const host = new Host();
    try {
      routing.topologyChanged(0);
      for (let now = 0; now < 4_000_000; now += 100_000) {
        for (let i = nextBelow(random, 6); i > 0; i--) shaker.shake(now);
        if (nextBelow(random, 10) === 0) routing.topologyChanged(now);
        host.apply(runUntil(routing, now + 50_000));
        expectAsFromNothing(instance, host);
      }
    } catch (error) {
      throw new Error(`seed ${seed}: ${error instanceof Error ? error.message : error}\n${describeNetwork(network)}`);
    }
  }
}, 60_000);

test("databases that change between slices end in the table of a computation from nothing", () => {
  for (let seed = 1; seed <= 5; seed++) {
    const random = seeded(seed);
    const instance = serverInstance(podOf(1024));
    const routing = new Routing(instance);
    const shaker = new Shaker(instance, routing, random);
    const host = new Host();
    routing.topologyChanged(0);
    for (let now = 0; now < 60_000; now += 10) {
      for (let i = nextBelow(random, 4); i > 0 && now < 30_000; i--) shaker.shake(now);
      const turn: Turn = { now, effects: [] };
      if (routing.deadline() <= now) routing.run(turn);
      host.apply(turn.effects);
    }
    expect(routing.log().length).toBeGreaterThan(5);
    expectAsFromNothing(instance, host);
  }
});
