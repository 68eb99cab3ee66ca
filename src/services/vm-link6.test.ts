import { describe, expect, test } from "bun:test";
import { formatIpv6, formatMac, linkLocalFromMac, parseIpv6, parseMac } from "#base/address";
import { nextBelow, nextOctets, seeded } from "#base/random";
import { Malformed } from "#base/reader";
import type { Millis } from "#base/time";
import { VmLink6 } from "#services/vm-link6";
import type { VmLink6Counters, VmLink6Effect, VmLink6Settings } from "#services/vm-link6/events";
import * as ethernet from "#wire/ethernet";
import * as icmp6 from "#wire/icmp6";
import * as ipv6 from "#wire/ipv6";
import * as nd from "#wire/nd";

const ip = (text: string) => parseIpv6(text)!;
const PORT = 3;
const VM = ip("2001:db8:1::2");
const SECOND = ip("2001:db8:1::3");
const OTHER = ip("2001:db8:1::99");
const VM_MAC = parseMac("02:00:00:00:00:02")!;
const OTHER_MAC = parseMac("02:00:00:00:00:99")!;
const LINK_LOCAL = linkLocalFromMac(VM_MAC);
const GATEWAY = ip("fe80::1");
const GATEWAY_MAC = parseMac("02:41:49:4e:00:01")!;
const NOBODY = ip("::");

const settings: VmLink6Settings = {
  addresses: [VM, SECOND],
  gateway: GATEWAY,
  gatewayMac: GATEWAY_MAC,
  mtu: 1440,
  managed: true,
  dnsServers: [ip("2001:db8::53")],
  domains: ["blue.example"],
};

const attach = (more: Partial<VmLink6Settings> = {}) =>
  ({ type: "attach", port: PORT, settings: { ...settings, ...more } }) as const;

/** Attached at 0, the first advertisement sent. */
function linked(more: Partial<VmLink6Settings> = {}): VmLink6 {
  const core = new VmLink6(1);
  core.handle(attach(more), 0);
  return core;
}

/** Effects as short lines. */
const lines = (effects: readonly VmLink6Effect[]): string[] =>
  effects.map((effect) => {
    switch (effect.type) {
      case "send":
        return describeFrame(effect.frame);
      case "adjacency":
        return `adjacency ${typeof effect.mac === "string" ? effect.mac : formatMac(effect.mac)}`;
      case "release":
        return `release ${effect.held.join(",")}`;
      case "drop":
        return `drop ${effect.held.join(",")} ${effect.reason}`;
      default:
        return `refused ${effect.reason}`;
    }
  });

function packetOf(frame: Uint8Array): nd.NdPacket {
  expect(ethernet.source(frame, 0)).toEqual(GATEWAY_MAC);
  const packet = nd.readNd(frame, ethernet.SIZE, frame.length);
  if (packet instanceof Malformed) throw new Error(`we sent an invalid message: ${packet.error}`);
  expect(formatIpv6(packet.source)).toBe("fe80::1");
  return packet;
}

function describeFrame(frame: Uint8Array): string {
  const { destination, message: m } = packetOf(frame);
  const to = `to ${formatIpv6(destination)} at ${formatMac(frame)}`;
  if (m.type === icmp6.ROUTER_ADVERTISEMENT) return `RA ${m.routerLifetime} ${to}`;
  if (m.type === icmp6.ROUTER_SOLICITATION) throw new Error("routers do not ask for routers");
  if (m.type === icmp6.NEIGHBOR_SOLICITATION) {
    expect(m.options.sourceLinkLayer).toEqual(GATEWAY_MAC); // §7.2.2
    return `NS ${formatIpv6(m.target)} ${to}`;
  }
  expect(m.options.targetLinkLayer).toEqual(GATEWAY_MAC); // §7.2.4
  const flags = `${m.router ? "R" : ""}${m.solicited ? "S" : ""}${m.override ? "O" : ""}`;
  return `NA ${formatIpv6(m.target)} ${flags} ${to}`;
}

interface Spoken {
  readonly from?: Uint8Array;
  readonly to?: Uint8Array;
  readonly mac?: Uint8Array;
}

function spoken(
  message: nd.NdMessage,
  { from = LINK_LOCAL, to = nd.ALL_ROUTERS, mac = VM_MAC }: Spoken = {},
): Uint8Array {
  const packet = nd.writeNd({ source: from, destination: to, message });
  return ethernet.frame(ethernet.multicastMac6(to), mac, ethernet.ETHERTYPE_IPV6, packet);
}

const ns = (target: Uint8Array, spokenBy: Spoken = {}, option: Uint8Array | null = VM_MAC): Uint8Array => {
  const options = option === null ? {} : { sourceLinkLayer: option };
  return spoken({ type: icmp6.NEIGHBOR_SOLICITATION, target, options }, { to: nd.solicitedNode(target), ...spokenBy });
};
const dad = (target: Uint8Array): Uint8Array => ns(target, { from: NOBODY }, null);
const na = (target: Uint8Array, spokenBy: Spoken = {}, mac = VM_MAC): Uint8Array => {
  const flags = { router: false, solicited: true, override: true };
  return spoken(
    { type: icmp6.NEIGHBOR_ADVERTISEMENT, ...flags, target, options: { targetLinkLayer: mac } },
    { from: target, to: GATEWAY, ...spokenBy },
  );
};
const rs = (spokenBy: Spoken = {}): Uint8Array =>
  spoken(
    { type: icmp6.ROUTER_SOLICITATION, options: spokenBy.from === NOBODY ? {} : { sourceLinkLayer: VM_MAC } },
    spokenBy,
  );
const ra = (spokenBy: Spoken = {}): Uint8Array => {
  const flags = { curHopLimit: 0, managed: false, otherConfig: false };
  const times = { routerLifetime: 1800, reachableTime: 0, retransTimer: 0 };
  return spoken(
    { type: icmp6.ROUTER_ADVERTISEMENT, ...flags, ...times, options: {} },
    { to: nd.ALL_NODES, ...spokenBy },
  );
};

const tell = (core: VmLink6, frame: Uint8Array, now: Millis = 1): string[] =>
  lines(core.handle({ type: "frame", port: PORT, frame }, now));
const fire = (core: VmLink6, now = core.deadline()): string[] => lines(core.handle({ type: "timer" }, now));
const resolve = (core: VmLink6, held: number, now: Millis, address = VM): string[] =>
  lines(core.handle({ type: "resolve", port: PORT, address, held }, now));
const counted = (core: VmLink6): Partial<VmLink6Counters> =>
  Object.fromEntries(Object.entries(core.counters).filter(([, count]) => count > 0));

const TO_ALL = "to ff02::1 at 33:33:00:00:00:01";
const TO_VM = `to ${formatIpv6(LINK_LOCAL)} at ${formatMac(VM_MAC)}`;
const LEARNT = `adjacency ${formatMac(VM_MAC)}`;

describe("router advertisements (RFC 4861 §6.2.3, §6.2.4)", () => {
  test("say: default router, addresses by DHCPv6, no prefix on link, MTU and DNS (RFC 8106 §5)", () => {
    const core = new VmLink6(1);
    const [adjacency, send] = core.handle(attach(), 0);
    expect(adjacency).toEqual({ type: "adjacency", port: PORT, mac: "unresolved" });
    if (send?.type !== "send") throw new Error("nothing sent");
    expect(formatMac(send.frame)).toBe("33:33:00:00:00:01");
    expect(packetOf(send.frame)).toEqual({
      source: GATEWAY,
      destination: nd.ALL_NODES,
      message: {
        type: icmp6.ROUTER_ADVERTISEMENT,
        curHopLimit: 64,
        managed: true,
        otherConfig: true,
        routerLifetime: 1800,
        reachableTime: 0,
        retransTimer: 0,
        options: {
          sourceLinkLayer: GATEWAY_MAC,
          mtu: 1440,
          dnsServers: [{ lifetime: 1800, servers: settings.dnsServers }],
          searchLists: [{ lifetime: 1800, domains: ["blue.example"] }],
        },
      },
    });
  });

  test("leave out what is not there to say", () => {
    const [, send] = new VmLink6(1).handle(attach({ dnsServers: [], domains: [], managed: false }), 0);
    if (send?.type !== "send") throw new Error("nothing sent");
    expect(packetOf(send.frame).message).toMatchObject({ managed: false, otherConfig: false });
    expect(packetOf(send.frame).message.options).toEqual({ sourceLinkLayer: GATEWAY_MAC, mtu: 1440 });
  });

  test("come thrice at most 16 s apart, then every 200 … 600 s, at random", () => {
    const core = linked();
    const times = [0];
    for (let i = 0; i < 40; i++) {
      times.push(core.deadline());
      expect(fire(core)).toEqual([`RA 1800 ${TO_ALL}`]);
    }
    const gaps = times.slice(1).map((time, i) => time - times[i]!);
    expect(gaps.slice(0, 2)).toEqual([16_000, 16_000]);
    const later = gaps.slice(2);
    expect([Math.min(...later) >= 200_000, Math.max(...later) <= 600_000]).toEqual([true, true]);
    expect(new Set(later).size).toBeGreaterThan(30);
  });

  test("come again when settings change, three seconds after the last at the soonest", () => {
    const core = linked();
    expect(lines(core.handle(attach({ mtu: 1300 }), 1000))).toEqual([]);
    expect(core.deadline()).toBe(3000);
    const [send] = core.handle({ type: "timer" }, 3000);
    if (send?.type !== "send") throw new Error("nothing sent");
    expect(packetOf(send.frame).message.options).toMatchObject({ mtu: 1300 });
    expect(core.deadline()).toBe(19_000);
    expect(lines(core.handle(attach(), 10_000))).toEqual([`RA 1800 ${TO_ALL}`]);
  });

  test("end with one of lifetime 0, that says nothing of DNS (§6.2.5)", () => {
    const core = linked();
    const effects = core.handle({ type: "cease", port: PORT }, 5);
    expect(lines(effects)).toEqual([`RA 0 ${TO_ALL}`, "adjacency unresolved"]);
    const [send] = effects;
    if (send?.type !== "send") throw new Error("nothing sent");
    expect(packetOf(send.frame).message.options).toEqual({ sourceLinkLayer: GATEWAY_MAC, mtu: 1440 });
    expect([core.deadline(), tell(core, rs())]).toEqual([Number.POSITIVE_INFINITY, []]);
  });

  test("stop without a word where the link is gone", () => {
    const core = linked();
    expect(lines(core.handle({ type: "detach", port: PORT }, 5))).toEqual(["adjacency unresolved"]);
    expect(core.deadline()).toBe(Number.POSITIVE_INFINITY);
  });
});

describe("router solicitations (RFC 4861 §6.2.6)", () => {
  test("are answered alone within half a second, one answer for several", () => {
    const core = linked();
    expect(tell(core, rs(), 100)).toEqual([LEARNT]);
    const due = core.deadline();
    expect(due >= 100 && due <= 600).toBe(true);
    expect(tell(core, rs(), 100)).toEqual([]);
    expect(core.deadline()).toBe(due);
    expect(fire(core)).toEqual([`RA 1800 ${TO_VM}`]);
    expect(core.deadline()).toBe(16_000);
    expect(core.counters).toMatchObject({ routerSolicitations: 2, routerAdvertisements: 2 });
  });

  test("of who has no address yet are answered to all, not more often than every three seconds, and teach no MAC", () => {
    const core = linked();
    expect(tell(core, rs({ from: NOBODY }), 100)).toEqual([]);
    const due = core.deadline();
    expect(due >= 3000 && due <= 3500).toBe(true);
    expect(fire(core)).toEqual([`RA 1800 ${TO_ALL}`]);
    expect(core.macOf(PORT)).toBeUndefined();
    tell(core, rs({ from: NOBODY }), due + 5000);
    const soon = core.deadline();
    expect(soon >= due + 5000 && soon <= due + 5500).toBe(true);
    fire(core);
    const interval = core.deadline() - soon; // begins anew
    expect(interval >= 200_000 && interval <= 600_000).toBe(true);
  });

  test("do not put off what is due sooner", () => {
    for (let seed = 0; seed < 20; seed++) {
      const core = new VmLink6(seed);
      core.handle(attach(), 0);
      tell(core, rs({ from: NOBODY }), 15_990);
      expect(core.deadline()).toBeLessThanOrEqual(16_000);
    }
  });

  test("are delayed by times that spread", () => {
    const delays = Array.from({ length: 50 }, (_, seed) => {
      const core = new VmLink6(seed);
      core.handle(attach(), 0);
      tell(core, rs(), 1000);
      return core.deadline() - 1000;
    });
    expect([Math.min(...delays) >= 0, Math.max(...delays) <= 500, new Set(delays).size > 30]).toEqual([
      true,
      true,
      true,
    ]);
  });
});

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
