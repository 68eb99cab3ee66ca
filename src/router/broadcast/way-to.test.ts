import { expect, test } from "bun:test";
import { parseIpv6, parseMac } from "#base/address";
import { WayTo } from "#router/broadcast/way-to";
import { Routing } from "#router/routing";

const MAC = parseMac("02:00:00:00:00:01")!;

function bench() {
  const routing = new Routing(7, new Int32Array(1));
  const hops = [1, 2, 3, 4].map((port) => ({ port, adjacency: routing.groups.add({ port, mtu: 1500, ownMac: MAC }) }));
  const failed = new Set<number>();
  const way = new WayTo(routing, {
    isUsable: (adjacency) => !failed.has(adjacency),
    hopOf: (adjacency) => {
      const hop = hops.find((one) => one.adjacency === adjacency);
      return hop && ({ port: { index: hop.port }, address: MAC } as never);
    },
  });
  const route = (prefix: string, length: number, ...ports: number[]): void =>
    routing.set(
      { address: parseIpv6(prefix)!, length },
      {
        kind: "hops",
        members: ports.map((port) => ({ adjacency: hops[port - 1]!.adjacency, weight: 1, key: `${port}` })),
      },
    );
  const portTo = (address: string): number | undefined => way.portTo(parseIpv6(address)!);
  const fail = (port: number): void => void failed.add(hops[port - 1]!.adjacency);
  return { routing, route, portTo, fail };
}

test("The way to an address is the longest route's, as packets to it go", () => {
  const { routing, route, portTo } = bench();
  expect(portTo("2001:db8:1::1")).toBeUndefined();
  route("::", 0, 1);
  route("2001:db8:1::", 64, 2);
  routing.set({ address: parseIpv6("2001:db8:2::")!, length: 64 }, { kind: "local" });
  routing.set({ address: parseIpv6("2001:db8:3::")!, length: 64 }, { kind: "discard" });
  const ways = ["2001:db8:1::1", "2001:db8:9::1", "2001:db8:2::1", "2001:db8:3::1"].map(portTo);
  expect(ways).toEqual([2, 1, undefined, undefined]);
});

test("Of several next hops an address has one, addresses have all of them, and those that do not answer nobody has", () => {
  const { route, portTo, fail } = bench();
  route("2001:db8::", 32, 1, 2, 3, 4);
  const addresses = Array.from({ length: 400 }, (_, i) => `2001:db8:${i.toString(16)}::1`);
  const ways = addresses.map(portTo);
  expect(addresses.map(portTo)).toEqual(ways);
  for (const port of [1, 2, 3, 4]) expect(ways.filter((way) => way === port).length).toBeGreaterThan(50);
  fail(2);
  expect(new Set(addresses.map(portTo))).toEqual(new Set([1, 3, 4]));
  for (const port of [1, 3, 4]) fail(port);
  expect(addresses.map(portTo).every((way) => way === undefined)).toBe(true);
});
