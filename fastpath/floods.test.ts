/** Broadcasts and multicasts of VMs on Ethernet segments: who gets a copy, in which form, and who none (paper §2.2). */
import { describe, expect, test } from "bun:test";
import { parseIpv4, parseIpv6 } from "#base/address";
import { nextBelow } from "#base/random";
import { W_FLOOD_LOCAL, W_FLOOD_LOST, W_FLOOD_REMOTE } from "#fastpath/counters";
import { Frame, GSO_UDP_L4 } from "#fastpath/frame";
import type { SegmentPlan } from "#fastpath/tables/segment-builder";
import { build4, build6, counting, framed } from "#fastpath/testing/packet";
import {
  ALL,
  arpFrame,
  BLUE_GROUP,
  copyTo,
  DIRECTED,
  DISCOVER,
  fromMember,
  GROUP,
  GROUP_6,
  LISTENED,
  LISTENED_6,
  NOBODY,
  OFFER,
  OTHER_GROUP,
  PEER,
  portsOf,
  segments,
  toAll,
  toGroup,
  toGroup6,
  tunnelsOf,
  udp,
  unicast,
  unlabelled,
  world,
} from "#fastpath/testing/segment-world";
import {
  BLUE,
  GATEWAY,
  GATEWAY_MAC,
  MAG,
  NEXT_HOP_MAC,
  RED,
  REMOTE_IPV4,
  ROUTER_ADDRESS,
  SmallRouter,
  type SmallRouterOptions,
  UPLINK_MAC,
  VM_A,
  VM_B,
  VM_C,
  VM_D,
  VM_E,
} from "#fastpath/testing/small-router";
import { OTHER_MAG, tunnelled } from "#fastpath/testing/tunnel-packets";
import { withSeed } from "#fastpath/testing/with-seed";
import type { Rule } from "#policy/rules";
import { BROADCAST, ETHERTYPE_BRIDGED, multicastMac4, multicastMac6 } from "#wire/ethernet";

const NO_9999: Rule = {
  ...{ name: "no", priority: 10, action: "deny", stateful: false, log: false, protocol: 17 },
  ...{ source: [{ tags: BLUE, host: 0, length: 32 }], destination: [{ tags: BLUE, host: 0, length: 32 }] },
  destinationPorts: [{ first: 9999, last: 9999 }],
};
const hex = (address: Uint8Array): string => address.toHex();
const BOTH = [hex(MAG), hex(OTHER_MAG)];

describe.each([
  ["with a flow cache", 1024],
  ["without a flow cache", 0],
])("%s", (_, cacheEntries) => {
  const router = (blue: Partial<SegmentPlan> = {}, options: SmallRouterOptions = {}): SmallRouter =>
    world(blue, { cacheEntries, ...options });

  describe("a broadcast", () => {
    test.each([
      ["to all", toAll()],
      ["to its prefix", toAll(VM_A, { destination: DIRECTED })],
      ["to a group that is not snooped (RFC 4541 §2.1.2)", toGroup(VM_A, parseIpv4("224.0.0.251")!)],
      ["to ff02::1 (RFC 4541 §3)", toGroup6(VM_A, parseIpv6("ff02::1")!)],
    ])(
      "%s: every other VM here gets the frame as it is, every other hypervisor one copy, nobody else any",
      (_name, frame) => {
        const r = router();
        for (let i = 1; i <= 2; i++) {
          const sent = r.offer(VM_A.port, frame);
          expect(portsOf(sent)).toEqual([0, 0, VM_B.port, VM_E.port]);
          for (const { port, octets } of sent) if (port !== 0) expect(octets).toEqual(frame);
          expect(tunnelsOf(sent)).toEqual(BOTH);
          expect(unlabelled(sent.at(-1)!.octets)).toEqual(copyTo(OTHER_MAG, frame));
          expect(r.endings(VM_A.port)).toEqual({ flooded: i });
        }
        expect([W_FLOOD_LOCAL, W_FLOOD_REMOTE, W_FLOOD_LOST].map((at) => r.counters[at])).toEqual([4, 4, 0]);
      },
    );

    test("of another tenant's with the same prefix and address goes to that one's own", () => {
      const r = router();
      const frame = toAll(VM_C);
      const sent = r.offer(VM_C.port, frame);
      expect(sent.map(({ octets }) => unlabelled(octets))).toEqual([copyTo(MAG, frame, RED)]);
    });

    test("has a flow label by its own ends, and its traffic class (RFC 6438, RFC 2983)", () => {
      const labels = [1, 2, 1].map((source) => {
        const [first] = router()
          .offer(VM_A.port, toAll(VM_A, { tos: 0xb8, upper: udp({ source }) }))
          .slice(-1);
        expect(first!.octets.slice(14, 16).toHex()).toStartWith("6b8");
        return first!.octets.slice(14, 18).toHex();
      });
      expect(labels[0]).toBe(labels[2]!);
      expect(labels[0]).not.toBe(labels[1]!);
    });

    test("is not for VMs that are only expected, and waits for those that are about to leave", () => {
      const states = [VM_A.port, VM_B.port, VM_E.port].map((port, i) => ({
        ...{ port, groups: [] },
        state: (["active", "held", "prepared"] as const)[i]!,
      }));
      const r = router({ locals: states, remotes: [] });
      expect(r.offer(VM_A.port, toAll())).toEqual([]);
      expect(r.punted.map(({ octets }) => octets)).toEqual([toAll()]);
      expect(r.endings(VM_A.port)).toEqual({ flooded: 1 });
    });

    test("that waited goes to its VM alone, and only where that still is", () => {
      const kept = (r: SmallRouter): number => {
        const f = new Frame();
        f.at = 1026;
        r.bytes.set(toAll(), f.at);
        f.end = f.at + toAll().length;
        f.port = VM_B.port;
        return r.engine.receiveKept(f);
      };
      const here = router();
      kept(here);
      expect([portsOf(here.sent), here.endings(VM_B.port)]).toEqual([[VM_B.port], { flooded: 1 }]);
      const away = router({ locals: [{ port: VM_A.port, state: "active", groups: [] }] });
      kept(away);
      expect([away.sent, away.endings(VM_B.port)]).toEqual([[], { "hold-ended": 1 }]);
    });

    test("from a VM on no segment goes nowhere, as ever", () => {
      const r = new SmallRouter({ cacheEntries });
      expect(r.offer(VM_A.port, toAll())).toEqual([]);
      expect(r.endings(VM_A.port)).toEqual({ "vm-broadcast": 1 });
    });

    test("that nobody else is there for is not heard", () => {
      const r = router({ locals: [{ port: VM_A.port, state: "active", groups: [] }], remotes: [] });
      expect(r.offer(VM_A.port, toAll())).toEqual([]);
      expect(r.endings(VM_A.port)).toEqual({ unheard: 1 });
    });
  });

  describe("a multicast", () => {
    const listening = {
      locals: [
        { port: VM_A.port, state: "active", groups: [LISTENED, LISTENED_6] },
        { port: VM_B.port, state: "active", groups: [LISTENED, LISTENED_6] },
        { port: VM_E.port, state: "active", groups: [] },
      ],
      remotes: [
        { address: MAG, groups: [LISTENED, LISTENED_6] },
        { address: OTHER_MAG, groups: [] },
      ],
    } as const;

    test.each([
      ["IPv4", toGroup(VM_A, GROUP)],
      ["IPv6", toGroup6(VM_A, GROUP_6)],
    ])("of %s goes to its listeners alone, here and elsewhere", (_name, frame) => {
      const sent = router(listening).offer(VM_A.port, frame);
      expect([portsOf(sent), tunnelsOf(sent)]).toEqual([[0, VM_B.port], [hex(MAG)]]);
    });

    test("to a group that nobody listens to goes nowhere", () => {
      const r = router(listening);
      expect(r.offer(VM_A.port, toGroup(VM_A, OTHER_GROUP))).toEqual([]);
      expect(r.endings(VM_A.port)).toEqual({ unheard: 1 });
    });

    test("goes to who gets all groups too", () => {
      const all = {
        locals: [...listening.locals.slice(0, 2), { port: VM_E.port, state: "active", groups: "all" }],
        remotes: [listening.remotes[0], { address: OTHER_MAG, groups: "all" }],
      } as const;
      expect(portsOf(router(all).offer(VM_A.port, toGroup(VM_A, GROUP)))).toEqual([0, 0, VM_B.port, VM_E.port]);
      expect(portsOf(router(all).offer(VM_A.port, toGroup(VM_A, OTHER_GROUP)))).toEqual([0, VM_E.port]);
    });

    test.each([
      [
        "IGMP (RFC 3376)",
        toGroup(VM_A, parseIpv4("224.0.0.22")!, { upper: { kind: "raw", protocol: 2, data: counting(16) } }),
      ],
      ["MLD (RFC 3810)", toGroup6(VM_A, parseIpv6("ff02::16")!, { upper: { kind: "icmp", type: 143 } })],
    ])("%s goes to the control thread, and to nobody else", (_name, frame) => {
      const r = router(listening);
      expect(r.offer(VM_A.port, frame)).toEqual([]);
      expect(r.endings(VM_A.port)).toEqual({ "punt-group": 1 });
    });
  });

  describe("to many hypervisors", () => {
    test("one packet goes to the segment's group, with the group's MAC address (RFC 2464 §7)", () => {
      const frame = toAll();
      const [, , sent, ...more] = router({ multicastFrom: 2 }).offer(VM_A.port, frame);
      expect(more).toEqual([]);
      const packet = tunnelled(frame, {
        ...{ source: ROUTER_ADDRESS, destination: BLUE_GROUP, key: VM_A.tags, protocolType: ETHERTYPE_BRIDGED },
      });
      expect(unlabelled(sent!.octets)).toEqual(unlabelled(framed(packet, multicastMac6(BLUE_GROUP), UPLINK_MAC)));
    });

    test("and copies to as few as want a multicast", () => {
      const remotes = [
        { address: MAG, groups: [LISTENED] },
        { address: OTHER_MAG, groups: [] },
      ];
      const sent = router({ multicastFrom: 2, remotes }).offer(VM_A.port, toGroup(VM_A, GROUP));
      expect(tunnelsOf(sent)).toEqual([hex(MAG)]);
    });

    test("more than there is memory for at once all get their copy", () => {
      const remotes = Array.from({ length: 4000 }, (_, i) => {
        const address = Uint8Array.from(MAG);
        address[4] = 0x77; // beyond the default route
        address[6] = i >> 8;
        address[7] = i;
        return { address, groups: [] };
      });
      const r = router({ remotes });
      const frame = toAll(VM_A, { upper: udp({ data: counting(1300) }) });
      const tunnels = tunnelsOf(r.offer(VM_A.port, frame));
      expect(new Set(tunnels).size).toBe(4000);
      expect(tunnels.length).toBe(4000);
    });
  });

  describe("is refused", () => {
    const other = { ...VM_A, mac: VM_B.mac };
    test.each([
      ["under another MAC address", "spoofed-mac", toAll(other)],
      ["under another address", "spoofed-source", toAll(VM_A, { source: VM_B.ipv4 })],
      ["from nobody, but for DHCP", "bad-source", toAll(VM_A, { source: NOBODY })],
      ["to one address by the MAC address of all", "vm-broadcast", toAll(VM_A, { destination: VM_B.ipv4 })],
      ["to another prefix's broadcast address", "vm-broadcast", toAll(VM_A, { destination: parseIpv4("10.0.1.255")! })],
      [
        "to a group by another's MAC address",
        "vm-broadcast",
        toAll(VM_A, { destination: GROUP }, multicastMac4(parseIpv4("239.1.2.9")!)),
      ],
      ["of IPv6 under another MAC address", "spoofed-mac", toGroup6(other, GROUP_6)],
      ["of IPv6 under another address", "spoofed-source", toGroup6(VM_A, GROUP_6, { source: VM_D.ipv6[0]! })],
      ["of IPv6 from nobody", "bad-source", toGroup6(VM_A, GROUP_6, { source: parseIpv6("::")! })],
      ["of IPv6 to this interface's group", "vm-broadcast", toGroup6(VM_A, parseIpv6("ff01::1")!)],
      [
        "a router advertisement",
        "rogue-ra",
        toGroup6(VM_E, parseIpv6("ff02::1")!, { upper: { kind: "icmp", type: 134 }, hopLimit: 255 }),
      ],
      [
        "IPv6 that is for no group, of a VM without an IPv6 address",
        "vm-ipv6",
        framed(
          build6({
            source: parseIpv6("fe80::a")!,
            destination: parseIpv6("fe80::1")!,
            upper: { kind: "icmp", type: 128 },
          }),
          GATEWAY_MAC,
          VM_A.mac,
        ),
      ],
    ])("%s: %s", (_name, ending, frame) => {
      const r = router();
      const port = ending === "rogue-ra" ? VM_E.port : VM_A.port;
      expect(r.offer(port, frame)).toEqual([]);
      expect(r.endings(port)).toEqual({ [ending]: 1 });
    });

    test("by a rule of its tenant (paper §2.4)", () => {
      const r = router({}, { rules: [{ rule: NO_9999, owner: undefined }] });
      expect(r.offer(VM_A.port, toAll(VM_A, { upper: udp({ destination: 9999 }) }))).toEqual([]);
      expect(r.endings(VM_A.port)).toEqual({ "rule-denied": 1 });
      expect(r.offer(VM_A.port, toAll()).length).toBe(4);
    });

    test("beyond the VM's rate, which time gives back; another VM has its own", () => {
      const r = router({ rate: 100, burst: 5 });
      r.engine.tables.now = 1000;
      for (let i = 0; i < 8; i++) r.offer(VM_A.port, toAll());
      expect(r.endings(VM_A.port)).toEqual({ flooded: 5, "broadcast-limited": 3 });
      r.engine.tables.now = 1001; // a tenth of a second: ten, of which five at once
      for (let i = 0; i < 6; i++) r.offer(VM_A.port, toAll());
      r.offer(VM_B.port, toAll(VM_B));
      expect([r.endings(VM_A.port), r.endings(VM_B.port)]).toEqual([
        { flooded: 10, "broadcast-limited": 4 },
        { flooded: 1 },
      ]);
    });
  });

  describe("larger than a tunnel takes", () => {
    const large = (dontFragment: boolean): Uint8Array =>
      toAll(VM_A, { dontFragment, identification: 7, upper: udp({ data: counting(1438 - 28 + 1) }) });

    test("by one octet, and not to be cut, it goes nowhere", () => {
      const r = router();
      expect(r.offer(VM_A.port, large(true))).toEqual([]);
      expect(r.endings(VM_A.port)).toEqual({ "oversized-broadcast": 1 });
      const fits = toAll(VM_A, { dontFragment: true, upper: udp({ data: counting(1438 - 28) }) });
      expect(r.offer(VM_A.port, fits).map(({ octets }) => octets.length)).toContain(1514);
    });

    test("it is cut where it may be, for all alike (RFC 791 §3.2)", () => {
      const sent = router().offer(VM_A.port, large(false));
      expect(portsOf(sent)).toEqual([0, 0, 0, 0, VM_B.port, VM_B.port, VM_E.port, VM_E.port]);
      const toB = sent.filter(({ port }) => port === VM_B.port).map(({ octets }) => octets);
      const payload = toB.flatMap((octets) => [...octets.slice(34)]);
      expect(payload).toEqual([...large(false).slice(34)]);
      for (const { octets } of sent) expect(octets.length).toBeLessThanOrEqual(1514);
    });

    test("it stays whole where all others are here", () => {
      const sent = router({ remotes: [] }).offer(VM_A.port, large(true));
      expect(portsOf(sent)).toEqual([VM_B.port, VM_E.port]);
    });
  });

  test("a super-packet goes as the datagrams that it is made of, each of which counts", () => {
    const r = router({ rate: 10, burst: 3 });
    const frame = toAll(VM_A, { upper: udp({ data: counting(400), checksum: "partial" }) });
    const offload = { partial: true, csumStart: 34, csumOffset: 6, gsoType: GSO_UDP_L4, gsoSize: 100 };
    const sent = r.offer(VM_A.port, frame, offload);
    const toB = sent.filter(({ port }) => port === VM_B.port);
    expect(toB.map(({ octets, partial, gsoType }) => [octets.length, partial, gsoType])).toEqual(
      Array(3).fill([142, false, 0]),
    );
    const whole = build4({
      ...{ source: VM_A.ipv4, destination: ALL, identification: 1, upper: udp({ data: counting(100, 100) }) },
    });
    expect(toB[1]!.octets).toEqual(framed(whole, BROADCAST, VM_A.mac));
    expect(r.endings(VM_A.port)).toEqual({ "broadcast-limited": 1 });
  });

  test("an unfinished checksum is finished for all", () => {
    const frame = toAll(VM_A, { upper: udp({ checksum: "partial" }) });
    const sent = router().offer(VM_A.port, frame, { partial: true, csumStart: 34, csumOffset: 6 });
    expect(sent.length).toBe(4);
    for (const { octets, partial } of sent) {
      expect(partial).toBe(false);
      expect(octets.slice(-toAll().length).toHex()).toBe(hex(toAll()));
    }
  });

  describe("DHCP (RFC 2131 §4.1)", () => {
    const discover = toAll(VM_A, { source: NOBODY, upper: DISCOVER });
    const offer = unicast(VM_B, VM_A, { upper: OFFER });

    test("where a VM is the server a client is heard by all, and answered at its MAC address alone", () => {
      const r = router();
      expect(portsOf(r.offer(VM_A.port, discover))).toEqual([0, 0, VM_B.port, VM_E.port]);
      const sent = r.offer(VM_B.port, offer);
      expect([portsOf(sent), tunnelsOf(sent)]).toEqual([[0, 0, VM_A.port], BOTH]);
      expect(sent[0]!.octets).toEqual(offer);
    });

    test("where a VM is the server its renewed leases come by the gateway", () => {
      const r = router();
      const toGateway = { mac: GATEWAY_MAC, ipv4: VM_A.ipv4 };
      expect(portsOf(r.offer(VM_B.port, unicast(VM_B, toGateway, { upper: OFFER })))).toEqual([VM_A.port]);
      expect(r.endings(VM_B.port)).toEqual({ hairpin: 1 });
    });

    test("where the router is the server it hears the client, and no VM answers one", () => {
      const r = router({ dhcp: true }, { dhcp: true });
      expect(r.offer(VM_A.port, discover)).toEqual([]);
      for (const frame of [offer, toAll(VM_B, { upper: OFFER })]) expect(r.offer(VM_B.port, frame)).toEqual([]);
      expect([r.endings(VM_A.port), r.endings(VM_B.port)]).toEqual([{ "punt-dhcp": 1 }, { "rogue-dhcp": 2 }]);
    });

    test("a VM answers nobody outside of its segment", () => {
      const r = router();
      const beyond = { mac: GATEWAY_MAC, ipv4: parseIpv4("10.0.1.9")! };
      expect(r.offer(VM_B.port, unicast(VM_B, beyond, { upper: OFFER }))).toEqual([]);
      expect(r.endings(VM_B.port)).toEqual({ "rogue-dhcp": 1 });
    });
  });

  describe("ARP", () => {
    const request = arpFrame(VM_A, VM_B.ipv4);

    test("is answered by the router where nothing else is said", () => {
      const r = router();
      expect(r.offer(VM_A.port, request)).toEqual([]);
      expect(r.endings(VM_A.port)).toEqual({ "punt-arp": 1 });
    });

    test("goes to all where it is flooded: requests, announcements, probes (RFC 5227)", () => {
      const r = router({ arp: "flood" });
      for (const frame of [request, arpFrame(VM_A, VM_A.ipv4), arpFrame(VM_A, VM_A.ipv4, undefined, NOBODY)]) {
        const sent = r.offer(VM_A.port, frame);
        expect(portsOf(sent)).toEqual([0, 0, VM_B.port, VM_E.port]);
        expect(unlabelled(sent.at(-1)!.octets)).toEqual(copyTo(OTHER_MAG, frame));
      }
    });

    test("a reply goes to who has its MAC address here, and to all other hypervisors", () => {
      for (const asked of [VM_B.ipv4, NOBODY]) {
        const sent = router({ arp: "flood" }).offer(VM_A.port, arpFrame(VM_A, asked, VM_B.mac)); // a probe's reply: nobody's
        expect([portsOf(sent), tunnelsOf(sent)]).toEqual([[0, 0, VM_B.port], BOTH]);
      }
    });

    test.each([
      ["for the gateway", arpFrame(VM_A, GATEWAY)],
      ["for what is beyond", arpFrame(VM_A, parseIpv4("10.0.9.9")!)],
      ["to the router", arpFrame(VM_A, GATEWAY, GATEWAY_MAC)],
    ])("where it is flooded the router takes what is %s", (_name, frame) => {
      const r = router({ arp: "flood" });
      expect(r.offer(VM_A.port, frame)).toEqual([]);
      expect(r.endings(VM_A.port)).toEqual({ "punt-arp": 1 });
    });

    test.each([
      ["MAC address", "spoofed-mac", arpFrame({ ...VM_A, mac: VM_B.mac }, VM_B.ipv4), true],
      ["address", "spoofed-source", arpFrame(VM_A, VM_B.ipv4, undefined, PEER.ipv4), false],
    ])("under another's %s it goes nowhere", (_name, ending, frame, macIsFixed) => {
      const r = router({ arp: "flood" }, { macIsFixed });
      expect(r.offer(VM_A.port, frame)).toEqual([]);
      expect(r.endings(VM_A.port)).toEqual({ [ending]: 1 });
    });

    test("where it is flooded a frame to another member's MAC address is routed, by its address", () => {
      const r = router({ arp: "flood" });
      const sent = r.offer(VM_A.port, unicast(VM_A, VM_B));
      expect([portsOf(sent), r.endings(VM_A.port)]).toEqual([[VM_B.port], { hairpin: 1 }]);
      const far = r.offer(VM_A.port, unicast(VM_A, { mac: PEER.mac, ipv4: REMOTE_IPV4 }));
      expect([portsOf(far), far[0]!.octets.slice(0, 6).toHex()]).toEqual([[0], hex(NEXT_HOP_MAC)]);
      expect(router().offer(VM_A.port, unicast(VM_A, VM_B))).toEqual([]); // where it is answered there is no such address
    });
  });

  test("only that port changes hands: tables that come by themselves count for the next frame", () => {
    const r = router();
    r.offer(VM_A.port, toAll());
    r.adopt({ segments: segments({ remotes: [] }) });
    expect(portsOf(r.offer(VM_A.port, toAll()))).toEqual([VM_B.port, VM_E.port]);
  });
});

test("whatever is sent, a frame ends once, harms nothing, comes back to nobody and reaches no other tenant", () => {
  withSeed((random) => {
    const r = world({ arp: "flood", rate: 1e9, burst: 1e9 });
    const frames = [
      ...[toAll(), toGroup(VM_A, GROUP), toGroup6(VM_A, GROUP_6), arpFrame(VM_A, VM_B.ipv4), unicast(VM_A, VM_B)],
      ...[toAll(PEER), toGroup6(PEER, GROUP_6), arpFrame(PEER, VM_B.ipv4)].map((frame) => fromMember(frame)),
    ];
    for (let i = 0; i < 4000; i++) {
      const frame = frames[nextBelow(random, frames.length)]!.slice();
      for (let k = nextBelow(random, 4); k > 0; k--) {
        const at = nextBelow(random, frame.length);
        if (at < 58 || at > 61) frame[at] = nextBelow(random, 256); // the tunnel's key says whose it is
      }
      const length = nextBelow(random, 4) === 0 ? nextBelow(random, frame.length) : frame.length;
      const port = frame.length > 110 ? 0 : VM_A.port;
      const before = Object.values(r.endings(port)).reduce((sum, n) => sum + n, 0);
      const sent = r.offer(port, frame.slice(0, length));
      expect(Object.values(r.endings(port)).reduce((sum, n) => sum + n, 0)).toBeGreaterThan(before);
      for (const { port: to, octets } of sent) {
        expect(to).not.toBe(VM_C.port);
        const isError = octets[12] === 0x08 && octets[23] === 1;
        if (!isError) expect(to === port && port !== 0).toBe(false);
      }
    }
    expect(r.endings(VM_A.port).internal ?? 0).toBe(0);
  });
});
