/** From inside to an address that the outside knows another inside host by: hairpinning (RFC 4787 §6, RFC 5508 §4, RFC 6888 §3). */
import { describe, expect, test } from "bun:test";
import { parseIpv4, parseIpv6 } from "#base/address";
import { u16, u32 } from "#base/bytes";
import { echo, only, out, tcp, udp, VM } from "#fastpath/testing/gateway-packets";
import { ACK, SYN } from "#fastpath/testing/nat-world";
import { build6, counting, fragments6, type Upper } from "#fastpath/testing/packet";
import {
  FLOATING,
  FLOATING_HOST,
  GATEWAY_ADDRESS,
  inside,
  OWN,
  outside,
  PUBLIC,
  SmallGateway,
  type SmallGatewayOptions,
} from "#fastpath/testing/small-gateway";
import { BLUE, FABRIC_ROUTER, MAG, RED } from "#fastpath/testing/small-router";

const B = inside(BLUE, FLOATING_HOST);
/** Blue's and red's, both of one private address. */
const A = inside(BLUE, VM);
const RED_A = inside(RED, VM);
const P = inside(BLUE, PUBLIC);
const source = (packet: Uint8Array): Uint8Array => packet.slice(8, 24);
const destination = (packet: Uint8Array): Uint8Array => packet.slice(24, 40);
const ports = (packet: Uint8Array, at = 40): number[] => [u16(packet, at), u16(packet, at + 2)];
/** The IPv4 address of an outside host. */
const ipv4 = (address: Uint8Array): Uint8Array => {
  expect(address.slice(0, 12)).toEqual(outside(PUBLIC).slice(0, 12));
  return address.slice(12);
};

describe.each([
  ["with a flow cache", 1024],
  ["without one", 0],
] as const)("%s", (_, cacheEntries) => {
  const gateway = (options: SmallGatewayOptions = {}) => new SmallGateway({ cacheEntries, ...options });

  test.each([
    ["blue's", A],
    ["red's", RED_A],
  ])(
    "a private host, %s, reaches a floating address, is seen by a NAT address, and is answered (REQ-9)",
    (_name, host) => {
      const g = gateway();
      for (const [there, back] of [
        [(p: number) => tcp(p, 80), (p: number) => tcp(80, p, SYN | ACK)],
        [(p: number) => udp(p, 53), (p: number) => udp(53, p)],
      ] as const) {
        for (let i = 0; i < 3; i++) {
          const sent = only(g.fromFabric(out(there(4000), host, outside(FLOATING))), 0);
          const nat = ipv4(source(sent));
          const [port] = ports(sent);
          expect(sent).toEqual(build6({ source: outside(nat), destination: B, upper: there(port!), hopLimit: 59 }));
          const answer = only(g.fromFabric(out(back(port!), B, outside(nat))), 0);
          expect(answer).toEqual(
            build6({ source: outside(FLOATING), destination: host, upper: back(4000), hopLimit: 59 }),
          );
        }
      }
      const asked = only(g.fromFabric(out(echo(128, 77), host, outside(FLOATING))), 0);
      const id = u16(asked, 44);
      const answer = only(g.fromFabric(out(echo(129, id), B, outside(ipv4(source(asked))))), 0);
      expect(answer).toEqual(
        build6({ source: outside(FLOATING), destination: host, upper: echo(129, 77), hopLimit: 59 }),
      );
      expect(g.endings(0)).toEqual({ hairpin: 14 });
    },
  );

  test("hosts with floating and public addresses see one another by these, for every protocol", () => {
    const g = gateway();
    for (const upper of [tcp(1, 2), udp(1, 2), { kind: "raw", protocol: 132, data: counting(24) } as Upper]) {
      expect(only(g.fromFabric(out(upper, P, outside(FLOATING))), 0)).toEqual(
        build6({ source: outside(PUBLIC), destination: B, upper, hopLimit: 59 }),
      );
      expect(only(g.fromFabric(out(upper, B, outside(PUBLIC))), 0)).toEqual(
        build6({ source: outside(FLOATING), destination: P, upper, hopLimit: 59 }),
      );
    }
  });

  test("two hosts behind the NAT meet by its addresses when each has sent to the other's (RFC 5128 §3.3)", () => {
    const g = gateway();
    const end = (host: Uint8Array, port: number) => {
      const packet = only(g.fromFabric(out(udp(port, 53), host)), 1);
      return { address: packet.slice(12, 16), port: u16(packet, 20) };
    };
    const [a, r] = [end(A, 4000), end(RED_A, 5000)];
    expect(g.fromFabric(out(udp(4000, r.port), A, outside(r.address)))).toEqual([]); // red has not sent to it yet
    const met = only(g.fromFabric(out(udp(5000, a.port), RED_A, outside(a.address))), 0);
    expect(met).toEqual(build6({ source: outside(r.address), destination: A, upper: udp(r.port, 4000), hopLimit: 59 }));
    const back = only(g.fromFabric(out(udp(4000, r.port), A, outside(r.address))), 0);
    expect(back).toEqual(
      build6({ source: outside(a.address), destination: RED_A, upper: udp(a.port, 5000), hopLimit: 59 }),
    );
  });

  test.each([
    { kind: "udp", source: 4000, destination: 53, data: counting(3000) },
    { kind: "icmp", type: 128, rest: 77 << 16, body: counting(3000) },
  ] as const)(
    "in fragments: later ones go where their first one does, and not without it (RFC 4787 §11): %j",
    (upper) => {
      const g = gateway();
      const [first, ...later] = fragments6({ source: A, destination: outside(FLOATING), upper, hopLimit: 60 }, 1000, 7);
      expect(g.fromFabric(later[0]!)).toEqual([]);
      const sent = [first!, ...later].map((packet) => only(g.fromFabric(packet), 0));
      expect(new Set(sent.map((packet) => `${source(packet)} ${destination(packet)}`)).size).toBe(1);
      expect(destination(sent[0]!)).toEqual(B);
      expect(g.endings(0)).toEqual({ "nat-fragment": 1, hairpin: sent.length });
    },
  );

  test("a receiver that has moved is followed, an IPv6 host is one too (NAT64)", () => {
    const g = gateway();
    g.bind(BLUE, FLOATING_HOST);
    const tunnel = only(g.fromFabric(out(udp(4000, 53), A, outside(FLOATING))), 0);
    expect([tunnel[6], destination(tunnel), u32(tunnel, 44)] as unknown[]).toEqual([47, MAG, BLUE]);
    const six = parseIpv6("2001:db8:a1:1:0:401:0:5")!;
    const asked = gateway();
    const sent = only(asked.fromFabric(out(udp(4000, 53), six, outside(FLOATING))), 0);
    const answer = only(asked.fromFabric(out(udp(53, ports(sent)[0]!), B, outside(ipv4(source(sent))))), 0);
    expect(answer).toEqual(build6({ source: outside(FLOATING), destination: six, upper: udp(53, 4000), hopLimit: 59 }));
  });
});

test("errors of the receiver, and of routers, come to the sender with what it sent (RFC 5508 §4.2, REQ-7)", () => {
  const g = new SmallGateway();
  for (const [upper, host] of [
    [udp(4000, 53), A],
    [tcp(4000, 80), RED_A],
    [echo(128, 77), A],
    [udp(4000, 53), P],
  ] as const) {
    const got = only(g.fromFabric(out(upper, host, outside(FLOATING))), 0);
    for (const [teller, seen] of [
      [B, FLOATING],
      [FABRIC_ROUTER, OWN],
    ] as const) {
      const error = out({ kind: "icmp", type: 1, code: 4, body: got }, teller, source(got));
      const told = only(g.fromFabric(error), 0);
      const wrote = build6({ source: host, destination: outside(FLOATING), upper, hopLimit: 59 });
      const body: Upper = { kind: "icmp", type: 1, code: 4, body: wrote };
      expect(told).toEqual(build6({ source: outside(seen), destination: host, upper: body, hopLimit: 59 }));
    }
  }
  // about an answer: from whoever asked
  const asked = only(g.fromFabric(out(udp(4000, 53), A, outside(FLOATING))), 0);
  const answer = udp(53, ports(asked)[0]!);
  const answered = only(g.fromFabric(out(answer, B, source(asked))), 0);
  const told = only(g.fromFabric(out({ kind: "icmp", type: 1, code: 4, body: answered }, A, outside(FLOATING))), 0);
  const wrote = build6({ source: B, destination: source(asked), upper: answer, hopLimit: 59 });
  expect(told).toEqual(
    build6({
      source: source(asked),
      destination: B,
      upper: { kind: "icmp", type: 1, code: 4, body: wrote },
      hopLimit: 59,
    }),
  );
});

test("errors about others' packets, or that quote none, are dropped", () => {
  const g = new SmallGateway();
  const got = only(g.fromFabric(out(udp(4000, 53), A, outside(FLOATING))), 0);
  const error = (body: Uint8Array, teller = B, to = source(got)): Uint8Array =>
    out({ kind: "icmp", type: 1, code: 4, body }, teller, to);
  for (const [packet, ending] of [
    [error(got, P), "bad-embedded"],
    [error(got, B, outside(PUBLIC)), "bad-embedded"],
    [error(got.slice(0, 30)), "bad-embedded"],
    [error(got.slice(0, 42)), "bad-embedded"],
    [error(build6({ source: source(got), destination: B, upper: udp(1, 53) })), "nat-unbound"],
  ] as const) {
    const before = g.endings(0)[ending] ?? 0;
    expect(g.fromFabric(packet)).toEqual([]);
    expect(g.endings(0)[ending]).toBe(before + 1);
  }
});

test("too big, and used-up hop limits, are told to the sender by the gateway", () => {
  const g = new SmallGateway({ uplinkMtu: 1400 });
  const large: Upper = { kind: "udp", source: 4000, destination: 53, data: counting(1450) };
  const told = only(g.fromFabric(out(large, A, outside(FLOATING))), 0);
  expect([source(told), destination(told), told[40], u32(told, 44)] as unknown[]).toEqual([
    GATEWAY_ADDRESS,
    A,
    2,
    1400,
  ]);
  const late = build6({ source: A, destination: outside(FLOATING), upper: udp(1, 2), hopLimit: 1 });
  expect(only(g.fromFabric(late), 0)[40]).toBe(3);
});

test("private addresses of others stay out of reach, and without a NAT address private ones reach nobody", () => {
  const g = new SmallGateway();
  g.fromFabric(out(udp(1, 2), RED_A, outside(parseIpv4("10.0.0.9")!)));
  expect(g.endings(0)["inside-destination"]).toBe(1);
  const bare = new SmallGateway({ nat: undefined });
  bare.fromFabric(out(udp(1, 2), A, outside(FLOATING)));
  expect(bare.endings(0)["nat-none"]).toBe(1);
  expect(only(bare.fromFabric(out(udp(1, 2), P, outside(FLOATING))), 0).slice(24, 40)).toEqual(Uint8Array.from(B));
});
