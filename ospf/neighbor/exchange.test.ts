import { expect, test } from "bun:test";
import { DATABASE_DESCRIPTION, HELLO, LINK_STATE_REQUEST, LINK_STATE_UPDATE } from "#ospf/packet/header";
import { ROUTER_LSA } from "#ospf/packet/lsa-header";
import { DD_I, DD_M, DD_MS } from "#ospf/packet/packet";
import { Bench, OPTIONS, OWN_ID, Peer } from "#ospf/testing/scripted-peer";
import { step, stepEach } from "#ospf/testing/step";

const SMALLER = 0x0a00_0001;
const GREATER = 0x0a00_0003;

const routerLsa = { kind: "router", flags: 0, options: OPTIONS, links: [] } as const;

step("a hello without us makes a neighbor in Init, one with us begins the exchange (RFC 2328 §10.5, §10.4)", () => {
  const bench = new Bench();
  const peer = new Peer(bench);
  peer.hello({ neighbors: [] });
  expect(bench.state(SMALLER)).toBe("Init");
  peer.hello();
  expect(bench.state(SMALLER)).toBe("ExStart");
});

step("the first description claims to be master: I, M and MS, nothing described (§10.8)", () => {
  const bench = new Bench();
  new Peer(bench).hello();
  const [dd] = bench.heard(DATABASE_DESCRIPTION);
  expect(dd).toMatchObject({ flags: DD_I | DD_M | DD_MS, headers: [], interfaceMtu: 1500, options: OPTIONS });
});

step("in ExStart the description is repeated every RxmtInterval (§10.8)", () => {
  const bench = new Bench();
  const peer = new Peer(bench);
  peer.greet();
  for (let i = 0; i < 3; i++) {
    peer.hello();
    bench.pass(1000);
  }
  expect(bench.heard(DATABASE_DESCRIPTION).length).toBe(3);
});

step("a neighbor of greater router id becomes master: we take its sequence number (§10.6, ExStart)", () => {
  const bench = new Bench();
  const peer = new Peer(bench, GREATER);
  peer.greet();
  peer.describe({ flags: DD_I | DD_M | DD_MS, sequence: 777 });
  expect(bench.state(GREATER)).toBe("Exchange");
  const [dd] = bench.heard(DATABASE_DESCRIPTION);
  expect(dd).toMatchObject({ sequence: 777 });
  expect(dd!.flags & (DD_I | DD_MS)).toBe(0);
});

step("a neighbor of smaller router id that claims to be master is passed over (§10.6, ExStart)", () => {
  const bench = new Bench();
  const peer = new Peer(bench, SMALLER);
  peer.greet();
  peer.describe({ flags: DD_I | DD_M | DD_MS, sequence: 777 });
  expect(bench.state(SMALLER)).toBe("ExStart");
});

step("a slave's answer with another sequence number than ours is passed over in ExStart (§10.6)", () => {
  const bench = new Bench();
  const peer = new Peer(bench, SMALLER);
  peer.greet();
  const { sequence } = bench.neighbor(SMALLER)!.exchange;
  peer.describe({ sequence: (sequence + 1) >>> 0 });
  expect(bench.state(SMALLER)).toBe("ExStart");
  peer.describe({ sequence });
  expect(bench.state(SMALLER)).toBe("Exchange");
});

step("the slave answers a repeated description with its last one again (§10.6, duplicates)", () => {
  const bench = new Bench();
  const peer = new Peer(bench, GREATER);
  peer.greet();
  peer.describe({ flags: DD_I | DD_M | DD_MS, sequence: 777 });
  const [first] = bench.heard(DATABASE_DESCRIPTION);
  peer.describe({ flags: DD_I | DD_M | DD_MS, sequence: 777 });
  expect(bench.heard(DATABASE_DESCRIPTION)).toEqual([first!]);
});

stepEach(
  [
    ["sequence number out of order", { flags: DD_MS | DD_M, sequence: 900 }],
    ["Initialize bit set", { flags: DD_I | DD_MS | DD_M, sequence: 778 }],
    ["the other end claims our part", { flags: DD_M, sequence: 778 }],
    ["other options", { flags: DD_MS | DD_M, sequence: 778, options: 0 }],
  ] as const,
  "in Exchange: %s → SeqNumberMismatch, the exchange begins anew (§10.6)",
  (_what, fields) => {
    const bench = new Bench();
    const peer = new Peer(bench, GREATER);
    peer.greet();
    peer.describe({ flags: DD_I | DD_M | DD_MS, sequence: 777 });
    bench.hear();
    peer.describe(fields);
    expect(bench.state(GREATER)).toBe("ExStart");
    expect(bench.heard(DATABASE_DESCRIPTION)[0]?.flags).toBe(DD_I | DD_M | DD_MS);
    expect(bench.neighbor(GREATER)!.trouble).not.toBe("");
  },
);

step("an LSA of reserved scope in a description breaks the exchange off (§10.6; RFC 5340 §4.2.2)", () => {
  const bench = new Bench();
  const peer = new Peer(bench, GREATER);
  peer.greet();
  peer.describe({ flags: DD_I | DD_M | DD_MS, sequence: 777 });
  const header = { ...peer.lsa(routerLsa).header, type: 0x6001 };
  peer.describe({ flags: DD_MS, sequence: 778, headers: [header] });
  expect(bench.state(GREATER)).toBe("ExStart");
});

step("an LSA of reserved scope in a slave's first description breaks the exchange off (§10.6; RFC 5340 §4.2.2)", () => {
  const bench = new Bench();
  const peer = new Peer(bench, SMALLER);
  peer.greet();
  const { sequence } = bench.neighbor(SMALLER)!.exchange;
  peer.describe({ sequence, headers: [{ ...peer.lsa(routerLsa).header, type: 0x6001 }] });
  expect([bench.state(SMALLER), bench.neighbor(SMALLER)!.requests.size]).toEqual(["ExStart", 0]);
  expect(bench.neighbor(SMALLER)!.trouble).toContain("0x6001");
});

test.each([
  ["master", GREATER],
  ["slave", SMALLER],
])("a %s's description is answered before it is gone through, and what is said is the same", (_, routerId) => {
  const [inOrder, ahead] = [new Bench(), new Bench()];
  ahead.isHurried = true;
  for (const bench of [inOrder, ahead]) {
    const peer = new Peer(bench, routerId);
    peer.greet();
    if (routerId === GREATER) peer.describe({ flags: DD_I | DD_M | DD_MS });
    const headers = Array.from({ length: 300 }, (_, i) => ({ ...peer.lsa(routerLsa).header, linkStateId: i }));
    const from = routerId === GREATER ? DD_MS : 0;
    const first = routerId === GREATER ? peer.sequence + 1 : bench.neighbor(SMALLER)!.exchange.sequence;
    peer.describe({ flags: from | DD_M, sequence: first, headers });
    peer.describe({ flags: from, sequence: first + 1 });
  }
  const said = inOrder.hear();
  expect(said.map(({ packet }) => packet.type)).toContain(LINK_STATE_REQUEST);
  expect(ahead.hear()).toEqual(said);
  expect(inOrder.requestsWhenSent).toEqual([]);
  expect(ahead.requestsWhenSent).toContain(0);
  expect(ahead.state(routerId)).toBe("Loading");
});

step("an LSA of unknown type is asked for like others (RFC 5340 §4.2.2)", () => {
  const bench = new Bench();
  const peer = new Peer(bench, GREATER);
  peer.greet();
  peer.describe({ flags: DD_I | DD_M | DD_MS, sequence: 777 });
  const header = { ...peer.lsa(routerLsa).header, type: 0xa123 };
  peer.describe({ flags: DD_MS, sequence: 778, headers: [header] });
  expect(bench.state(GREATER)).toBe("Loading");
  const [request] = bench.heard(LINK_STATE_REQUEST);
  expect(request!.requests).toEqual([{ type: 0xa123, linkStateId: 0, advertisingRouter: GREATER }]);
});

step("a greater MTU than ours is refused and says so, unless it is to be ignored (RFC 2328 §10.6)", () => {
  const bench = new Bench();
  const peer = new Peer(bench, GREATER);
  peer.greet();
  peer.describe({ flags: DD_I | DD_M | DD_MS, interfaceMtu: 9000 });
  expect(bench.state(GREATER)).toBe("ExStart");
  expect(bench.neighbor(GREATER)!.trouble).toBe("MTU 9000 there, 1500 here");

  const lenient = new Bench({ mtuIgnore: true });
  const other = new Peer(lenient, GREATER);
  other.greet();
  other.describe({ flags: DD_I | DD_M | DD_MS, interfaceMtu: 9000 });
  expect(lenient.state(GREATER)).toBe("Exchange");
});

step("nothing lacking: Full at once; something lacking: Loading until it is here (§10.3, ExchangeDone)", () => {
  for (const routerId of [SMALLER, GREATER]) {
    const bench = new Bench();
    const peer = new Peer(bench, routerId);
    peer.becomeFull();
    expect(bench.state(routerId)).toBe("Full");

    const loading = new Bench();
    const other = new Peer(loading, routerId);
    other.becomeFull(other.lsa(routerLsa));
    expect(loading.state(routerId)).toBe("Full");
    const held = loading.core.instance.areas.get(0)!.database.get({
      type: ROUTER_LSA,
      linkStateId: 0,
      advertisingRouter: routerId,
    });
    expect(held).toBeDefined();
  }
});

step("what is lacking may come from another neighbor: loading ends all the same (§13.3 step 1 b, §10.9)", () => {
  const bench = new Bench({ kind: "broadcast", priority: 0 });
  const [dr, backup] = [GREATER, GREATER + 1].map((id) => new Peer(bench, id)) as [Peer, Peer];
  const lsa = dr.lsa(routerLsa, { advertisingRouter: 9 });
  for (const peer of [dr, backup]) {
    peer.hello({ designatedRouter: dr.routerId, backupDesignatedRouter: backup.routerId });
  }
  for (const peer of [dr, backup]) {
    peer.describe({ flags: DD_I | DD_M | DD_MS });
    peer.sequence++;
    peer.describe({ flags: DD_MS, headers: [lsa.header] });
    expect(bench.state(peer.routerId)).toBe("Loading");
  }
  dr.update(lsa);
  expect([dr, backup].map(({ routerId }) => bench.state(routerId))).toEqual(["Full", "Full"]);
});

step("what is lacking is asked for again after RxmtInterval (§10.9)", () => {
  const bench = new Bench();
  const peer = new Peer(bench, GREATER);
  peer.greet();
  peer.describe({ flags: DD_I | DD_M | DD_MS });
  peer.sequence++;
  peer.describe({ flags: DD_MS, headers: [peer.lsa(routerLsa).header] });
  expect(bench.heard(LINK_STATE_REQUEST).length).toBe(1);
  bench.pass(1000);
  expect(bench.heard(LINK_STATE_REQUEST).length).toBe(1);
  peer.update(peer.lsa(routerLsa));
  expect(bench.state(GREATER)).toBe("Full");
});

step("a request for what is not here begins the exchange anew (§10.7, BadLSReq)", () => {
  const bench = new Bench();
  const peer = new Peer(bench, GREATER);
  peer.becomeFull();
  peer.request([{ type: ROUTER_LSA, linkStateId: 9, advertisingRouter: 99 }]);
  expect(bench.state(GREATER)).toBe("ExStart");
});

step("a request is answered with updates (§10.7)", () => {
  const bench = new Bench();
  const peer = new Peer(bench, GREATER);
  peer.becomeFull();
  bench.pass(100);
  bench.hear();
  peer.request([{ type: ROUTER_LSA, linkStateId: 0, advertisingRouter: OWN_ID }]);
  const [update] = bench.heard(LINK_STATE_UPDATE);
  expect(update!.lsas.map(({ header }) => header.advertisingRouter)).toEqual([OWN_ID]);
});

step("a description after the exchange that is no repetition begins it anew (§10.6, Loading and Full)", () => {
  const bench = new Bench();
  const peer = new Peer(bench, GREATER);
  peer.becomeFull();
  peer.describe({ flags: DD_MS, sequence: peer.sequence });
  expect(bench.state(GREATER)).toBe("Full");
  peer.describe({ flags: DD_MS, sequence: peer.sequence + 1 });
  expect(bench.state(GREATER)).toBe("ExStart");
});

step("a neighbor that is silent for the dead interval is gone (§10.3, InactivityTimer)", () => {
  const bench = new Bench();
  const peer = new Peer(bench, GREATER);
  peer.becomeFull();
  bench.pass(3999);
  expect(bench.state(GREATER)).toBe("Full");
  bench.pass(1);
  expect(bench.state(GREATER)).toBe("none");
});

step("a neighbor that no longer names us falls back to Init (§10.3, 1-Way)", () => {
  const bench = new Bench();
  const peer = new Peer(bench, GREATER);
  peer.becomeFull();
  peer.hello({ neighbors: [] });
  expect(bench.state(GREATER)).toBe("Init");
});

step("our hellos name those heard of, every HelloInterval or a little sooner (§9.5)", () => {
  const bench = new Bench();
  const peer = new Peer(bench, GREATER);
  peer.hello();
  bench.hear();
  bench.pass(1000);
  const [hello] = bench.heard(HELLO);
  expect(hello).toMatchObject({ neighbors: [GREATER], interfaceId: 7, helloInterval: 1, routerDeadInterval: 4 });
});

stepEach(
  [
    ["hello interval", { helloInterval: 2 }, "hello interval 2 s, ours is 1 s"],
    ["dead interval", { routerDeadInterval: 8 }, "dead interval 8 s, ours is 4 s"],
    ["E-bit", { options: OPTIONS & ~2 }, "area is a stub there and normal here"],
    ["N-bit", { options: (OPTIONS & ~2) | 8 }, "area is an NSSA there and normal here"],
    ["our router id", { routerId: OWN_ID }, "its router id is ours"],
    ["area", { areaId: 5 }, "area 0.0.0.5, ours is 0.0.0.0"],
    ["instance", { instanceId: 1 }, "instance id 1, ours is 0"],
  ] as const,
  "a hello with another %s is refused, and the reason kept (§10.5, RFC 5340 §4.2.2)",
  (_what, fields, reason) => {
    const bench = new Bench();
    new Peer(bench, GREATER).hello(fields);
    const interface_ = bench.core.instance.interfaces.get("up0")!;
    expect(interface_.neighbors.size).toBe(0);
    expect([...interface_.refusals.values()].map((refusal) => refusal.reason)).toEqual([reason]);
    expect(interface_.counters.refused.get(reason)).toBe(1);
  },
);

step("a second neighbor on a point-to-point link is refused while the first is there", () => {
  const bench = new Bench();
  new Peer(bench, GREATER).becomeFull();
  new Peer(bench, SMALLER).hello();
  expect(bench.state(SMALLER)).toBe("none");
  const reasons = [...bench.core.instance.interfaces.get("up0")!.refusals.values()].map(({ reason }) => reason);
  expect(reasons).toEqual(["10.0.0.3 is at the other end of this link"]);
  bench.pass(4000);
  new Peer(bench, SMALLER).hello();
  expect(bench.state(SMALLER)).toBe("ExStart");
});

step("a neighbor that describes LSAs without end is stopped at maxLsas (RFC 2328 §10.6)", () => {
  const bench = new Bench({}, { maxLsas: 100 });
  const peer = new Peer(bench, GREATER);
  peer.greet();
  peer.describe({ flags: DD_I | DD_M | DD_MS });
  const headers = (from: number) =>
    Array.from({ length: 60 }, (_, i) => ({ ...peer.lsa(routerLsa).header, linkStateId: from + i }));
  for (let i = 0; i < 3; i++)
    peer.describe({ flags: DD_MS | DD_M, sequence: ++peer.sequence, headers: headers(60 * i) });
  expect(bench.state(GREATER)).toBe("ExStart");
  expect(bench.neighbor(GREATER)!.requests.size).toBe(0);
});
