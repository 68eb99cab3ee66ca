/** Packets to VMs that moved, from VMs here: into tunnels. */
import { describe, expect, test } from "bun:test";
import { u16, u32 } from "#base/bytes";
import { GSO_TCPV4, GSO_UDP_L4 } from "#fastpath/frame";
import { PLACE_NATIVE, PLACE_UNKNOWN } from "#fastpath/tables/bindings";
import { fromVm, udp } from "#fastpath/testing/ipv6-vms";
import { build4, build6, counting, fragments4, framed, together } from "#fastpath/testing/packet";
import {
  addressesAt,
  BLUE,
  GATEWAY_MAC,
  hostAddress,
  MAG,
  REMOTE,
  REMOTE_6,
  REMOTE_IPV4,
  SmallRouter,
  type SmallRouterOptions,
  VM_A,
  VM_D,
  VM_G,
} from "#fastpath/testing/small-router";
import {
  AWAY,
  AWAY_6,
  AWAY_IPV4,
  innerOf,
  ipv4,
  labelOf,
  mssOf,
  OTHER_MAG,
  only,
  out,
  part,
  syn,
  tcp,
  tunnelled,
  ways,
} from "#fastpath/testing/tunnel-packets";

describe.each([
  ["with a flow cache", 1024],
  ["without a flow cache", 0],
])("%s", (_, cacheEntries) => {
  const router = (options: SmallRouterOptions = {}): SmallRouter => new SmallRouter({ cacheEntries, ...options });

  describe("a sender", () => {
    test("wraps an IPv4 VM's packet as it would be natively: outer IPv6, GRE with the receiver's tags (RFC 2890, RFC 7676)", () => {
      const r = router();
      r.bind(BLUE, REMOTE_IPV4);
      for (const ttl of [64, 9]) {
        const sent = only(r.offer(1, ipv4(udp(), { ttl, tos: 0xb9 })));
        const flowLabel = labelOf(sent);
        expect(flowLabel).not.toBe(0);
        const inner = build6({
          ...{ source: VM_A.address, destination: REMOTE, upper: udp(), trafficClass: 0xb9, flowLabel },
          hopLimit: ttl - 1,
        });
        expect(sent).toEqual(out(tunnelled(inner, { key: BLUE, flowLabel, trafficClass: 0xb9 })));
      }
      expect([r.endings(1), ways(r)]).toEqual([{ "to-fabric": 2 }, { tunnelled: 2 }]);
      expect(r.tunnels.counters(r.tunnels.find(MAG))).toEqual({ packets: 2, octets: 2 * 80 });
    });

    test("wraps an IPv6 VM's packet as it is, but for a hop", () => {
      const r = router();
      r.bind(BLUE, REMOTE_6);
      for (let i = 0; i < 2; i++) {
        const sent = only(r.offer(5, fromVm(VM_D, udp(), { flowLabel: 0x12345, trafficClass: 3 })));
        const inner = build6({
          ...{ source: VM_D.ipv6[0]!, destination: REMOTE_6, upper: udp(), hopLimit: 63 },
          ...{ flowLabel: 0x12345, trafficClass: 3 },
        });
        expect(sent).toEqual(out(tunnelled(inner, { key: BLUE, flowLabel: labelOf(sent), trafficClass: 3 })));
        expect(labelOf(sent)).not.toBe(0);
      }
      expect(ways(r)).toEqual({ tunnelled: 2 });
    });

    test("follows a change of whereabouts with the next packet, without a new generation", () => {
      const r = router();
      const frame = ipv4(udp());
      const to = (): string => {
        const sent = only(r.offer(1, frame));
        return sent[20] === 47 ? Buffer.from(sent.slice(38, 54)).toString("hex") : "native";
      };
      const { generation } = r.engine.tables;
      expect([to(), to()]).toEqual(["native", "native"]);
      r.bind(BLUE, REMOTE_IPV4);
      expect([to(), to()]).toEqual(Array(2).fill(Buffer.from(MAG).toString("hex")));
      r.bind(BLUE, REMOTE_IPV4, OTHER_MAG);
      expect([to(), to()]).toEqual(Array(2).fill(Buffer.from(OTHER_MAG).toString("hex")));
      r.bind(BLUE, REMOTE_IPV4, PLACE_NATIVE);
      expect([to(), to()]).toEqual(["native", "native"]);
      r.bind(BLUE, REMOTE_IPV4);
      const [seen] = [...r.bindings.entries()];
      r.bindings.remove(seen!.entry, seen!.version);
      expect([to(), to()]).toEqual(["native", "native"]);
      expect([r.engine.tables.generation, seen!.packets, ways(r)]).toEqual([
        generation,
        8,
        { native: 6, tunnelled: 4 },
      ]);
    });

    test("asks once who a destination is that nobody has heard of, and waits for no answer", () => {
      const r = router();
      for (let i = 0; i < 3; i++) only(r.offer(1, ipv4(udp())));
      const [entry, ...more] = [...r.bindings.entries()];
      expect([more, entry!.place, r.wanted]).toEqual([[], PLACE_UNKNOWN, [entry!.entry]]);
      expect(entry!.packets).toBe(3);
      only(r.offer(5, fromVm(VM_D, udp())));
      expect(r.wanted.length).toBe(2);
    });

    test("asks about nobody who is here, at home here, outside or infrastructure", () => {
      const r = router({ metadata: true });
      r.offer(1, ipv4(udp(), { destination: VM_G.ipv4! }));
      r.offer(1, ipv4(udp(), { destination: AWAY_IPV4 }));
      r.offer(1, ipv4(tcp(), { destination: Uint8Array.of(169, 254, 169, 254) }));
      expect([r.wanted, [...r.bindings.entries()]]).toEqual([[], []]);
    });

    test("goes by the home when the table is full", () => {
      const r = router();
      for (let i = 0; i < 5000; i++) {
        r.bindings.aboutIpv4(7, i);
        r.bindings.ensure(0);
      }
      for (let i = 0; i < 200; i++) {
        r.bindings.aboutIpv6(7, Int32Array.of(i, i, i, i), 0);
        while (r.bindings.ensure(0) === 0) break;
      }
      for (let i = 0; i < 3; i++) only(r.offer(1, ipv4(udp())));
      expect(ways(r)).toEqual({ native: 3 });
    });

    test("reaches a VM that is at home here and has moved", () => {
      const r = router();
      r.bind(BLUE, AWAY_IPV4);
      const sent = only(r.offer(1, ipv4(udp(), { destination: AWAY_IPV4 })));
      expect(part(innerOf(sent), 24, 40)).toEqual(AWAY);
      r.bind(BLUE, AWAY_6);
      expect(part(innerOf(only(r.offer(5, fromVm(VM_D, udp(), { destination: AWAY_6 })))), 24, 40)).toEqual(AWAY_6);
      expect(ways(r)).toEqual({ tunnelled: 2 });
    });

    test("tells what fits the tunnel: the path's MTU less 48, for IPv4 less 20 more (RFC 1191, RFC 8201)", () => {
      const r = router();
      r.bind(BLUE, REMOTE_IPV4);
      r.bind(BLUE, REMOTE_6);
      const told4 = (length: number): number | undefined => {
        const sent = only(r.offer(1, ipv4(udp({ data: counting(length - 28) }))));
        return sent[34] === 3 && sent[35] === 4 && sent[23] === 1 ? u16(sent, 40) : undefined;
      };
      const told6 = (length: number): number | undefined => {
        const sent = only(r.offer(5, fromVm(VM_D, udp({ data: counting(length - 48) }))));
        return sent[54] === 2 && sent[20] === 58 ? u32(sent, 58) : undefined;
      };
      expect([told4(1432), told4(1433), told6(1452), told6(1453)]).toEqual([undefined, 1432, undefined, 1452]);
      r.tunnels.setMtu(r.tunnels.find(MAG), 1400);
      r.engine.tables.generation++;
      expect([told4(1332), told4(1333), told6(1352), told6(1353)]).toEqual([undefined, 1332, undefined, 1352]);
    });

    test("cuts what may be cut so that its pieces fit, each in a tunnel of its own", () => {
      const r = router();
      r.bind(BLUE, REMOTE_IPV4);
      const packet = { source: VM_A.ipv4, destination: REMOTE_IPV4, upper: udp({ data: counting(1430) }) };
      const sent = r.offer(1, framed(build4({ ...packet, identification: 5 }), GATEWAY_MAC, VM_A.mac));
      expect(sent.map(({ octets }) => octets.length - 14 <= 1500 && octets[20])).toEqual([47, 47]);
      const inner = sent.map(({ octets }) => innerOf(octets));
      expect(inner.map((b) => [b[6], u16(b, 42)])).toEqual([
        [44, 1],
        [44, (1452 - 48) & ~7],
      ]);
      expect(new Set(sent.map(({ octets }) => labelOf(octets))).size).toBe(1);
      expect(part(together(...inner.map((b) => b.slice(48))), 8)).toEqual(counting(1430));
    });

    test("tells TCP what fits both ways (RFC 9293 §3.7.1): into a tunnel, and from a VM that others reach by tunnels", () => {
      const r = router();
      r.bind(BLUE, REMOTE_IPV4);
      r.bind(BLUE, REMOTE_6);
      expect(mssOf(innerOf(only(r.offer(1, ipv4(syn(1460))))))).toBe(1392);
      expect(mssOf(innerOf(only(r.offer(1, ipv4(syn(1000))))))).toBe(1000);
      expect(mssOf(innerOf(only(r.offer(5, fromVm(VM_D, syn(1440))))))).toBe(1392);
      const source = VM_G.ipv4!;
      const [other] = addressesAt(1, BLUE, 3).slice(2);
      const guest = build4({ source, destination: other!, dontFragment: true, upper: syn(1460) });
      expect(mssOf(only(r.offer(8, framed(guest, GATEWAY_MAC, VM_G.mac))).slice(14))).toBe(1392);
      const guest6 = fromVm(VM_G, syn(1440), { destination: hostAddress(1, BLUE, 200) });
      expect(mssOf(only(r.offer(8, guest6)).slice(14))).toBe(1392);
      expect(
        mssOf(only(r.offer(5, fromVm(VM_D, syn(1440), { destination: hostAddress(1, BLUE, 200) }))).slice(14)),
      ).toBe(1440);
    });

    test("the last hop is not for the tunnel: time exceeded (RFC 1812 §5.3.1)", () => {
      const r = router();
      r.bind(BLUE, REMOTE_IPV4);
      for (let i = 0; i < 2; i++) expect(only(r.offer(1, ipv4(udp(), { ttl: 1 })))[34]).toBe(11);
      expect(r.endings(1)).toEqual({ "hop-limit": 2 });
    });

    test.each([
      ["the port's to finish", true],
      ["ours", false],
    ])("cuts a super-packet into segments that fit, checksums being %s", (_name, offload) => {
      const r = router({ offload });
      r.bind(BLUE, REMOTE_IPV4);
      const data = counting(4000);
      const upper = { ...tcp({ flags: 0x99, sequence: 0xffff_ff00, data }), checksum: "partial" as const };
      const frame = ipv4({ ...upper, options: counting(12, 1) });
      const request = { partial: true, csumStart: 34, csumOffset: 16, gsoType: GSO_TCPV4, gsoSize: 1448 };
      for (let i = 0; i < 2; i++) {
        const sent = r.offer(1, frame, request);
        const flowLabel = labelOf(sent[0]!.octets);
        const fits = 1452 - 40 - 32; // the sender believed in 1500
        const expected = [0, fits, 2 * fits].map((done) => {
          const isLast = done + fits >= data.length;
          const flags = 0x10 | (done === 0 ? 0x80 : 0) | (isLast ? 0x09 : 0);
          const inner = build6({
            ...{ source: VM_A.address, destination: REMOTE, hopLimit: 63, flowLabel },
            upper: {
              ...tcp({ options: counting(12, 1), data: data.slice(done, done + fits) }),
              ...{ sequence: (0xffff_ff00 + done) >>> 0, flags, checksum: offload ? "partial" : "right" },
            },
          });
          return out(tunnelled(inner, { key: BLUE, flowLabel }));
        });
        expect(sent.map(({ octets }) => octets)).toEqual(expected);
        expect(sent.map((s) => [s.partial, s.gsoType])).toEqual(Array(3).fill([offload, 0]));
        if (offload) expect(sent.map((s) => [s.csumStart, s.csumOffset])).toEqual(Array(3).fill([14 + 48 + 40, 16]));
      }
      expect(r.tunnels.counters(r.tunnels.find(MAG)).packets).toBe(6);
    });

    test("cuts a UDP super-packet into its datagrams, which are what they are", () => {
      const r = router({ offload: false });
      r.bind(BLUE, REMOTE_IPV4);
      const request = { partial: true, csumStart: 34, csumOffset: 6, gsoType: GSO_UDP_L4, gsoSize: 1000 };
      const sent = r.offer(1, ipv4({ ...udp({ data: counting(2500) }), checksum: "partial" }), request);
      const flowLabel = labelOf(sent[0]!.octets);
      const of = (data: Uint8Array): Uint8Array =>
        out(
          tunnelled(
            build6({ source: VM_A.address, destination: REMOTE, hopLimit: 63, flowLabel, upper: udp({ data }) }),
            { key: BLUE, flowLabel },
          ),
        );
      const all = counting(2500);
      expect(sent.map(({ octets }) => octets)).toEqual([
        of(all.slice(0, 1000)),
        of(all.slice(1000, 2000)),
        of(all.slice(2000)),
      ]);
      const large = { ...request, gsoSize: 1450 };
      expect(only(r.offer(1, ipv4({ ...udp({ data: counting(2900) }), checksum: "partial" }), large))[34]).toBe(3);
    });
  });
});

test("pieces of an IPv4 packet are tunnelled on one path", () => {
  const r = new SmallRouter();
  r.bind(BLUE, REMOTE_IPV4);
  const packet = {
    source: VM_A.ipv4,
    destination: REMOTE_IPV4,
    identification: 7,
    upper: udp({ data: counting(600) }),
  };
  const sent = fragments4(packet, 256).flatMap((piece) => r.offer(1, framed(piece, GATEWAY_MAC, VM_A.mac)));
  expect(sent.map(({ octets }) => [octets[20], innerOf(octets)[6]])).toEqual(Array(3).fill([47, 44]));
  expect(new Set(sent.map(({ octets }) => labelOf(octets))).size).toBe(1);
});
