import { describe, expect, test } from "bun:test";
import { NEVER } from "#base/time";
import { Neighbors } from "#services/neighbors";
import {
  fire,
  frameSent,
  ip,
  lines,
  linkUp,
  na,
  ns,
  OTHER_MAC,
  OWN,
  OWN_MAC,
  PEER,
  PEER_MAC,
  PORT,
  ROUTER,
  readFrame,
  ready,
  resolve,
  SOLICIT,
  stateOf,
  UNSPECIFIED,
  withPeer,
} from "#services/testing/neighbors";

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

describe("duplicate address detection (RFC 4862 §5.4)", () => {
  const start = (): Neighbors => {
    const n = new Neighbors(1, { maxDetectionDelay: 0 });
    n.handle(linkUp, 0);
    return n;
  };

  test("probes once from the unspecified address, waits RetransTimer, then uses the address and announces all (§5.4.2)", () => {
    const n = new Neighbors(1, { maxDetectionDelay: 0 });
    expect(lines(n.handle(linkUp, 0))).toEqual(["NS fe80::ff:fe00:1 | 33:33:ff:00:00:01 :: > ff02::1:ff00:1"]);
    expect(n.deadline()).toBe(1000);
    expect(fire(n)).toEqual([
      "preferred fe80::ff:fe00:1",
      "NA fe80::ff:fe00:1 RO at 02:00:00:00:00:01 | 33:33:00:00:00:01 fe80::ff:fe00:1 > ff02::1",
      "NA 2001:db8:1::1 RO at 02:00:00:00:00:01 | 33:33:00:00:00:01 2001:db8:1::1 > ff02::1",
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
