import { describe, expect, test } from "bun:test";
import { formatIpv6, linkLocalFromMac } from "#base/address";
import { NEVER } from "#base/time";
import { Neighbors } from "#services/neighbors";
import type { NeighborEvent, NeighborSettings } from "#services/neighbors/events";
import { frameSent, ip, lines, macOf, PORT, readFrame } from "#services/neighbors/testing";
import * as icmp6 from "#wire/icmp6";
import * as nd from "#wire/nd";

const OWN_MAC = macOf(1);
const OWN = linkLocalFromMac(OWN_MAC);
const ROUTER = ip("2001:db8:1::1");
const PEER_MAC = macOf(2);
const PEER = linkLocalFromMac(PEER_MAC);
const OTHER_MAC = macOf(9);
const UNSPECIFIED = ip("::");

const linkUp: NeighborEvent = { type: "linkUp", port: PORT, mac: OWN_MAC, linkLocal: OWN, addresses: [ROUTER] };
const resolve = (address: Uint8Array, held?: number): NeighborEvent =>
  held === undefined ? { type: "resolve", port: PORT, address } : { type: "resolve", port: PORT, address, held };
const used = (address: Uint8Array): NeighborEvent => ({ type: "used", port: PORT, address });

function packet(message: nd.NdMessage, source = PEER, linkSource = PEER_MAC, destination = OWN): NeighborEvent {
  return { type: "packet", port: PORT, packet: { source, destination, message }, linkSource };
}

/** Flags as in lines(): R, S, O. */
function na(flags: string, mac?: Uint8Array, target = PEER): NeighborEvent {
  const has = (flag: string) => flags.includes(flag);
  const options = mac ? { targetLinkLayer: mac } : {};
  const type = icmp6.NEIGHBOR_ADVERTISEMENT;
  return packet({ type, router: has("R"), solicited: has("S"), override: has("O"), target, options });
}

function ns(target: Uint8Array, mac?: Uint8Array, source = PEER, linkSource = PEER_MAC): NeighborEvent {
  const options = mac ? { sourceLinkLayer: mac } : {};
  return packet({ type: icmp6.NEIGHBOR_SOLICITATION, target, options }, source, linkSource, nd.solicitedNode(target));
}

/** A cache with one uplink that is up since time 0, without duplicate address detection. */
function ready(settings: Partial<NeighborSettings> = {}): Neighbors {
  const n = new Neighbors(1, { dupAddrDetectTransmits: 0, ...settings });
  n.handle(linkUp, 0);
  return n;
}

/** With PEER resolved at `now`: REACHABLE. */
function withPeer(settings: Partial<NeighborSettings> = {}, now = 0): Neighbors {
  const n = ready(settings);
  n.handle(resolve(PEER), now);
  n.handle(na("RS", PEER_MAC), now);
  expect(stateOf(n)).toBe("REACHABLE");
  return n;
}

const stateOf = (n: Neighbors, address = PEER) =>
  n.entries().find((e) => formatIpv6(e.address) === formatIpv6(address))?.state;

const fire = (n: Neighbors, now = n.deadline()): string[] => lines(n.handle({ type: "timer" }, now));

/** PEER in the given state, at the returned time. */
function peerIn(state: "REACHABLE" | "STALE" | "DELAY" | "PROBE"): [Neighbors, number] {
  const n = withPeer();
  if (state === "REACHABLE") return [n, 10];
  fire(n); // STALE
  if (state === "STALE") return [n, 100_000];
  n.handle(used(PEER), 100_000); // DELAY
  if (state === "DELAY") return [n, 100_010];
  fire(n); // PROBE
  return [n, 105_010];
}

const SOLICIT = "NS fe80::ff:fe00:2 from 02:00:00:00:00:01 | 33:33:ff:00:00:02 fe80::ff:fe00:1 > ff02::1:ff00:2";
const PROBE = "NS fe80::ff:fe00:2 from 02:00:00:00:00:01 | 02:00:00:00:00:02 fe80::ff:fe00:1 > fe80::ff:fe00:2";

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
    expect(lines(n.handle(resolve(PEER, 4), 0))).toEqual(["drop 1"]);
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

describe("receipt of Neighbor Solicitations (RFC 4861 §7.2.3, §7.2.4)", () => {
  test("answers for the link-local address, solicited, as a router, with Override, and remembers the asker as STALE", () => {
    const n = ready();
    expect(lines(n.handle(ns(OWN, PEER_MAC), 5))).toEqual([
      "adjacency fe80::ff:fe00:2 02:00:00:00:00:02",
      "NA fe80::ff:fe00:1 RSO at 02:00:00:00:00:01 | 02:00:00:00:00:02 fe80::ff:fe00:1 > fe80::ff:fe00:2",
    ]);
    expect(stateOf(n)).toBe("STALE");
  });

  test("answers for the router's address when it is asked on the link", () => {
    expect(lines(ready().handle(ns(ROUTER, PEER_MAC), 5))).toContain(
      "NA 2001:db8:1::1 RSO at 02:00:00:00:00:01 | 02:00:00:00:00:02 2001:db8:1::1 > fe80::ff:fe00:2",
    );
  });

  test("answers a prober (unspecified source) to all nodes, not solicited, and remembers nothing", () => {
    const n = ready();
    expect(lines(n.handle(ns(OWN, undefined, UNSPECIFIED), 5))).toEqual([
      "NA fe80::ff:fe00:1 RO at 02:00:00:00:00:01 | 33:33:00:00:00:01 fe80::ff:fe00:1 > ff02::1",
    ]);
    expect(n.entries()).toEqual([]);
  });

  test("answers a unicast solicitation without link-layer address to where it came from", () => {
    const n = ready();
    expect(lines(n.handle(ns(OWN), 5))).toEqual([
      "NA fe80::ff:fe00:1 RSO at 02:00:00:00:00:01 | 02:00:00:00:00:02 fe80::ff:fe00:1 > fe80::ff:fe00:2",
    ]);
  });

  test("is silent about addresses that are not ours, and learns nothing from it", () => {
    const n = ready();
    expect(lines(n.handle(ns(ip("fe80::77"), PEER_MAC), 5))).toEqual([]);
    expect(n.entries()).toEqual([]);
    expect(n.counters.notForUs).toBe(1);
  });

  test("answers an off-link source but makes no entry for it (CERT VU#472363)", () => {
    const n = ready();
    expect(lines(n.handle(ns(OWN, PEER_MAC, ip("2001:db8::9")), 5))).toEqual([
      "NA fe80::ff:fe00:1 RSO at 02:00:00:00:00:01 | 02:00:00:00:00:02 fe80::ff:fe00:1 > 2001:db8::9",
    ]);
    expect(n.entries()).toEqual([]);
  });

  test("resolves an INCOMPLETE entry and releases its packets", () => {
    const n = ready();
    n.handle(resolve(PEER, 1), 0);
    expect(lines(n.handle(ns(OWN, PEER_MAC), 5))).toContain("release 1");
    expect(stateOf(n)).toBe("STALE");
  });

  test("with another link-layer address makes the entry STALE, with the same leaves it", () => {
    const n = withPeer();
    n.handle(ns(OWN, PEER_MAC), 5);
    expect(stateOf(n)).toBe("REACHABLE");
    expect(lines(n.handle(ns(OWN, OTHER_MAC, PEER, OTHER_MAC), 6))).toContain(
      "adjacency fe80::ff:fe00:2 02:00:00:00:00:09",
    );
    expect(stateOf(n)).toBe("STALE");
  });

  test("does not touch the IsRouter flag (appendix D)", () => {
    const n = withPeer();
    n.handle(ns(OWN, OTHER_MAC), 5);
    expect(n.entries()[0]?.isRouter).toBe(true);
  });
});

describe("receipt of Neighbor Advertisements (RFC 4861 §7.2.5, appendix C)", () => {
  test("is ignored without an entry: we asked nothing", () => {
    const n = ready();
    expect(lines(n.handle(na("RSO", PEER_MAC), 0))).toEqual([]);
    expect(n.entries()).toEqual([]);
    expect(n.counters.notForUs).toBe(1);
  });

  test.each([
    // flags, which address, state after INCOMPLETE
    ["S", PEER_MAC, "REACHABLE"],
    ["SO", PEER_MAC, "REACHABLE"],
    ["", PEER_MAC, "STALE"],
    ["O", PEER_MAC, "STALE"],
    ["SO", undefined, "INCOMPLETE"],
  ] as const)("INCOMPLETE, flags %p, address %p → %s", (flags, mac, state) => {
    const n = ready();
    n.handle(resolve(PEER, 1), 0);
    n.handle(na(flags, mac), 1);
    expect(stateOf(n)).toBe(state);
  });

  const same = PEER_MAC;
  const other = OTHER_MAC;
  test.each([
    // flags, address in the message, recorded address, then the state after REACHABLE, STALE, DELAY, PROBE
    ["S", same, same, ["REACHABLE", "REACHABLE", "REACHABLE", "REACHABLE"]],
    ["S", undefined, same, ["REACHABLE", "REACHABLE", "REACHABLE", "REACHABLE"]],
    ["SO", same, same, ["REACHABLE", "REACHABLE", "REACHABLE", "REACHABLE"]],
    ["S", other, same, ["STALE", "STALE", "DELAY", "PROBE"]],
    ["SO", other, other, ["REACHABLE", "REACHABLE", "REACHABLE", "REACHABLE"]],
    ["", same, same, ["REACHABLE", "STALE", "DELAY", "PROBE"]],
    ["", undefined, same, ["REACHABLE", "STALE", "DELAY", "PROBE"]],
    ["", other, same, ["STALE", "STALE", "DELAY", "PROBE"]],
    ["O", same, same, ["REACHABLE", "STALE", "DELAY", "PROBE"]],
    ["O", other, other, ["STALE", "STALE", "STALE", "STALE"]],
  ] as const)("flags %p, address %p", (flags, mac, recorded, states) => {
    for (const [i, before] of (["REACHABLE", "STALE", "DELAY", "PROBE"] as const).entries()) {
      const [n, now] = peerIn(before);
      n.handle(na(flags, mac), now);
      expect([before, stateOf(n)]).toEqual([before, states[i]]);
      expect([before, n.entries()[0]?.mac]).toEqual([before, recorded]);
    }
  });

  test("tells when a router became a host, unless the advertisement is overruled", () => {
    const n = withPeer();
    expect(lines(n.handle(na("S", OTHER_MAC), 1))).toEqual([]); // no Override, other address: nothing is taken from it
    expect(lines(n.handle(na("S", PEER_MAC), 2))).toEqual(["router fe80::ff:fe00:2 false"]);
    expect(lines(n.handle(na("RS", PEER_MAC), 3))).toEqual(["router fe80::ff:fe00:2 true"]);
  });
});

describe("Neighbor Unreachability Detection (RFC 4861 §7.3.3)", () => {
  test("REACHABLE lasts between half and one and a half times the base time (§6.3.2)", () => {
    for (let seed = 0; seed < 50; seed++) {
      const n = new Neighbors(seed, { dupAddrDetectTransmits: 0 });
      n.handle(linkUp, 0);
      n.handle(resolve(PEER), 0);
      n.handle(na("RS", PEER_MAC), 0);
      expect(n.deadline() >= 15_000 && n.deadline() <= 45_000).toBe(true);
      fire(n);
      expect(stateOf(n)).toBe("STALE");
      expect(n.deadline()).toBe(NEVER);
    }
  });

  test("a packet to a STALE neighbor goes out at once and starts a check: DELAY, then unicast probes, then unreachable", () => {
    const [n, now] = peerIn("STALE");
    expect(lines(n.handle(resolve(PEER, 5), now))).toEqual(["release 5"]);
    expect(stateOf(n)).toBe("DELAY");
    expect(n.deadline()).toBe(now + 5000);
    expect(fire(n)).toEqual([PROBE]);
    expect(fire(n)).toEqual([PROBE]);
    expect(fire(n)).toEqual([PROBE]);
    expect(n.deadline()).toBe(now + 8000);
    expect(fire(n)).toEqual(["adjacency fe80::ff:fe00:2 unresolved"]);
    expect(n.entries()).toEqual([]);
    expect(n.counters.unreachable).toBe(1);
  });

  test("packets that the fast path sent count as well", () => {
    const [n, now] = peerIn("STALE");
    expect(lines(n.handle(used(PEER), now))).toEqual([]);
    expect(stateOf(n)).toBe("DELAY");
  });

  test("an answer to a probe makes the neighbor REACHABLE without a word to the fast path", () => {
    const [n, now] = peerIn("PROBE");
    expect(lines(n.handle(na("RS", PEER_MAC), now))).toEqual([]);
    expect(stateOf(n)).toBe("REACHABLE");
  });

  test("packets go on being sent while the neighbor is probed", () => {
    const [n, now] = peerIn("PROBE");
    expect(lines(n.handle(resolve(PEER, 5), now))).toEqual(["release 5"]);
  });

  test("confirmation from above makes any known neighbor REACHABLE (§7.3.1), never an INCOMPLETE one", () => {
    const confirmed: NeighborEvent = { type: "confirmed", port: PORT, address: PEER };
    for (const state of ["REACHABLE", "STALE", "DELAY", "PROBE"] as const) {
      const [n, now] = peerIn(state);
      n.handle(confirmed, now);
      expect(stateOf(n)).toBe("REACHABLE");
    }
    const n = ready();
    n.handle(resolve(PEER), 0);
    n.handle(confirmed, 1);
    expect(stateOf(n)).toBe("INCOMPLETE");
  });

  test("use of a neighbor that is gone does not bring it back: its packets will ask", () => {
    const n = ready();
    expect(lines(n.handle(used(PEER), 0))).toEqual([]);
    expect(n.entries()).toEqual([]);
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

describe("duplicate address detection (RFC 4862 §5.4)", () => {
  const start = (): Neighbors => {
    const n = new Neighbors(1, { maxDetectionDelay: 0 });
    n.handle(linkUp, 0);
    return n;
  };

  test("probes once from the unspecified address, waits RetransTimer, then uses and announces the address (§5.4.2)", () => {
    const n = new Neighbors(1, { maxDetectionDelay: 0 });
    expect(lines(n.handle(linkUp, 0))).toEqual(["NS fe80::ff:fe00:1 | 33:33:ff:00:00:01 :: > ff02::1:ff00:1"]);
    expect(n.deadline()).toBe(1000);
    expect(fire(n)).toEqual([
      "preferred fe80::ff:fe00:1",
      "NA fe80::ff:fe00:1 RO at 02:00:00:00:00:01 | 33:33:00:00:00:01 fe80::ff:fe00:1 > ff02::1",
    ]);
  });

  test("waits a random time of up to a second before the first probe (§5.4.2)", () => {
    const delays = Array.from({ length: 20 }, (_, seed) => {
      const n = new Neighbors(seed);
      n.handle(linkUp, 0);
      return n.deadline();
    });
    expect(Math.max(...delays) <= 1000 && new Set(delays).size > 10).toBe(true);
  });

  test("another node's probe means a duplicate: the port is not used, held packets fail (§5.4.3, §5.4.5)", () => {
    const n = start();
    n.handle(resolve(PEER, 4), 10);
    expect(lines(n.handle(ns(OWN, undefined, UNSPECIFIED, OTHER_MAC), 20))).toEqual([
      "duplicate fe80::ff:fe00:1 of 02:00:00:00:00:09, disabled",
      "fail 4",
      "adjacency fe80::ff:fe00:2 unresolved",
    ]);
    expect(n.deadline()).toBe(NEVER);
    expect(lines(n.handle(resolve(PEER, 5), 30))).toEqual(["adjacency fe80::ff:fe00:2 failed", "fail 5"]);
    expect(lines(n.handle(ns(OWN, PEER_MAC), 40))).toEqual([]);
    expect(lines(n.handle(linkUp, 50))).toEqual([
      "adjacency fe80::ff:fe00:2 unresolved",
      "NS fe80::ff:fe00:1 | 33:33:ff:00:00:01 :: > ff02::1:ff00:1",
    ]);
  });

  test("an advertisement of the tentative address means a duplicate (§5.4.4)", () => {
    const n = start();
    expect(lines(n.handle(na("SO", OTHER_MAC, OWN), 20))).toEqual([
      "duplicate fe80::ff:fe00:1 of 02:00:00:00:00:02, disabled",
    ]);
  });

  test("someone who resolves the tentative address gets no answer and does no harm (§5.4.3)", () => {
    const n = start();
    expect(lines(n.handle(ns(OWN, PEER_MAC), 20))).toEqual([]);
    expect(fire(n)).toContain("preferred fe80::ff:fe00:1");
  });

  test("our own probe come back is no duplicate, but the detection goes on for longer (RFC 7527 §4.1)", () => {
    const n = new Neighbors(1, { maxDetectionDelay: 0 });
    const sent = frameSent(n.handle(linkUp, 0));
    const looped = readFrame(sent);
    n.handle({ type: "packet", port: PORT, packet: looped, linkSource: OWN_MAC }, 1);
    expect(n.counters.loopedBack).toBe(1);
    for (let i = 0; i < 3; i++) expect(fire(n)[0]).toStartWith("NS fe80::ff:fe00:1 | ");
    expect(fire(n)).toContain("preferred fe80::ff:fe00:1");
    expect(n.deadline()).toBe(NEVER);
  });

  test("another node with our MAC is found although its frames look like ours: its nonce differs (RFC 7527)", () => {
    const n = start();
    const twin = new Neighbors(2, { maxDetectionDelay: 0 });
    const probe = readFrame(frameSent(twin.handle(linkUp, 0)));
    const effects = n.handle({ type: "packet", port: PORT, packet: probe, linkSource: OWN_MAC }, 5);
    expect(lines(effects)).toEqual(["duplicate fe80::ff:fe00:1 of 02:00:00:00:00:01, disabled"]);
  });

  test("an address in use is not given up for an advertisement, but the operator hears of it", () => {
    const n = ready();
    expect(lines(n.handle(na("O", OTHER_MAC, OWN), 20))).toEqual(["duplicate fe80::ff:fe00:1 of 02:00:00:00:00:02"]);
    expect(lines(n.handle(resolve(PEER), 30))).toEqual([SOLICIT]);
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
    expect(lines(n.handle(resolve(address(2), 9), 1))).toEqual(["drop 9"]);
    expect(n.counters.refused).toBe(1);
  });
});
