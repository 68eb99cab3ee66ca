/** Packets for VMs that are not here any more: at their home, and where they were. */
import { describe, expect, test } from "bun:test";
import { parseIpv6 } from "#base/address";
import { u32 } from "#base/bytes";
import { PLACE_NATIVE } from "#fastpath/tables/bindings";
import { ending, udp } from "#fastpath/testing/ipv6-vms";
import { build6, counting } from "#fastpath/testing/packet";
import {
  BLUE,
  FABRIC_ROUTER,
  MAG,
  REMOTE,
  REMOTE_IPV4,
  ROUTER_ADDRESS,
  SmallRouter,
  type SmallRouterOptions,
} from "#fastpath/testing/small-router";
import {
  AWAY,
  AWAY_IPV4,
  innerOf,
  ipv4,
  labelOf,
  mssOf,
  native,
  OTHER_MAG,
  only,
  out,
  PEER,
  part,
  syn,
  tunnelFrame,
  tunnelled,
  ways,
} from "#fastpath/testing/tunnel-packets";

describe.each([
  ["with a flow cache", 1024],
  ["without a flow cache", 0],
])("%s", (_, cacheEntries) => {
  const router = (options: SmallRouterOptions = {}): SmallRouter => new SmallRouter({ cacheEntries, ...options });

  describe("the home of a VM that moved", () => {
    const frame = native(build6({ source: REMOTE, destination: AWAY, upper: udp(), hopLimit: 9, flowLabel: 7 }));

    test("sends what comes for it on in a tunnel, one hop less (RFC 5213 §5.6.2)", () => {
      const r = router();
      r.bind(BLUE, AWAY_IPV4);
      const inner = build6({ source: REMOTE, destination: AWAY, upper: udp(), hopLimit: 8, flowLabel: 7 });
      for (let i = 0; i < 2; i++) {
        const sent = only(r.offer(0, frame));
        expect(sent).toEqual(out(tunnelled(inner, { key: BLUE, flowLabel: labelOf(sent) })));
      }
      expect([r.endings(0), ways(r)]).toEqual([{ transit: 2 }, { relayed: 2 }]);
    });

    test("says that it is not here when nobody knows where it is", () => {
      const r = router();
      expect(ending(r, 0, frame)).toBe("no-such-vm");
      r.bind(BLUE, AWAY_IPV4, PLACE_NATIVE);
      expect(ending(r, 0, frame)).toBe("no-such-vm");
      expect(ways(r)).toEqual({});
    });

    test("follows a change with the next packet", () => {
      const r = router();
      r.bind(BLUE, AWAY_IPV4);
      only(r.offer(0, frame));
      r.bind(BLUE, AWAY_IPV4, OTHER_MAG);
      expect(part(only(r.offer(0, frame)), 38, 54)).toEqual(OTHER_MAG);
      r.bind(BLUE, AWAY_IPV4, PLACE_NATIVE);
      expect(ending(r, 0, frame)).toBe("no-such-vm");
    });

    test("tells the sender, natively, what fits the tunnel (RFC 8201 §4)", () => {
      const r = router();
      r.bind(BLUE, AWAY_IPV4);
      const large = build6({ source: REMOTE, destination: AWAY, upper: udp({ data: counting(1452 - 48 + 1) }) });
      const sent = only(r.offer(0, native(large)));
      expect([sent[20], sent[54], u32(sent, 58)]).toEqual([58, 2, 1452]);
      expect([part(sent, 22, 38), part(sent, 38, 54)]).toEqual([ROUTER_ADDRESS, REMOTE]);
      expect(sent.slice(62)).toEqual(large.slice(0, 1232));
      const packet = build6({ source: REMOTE, destination: AWAY, upper: syn(1460) });
      expect(mssOf(innerOf(only(r.offer(0, native(packet)))))).toBe(1392);
    });

    test("refuses what it would not deliver: foreign sources, extension headers that nobody can see behind", () => {
      const r = router();
      r.bind(BLUE, AWAY_IPV4);
      const foreign = build6({ source: parseIpv6("2001:db8:ffff::1")!, destination: AWAY, upper: udp() });
      expect(ending(r, 0, native(foreign))).toBe("outside-source");
      const infrastructure = build6({ source: FABRIC_ROUTER, destination: AWAY, upper: udp() });
      expect(ending(r, 0, native(infrastructure))).toBe("infrastructure-source");
    });

    test("sends fragments on as they are", () => {
      const r = router();
      r.bind(BLUE, AWAY_IPV4);
      const piece = build6({
        ...{
          source: REMOTE,
          destination: AWAY,
          upper: { kind: "raw", protocol: 17, data: counting(64) },
          hopLimit: 64,
        },
        extensions: [{ header: 44, offset: 10, more: false, identification: 9 }],
      });
      const sent = innerOf(only(r.offer(0, native(piece))));
      const expected = piece.slice();
      expected[7] = 63;
      expect(sent).toEqual(expected);
    });
  });

  describe("where the VM was", () => {
    const packet = { source: PEER, destination: REMOTE, upper: udp(), hopLimit: 20, flowLabel: 3 };
    const frame = tunnelFrame(build6(packet), { key: BLUE, source: MAG });

    test("a straggler goes on to where it is now, one hop less", () => {
      const r = router();
      r.bind(BLUE, REMOTE_IPV4, OTHER_MAG);
      for (let i = 0; i < 2; i++) {
        const sent = only(r.offer(0, frame));
        const inner = build6({ ...packet, hopLimit: 19 });
        expect(sent).toEqual(out(tunnelled(inner, { key: BLUE, destination: OTHER_MAG, flowLabel: labelOf(sent) })));
      }
      expect([r.endings(0), ways(r)]).toEqual([{ transit: 2 }, { forwarded: 2 }]);
    });

    test("never back to where it came from, and not to this router itself", () => {
      const r = router();
      r.bind(BLUE, REMOTE_IPV4, MAG);
      expect([ending(r, 0, frame), ending(r, 0, frame)]).toEqual(["tunnel-loop", "tunnel-loop"]);
      r.bind(BLUE, REMOTE_IPV4, ROUTER_ADDRESS);
      expect(ending(r, 0, frame)).toBe("no-such-vm");
      const own = ipv4(udp());
      expect(ending(r, 1, own)).toBe("no-such-vm");
    });

    test("a VM that went home is reached by the fabric, but not from there", () => {
      const r = router();
      r.bind(BLUE, REMOTE_IPV4, PLACE_NATIVE);
      expect(only(r.offer(0, frame))).toEqual(out(build6({ ...packet, hopLimit: 19 })));
      expect(ways(r)).toEqual({ forwarded: 1 });
      const home = parseIpv6("2001:db8:a1:2::1")!;
      expect(ending(r, 0, tunnelFrame(build6(packet), { key: BLUE, source: home }))).toBe("tunnel-loop");
    });

    test("too big for the next tunnel: the sender hears of it (RFC 8201 §4)", () => {
      const r = router();
      r.bind(BLUE, REMOTE_IPV4, OTHER_MAG);
      r.tunnels.setMtu(r.tunnels.find(OTHER_MAG), 1400);
      const sent = only(
        r.offer(0, tunnelFrame(build6({ ...packet, upper: udp({ data: counting(1310) }) }), { key: BLUE })),
      );
      expect([sent[54], u32(sent, 58), part(sent, 38, 54)]).toEqual([2, 1352, PEER]);
    });
  });
});
