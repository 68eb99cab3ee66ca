/** A link of our own that opens, through the whole core: our routes use it before anybody is told of it. */
import { expect, test } from "bun:test";
import { parsePrefix6 } from "#base/address";
import { LINK_STATE_UPDATE } from "#ospf/packet/header";
import { POINT_TO_POINT_LINK } from "#ospf/packet/lsa-body";
import { INITIAL_SEQUENCE_NUMBER, ROUTER_LSA } from "#ospf/packet/lsa-header";
import { Bench, OPTIONS, OWN_ID, Peer } from "#ospf/testing/scripted-peer";

const PREFIX = "2001:db8::/48";

test("the routes over it come before the router-LSA that tells of it, though the back-off is at its longest", () => {
  const bench = new Bench();
  const peer = new Peer(bench);
  peer.becomeFull();
  const link = {
    ...{ type: POINT_TO_POINT_LINK, metric: 1, interfaceId: 3 },
    ...{ neighborInterfaceId: 7, neighborRouterId: OWN_ID },
  };
  const referenced = { type: ROUTER_LSA, linkStateId: 0, advertisingRouter: peer.routerId };
  const prefixes = [{ ...parsePrefix6(PREFIX)!, options: 0, metric: 0 }];
  peer.update(
    peer.lsa({ kind: "router", flags: 0, options: OPTIONS, links: [link] }),
    peer.lsa({ kind: "intraAreaPrefix", referenced, prefixes }),
  );
  // Its prefix changes again and again, until RFC 8405 has us wait for 5 s; then it knows us no more.
  for (let metric = 1; metric < 8; metric++) {
    peer.hello();
    bench.pass(1100);
    const changed = { kind: "intraAreaPrefix", referenced, prefixes: [{ ...prefixes[0]!, metric }] } as const;
    peer.update(peer.lsa(changed, { sequence: INITIAL_SEQUENCE_NUMBER + metric }));
  }
  const { routing, instance } = bench.core;
  expect(instance.table.routes.has(PREFIX)).toBe(true);
  for (let i = 0; i < 6; i++) {
    peer.hello({ neighbors: [] });
    bench.pass(1000);
  }
  expect(instance.table.routes.has(PREFIX)).toBe(false);
  expect(routing.backoff().state).toBe("LONG_WAIT");
  const order: string[] = [];
  bench.hear();
  const before = bench.effects.length;
  bench.onSend = (octets) => {
    if (octets[1] === LINK_STATE_UPDATE)
      order.push(bench.effects.slice(before).some(({ type }) => type === "routes") ? "after" : "before");
  };
  const ofNow = { kind: "router", flags: 0, options: OPTIONS, links: [link] } as const;
  peer.becomeFull(peer.lsa(ofNow, { sequence: INITIAL_SEQUENCE_NUMBER + 1 }));
  bench.pass(1000);
  bench.onSend = undefined;
  expect(instance.table.routes.has(PREFIX)).toBe(true);
  expect(order.at(-1)).toBe("after");
});

test("what a neighbor says is computed at once while the adjacency is new: before it may have been of an earlier life", () => {
  const bench = new Bench();
  const peer = new Peer(bench);
  const link = {
    type: POINT_TO_POINT_LINK,
    metric: 1,
    interfaceId: 3,
    neighborInterfaceId: 7,
    neighborRouterId: OWN_ID,
  };
  const further = { ...link, interfaceId: 4, neighborInterfaceId: 9, neighborRouterId: 0x0a00_0009 };
  const says = (links: (typeof link)[], count: number) =>
    peer.update(
      peer.lsa({ kind: "router", flags: 0, options: OPTIONS, links }, { sequence: INITIAL_SEQUENCE_NUMBER + count }),
    );
  const { routing } = bench.core;
  peer.becomeFull();
  says([link, further], 0);
  for (let count = 1; count < 10; count++) {
    bench.pass(1000);
    peer.hello();
    expect(routing.backoff().computeAt).not.toBe(bench.now);
    const runs = routing.log().length;
    says(count % 2 === 1 ? [link] : [link, further], count);
    expect(routing.log().length - runs).toBe(count < 5 ? 1 : 0);
  }
});
