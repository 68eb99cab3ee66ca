import { describe, expect, test } from "bun:test";
import { formatIpv6, formatMac, parseMac } from "#base/address";
import { nextBelow, nextOctets, seeded } from "#base/random";
import {
  attach,
  counted,
  dad,
  fire,
  GATEWAY,
  ip,
  LEARNT,
  LINK_LOCAL,
  lines,
  linked,
  NOBODY,
  na,
  ns,
  OTHER,
  OTHER_MAC,
  PORT,
  ra,
  resolve,
  rs,
  SECOND,
  TO_ALL,
  TO_VM,
  tell,
  VM,
  VM_MAC,
} from "#services/testing/vm-link6";
import { VmLink6 } from "#services/vm-link6";
import type { VmLink6Settings } from "#services/vm-link6/events";
import * as icmp6 from "#wire/icmp6";
import * as ipv6 from "#wire/ipv6";
import * as nd from "#wire/nd";

describe("neighbor solicitations (RFC 4861 §7.2.3, §7.2.4)", () => {
  test("for the gateway are answered and teach the VM's MAC", () => {
    const core = linked();
    expect(tell(core, ns(GATEWAY))).toEqual([LEARNT, `NA fe80::1 RSO ${TO_VM}`]);
    const unicast = ns(GATEWAY, { from: VM, to: GATEWAY }, null); // unreachability detection, §7.3.3
    expect(tell(core, unicast)).toEqual([`NA fe80::1 RSO to 2001:db8:1::2 at ${formatMac(VM_MAC)}`]);
  });

  test("for anybody are answered by proxy, without Override (§7.2.8)", () => {
    const core = linked();
    for (const target of [OTHER, ip("2001:db8:ffff::1"), ip("64:ff9b::a00:1"), ip("fd00::1")])
      expect(tell(core, ns(target)).at(-1)).toBe(`NA ${formatIpv6(target)} RS ${TO_VM}`);
    expect(core.counters.answered).toBe(4);
  });

  test("for the VM's own addresses are not answered, be it to detect duplicates or not (RFC 4862 §5.4)", () => {
    const core = linked();
    for (const own of [VM, SECOND, LINK_LOCAL, ip("fe80::1234")]) expect(tell(core, dad(own))).toEqual([]);
    expect(tell(core, ns(VM))).toEqual([LEARNT]);
    expect(counted(core)).toEqual({ probes: 5, learnt: 1, routerAdvertisements: 1 });
  });

  test("that look for duplicates of the gateway's address, or of others', are told so (RFC 4862 §5.4.3)", () => {
    const core = linked();
    expect(tell(core, dad(GATEWAY))).toEqual([`NA fe80::1 RO ${TO_ALL}`]);
    expect(tell(core, dad(OTHER))).toEqual([`NA 2001:db8:1::99 R ${TO_ALL}`]);
    expect(core.macOf(PORT)).toBeUndefined(); // §7.2.3: from the unspecified address nothing is learnt
    expect(core.counters.defended).toBe(2);
  });

  test("for addresses that no neighbor can have are not answered", () => {
    const core = linked();
    for (const target of [NOBODY, ip("::1"), ip("::10.0.0.1"), ip("fe80::2"), LINK_LOCAL]) tell(core, ns(target));
    expect(core.counters).toMatchObject({ impossible: 5, answered: 0, probes: 0 });
  });
});

describe("what must not come from a VM", () => {
  const refused = (frame: Uint8Array, more: Partial<VmLink6Settings> = {}): string[] => {
    const core = linked(more);
    const result = tell(core, frame);
    expect(core.macOf(PORT)).toEqual(more.mac);
    return result;
  };
  const changed = (frame: Uint8Array, at: number, value: number): Uint8Array => {
    const other = frame.slice();
    other[at] = value;
    icmp6.writeChecksum(other, 14, 54, other.length);
    return other;
  };

  test("invalid messages: forwarded, damaged, of other kinds (RFC 4861 §7.1)", () => {
    const good = ns(GATEWAY);
    const damaged = good.slice();
    damaged[60]! ^= 1;
    const others = [
      changed(good, 21, 254),
      damaged,
      changed(good, 54, 137),
      changed(good, 54, 128),
      changed(good, 12, 8),
    ];
    for (const frame of others) expect(refused(frame)).toEqual(["refused malformed"]);
    for (let end = 0; end < good.length; end++) expect(refused(good.subarray(0, end))).toEqual(["refused malformed"]);
    expect(refused(ns(nd.ALL_NODES))).toEqual(["refused malformed"]);
  });

  test("MAC addresses that are not the sender's, in the frame or in an option", () => {
    expect(refused(ns(GATEWAY, {}, OTHER_MAC))).toEqual(["refused spoofedMac"]);
    expect(refused(na(VM, {}, OTHER_MAC))).toEqual(["refused spoofedMac"]);
    expect(refused(ns(GATEWAY, { mac: parseMac("03:00:00:00:00:02")! }, null))).toEqual(["refused spoofedMac"]);
    expect(refused(ns(GATEWAY, { mac: new Uint8Array(6) }, null))).toEqual(["refused spoofedMac"]);
    expect(refused(ns(GATEWAY, { mac: OTHER_MAC }, OTHER_MAC), { mac: VM_MAC })).toEqual(["refused spoofedMac"]);
    expect(refused(ns(GATEWAY), { mac: VM_MAC })).toEqual([`NA fe80::1 RSO ${TO_VM}`]);
  });

  test("sources that are not the VM's, the gateway's among them", () => {
    for (const from of [OTHER, GATEWAY, ip("::1")])
      expect(refused(ns(OTHER, { from }))).toEqual(["refused spoofedSource"]);
    expect(refused(rs({ from: OTHER }))).toEqual(["refused spoofedSource"]);
  });

  test("advertisements of addresses that are not the VM's", () => {
    for (const target of [OTHER, GATEWAY]) expect(refused(na(target, { from: VM }))).toEqual(["refused spoofedTarget"]);
  });

  test("router advertisements, in whoever's name (RFC 6104)", () => {
    for (const from of [LINK_LOCAL, GATEWAY]) expect(refused(ra({ from }))).toEqual(["refused rogueRouter"]);
  });

  test("each is counted under its reason", () => {
    const core = linked();
    for (const frame of [
      ra(),
      na(OTHER, { from: VM }),
      ns(GATEWAY, { from: OTHER }),
      ns(GATEWAY, {}, OTHER_MAC),
      new Uint8Array(9),
    ])
      tell(core, frame);
    expect(counted(core)).toEqual({
      ...{ rogueRouter: 1, spoofedTarget: 1, spoofedSource: 1, spoofedMac: 1, malformed: 1 },
      routerAdvertisements: 1,
    });
  });
});

describe("the VM's MAC address", () => {
  const NS_VM = "NS 2001:db8:1::2 to ff02::1:ff00:2 at 33:33:ff:00:00:02";
  const NS_SECOND = "NS 2001:db8:1::3 to ff02::1:ff00:3 at 33:33:ff:00:00:03";

  test("is asked for when a packet waits, and the packet goes when the VM answers (RFC 4861 §7.2.2)", () => {
    const core = linked();
    expect(resolve(core, 7, 100)).toEqual([NS_VM]);
    expect(resolve(core, 8, 200)).toEqual([]);
    expect(tell(core, na(VM), 300)).toEqual([LEARNT, "release 7,8"]);
    expect(core.deadline()).toBe(16_000);
    expect(resolve(core, 9, 400)).toEqual(["release 9"]);
  });

  test("is asked for thrice, then packets are refused for a while", () => {
    const core = linked();
    resolve(core, 7, 100);
    expect([core.deadline(), fire(core)]).toEqual([1100, [NS_VM]]);
    resolve(core, 8, 1200, SECOND);
    expect([core.deadline(), fire(core)]).toEqual([2100, [NS_VM, NS_SECOND]]);
    expect([core.deadline(), fire(core)]).toEqual([3100, ["adjacency failed", "release 7,8"]]);
    expect(resolve(core, 9, 3200)).toEqual(["release 9"]); // to be refused by the pipeline
    expect([core.deadline(), fire(core)]).toEqual([6100, ["adjacency unresolved"]]);
    expect(resolve(core, 10, 6200)).toEqual([NS_VM]);
    expect(core.counters.asked).toBe(5);
  });

  test("is learnt from whatever the VM says, also while packets are refused", () => {
    for (const frame of [rs(), ns(GATEWAY), na(VM)]) {
      const core = linked();
      resolve(core, 7, 1);
      for (let i = 0; i < 3; i++) fire(core);
      expect(tell(core, frame, 3500)[0]).toBe(LEARNT);
    }
    const core = linked();
    resolve(core, 7, 1);
    expect(lines(core.handle({ type: "seen", port: PORT, mac: VM_MAC }, 2))).toEqual([LEARNT, "release 7"]);
    expect(lines(core.handle({ type: "seen", port: PORT, mac: VM_MAC }, 3))).toEqual([]);
  });

  test("that was learnt may change, one from the configuration may not", () => {
    const core = linked();
    tell(core, ns(GATEWAY));
    expect(tell(core, ns(GATEWAY, { mac: OTHER_MAC }, OTHER_MAC))[0]).toBe(`adjacency ${formatMac(OTHER_MAC)}`);
    const configured = new VmLink6(1);
    expect(lines(configured.handle(attach({ mac: VM_MAC }), 0))[0]).toBe(LEARNT);
    expect(lines(configured.handle({ type: "seen", port: PORT, mac: OTHER_MAC }, 1))).toEqual([]);
    expect(resolve(configured, 7, 2)).toEqual(["release 7"]);
    expect(configured.macOf(PORT)).toEqual(VM_MAC);
  });

  test("that is a group's, or none, is not learnt", () => {
    const core = linked();
    for (const mac of [nd.ALL_NODES.slice(0, 6), new Uint8Array(6)])
      expect(lines(core.handle({ type: "seen", port: PORT, mac }, 1))).toEqual([]);
  });

  test("leaves room for three packets, the oldest goes; all go with the port", () => {
    const core = linked();
    for (const held of [1, 2, 3]) resolve(core, held, 10);
    expect(resolve(core, 4, 10)).toEqual(["drop 1 overflow"]);
    expect(lines(core.handle({ type: "detach", port: PORT }, 20))).toEqual([
      "adjacency unresolved",
      "drop 2,3,4 detached",
    ]);
  });

  test("stays when other settings change, and goes when it is configured anew", () => {
    const core = linked();
    tell(core, ns(GATEWAY), 5000);
    expect(lines(core.handle(attach({ mtu: 1280 }), 6000))).toEqual([`RA 1800 ${TO_ALL}`]);
    expect(core.macOf(PORT)).toEqual(VM_MAC);
    expect(lines(core.handle(attach({ mac: OTHER_MAC }), 7000))).toEqual([
      ...["adjacency unresolved", `adjacency ${formatMac(OTHER_MAC)}`],
    ]);
    expect(core.deadline()).toBe(9000); // three seconds between advertisements, whatever happens
  });
});

test("ports that are not attached are not spoken to", () => {
  const core = new VmLink6(1);
  expect(tell(core, ns(GATEWAY))).toEqual([]);
  expect(resolve(core, 1, 0)).toEqual([]);
  expect(core.deadline()).toBe(Number.POSITIVE_INFINITY);
});

test("ports do not hear each other", () => {
  const core = linked();
  core.handle({ ...attach(), port: 4 }, 0);
  expect(tell(core, ns(GATEWAY)).length).toBe(2);
  expect([core.macOf(PORT), core.macOf(4)]).toEqual([VM_MAC, undefined]);
});

test("no octets make it throw; all it sends is valid, and timers never stand still", () => {
  const seed = 4861;
  const random = seeded(seed);
  const core = linked();
  const frames = [ns(GATEWAY), dad(OTHER), na(VM), rs(), rs({ from: NOBODY }), ra(), ns(OTHER, { from: VM })];
  let now = 1;
  for (let round = 0; round < 5000; round++) {
    now += nextBelow(random, 400);
    if (core.deadline() <= now) fire(core, now);
    expect([seed, round, core.deadline() > now]).toEqual([seed, round, true]);
    if (nextBelow(random, 20) === 0) resolve(core, round, now, nextBelow(random, 2) === 0 ? VM : SECOND);
    const frame =
      round % 7 === 0 ? nextOctets(random, nextBelow(random, 120)) : frames[nextBelow(random, frames.length)]!.slice();
    for (let change = nextBelow(random, 3); change > 0; change--)
      frame[nextBelow(random, frame.length)] = nextBelow(random, 256);
    if (frame.length > 62 && nextBelow(random, 2) === 0 && ipv6.fits(frame, 14, frame.length))
      icmp6.writeChecksum(frame, 14, 54, 14 + 40 + ipv6.payloadLength(frame, 14));
    tell(core, frame, now); // describeFrame() refuses what is invalid
  }
  expect(core.counters.answered).toBeGreaterThan(100);
});
