/** ICMP errors through a gateway and of its own, and the sizes that both sides are held to. */

import { describe, expect, test } from "bun:test";
import { parseIpv4 } from "#base/address";
import { u16 } from "#base/bytes";
import {
  echo,
  HOST,
  into,
  natOf,
  OTHER,
  only,
  out,
  tcp,
  udp,
  unlabelled,
  unnumbered,
  VM,
} from "#fastpath/testing/gateway-packets";
import { SYN } from "#fastpath/testing/nat-world";
import { build4, build6, counting, type Ip4, type Upper } from "#fastpath/testing/packet";
import {
  FLOATING,
  FLOATING_HOST,
  GATEWAY_ADDRESS,
  inside,
  OWN,
  outside,
  PUBLIC,
  SmallGateway,
} from "#fastpath/testing/small-gateway";
import { BLUE, FABRIC_ROUTER } from "#fastpath/testing/small-router";

describe("ICMP errors (RFC 5508 §4)", () => {
  const ROUTER = parseIpv4("192.0.2.1")!;

  test("from outside go to whoever sent what they quote, with what it sent", () => {
    const g = new SmallGateway();
    for (const [upper, source] of [
      [udp(4000, 53), inside(BLUE, VM)],
      [tcp(4000, 80), inside(BLUE, VM)],
      [echo(128, 77), inside(BLUE, VM)],
      [udp(4000, 53), inside(BLUE, FLOATING_HOST)],
      [udp(4000, 53), inside(BLUE, PUBLIC)],
    ] as const) {
      const quoted = only(g.fromFabric(out(upper, source)), 1);
      const error = build4({
        ...{ source: ROUTER, destination: quoted.slice(12, 16), ttl: 50 },
        upper: { kind: "icmp", type: 11, body: quoted },
      });
      const packet = only(g.fromOutside(error), 0);
      expect<Uint8Array>(packet.slice(8, 24)).toEqual(outside(ROUTER));
      expect<Uint8Array>(packet.slice(24, 40)).toEqual(source);
      expect(packet[40]).toBe(3);
      const wanted = build6({ source, destination: outside(HOST), upper, hopLimit: 59 });
      expect(unlabelled(packet.slice(48))).toEqual(wanted);
    }
  });

  test("about a port that is nobody's, a flow that is none, another's packet, or one cut before its ports are dropped", () => {
    const g = new SmallGateway();
    const quoted = only(g.fromFabric(out(udp(4000, 53))), 1);
    const pool = quoted.slice(12, 16);
    const error = (body: Uint8Array, destination = pool) =>
      build4({ source: ROUTER, destination, upper: { kind: "icmp", type: 3, code: 1, body } });
    const about = (more: Partial<Ip4>, port = u16(quoted, 20)) =>
      build4({ source: pool, destination: HOST, upper: udp(port, 53), ...more });
    for (const [packet, ending] of [
      [error(about({}, 1)), "nat-unbound"],
      [error(about({ destination: OTHER })), "nat-filtered"],
      [error(about({ source: PUBLIC })), "bad-embedded"],
      [error(quoted.slice(0, 22)), "bad-embedded"],
      [error(quoted.slice(0, 18)), "bad-embedded"],
    ] as const) {
      const before = g.endings(1)[ending] ?? 0;
      expect(g.fromOutside(packet)).toEqual([]);
      expect(g.endings(1)[ending] ?? 0).toBe(before + 1);
    }
  });

  test("from a VM about what came from outside are told from the address that the outside knows", () => {
    const g = new SmallGateway();
    const { address, port } = natOf(only(g.fromFabric(out(udp(4000, 53))), 1));
    for (const [to, host, upper, seen] of [
      [address, VM, udp(53, port), udp(53, port)],
      [FLOATING, FLOATING_HOST, udp(53, 99), udp(53, 99)],
      [PUBLIC, PUBLIC, udp(53, 99), udp(53, 99)],
    ] as const) {
      const quoted = only(g.fromOutside(into(upper, to)), 0);
      const error = out({ kind: "icmp", type: 1, code: 4, body: quoted }, inside(BLUE, host));
      const packet = only(g.fromFabric(error), 1);
      expect(packet.slice(12, 20)).toEqual(Uint8Array.of(...to, ...HOST));
      expect([packet[20], packet[21]]).toEqual([3, 3]);
      const told = packet.slice(28);
      expect(unnumbered(told)).toEqual(unnumbered(build4({ source: HOST, destination: to, upper: seen, ttl: 49 })));
    }
  });

  test("from a fabric router are told from the gateway's own address; about what it cannot have seen they are not", () => {
    const g = new SmallGateway();
    const quoted = only(g.fromOutside(into(udp(53, 99), FLOATING)), 0);
    const error = out({ kind: "icmp", type: 3, body: quoted }, FABRIC_ROUTER);
    const packet = only(g.fromFabric(error), 1);
    expect(packet.slice(12, 20)).toEqual(Uint8Array.of(...OWN, ...HOST));
    expect(packet[20]).toBe(11);
    const other = out({ kind: "icmp", type: 3, body: quoted }, inside(BLUE, VM));
    expect(g.fromFabric(other)).toEqual([]);
    expect(g.fromFabric(out({ kind: "icmp", type: 3, body: quoted }, FABRIC_ROUTER, outside(OTHER)))).toEqual([]);
    expect(g.endings(0)["bad-embedded"]).toBe(2);
  });

  test("of the gateway itself: TTL and size, both ways (RFC 1812 §5.3.1, RFC 8201)", () => {
    const g = new SmallGateway({ outsideMtu: 1400 });
    const expired = only(g.fromOutside(into(udp(1, 2), FLOATING, { ttl: 1 })), 1);
    expect(expired.slice(12, 20)).toEqual(Uint8Array.of(...OWN, ...HOST));
    expect([expired[20], expired[21]]).toEqual([11, 0]);
    const large = { ...udp(1, 2), data: counting(1450) } as Upper;
    const refused = only(g.fromFabric(out(large)), 0);
    expect<Uint8Array>(refused.slice(8, 24)).toEqual(GATEWAY_ADDRESS);
    expect([refused[40], u16(refused, 46)]).toEqual([2, 1420]);
    const narrow = new SmallGateway({ uplinkMtu: 1400 });
    const told = only(narrow.fromOutside(into(large, FLOATING, { dontFragment: true })), 1);
    expect([told[20], told[21], u16(told, 26)]).toEqual([3, 4, 1380]);
    expect(narrow.fromOutside(into(large, FLOATING)).map(({ port }) => port)).toEqual([0, 0]); // cut
  });
});

test("the MSS of both sides is clamped to what fits (RFC 7915, RFC 6691)", () => {
  const mss = Uint8Array.of(2, 4, 0xff, 0xff);
  const g = new SmallGateway({ outsideMtu: 1300 });
  const there = only(g.fromFabric(out({ kind: "tcp", source: 1, destination: 2, flags: SYN, options: mss })), 1);
  expect(u16(there, 42)).toBe(1260);
  const back = only(
    g.fromOutside(into({ kind: "tcp", source: 1, destination: 2, flags: SYN, options: mss }, PUBLIC)),
    0,
  );
  expect(u16(back, 62)).toBe(1260);
});
