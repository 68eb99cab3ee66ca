import { describe, expect, test } from "bun:test";
import { formatIpv6, linkLocalFromMac } from "#base/address";
import { NEVER } from "#base/time";
import { Neighbors } from "#services/neighbors";
import {
  fire,
  ip,
  lines,
  linkUp,
  macOf,
  na,
  ns,
  OTHER_MAC,
  OWN,
  PEER,
  PEER_MAC,
  PORT,
  packet,
  ready,
  resolve,
  SOLICIT,
  stateOf,
  UNSPECIFIED,
  used,
  withPeer,
} from "#services/testing/neighbors";
import * as icmp6 from "#wire/icmp6";
import * as nd from "#wire/nd";

describe("address resolution (RFC 4861 §7.2.2)", () => {
  test("asks the solicited-node group, three times, RetransTimer apart, then fails the held packets", () => {
    const n = ready();
    expect(lines(n.handle(resolve(PEER, 7), 0))).toEqual([SOLICIT]);
    expect(stateOf(n)).toBe("INCOMPLETE");
    expect(n.deadline()).toBe(1000);
    expect(fire(n, 999)).toEqual([]);
    expect(fire(n)).toEqual([SOLICIT]);
    expect(n.deadline()).toBe(2000);
    expect(fire(n)).toEqual([SOLICIT]);
    expect(n.deadline()).toBe(3000);
    expect(fire(n)).toEqual(["adjacency fe80::ff:fe00:2 failed", "fail 7"]);
    expect(n.counters.unresolved).toBe(1);
  });

  test("sends held packets in order once the answer is there, and asks only once for all of them", () => {
    const n = ready();
    expect(lines(n.handle(resolve(PEER, 1), 0))).toEqual([SOLICIT]);
    expect(lines(n.handle(resolve(PEER, 2), 10))).toEqual([]);
    expect(lines(n.handle(na("RS", PEER_MAC), 20))).toEqual([
      "adjacency fe80::ff:fe00:2 02:00:00:00:00:02",
      "release 1,2",
      "router fe80::ff:fe00:2 true",
    ]);
    expect(lines(n.handle(resolve(PEER, 3), 30))).toEqual(["release 3"]);
  });

  test("holds three packets per neighbor, the newest", () => {
    const n = ready();
    for (const held of [1, 2, 3]) n.handle(resolve(PEER, held), 0);
    expect(lines(n.handle(resolve(PEER, 4), 0))).toEqual(["drop 1 overflow"]);
    expect(lines(n.handle(na("S", PEER_MAC), 0))).toContain("release 2,3,4");
  });

  test("refuses packets to a neighbor that did not answer at once, for a while, then asks again", () => {
    const n = ready();
    n.handle(resolve(PEER, 1), 0);
    for (let i = 0; i < 3; i++) fire(n);
    expect(lines(n.handle(resolve(PEER, 2), 3500))).toEqual(["fail 2"]);
    expect(n.deadline()).toBe(6000);
    expect(fire(n)).toEqual(["adjacency fe80::ff:fe00:2 unresolved"]);
    expect(n.entries()).toEqual([]);
    expect(lines(n.handle(resolve(PEER, 3), 6001))).toEqual([SOLICIT]);
  });

  test("waits for our link-local address to be known unique, and asks then", () => {
    const n = new Neighbors(1, { maxDetectionDelay: 0 });
    n.handle(linkUp, 0);
    expect(lines(n.handle(resolve(PEER, 1), 10))).toEqual([]);
    expect(n.deadline()).toBe(1000);
    expect(fire(n)).toContain(SOLICIT);
  });

  test("refuses packets for a port that is down, from time to time anew", () => {
    const n = new Neighbors(1);
    expect(lines(n.handle(resolve(PEER, 1), 0))).toEqual(["adjacency fe80::ff:fe00:2 failed", "fail 1"]);
    expect(lines(n.handle(resolve(PEER, 2), 1))).toEqual(["fail 2"]);
    expect(fire(n, 3000)).toEqual(["adjacency fe80::ff:fe00:2 unresolved"]);
    expect(lines(n.handle(resolve(PEER, 3), 3001))).toEqual(["adjacency fe80::ff:fe00:2 failed", "fail 3"]);
    expect(lines(n.handle(linkUp, 3002))).toContain("adjacency fe80::ff:fe00:2 unresolved");
  });
});

describe("resolution of what is no neighbor's address", () => {
  test.each(["ff02::1", "::"])("%s fails at once", (address) => {
    expect(lines(ready().handle(resolve(ip(address), 1), 0))).toEqual([`adjacency ${address} failed`, "fail 1"]);
  });
});

describe("a neighbor's MAC address that is replaced by another (RFC 4861 §7.2.3, §7.3.3)", () => {
  test("is used at once, and probed at the first packet without DELAY: a lie is found out in 3 s, not in 8", () => {
    const n = withPeer();
    expect(lines(n.handle(ns(OWN, OTHER_MAC), 10))).toContain("adjacency fe80::ff:fe00:2 02:00:00:00:00:09");
    expect(stateOf(n)).toBe("STALE");
    n.handle(used(PEER), 20);
    expect(stateOf(n)).toBe("PROBE");
    expect([fire(n), fire(n)].map((effects) => effects.length)).toEqual([1, 1]);
    expect(fire(n)).toEqual(["adjacency fe80::ff:fe00:2 unresolved"]);
    expect(n.entries()).toEqual([]);
    expect(lines(n.handle(resolve(PEER, 1), 3021))).toEqual([SOLICIT]);
  });

  test("is as good as any once an answer has confirmed it", () => {
    const n = withPeer();
    n.handle(ns(OWN, OTHER_MAC), 10);
    n.handle(used(PEER), 20);
    n.handle(na("RS", OTHER_MAC), 30);
    expect(stateOf(n)).toBe("REACHABLE");
    fire(n); // STALE
    n.handle(used(PEER), 100_000);
    expect([stateOf(n), n.deadline()]).toEqual(["DELAY", 105_000]);
  });
});

describe("router messages (RFC 4861 §6.2.6, §6.3.4)", () => {
  const advertisement: nd.RouterAdvertisement = {
    type: icmp6.ROUTER_ADVERTISEMENT,
    curHopLimit: 64,
    managed: false,
    otherConfig: false,
    routerLifetime: 1800,
    reachableTime: 0,
    retransTimer: 0,
    options: { sourceLinkLayer: PEER_MAC },
  };

  test("an advertisement makes its sender a known router, STALE", () => {
    const n = ready();
    n.handle(packet(advertisement, PEER, PEER_MAC, nd.ALL_NODES), 0);
    expect([stateOf(n), n.entries()[0]?.isRouter]).toEqual(["STALE", true]);
  });

  test("a solicitation comes from a host", () => {
    const n = ready();
    n.handle(packet(advertisement, PEER, PEER_MAC, nd.ALL_NODES), 0);
    const solicitation: nd.RouterSolicitation = {
      type: icmp6.ROUTER_SOLICITATION,
      options: { sourceLinkLayer: PEER_MAC },
    };
    n.handle(packet(solicitation, PEER, PEER_MAC, nd.ALL_ROUTERS), 1);
    expect(n.entries()[0]?.isRouter).toBe(false);
    n.handle(packet({ ...solicitation, options: {} }, UNSPECIFIED, OTHER_MAC, nd.ALL_ROUTERS), 2);
    expect(n.entries()).toHaveLength(1);
  });
});

describe("ports and permanent entries", () => {
  test("a port that goes down takes its neighbors with it", () => {
    const n = withPeer();
    n.handle(resolve(ip("fe80::77"), 6), 10);
    expect(lines(n.handle({ type: "linkDown", port: PORT }, 20))).toEqual([
      "adjacency fe80::ff:fe00:2 unresolved",
      "fail 6",
      "adjacency fe80::77 unresolved",
    ]);
    expect([n.entries(), n.deadline()]).toEqual([[], NEVER]);
  });

  test("a permanent entry is in force while its port is up, never asked for and never changed", () => {
    const n = new Neighbors(1, { dupAddrDetectTransmits: 0 });
    expect(lines(n.handle({ type: "permanent", port: PORT, address: PEER, mac: PEER_MAC }, 0))).toEqual([]);
    expect(lines(n.handle(linkUp, 1))).toContain("adjacency fe80::ff:fe00:2 02:00:00:00:00:02");
    expect(lines(n.handle(resolve(PEER, 1), 2))).toEqual(["release 1"]);
    expect(lines(n.handle(na("RSO", OTHER_MAC), 3))).toEqual([]);
    n.handle(ns(OWN, OTHER_MAC), 4);
    expect(n.entries()[0]).toMatchObject({ state: "PERMANENT", mac: PEER_MAC });
    expect(lines(n.handle({ type: "linkDown", port: PORT }, 5))).toEqual(["adjacency fe80::ff:fe00:2 unresolved"]);
    expect(lines(n.handle(linkUp, 6))).toContain("adjacency fe80::ff:fe00:2 02:00:00:00:00:02");
    n.handle({ type: "linkDown", port: PORT }, 6);
    expect(lines(n.handle(resolve(PEER, 2), 6))).toEqual(["adjacency fe80::ff:fe00:2 failed", "fail 2"]);
    n.handle(linkUp, 6);
    const gone = n.handle({ type: "permanent", port: PORT, address: PEER, mac: null }, 7);
    expect(lines(gone)).toEqual(["adjacency fe80::ff:fe00:2 unresolved"]);
    expect(n.entries()).toEqual([]);
  });

  test("a permanent entry replaces one that is being asked for", () => {
    const n = ready();
    n.handle(resolve(PEER, 1), 0);
    const effects = n.handle({ type: "permanent", port: PORT, address: PEER, mac: PEER_MAC }, 1);
    expect(lines(effects)).toEqual(["adjacency fe80::ff:fe00:2 02:00:00:00:00:02", "release 1"]);
    expect(n.deadline()).toBe(NEVER);
  });
});

describe("a full cache", () => {
  const address = (i: number) => linkLocalFromMac(macOf(100 + i));
  const learn = (n: Neighbors, i: number, now: number) => n.handle(ns(OWN, macOf(100 + i), address(i)), now);

  test("gives up the longest unused STALE neighbor for a new one", () => {
    const n = ready({ maxEntries: 3 });
    for (let i = 0; i < 3; i++) learn(n, i, 10);
    n.handle(used(address(0)), 20); // DELAY: in use
    expect(lines(learn(n, 3, 30))).toContain(`adjacency ${formatIpv6(address(1))} unresolved`);
    expect(n.entries().map((e) => formatIpv6(e.address))).toEqual([2, 0, 3].map((i) => formatIpv6(address(i))));
    expect(n.counters.evicted).toBe(1);
  });

  test("refuses new neighbors while all are in use, and drops their packets", () => {
    const n = ready({ maxEntries: 2 });
    n.handle(resolve(address(0)), 0);
    n.handle(resolve(address(1)), 0);
    expect(lines(n.handle(resolve(address(2), 9), 1))).toEqual(["drop 9 full"]);
    expect(n.counters.refused).toBe(1);
  });
});
