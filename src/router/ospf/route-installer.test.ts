import { describe, expect, test } from "bun:test";
import { formatPrefix, type Prefix, parseIpv6 } from "#base/address";
import { put16 } from "#base/bytes";
import { nextBelow, seeded } from "#base/random";
import { FibReader } from "#fastpath/tables/fib-reader";
import { GroupReader, MAX_GROUPS } from "#fastpath/tables/groups";
import { GROUP_DISCARD } from "#fastpath/tables/layout";
import type { NextHop, OspfRoute } from "#ospf/routes/model";
import { type Hop, HopSets, hopKey } from "#router/ospf/hop-sets";
import { RouteInstaller } from "#router/ospf/route-installer";
import { Rib } from "#router/rib";
import { Routing } from "#router/routing";

const SEED = Number(process.env.SEED ?? Date.now() & 0xffff);

/** Next hop `n` is fe80::n on the uplink of that number. */
const hop = (n: number): NextHop => ({ interface: `up${n}`, address: parseIpv6(`fe80::${n.toString(16)}`)! });

function prefixOf(i: number): Prefix {
  const address = new Uint8Array(16);
  put16(address, 0, 0x2001);
  put16(address, 2, i >>> 16);
  put16(address, 4, i & 0xffff);
  return { address, length: 48 };
}

function route(i: number, ...hops: number[]): OspfRoute {
  const prefix = prefixOf(i);
  return { prefix, text: formatPrefix(prefix), path: "intra", area: 0, cost: 10, nextHops: hops.map(hop) };
}

/** Tables, and an installer whose next hops work unless they are in `dead`, on uplinks that exist unless in `gone`. */
function bench(slice?: number) {
  const routing = new Routing(1, new Int32Array(new SharedArrayBuffer(4)));
  const adjacencies = new Map<string, number>();
  const dead = new Set<string>();
  const gone = new Set<string>();
  const sets = new HopSets({
    groups: routing.groups,
    adjacencyOf: (at: Hop) => {
      if (gone.has(at.uplink)) return undefined;
      const known = adjacencies.get(hopKey(at));
      if (known !== undefined) return known;
      const made = routing.groups.add({ port: Number(at.uplink.slice(2)), mtu: 1500, ownMac: new Uint8Array(6) });
      adjacencies.set(hopKey(at), made);
      return made;
    },
    isUsable: (at) => !dead.has(at.uplink),
  });
  const seen = { changed: 0, settled: [] as boolean[], full: [] as string[] };
  const rib = new Rib(routing);
  const installer = new RouteInstaller({
    rib,
    sets,
    changed: () => seen.changed++,
    settled: (freed) => seen.settled.push(freed),
    full: (text) => seen.full.push(text),
    ...(slice !== undefined && { slice }),
  });
  const reader = new FibReader(routing.fib.buffer);
  const groups = new GroupReader(routing.groups.buffer);
  /** Numbers of the next hops that flows to prefix `i` take; undefined: no route. */
  const ways = (i: number): number[] | undefined => {
    const { address } = prefixOf(i);
    const value = routing.fib.get(address, 48);
    if (value === 0) return undefined;
    const ports = new Set(Array.from({ length: 256 }, (_, flow) => groups.port(groups.pick(value, flow * 0x9e3779b1))));
    return [...ports].sort((a, b) => a - b);
  };
  return { routing, sets, rib, installer, seen, dead, gone, ways, reader, groups };
}

describe("routes", () => {
  test("are installed with all their next hops, and go again", () => {
    const { installer, ways, sets, seen, routing } = bench();
    installer.take([route(1, 1), route(2, 1, 2), route(3, 2, 1)], []);
    installer.drain();
    expect([1, 2, 3, 4].map(ways)).toEqual([[1], [1, 2], [1, 2], undefined]);
    expect(sets.size).toBe(2); // an order of next hops is none of a set's
    installer.take([route(1, 2)], [route(2), route(3)]);
    installer.drain();
    expect([1, 2, 3].map(ways)).toEqual([[2], undefined, undefined]);
    expect([...sets.hops()].map(hopKey)).toEqual(["up2 fe80::2"]);
    expect(seen.settled).toEqual([false, true]);
    installer.take([], [route(1)]);
    installer.drain();
    expect([routing.fib.size, sets.size]).toEqual([0, 0]);
  });

  test("of this router's own and to the link itself are not installed", () => {
    const { installer, ways } = bench();
    const onLink = { ...route(2), nextHops: [{ interface: "up1", address: undefined }] };
    installer.take([route(1), onLink], []);
    installer.drain();
    expect([ways(1), ways(2)]).toEqual([undefined, undefined]);
    installer.take([route(1, 1)], []);
    installer.take([route(1)], []);
    installer.drain();
    expect(ways(1)).toBeUndefined();
  });

  test("that discard do, whatever they were before", () => {
    const { installer, rib, routing, sets } = bench();
    const discard = { ...route(1), path: "discard" as const };
    const value = () => routing.fib.get(prefixOf(1).address, 48);
    for (const next of [discard, route(1, 1), discard]) {
      installer.take([next], []);
      installer.drain();
      expect(value() === GROUP_DISCARD).toBe(next === discard);
    }
    expect([rib.winner(route(1).text), sets.size]).toEqual(["ospf", 0]);
    installer.take([], [route(1)]);
    installer.drain();
    expect(value()).toBe(0);
  });

  test("many: in slices, others having their turn in between, the last word on each prefix counting", async () => {
    const { installer, routing, ways, seen } = bench(0); // no time at all: the least a slice does
    const count = 3200;
    installer.take(
      Array.from({ length: count }, (_, i) => route(i, (i % 4) + 1)),
      [],
    );
    expect(ways(7)).toEqual([4]); // a slice is done at once
    installer.take([], [route(7)]);
    let turns = 0;
    while (installer.waiting > 0) {
      await new Promise((resolve) => setImmediate(resolve));
      turns++;
    }
    expect(routing.fib.size).toBe(count - 1);
    expect([ways(6), ways(7), ways(count - 1)]).toEqual([[3], undefined, [4]]);
    expect(turns).toBeGreaterThanOrEqual(count / 32);
    expect(seen).toMatchObject({ changed: count / 32 + 1, settled: [false] });
  });

  test("that find no room are said so once, and are installed when others have gone", () => {
    const { installer, ways, seen } = bench();
    const all = Array.from({ length: MAX_GROUPS + 2 }, (_, i) => route(i, 1 + (i % 64), 65 + Math.floor(i / 64)));
    installer.take(all, []);
    installer.drain();
    expect(seen.full).toHaveLength(1);
    expect(installer.withoutRoom).toBe(2);
    expect([ways(MAX_GROUPS), ways(0)]).toEqual([undefined, [1, 65]]);
    installer.take([], [route(0), route(1)]);
    installer.drain();
    installer.take([], [route(2)]); // freed groups are used again a turn later
    installer.drain();
    expect(installer.withoutRoom).toBe(0);
    expect(ways(MAX_GROUPS)).toEqual([1 + (MAX_GROUPS % 64), 65 + Math.floor(MAX_GROUPS / 64)]);
  });
});

describe("next hops", () => {
  test("that fail leave all routes at once, unless none is left; they come back", () => {
    const { installer, ways, sets, dead } = bench();
    installer.take([route(1, 1, 2), route(2, 2), route(3, 1, 2, 3)], []);
    installer.drain();
    dead.add("up2");
    expect(sets.refresh()).toBe(true);
    expect([1, 2, 3].map(ways)).toEqual([[1], [2], [1, 3]]);
    expect(sets.refresh()).toBe(false);
    dead.clear();
    sets.refresh();
    expect([1, 2, 3].map(ways)).toEqual([[1, 2], [2], [1, 2, 3]]);
  });

  test("whose uplink is gone lead nowhere until their routes go: senders are told", () => {
    const { installer, sets, gone, routing, groups } = bench();
    installer.take([route(1, 1), route(2, 1, 2)], []);
    installer.drain();
    gone.add("up1");
    sets.refresh();
    const { address } = prefixOf(1);
    expect(groups.hasFailed(groups.pick(routing.fib.get(address, 48), 5))).toBe(true);
  });
});

test(`after any changes the table is what was said last, and a replaced core's rest goes (SEED=${SEED})`, () => {
  const r = seeded(SEED);
  const { installer, ways, routing, sets } = bench();
  const truth = new Map<number, number[]>();
  for (let step = 0; step < 400; step++) {
    const i = nextBelow(r, 40);
    if (nextBelow(r, 3) === 0) {
      installer.take([], [route(i)]);
      truth.delete(i);
    } else {
      const hops = [1, 2, 3, 4].filter(() => nextBelow(r, 2) === 0);
      installer.take([route(i, ...hops)], []);
      if (hops.length > 0) truth.set(i, hops);
      else truth.delete(i);
    }
    if (nextBelow(r, 4) === 0) installer.drain();
  }
  const kept = new Map([...truth].filter(([i]) => i % 2 === 0).map(([i, hops]) => [route(i).text, route(i, ...hops)]));
  installer.replaceBy(kept);
  installer.take([...kept.values()], []);
  installer.drain();
  for (let i = 0; i < 40; i++) expect(ways(i)).toEqual(i % 2 === 0 ? truth.get(i) : undefined);
  installer.take(
    [],
    [...truth.keys()].map((i) => route(i)),
  );
  installer.drain();
  expect([routing.fib.size, sets.size]).toEqual([0, 0]);
});
