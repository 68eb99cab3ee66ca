/** Trees and next hops, case by case; random networks are in computation.test.ts. */
import { expect, test } from "bun:test";
import { seeded } from "#base/random";
import { withAge } from "#ospf/packet/lsa";
import { LINK_LSA, NETWORK_LSA, ROUTER_LSA } from "#ospf/packet/lsa-header";
import { OPTION_R, OPTION_V6 } from "#ospf/packet/options";
import type { Instance, Interface } from "#ospf/state";
import { instanceOf } from "#ospf/testing/databases";
import { tableOf } from "#ospf/testing/drive";
import { linkLocal, put } from "#ospf/testing/instances";
import { addressOf, hopText } from "#ospf/testing/naive";
import type { End, Network, NetworkRouter } from "#ospf/testing/network";

const router = (id: number, more: Partial<NetworkRouter> = {}): NetworkRouter => ({
  id,
  isAsbr: false,
  transits: true,
  admits: true,
  ...more,
});
const end = (index: number, interfaceId: number, cost: number): End => ({ router: index, interfaceId, cost });

/** Four routers; router 3 owns the prefix that is asked for. */
const SQUARE: Network = {
  areas: [{ id: 0, kind: "normal" }],
  routers: [1, 2, 3, 4].map((id) => router(id)),
  links: [],
  lans: [],
  prefixes: [{ area: 0, owner: { router: 3 }, text: "2001:db8::/48", metric: 0, noUnicast: false }],
  externals: [],
  claims: [],
};
const link = (a: End, b: End): Network["links"][number] => ({ area: 0, ends: [a, b] });

/** As router 0 sees it, with all Link-LSAs. */
function seen(network: Network): Instance {
  const instance = instanceOf({ network, router: 0, maxPaths: 64, random: seeded(1) });
  for (const { members } of network.lans) {
    const mine = members.find((each) => each.router === 0);
    for (const { router: other, interfaceId } of members) {
      if (mine === undefined || other === 0) continue;
      const on = instance.interfaces.get(`if${mine.interfaceId}`)!;
      putLink(on, network.routers[other]!.id, interfaceId, addressOf(other, interfaceId));
    }
  }
  return instance;
}

function putLink(on: Interface, advertisingRouter: number, linkStateId: number, linkLocalAddress: Uint8Array): void {
  const body = { kind: "link", priority: 1, options: 0, linkLocalAddress, prefixes: [] } as const;
  put(on.database, body, { advertisingRouter, linkStateId });
}

interface Found {
  readonly cost: number;
  readonly hops: readonly string[];
}

function found(instance: Instance): Found | undefined {
  const route = tableOf(instance).routes.get("2001:db8::/48");
  return route && { cost: route.cost, hops: route.nextHops.map((hop) => hopText(hop.interface, hop.address)) };
}

/** Us to 3 directly over two links, and over 1 and over 2 at the same cost. */
const DIAMOND: Network = {
  ...SQUARE,
  links: [
    link(end(0, 1, 2), end(1, 1, 2)),
    link(end(0, 2, 2), end(2, 1, 9)),
    link(end(1, 2, 2), end(3, 1, 2)),
    link(end(2, 2, 2), end(3, 2, 2)),
    link(end(0, 3, 4), end(3, 3, 1)),
    link(end(0, 4, 4), end(3, 4, 1)),
    link(end(0, 5, 5), end(3, 5, 1)),
  ],
};

test("RFC 2328 §16.8: equal paths are all used, parallel links among them, dearer ones are not", () => {
  expect(found(seen(DIAMOND))).toEqual({
    cost: 4,
    hops: [
      hopText("if1", addressOf(1, 1)),
      hopText("if2", addressOf(2, 1)),
      hopText("if3", addressOf(3, 3)),
      hopText("if4", addressOf(3, 4)),
    ],
  });
});

test("RFC 2328 §16.1: costs count in the direction of the path", () => {
  const oneWay = { ...SQUARE, links: [link(end(0, 1, 3), end(3, 1, 60_000))] };
  expect(found(seen(oneWay))).toEqual({ cost: 3, hops: [hopText("if1", addressOf(3, 1))] });
});

test("RFC 5340 §A.2: a router without R-bit is reached and not passed; one without V6-bit is neither", () => {
  const line = { ...SQUARE, links: [link(end(0, 1, 1), end(1, 1, 1)), link(end(1, 2, 1), end(3, 1, 1))] };
  const withRouter = (index: number, more: Partial<NetworkRouter>): Network => ({
    ...line,
    routers: line.routers.map((each, i) => (i === index ? { ...each, ...more } : each)),
  });
  expect(found(seen(line))?.cost).toBe(2);
  expect(found(seen(withRouter(1, { transits: false })))).toBeUndefined();
  expect(found(seen(withRouter(3, { transits: false })))?.cost).toBe(2);
  expect(found(seen(withRouter(3, { admits: false })))).toBeUndefined();
});

/** Us, 1 and 3 on a LAN of which 1 is the Designated Router. */
const LAN: Network = { ...SQUARE, lans: [{ area: 0, members: [end(1, 1, 1), end(0, 1, 2), end(3, 7, 3)] }] };

test("RFC 5340 §4.8.2: on a LAN the address is that in the router's Link-LSA for its interface", () => {
  const instance = seen(LAN);
  const on = instance.interfaces.get("if1")!;
  putLink(on, 4, 7, linkLocal(77));
  expect(found(instance)).toEqual({ cost: 2, hops: [hopText("if1", linkLocal(77))] });
});

test("RFC 5340 §4.8.2: without a Link-LSA, or with one of no link-local address, the hellos' address serves", () => {
  const instance = seen(LAN);
  const on = instance.interfaces.get("if1")!;
  on.neighbors.get(4)!.address = linkLocal(88);
  on.database.delete({ type: LINK_LSA, advertisingRouter: 4, linkStateId: 7 });
  expect(found(instance)?.hops).toEqual([hopText("if1", linkLocal(88))]);
  putLink(on, 4, 7, new Uint8Array(16));
  expect(found(instance)?.hops).toEqual([hopText("if1", linkLocal(88))]);
  on.neighbors.get(4)!.interfaceId = 8;
  expect(found(instance)).toBeUndefined();
});

test("RFC 5340 §4.9: a router with two interfaces on the LAN is two next hops", () => {
  const twice = { ...LAN, lans: [{ area: 0, members: [...LAN.lans[0]!.members, end(3, 8, 3)] }] };
  expect(found(seen(twice))?.hops).toEqual([hopText("if1", addressOf(3, 7)), hopText("if1", addressOf(3, 8))]);
});

test("RFC 5340 §4.8.2: prefixes of a network that we are on are on the link itself", () => {
  const network = { ...LAN, prefixes: [{ ...SQUARE.prefixes[0]!, owner: { lan: 0 }, metric: 5 }] };
  expect(found(seen(network))).toEqual({ cost: 7, hops: [hopText("if1")] });
});

test("a neighbor that is not heard any more is no next hop, though the databases still have it", () => {
  const instance = seen(LAN);
  const on = instance.interfaces.get("if1")!;
  on.neighbors.get(4)!.state = "Init";
  expect(found(instance)?.cost).toBe(2);
  on.neighbors.delete(4);
  expect(found(instance)).toBeUndefined();
});

test("a point-to-point neighbor must be adjacent; RFC 3623 §3: one that restarts is, as long as it is helped", () => {
  const instance = seen({ ...SQUARE, links: [link(end(0, 1, 3), end(3, 1, 3))] });
  const neighbor = instance.interfaces.get("if1")!.neighbors.get(4)!;
  neighbor.state = "Loading";
  expect(found(instance)).toBeUndefined();
  neighbor.helpUntil = 1000;
  expect(found(instance)?.cost).toBe(3);
});

test("an interface that is down is no way, whatever our router-LSA still says", () => {
  const instance = seen({ ...LAN, links: [link(end(0, 2, 9), end(3, 1, 9))] });
  instance.interfaces.get("if1")!.state = "Down";
  expect(found(instance)).toEqual({ cost: 9, hops: [hopText("if2", addressOf(3, 1))] });
});

test("RFC 2328 §16.1: without a router-LSA of our own, or with one of MaxAge, nothing is reached", () => {
  const instance = seen(DIAMOND);
  const { database } = instance.areas.get(0)!;
  for (const entry of [...database.ofRouter(ROUTER_LSA, 1)]) {
    database.set({ ...entry, lsa: withAge(entry.lsa, 3600) });
  }
  expect(found(instance)).toBeUndefined();
});

test("RFC 2328 §16.1 (2) (b): a network-LSA of MaxAge is no network", () => {
  const instance = seen(LAN);
  const { database } = instance.areas.get(0)!;
  for (const entry of [...database.ofType(NETWORK_LSA)]) database.set({ ...entry, lsa: withAge(entry.lsa, 3600) });
  expect(found(instance)).toBeUndefined();
});

test("RFC 5340 §4.8.1: links may be spread over many LSAs, whose options and flags the smallest id tells", () => {
  const instance = seen(DIAMOND);
  const { database } = instance.areas.get(0)!;
  for (const entry of [...database.ofRouter(ROUTER_LSA, 4)]) {
    if (entry.body.kind !== "router") continue;
    database.delete(entry.lsa.header);
    const { links } = entry.body;
    for (const [i, each] of links.entries()) {
      const options = i === 0 ? OPTION_R | OPTION_V6 : 0;
      put(
        database,
        { kind: "router", flags: 0, options, links: [each] },
        { advertisingRouter: 4, linkStateId: 2 ** 32 - links.length + i },
      );
    }
  }
  expect(found(instance)?.hops).toHaveLength(4);
});
