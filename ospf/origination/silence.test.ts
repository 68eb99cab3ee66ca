/** What others hear first of a router that starts, and how soon packets go through it again. */
import { expect, test } from "bun:test";
import { DEFAULT_SPF_DELAYS } from "#ospf/config";
import { FOLLOW_UP_INTERVAL, MIN_LS_INTERVAL } from "#ospf/constants";
import type { NeighborState } from "#ospf/neighbor/machine";
import { COMPANY_WAIT, endsSilence, noteEarlierLife } from "#ospf/origination/silence";
import { LINK_STATE_UPDATE } from "#ospf/packet/header";
import type { RouterLsa } from "#ospf/packet/lsa-body";
import { INITIAL_SEQUENCE_NUMBER, NETWORK_LSA, ROUTER_LSA } from "#ospf/packet/lsa-header";
import { readLsaBody } from "#ospf/packet/lsa-reader";
import { readPacket } from "#ospf/packet/packet";
import { area, config, on, stub } from "#ospf/testing/configs";
import { addInterface, addNeighbor, areaOf, linkLocal, newInstance } from "#ospf/testing/instances";
import { Bench, OPTIONS, OWN_ID, Peer } from "#ospf/testing/scripted-peer";
import { type SimulatedRouter, Simulation, type Wire } from "#ospf/testing/simulation";

/** An area with neighbors on a point-to-point link each. */
function neighbors(...states: NeighborState[]) {
  const instance = newInstance(config(1, { areas: [area(0)] }));
  const all = states.map((state, i) => {
    const up = addInterface(instance, on(`if${i}`), i + 1);
    return Object.assign(addNeighbor(up, { routerId: i + 2, interfaceId: 1, address: linkLocal(i + 2) }), { state });
  });
  return { area: areaOf(instance, 0), all };
}

test("silence ends with the first adjacency if no other is on its way", () => {
  const { area, all } = neighbors("Loading", "TwoWay");
  expect(endsSilence(area, 0)).toBe(false);
  all[0]!.state = "Full";
  expect(endsSilence(area, 100)).toBe(true);
  expect(area.isSilent).toBe(false);
});

test("it waits for adjacencies that are on their way, but not for long", () => {
  const { area, all } = neighbors("Full", "Loading");
  expect(endsSilence(area, 0)).toBe(false);
  expect(area.silentUntil).toBe(COMPANY_WAIT);
  all[1]!.state = "Full";
  expect(endsSilence(area, 100)).toBe(true);
  const slow = neighbors("Full", "Loading");
  expect([0, COMPANY_WAIT - 1, COMPANY_WAIT].map((now) => endsSilence(slow.area, now))).toEqual([false, false, true]);
});

test("when we begin it waits for interfaces too where nobody was heard yet, but not for passive ones or later", () => {
  const begins = (passive: boolean) => {
    const { area, all } = neighbors("Full", "Full");
    const second = all[1]!.interface;
    second.neighbors.clear();
    second.config = { ...second.config, passive };
    return { area, first: all[0]! };
  };
  expect(endsSilence(begins(true).area, 0)).toBe(true);
  const { area, first } = begins(false);
  expect([0, COMPANY_WAIT].map((now) => endsSilence(area, now))).toEqual([false, true]);
  first.state = "Init";
  endsSilence(area, 1000);
  first.state = "Full";
  expect(endsSilence(area, 2000)).toBe(true);
});

test("others hold what our earlier life said for MinLSInterval at most, if somebody hears us (RFC 2328 §13.4)", () => {
  const { area, all } = neighbors("Loading");
  noteEarlierLife(area, 0);
  expect([0, MIN_LS_INTERVAL - 1, MIN_LS_INTERVAL].map((now) => endsSilence(area, now))).toEqual([false, false, true]);
  all[0]!.state = "Init";
  expect(endsSilence(area, 6000)).toBe(false);
  expect(area.isSilent).toBe(true);
  noteEarlierLife(area, 6000);
  expect(endsSilence(area, 6000 + MIN_LS_INTERVAL)).toBe(false);
  expect(area.silentUntil).toBe(Number.POSITIVE_INFINITY);
});

test("it begins again when nobody is left who takes what is flooded", () => {
  const { area, all } = neighbors("Full", "Full");
  endsSilence(area, 0);
  all[0]!.state = "Init";
  endsSilence(area, 1);
  expect(area.isSilent).toBe(false);
  all[1]!.state = "Init";
  endsSilence(area, 2);
  expect(area.isSilent).toBe(true);
});

const ownLinks = ({ core }: Bench): RouterLsa["links"] => {
  const { database } = core.instance.areas.get(0)!;
  return (database.get({ type: ROUTER_LSA, linkStateId: 0, advertisingRouter: OWN_ID })!.body as RouterLsa).links;
};

test("our router-LSA is not described in the exchange; it is flooded with its link when the neighbor is Full (RFC 5340 §4.4.3.2)", () => {
  const bench = new Bench();
  const peer = new Peer(bench);
  peer.hello();
  peer.describe({ sequence: bench.neighbor(peer.routerId)!.exchange.sequence });
  expect(bench.neighbor(peer.routerId)!.state).toBe("Exchange");
  const described = bench.hear().flatMap(({ packet }) => ("headers" in packet ? packet.headers : []));
  expect(described.map(({ type }) => type)).not.toContain(ROUTER_LSA);
  peer.describe({ sequence: bench.neighbor(peer.routerId)!.exchange.sequence });
  expect(bench.state(peer.routerId)).toBe("Full");
  const [update] = bench.heard(LINK_STATE_UPDATE);
  const body = readLsaBody(update!.lsas.find(({ header }) => header.type === ROUTER_LSA)!);
  expect(body).toMatchObject({ links: [{ neighborRouterId: peer.routerId }] });
});

/** A neighbor that described what our earlier life said, and gives it. */
function metEarlierLife() {
  const bench = new Bench();
  const peer = new Peer(bench);
  const old = { advertisingRouter: OWN_ID, sequence: INITIAL_SEQUENCE_NUMBER + 40 };
  const router = peer.lsa({ kind: "router", flags: 0, options: OPTIONS, links: [] }, old);
  const network = peer.lsa({ kind: "network", options: OPTIONS, attachedRouters: [OWN_ID, 9] }, old);
  const unknown = peer.lsa({ kind: "router", flags: 0, options: OPTIONS, links: [] });
  peer.greet();
  const { exchange } = bench.neighbor(peer.routerId)!;
  peer.describe({ sequence: exchange.sequence, headers: [router, network, unknown].map(({ header }) => header) });
  while (bench.state(peer.routerId) === "Exchange") peer.describe({ sequence: exchange.sequence });
  bench.hear();
  peer.update(router, network);
  const told = (): [number, number, number][] =>
    bench
      .heard(LINK_STATE_UPDATE)
      .flatMap(({ lsas }) => lsas)
      .map(({ header }) => [header.type, header.sequence - INITIAL_SEQUENCE_NUMBER, header.age]);
  return { bench, peer, unknown, told };
}

test("what our earlier life said is answered by an instance that has the link, not by an empty one first (RFC 2328 §13.4)", () => {
  const { bench, peer, unknown, told } = metEarlierLife();
  expect(bench.state(peer.routerId)).toBe("Loading");
  expect(told()).toEqual([]);
  expect(ownLinks(bench)).toEqual([]); // for ourselves it is answered
  bench.pass(300);
  peer.update(unknown);
  expect(bench.state(peer.routerId)).toBe("Full");
  expect(told()).toEqual([
    [ROUTER_LSA, 42, 1],
    [NETWORK_LSA, 40, 3600],
  ]);
  expect(ownLinks(bench).length).toBe(1);
});

test("a neighbor that does not become Full gets the answer after MinLSInterval (RFC 2328 §13.4)", () => {
  const { bench, peer, told } = metEarlierLife();
  for (let passed = 0; passed < MIN_LS_INTERVAL - 100; passed += 700) {
    bench.pass(700);
    peer.hello();
    expect(told()).toEqual(passed + 700 < MIN_LS_INTERVAL ? [] : expect.anything());
    if (bench.now - 1000 >= MIN_LS_INTERVAL - 700) break;
  }
  bench.pass(800);
  expect(told().map(([type, sequence]) => [type, sequence])).toEqual([
    [ROUTER_LSA, 41],
    [NETWORK_LSA, 40],
  ]);
});

test("a new neighbor that does not know us yet hears our hello at once, but no flood of them (RFC 2328 §9.5)", () => {
  const bench = new Bench();
  const peer = new Peer(bench);
  bench.pass(500);
  bench.hear();
  const hellos = () => bench.hear().map(({ packet }) => ("neighbors" in packet ? packet.neighbors : []));
  peer.hello({ neighbors: [] });
  expect(hellos()).toEqual([[peer.routerId]]);
  for (let i = 0; i < 50; i++) {
    peer.hello();
    peer.hello({ neighbors: [] });
  }
  expect(hellos().filter((named) => named.length > 0)).toEqual([]);
  bench.pass(99);
  expect(hellos()).toEqual([]);
  bench.pass(1);
  expect(hellos()).toEqual([[peer.routerId]]);
});

/** RFC 8405's, as in the quickstart. */
const LONG_DELAY = 500;

interface Star {
  readonly sim: Simulation;
  readonly center: SimulatedRouter;
  readonly leaves: SimulatedRouter[];
  readonly wires: Wire[];
  /** Links in each instance of the router's router-LSA that was sent to somebody. */
  readonly links: Map<SimulatedRouter, number[]>;
}

/** A switch with hypervisors around it, as in containerlab/quickstart; RxmtInterval at RFC 2328's 5 s. */
function star(count = 3): Star {
  const sim = new Simulation(11);
  const more = { retransmitInterval: 5000 };
  const spf = { ...DEFAULT_SPF_DELAYS, long: LONG_DELAY };
  const names = Array.from({ length: count }, (_, i) => `hv${i + 1}`);
  const center = sim.add("sw", config(9, { spf, interfaces: names.map((name) => on(name, more)) }));
  const leaves = names.map((name, i) =>
    sim.add(name, config(i + 1, { spf, interfaces: [on("up", more)], prefixes: [stub(`2001:db8:${i + 1}::/64`)] })),
  );
  const wires = leaves.map((leaf, i) => sim.connect([center, names[i]!], [leaf, "up"]));
  const links: Star["links"] = new Map();
  sim.onSend = (from, effect) => {
    const read = readPacket(effect, "checksum");
    if (!("packet" in read) || read.packet.type !== LINK_STATE_UPDATE) return;
    for (const lsa of read.packet.lsas) {
      const { type, advertisingRouter } = lsa.header;
      if (type !== ROUTER_LSA || advertisingRouter !== from.config.routerId) continue;
      links.set(from, [...(links.get(from) ?? []), (readLsaBody(lsa) as RouterLsa).links.length]);
    }
  };
  sim.startAll();
  return { sim, center, leaves, wires, links };
}

/** Milliseconds until each leaf knows all leaves' prefixes, as said by the routes that its host was told of. */
function untilRouted({ sim, leaves }: Star): number {
  const before = sim.now;
  for (let passed = 0; passed < 60_000; passed++) {
    if (leaves.every(({ core }) => core?.instance.table.routes.size === leaves.length)) return sim.now - before;
    sim.run(1);
  }
  throw new Error("the routes do not come");
}

/** As BFD has it, the neighbors notice within 300 ms. */
function kill({ sim, center, leaves, wires }: Star, dead: readonly SimulatedRouter[]): void {
  for (const router of dead) sim.crash(router);
  sim.run(300);
  for (const wire of wires) {
    for (const end of wire.ends) {
      for (const other of wire.ends) {
        if (other !== end && dead.includes(other.node))
          sim.tell(end.node, { type: "bfd", interface: end.interface, address: other.linkLocal, up: false });
      }
    }
  }
  sim.run(1700);
  expect([center, ...leaves].filter(({ core }) => core !== undefined).length).toBe(1 + leaves.length - dead.length);
}

test("routers that start together have their routes without a retransmission, and say their links once", () => {
  const net = star();
  expect(untilRouted(net)).toBeLessThanOrEqual(100);
  expect(net.links.get(net.center)!.every((links) => links === 3)).toBe(true);
  for (const leaf of net.leaves) expect(net.links.get(leaf)!.every((links) => links === 1)).toBe(true);
});

/** Of a hypervisor's return the others learn while RFC 8405 has them wait for its long delay, because it went just now. */
for (const [what, dead, most] of [
  ["the switch", (net: Star) => [net.center], 100],
  ["a hypervisor", (net: Star) => [net.leaves[2]!], 100 + LONG_DELAY],
  ["all of them", (net: Star) => [net.center, ...net.leaves], 100],
] as const) {
  test(`${what} killed and started again: all routes are back within ${most} ms of its first hello`, () => {
    const net = star();
    net.sim.run(60_000);
    const routers = dead(net);
    kill(net, routers);
    net.links.clear();
    for (const router of routers) net.sim.start(router);
    expect(untilRouted(net)).toBeLessThanOrEqual(most);
    for (const router of routers)
      expect(net.links.get(router)!.every((links) => links === (router === net.center ? 3 : 1))).toBe(true);
  });
}

test("our own routes have a link again at once when the adjacency is back within MinLSInterval, though others wait to hear of it (RFC 2328 §12.4)", () => {
  const bench = new Bench();
  const peer = new Peer(bench);
  let updates = 0;
  bench.onSend = (octets) => {
    if (octets[1] === LINK_STATE_UPDATE) updates++;
  };
  peer.becomeFull();
  for (const expected of [2, 2]) {
    bench.pass(2000);
    peer.hello({ neighbors: [] });
    expect(ownLinks(bench)).toEqual([]);
    peer.becomeFull();
    expect(bench.state(peer.routerId)).toBe("Full");
    expect(ownLinks(bench).length).toBe(1);
    expect(updates).toBe(expected); // one may follow the first so soon, no third
  }
  bench.pass(2 * FOLLOW_UP_INTERVAL - 2000 - 1);
  expect(updates).toBe(2);
  bench.pass(1);
  expect(updates).toBe(3);
});
