/** Ethernet segments' frames from other hypervisors, and the fabric's multicast at a switch. */
import { describe, expect, test } from "bun:test";
import { parseIpv4, parseIpv6, parseMac } from "#base/address";
import type { SegmentPlan } from "#fastpath/tables/segment-builder";
import { counting } from "#fastpath/testing/packet";
import {
  arpFrame,
  BLUE_GROUP,
  fromMember,
  GROUP,
  GROUP_6,
  LISTENED,
  NOBODY,
  OFFER,
  type Outer,
  PEER,
  portsOf,
  toAll,
  toGroup,
  toGroup6,
  udp,
  unicast,
  world,
} from "#fastpath/testing/segment-world";
import {
  BLUE,
  FABRIC_ROUTER,
  hostAddress,
  MAG,
  NEXT_HOP_MAC,
  RED,
  REMOTE,
  ROUTER_ADDRESS,
  SmallRouter,
  type SmallRouterOptions,
  VM_A,
  VM_B,
  VM_C,
  VM_E,
} from "#fastpath/testing/small-router";
import { OTHER_MAG } from "#fastpath/testing/tunnel-packets";
import { multicastMac6 } from "#wire/ethernet";

const HERE = [VM_A.port, VM_B.port, VM_E.port];

describe.each([
  ["with a flow cache", 1024],
  ["without a flow cache", 0],
])("%s", (_, cacheEntries) => {
  const router = (blue: Partial<SegmentPlan> = {}, options: SmallRouterOptions = {}): SmallRouter =>
    world(blue, { cacheEntries, ...options });

  test.each<[string, Uint8Array]>([
    ["a broadcast", toAll(PEER)],
    ["a multicast that is not snooped", toGroup(PEER, parseIpv4("224.0.0.251")!)],
    ["IPv6 to all nodes", toGroup6(PEER, parseIpv6("ff02::1")!)],
    [
      "IPv6 from an address of the network's",
      toGroup6(PEER, parseIpv6("ff02::1")!, { source: hostAddress(1, BLUE, 9) }),
    ],
    ["a client of DHCP", toAll(PEER, { source: NOBODY, upper: udp({ source: 68, destination: 67 }) })],
    ["ARP", arpFrame(PEER, VM_A.ipv4)],
  ])("%s goes to each VM of the segment here as it is, and nowhere else", (_name, frame) => {
    const r = router();
    for (const outer of [{}, { source: OTHER_MAG }] satisfies Outer[]) {
      const sent = r.offer(0, fromMember(frame, outer));
      expect(portsOf(sent)).toEqual(HERE);
      for (const { octets } of sent) expect(octets).toEqual(frame);
    }
    expect(r.endings(0)).toEqual({ flooded: 2 });
  });

  test("IPv6 from an address that the network's tenant brought is its VMs', of others' prefixes nobody's", () => {
    const from = (source: string) => fromMember(toGroup6(PEER, parseIpv6("ff02::1")!, { source: parseIpv6(source)! }));
    const r = router({}, { tenants: true });
    expect(portsOf(r.offer(0, from("fd00:77::9")))).toEqual(HERE);
    expect(r.offer(0, from("fd00:78::9"))).toEqual([]);
    expect(r.endings(0)).toEqual({ flooded: 1, "broadcast-spoofed": 1 });
  });

  test("a multicast goes to its listeners, or to nobody", () => {
    const locals = HERE.map((port) => ({
      port,
      state: "active" as const,
      groups: port === VM_B.port ? [LISTENED] : [],
    }));
    const r = router({ locals });
    expect(portsOf(r.offer(0, fromMember(toGroup(PEER, GROUP))))).toEqual([VM_B.port]);
    expect(r.offer(0, fromMember(toGroup6(PEER, GROUP_6)))).toEqual([]);
    expect(r.endings(0)).toEqual({ flooded: 1, unheard: 1 });
  });

  test("the tenant is the key's, whatever the addresses inside", () => {
    const r = router();
    expect(portsOf(r.offer(0, fromMember(toAll(PEER), { key: RED })))).toEqual([VM_C.port]);
  });

  test("from a VM that is expected here, or about to leave, others get it; it is where it is", () => {
    for (const state of ["prepared", "held"] as const) {
      const locals = HERE.map((port) => ({
        port,
        state: port === VM_A.port ? state : ("active" as const),
        groups: [],
      }));
      const r = router({ locals });
      expect(portsOf(r.offer(0, fromMember(toAll(VM_A))))).toEqual([VM_B.port, VM_E.port]);
    }
  });

  test("a reply of ARP and an answer of DHCP go to who has the MAC address", () => {
    const r = router();
    expect(portsOf(r.offer(0, fromMember(arpFrame(PEER, VM_B.ipv4, VM_B.mac))))).toEqual([VM_B.port]);
    expect(portsOf(r.offer(0, fromMember(unicast(PEER, VM_B, { upper: OFFER }))))).toEqual([VM_B.port]);
    expect(r.offer(0, fromMember(arpFrame(PEER, parseIpv4("10.0.0.9")!, PEER.mac)))).toEqual([]);
    expect(r.endings(0)).toEqual({ flooded: 2, unheard: 1 });
  });

  test("by the segment's group it is taken as by this router's own address, from the same hypervisors", () => {
    const r = router();
    const outer: Outer = { destination: BLUE_GROUP, macs: [multicastMac6(BLUE_GROUP), NEXT_HOP_MAC] };
    expect(portsOf(r.offer(0, fromMember(toAll(PEER), outer)))).toEqual(HERE);
    expect(r.offer(0, fromMember(toAll(PEER), { ...outer, source: parseIpv6("2001:db8:a1:9::1")! }))).toEqual([]);
    expect(r.endings(0)).toEqual({ flooded: 1, "broadcast-stranger": 1 });
  });

  const mac = parseMac("03:00:00:00:09:01")!;
  const cut = toAll(PEER).slice(0, 40);
  const dhcp = { ipv4: PEER.ipv4, mac: PEER.mac };
  test.each<[string, string, Uint8Array]>([
    ["a hypervisor without VMs of it", "broadcast-stranger", fromMember(toAll(PEER), { source: FABRIC_ROUTER })],
    ["a VM's own address", "tunnel-source", fromMember(toAll(PEER), { source: REMOTE })],
    ["this router's own address", "tunnel-source", fromMember(toAll(PEER), { source: ROUTER_ADDRESS })],
    ["outside of the fabric", "tunnel-source", fromMember(toAll(PEER), { source: parseIpv6("2001:db8:ff::")! })],
    ["a segment of which no VM is here", "broadcast-stray", fromMember(toAll(PEER), { key: 0x1234 })],
    ["a group as its MAC address", "broadcast-spoofed", fromMember(toAll({ ...PEER, mac }))],
    ["no MAC address", "broadcast-spoofed", fromMember(toAll({ ...PEER, mac: new Uint8Array(6) }))],
    [
      "an address outside of the prefix",
      "broadcast-spoofed",
      fromMember(toAll(PEER, { source: parseIpv4("10.0.1.77")! })),
    ],
    [
      "ARP from an address outside of it",
      "broadcast-spoofed",
      fromMember(arpFrame(PEER, VM_A.ipv4, undefined, parseIpv4("10.0.1.77")!)),
    ],
    [
      "IPv6 of another tenant's",
      "broadcast-spoofed",
      fromMember(toGroup6(PEER, GROUP_6, { source: hostAddress(1, RED, 9) })),
    ],
    ["a VM that is here", "broadcast-echo", fromMember(toAll(VM_A))],
    ["one to one", "broadcast-unfit", fromMember(unicast(PEER, VM_A))],
    ["a broadcast to one address", "broadcast-unfit", fromMember(toAll(PEER, { destination: VM_A.ipv4 }))],
    [
      "a router's advertisement",
      "broadcast-unfit",
      fromMember(toGroup6(PEER, parseIpv6("ff02::1")!, { upper: { kind: "icmp", type: 134 } })),
    ],
    ["a frame that is cut off", "broadcast-unfit", fromMember(cut)],
    ["ARP that is cut off", "broadcast-unfit", fromMember(arpFrame(PEER, VM_A.ipv4).slice(0, 40))],
    ["no frame", "bad-tunnel", fromMember(counting(13))],
    ["a frame of no known type", "unknown-ethertype", fromMember(counting(60))],
  ])("of %s: %s", (_name, ending, frame) => {
    const r = router();
    expect(r.offer(0, frame)).toEqual([]);
    expect(r.endings(0)).toEqual({ [ending]: 1 });
    expect(r.dropped.map(({ octets }) => octets)).toEqual([frame]); // as it came
  });

  test("no VM elsewhere is a DHCP server where the router is one", () => {
    const r = router({ dhcp: true });
    for (const frame of [toAll(dhcp, { upper: OFFER }), unicast(dhcp, VM_A, { upper: OFFER })])
      r.offer(0, fromMember(frame));
    expect([r.sent, r.endings(0)]).toEqual([[], { "rogue-dhcp": 2 }]);
  });

  test("cut off anywhere it ends, and harms nothing", () => {
    const r = router();
    const frame = fromMember(toAll(PEER));
    for (let length = 0; length < frame.length; length++) r.offer(0, frame.slice(0, length));
    expect(r.sent).toEqual([]);
  });

  test("a router without segments gets none", () => {
    const r = new SmallRouter({ cacheEntries });
    r.offer(0, fromMember(toAll(PEER)));
    r.offer(0, fromMember(toAll(PEER), { destination: BLUE_GROUP, macs: [multicastMac6(BLUE_GROUP), NEXT_HOP_MAC] }));
    expect([r.sent, r.endings(0)]).toEqual([[], { "broadcast-stray": 1, multicast: 1 }]);
  });

  describe("at a switch the fabric's multicast", () => {
    const route = { source: MAG, group: BLUE_GROUP, from: 0, to: [2, 3] };
    const atSwitch = (more = {}): SmallRouter =>
      new SmallRouter({
        cacheEntries,
        segments: { segments: [], uplinks: [0], multicastRoutes: [{ ...route, ...more }] },
      });
    const outer: Outer = { destination: BLUE_GROUP, macs: [multicastMac6(BLUE_GROUP), NEXT_HOP_MAC] };
    const packet = fromMember(toAll(PEER), outer);

    test("goes where it was asked for, a copy each, its hop limit one less", () => {
      const r = atSwitch();
      const sent = r.offer(0, packet);
      expect(portsOf(sent)).toEqual([2, 3]);
      for (const { octets } of sent) {
        expect(octets.slice(0, 6).toHex()).toBe(multicastMac6(BLUE_GROUP).toHex());
        expect(octets.slice(6, 12)).not.toEqual(NEXT_HOP_MAC);
        expect(octets[21]).toBe(63);
        expect(octets.slice(22)).toEqual(packet.slice(22));
      }
      expect(r.endings(0)).toEqual({ replicated: 1 });
    });

    test.each<[string, string, Partial<typeof route>, Uint8Array]>([
      ["that comes by another way than its source's", "reverse-path", { from: 7 }, packet],
      ["of another source", "multicast", {}, fromMember(toAll(PEER), { ...outer, source: OTHER_MAG })],
      ["that has gone far enough", "hop-limit", {}, packet.map((octet, i) => (i === 21 ? 1 : octet))],
      [
        "that is no frame of a segment's",
        "multicast",
        {},
        fromMember(toAll(PEER), outer).map((octet, i) => (i === 56 ? 0x86 : octet)),
      ],
    ])("%s: %s", (_name, ending, more, frame) => {
      const r = atSwitch(more);
      expect(r.offer(0, frame)).toEqual([]);
      expect(r.endings(0)).toEqual({ [ending]: 1 });
    });
  });
});
