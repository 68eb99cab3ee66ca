import { describe, expect, test } from "bun:test";
import { formatMac } from "#base/address";
import {
  attach,
  fire,
  GATEWAY,
  GATEWAY_MAC,
  LEARNT,
  lines,
  linked,
  NOBODY,
  PORT,
  packetOf,
  rs,
  settings,
  TO_ALL,
  TO_VM,
  tell,
} from "#services/testing/vm-link6";
import { VmLink6 } from "#services/vm-link6";
import * as icmp6 from "#wire/icmp6";
import * as nd from "#wire/nd";

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

describe("a link that is not advertised on", () => {
  test("is silent, answers no solicitation of routers, and does all else", () => {
    const core = new VmLink6(1);
    expect(lines(core.handle(attach({ advertises: false }), 0))).toEqual(["adjacency unresolved"]);
    expect(tell(core, rs(), 10)).toEqual([LEARNT]);
    expect(core.deadline()).toBe(Number.POSITIVE_INFINITY);
    expect(lines(core.handle({ type: "cease", port: PORT }, 20))).toEqual(["adjacency unresolved"]);
  });

  test("any more is told so once (§6.2.5), and when it is again, at the beginning", () => {
    const core = linked();
    expect(lines(core.handle(attach({ advertises: false }), 5000))).toEqual([`RA 0 ${TO_ALL}`]);
    expect(core.deadline()).toBe(Number.POSITIVE_INFINITY);
    expect(lines(core.handle(attach({ advertises: false, mtu: 1280 }), 6000))).toEqual([]);
    expect(lines(core.handle(attach(), 9000))).toEqual([`RA 1800 ${TO_ALL}`]);
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
