import { describe, expect, test } from "bun:test";
import { NEVER } from "#base/time";
import { Neighbors } from "#services/neighbors";
import type { NeighborEvent } from "#services/neighbors/events";
import {
  fire,
  lines,
  linkUp,
  na,
  OTHER_MAC,
  PEER,
  PEER_MAC,
  PORT,
  PROBE,
  peerIn,
  ready,
  resolve,
  stateOf,
  used,
  withPeer,
} from "#services/testing/neighbors";

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
