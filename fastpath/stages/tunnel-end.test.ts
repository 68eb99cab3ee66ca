/** Packets out of tunnels, to VMs here whose home is elsewhere; VMs that are expected, or about to leave. */
import { describe, expect, test } from "bun:test";
import { parseIpv6 } from "#base/address";
import { put16, u16 } from "#base/bytes";
import { ending, fromVm, udp } from "#fastpath/testing/ipv6-vms";
import { build4, build6, counting, framed, together } from "#fastpath/testing/packet";
import {
  BLUE,
  FABRIC_ROUTER,
  GATEWAY_MAC,
  HOMES,
  MAG,
  NEXT_HOP_MAC,
  RED,
  REMOTE,
  REMOTE_IPV4,
  ROUTER_ADDRESS,
  SmallRouter,
  type SmallRouterOptions,
  VM_A,
  VM_D,
  VM_G,
} from "#fastpath/testing/small-router";
import {
  AWAY,
  AWAY_IPV4,
  innerOf,
  ipv4,
  native,
  OTHER_MAG,
  only,
  PEER,
  PEER_6,
  part,
  tcp,
  tunnelFrame,
  tunnelled,
  ways,
} from "#fastpath/testing/tunnel-packets";
import { networkAddress } from "#policy/homes";

describe.each([
  ["with a flow cache", 1024],
  ["without a flow cache", 0],
])("%s", (_, cacheEntries) => {
  const router = (options: SmallRouterOptions = {}): SmallRouter => new SmallRouter({ cacheEntries, ...options });

  describe("where the VM is", () => {
    const to4 = { source: PEER, destination: VM_G.address, upper: udp(), flowLabel: 5 };
    const to6 = { source: PEER_6, destination: VM_G.ipv6[0]!, upper: udp() };

    test.each([
      ["an IPv4 host", to4],
      ["an IPv6 host", to6],
    ])("%s gets what a tunnel brings as it would have natively", (_name, packet) => {
      const [tunnel, plain] = [router(), router()];
      for (let i = 0; i < 2; i++) {
        const sent = only(tunnel.offer(0, tunnelFrame(build6(packet), { key: BLUE, flowLabel: 5 })));
        expect(sent).toEqual(only(plain.offer(0, native(build6(packet)))));
      }
      expect([tunnel.endings(0), plain.endings(0)]).toEqual([{ "to-vm": 2 }, { "to-vm": 2 }]);
      expect(ways(tunnel)).toEqual({});
    });

    test.each<[string, string, Uint8Array]>([
      ["another key", "tunnel-key", tunnelFrame(build6(to4), { key: RED })],
      ["a key of nobody's", "tunnel-key", tunnelFrame(build6({ ...to4, destination: MAG }), { key: 0 })],
      ["an outside host inside", "tunnel-key", tunnelFrame(build6({ ...to4, destination: FABRIC_ROUTER }), { key: 1 })],
      ["no key", "bad-tunnel", tunnelFrame(together(build6(to4), counting(8)))],
      ["another protocol", "bad-tunnel", tunnelFrame(build6(to4), { key: BLUE, protocolType: 0x0800 })],
      ["nothing inside", "bad-tunnel", tunnelFrame(counting(39), { key: BLUE })],
      [
        "IPv4 inside",
        "bad-ip-header",
        tunnelFrame(together(build4({ source: VM_A.ipv4, destination: REMOTE_IPV4, upper: udp() }), counting(40)), {
          key: BLUE,
        }),
      ],
      ["a packet that is cut off", "truncated", tunnelFrame(build6(to4).slice(0, 60), { key: BLUE })],
      ["a VM's source", "tunnel-source", tunnelFrame(build6(to4), { key: BLUE, source: REMOTE })],
      [
        "a source outside the fabric",
        "tunnel-source",
        tunnelFrame(build6(to4), { key: BLUE, source: parseIpv6("2001:db8:ff::1")! }),
      ],
      ["our own source", "tunnel-source", tunnelFrame(build6(to4), { key: BLUE, source: ROUTER_ADDRESS })],
      [
        "a VM's claim to be a router",
        "infrastructure-source",
        tunnelFrame(build6({ ...to4, source: MAG }), { key: BLUE }),
      ],
      [
        "a foreign sender inside",
        "outside-source",
        tunnelFrame(build6({ ...to4, source: parseIpv6("2001:db8:ff::1")! }), { key: BLUE }),
      ],
      [
        "another tenant's packet",
        "no-rule",
        tunnelFrame(build6({ ...to4, source: networkAddress(HOMES[0]!, RED, VM_A.ipv4) }), { key: BLUE }),
      ],
      [
        "a packet for nobody here",
        "no-such-vm",
        tunnelFrame(build6({ ...to4, destination: networkAddress(HOMES[1]!, BLUE, Uint8Array.of(10, 0, 0, 200)) }), {
          key: BLUE,
        }),
      ],
    ])("%s: %s", (_name, verdict, frame) => {
      const r = router();
      for (let i = 0; i < 2; i++) expect(ending(r, 0, frame)).toBe(verdict);
    });

    test("a tunnel in a tunnel is refused, since a router is no VM", () => {
      const nested = tunnelled(build6(to4), { key: BLUE, source: MAG, destination: ROUTER_ADDRESS });
      expect(ending(router(), 0, tunnelFrame(nested, { key: 0 }))).toBe("tunnel-key");
      expect(ending(router(), 0, tunnelFrame(nested, { key: BLUE }))).toBe("tunnel-key");
    });

    test("a tunnel in fragments, or behind extension headers, is refused", () => {
      const gre = tunnelled(build6(to4), { key: BLUE }).slice(40);
      const outer = {
        source: MAG,
        destination: ROUTER_ADDRESS,
        upper: { kind: "raw", protocol: 47, data: gre },
      } as const;
      for (const extensions of [
        [{ header: 44, offset: 0, more: true, identification: 1 } as const],
        [{ header: 60, body: new Uint8Array(6) }],
      ])
        expect(ending(router(), 0, native(build6({ ...outer, extensions })))).toBe("bad-tunnel");
    });

    test("tunnels for others pass like anything else", () => {
      const r = router();
      const frame = native(tunnelled(build6(to4), { key: BLUE, source: MAG, destination: OTHER_MAG }));
      expect(ending(r, 0, frame)).toBe("transit");
      const foreign = framed(frame.slice(14), NEXT_HOP_MAC, NEXT_HOP_MAC);
      expect(ending(r, 0, foreign)).toBe("wrong-mac");
    });

    test("errors go to the packet's sender by the fabric, quoting what was in the tunnel (RFC 2473 §8)", () => {
      const r = router();
      const packet = build6({ ...to4, hopLimit: 1 });
      const sent = only(r.offer(0, tunnelFrame(packet, { key: BLUE })));
      expect([sent[20], sent[54], sent[55]]).toEqual([58, 3, 0]);
      expect([part(sent, 22, 38), part(sent, 38, 54), part(sent, 62)]).toEqual([ROUTER_ADDRESS, PEER, packet]);
    });

    test("errors find a sender that has moved itself, and is at home here", () => {
      const r = router();
      r.bind(BLUE, AWAY_IPV4);
      const packet = build6({ ...to4, source: AWAY, hopLimit: 1 });
      const sent = only(r.offer(0, tunnelFrame(packet, { key: BLUE })));
      const inner = innerOf(sent);
      expect([part(sent, 38, 54), part(inner, 24, 40), inner[40], part(inner, 48)]).toEqual([MAG, AWAY, 3, packet]);
    });

    test("flows that differ in the tunnel alone are decided about one by one", () => {
      const r = router();
      expect(ending(r, 0, tunnelFrame(build6(to4), { key: BLUE }))).toBe("to-vm");
      expect(ending(r, 0, tunnelFrame(build6(to4), { key: RED }))).toBe("tunnel-key");
      expect(ending(r, 0, tunnelFrame(build6(to4), { key: BLUE, source: OTHER_MAG }))).toBe("to-vm");
      expect(ending(r, 0, native(build6(to4)))).toBe("to-vm");
    });

    test.each([
      ["IPv4", to4, 15],
      ["IPv6", to6, 14],
    ])("congestion on the way is told to an %s host (RFC 6040 §4.2)", (_name, packet, at) => {
      const outcome = (inner: number, outer: number): number | undefined => {
        const frame = tunnelFrame(build6({ ...packet, trafficClass: inner }), { key: BLUE, trafficClass: outer });
        const [sent] = router().offer(0, frame);
        if (sent === undefined) return undefined;
        return at === 15 ? sent.octets[15] : (u16(sent.octets, 14) >> 4) & 0xff;
      };
      const table = [0, 1, 2, 3].map((inner) => [0, 1, 2, 3].map((outer) => outcome(0xb8 | inner, outer)));
      expect(table).toEqual(
        [
          [0, 0, 0, undefined],
          [1, 1, 1, 3],
          [2, 1, 2, 3],
          [3, 3, 3, 3],
        ].map((row) => row.map((ecn) => (ecn === undefined ? undefined : 0xb8 | ecn))),
      );
    });

    test("a checksum that the tunnel's sender left open is left open for the VM", () => {
      const [tunnel, plain] = [router(), router()];
      const packet = build6({ ...to4, upper: { ...udp(), checksum: "partial" } });
      const [a] = tunnel.offer(0, tunnelFrame(packet, { key: BLUE }), {
        ...{ partial: true, csumStart: 14 + 48 + 40, csumOffset: 6 },
      });
      const [b] = plain.offer(0, native(packet), { partial: true, csumStart: 14 + 40, csumOffset: 6 });
      expect(a).toEqual(b);
      expect(a!.partial).toBe(true);
    });

    test("a VM whose MAC address is not known waits for, and what waits is the tunnel's packet", () => {
      const r = router();
      const frame = tunnelFrame(build6(to4), { key: BLUE });
      r.neighbors[8]!.resolved = false;
      expect(ending(r, 0, frame)).toBe("punt-neighbor");
      expect(r.punted[0]!.octets).toEqual(frame);
    });

    test("a VM here is found wherever its home is: from next door, from the metadata service, natively", () => {
      const r = router({ metadata: true });
      expect(ending(r, 1, ipv4(udp(), { destination: VM_G.ipv4! }))).toBe("hairpin");
      expect(ending(r, 5, fromVm(VM_D, udp(), { destination: VM_G.ipv6[0]! }))).toBe("hairpin");
      expect(ways(r)).toEqual({ local: 2 });
      const source = networkAddress(HOMES[0]!, 0, Uint8Array.of(169, 254, 169, 254));
      const answer = build6({ source, destination: VM_G.address, upper: tcp() });
      expect(ending(r, 4, framed(answer, GATEWAY_MAC, NEXT_HOP_MAC))).toBe("to-vm");
    });
  });

  describe("a VM on the move", () => {
    const to4 = { source: PEER, destination: VM_G.address, upper: udp() };

    test("is nobody yet where it is expected, and its first frame of any kind tells that it has arrived", () => {
      const r = router({ states: { 8: "prepared" }, macIsFixed: true });
      expect(ending(r, 0, tunnelFrame(build6(to4), { key: BLUE }))).toBe("no-such-vm");
      r.bind(BLUE, VM_G.ipv4!);
      expect(part(innerOf(only(r.offer(1, ipv4(udp(), { destination: VM_G.ipv4! })))), 24, 40)).toEqual(VM_G.address);
      const rarp = framed(new Uint8Array(46), new Uint8Array(6).fill(0xff), VM_G.mac);
      put16(rarp, 12, 0x8035);
      const frames = [rarp, fromVm(VM_G, udp()), ipv4(udp(), { source: VM_G.ipv4! })];
      for (const frame of frames) {
        const mine = framed(frame.slice(14), frame.slice(0, 6), VM_G.mac);
        mine.set(frame.slice(12, 14), 12);
        expect(ending(r, 8, mine)).toBe("punt-activate");
        const forged = mine.slice();
        forged[11]! ^= 1;
        expect(ending(r, 8, forged)).toBe("spoofed-mac");
      }
    });

    test("a RARP of a VM that is here is taken note of, and of nobody else's", () => {
      const r = router({ macIsFixed: true });
      const rarp = framed(new Uint8Array(46), new Uint8Array(6).fill(0xff), VM_G.mac);
      put16(rarp, 12, 0x8035);
      expect(ending(r, 8, rarp)).toBe("rarp");
      expect(ending(r, 1, rarp)).toBe("spoofed-mac");
      expect(ending(r, 0, rarp)).toBe("unknown-ethertype");
    });

    test("what is for it while it is held is kept as it came; what it sends goes on", () => {
      const r = router({ states: { 8: "held" } });
      const frames: [number, Uint8Array][] = [
        [0, tunnelFrame(build6(to4), { key: BLUE, flowLabel: 9 })],
        [0, native(build6(to4))],
        [1, ipv4(udp(), { destination: VM_G.ipv4! })],
        [5, fromVm(VM_D, udp(), { destination: VM_G.ipv6[0]! })],
      ];
      for (const [port, frame] of frames) expect(ending(r, port, frame)).toBe("punt-held");
      expect(r.punted.map(({ octets }) => octets)).toEqual(frames.map(([, frame]) => frame));
      expect(ending(r, 8, fromVm(VM_G, udp()))).toBe("to-fabric");
      // It has left: what was kept goes after it.
      r.adopt({ states: { 8: "prepared" } });
      r.bind(BLUE, VM_G.ipv4!, OTHER_MAG);
      r.bind(BLUE, VM_G.ipv6[0]!, OTHER_MAG);
      for (const [port, frame] of frames) {
        const [sent] = r.offer(port, frame);
        expect(part(sent!.octets, 38, 54)).toEqual(frame === frames[1]![1] ? VM_G.address : OTHER_MAG);
      }
    });

    test("rules are asked before anything is kept", () => {
      const r = router({ states: { 8: "held" } });
      const red = build6({ ...to4, source: networkAddress(HOMES[0]!, RED, VM_A.ipv4) });
      expect(ending(r, 0, tunnelFrame(red, { key: BLUE }))).toBe("no-rule");
    });
  });
});
