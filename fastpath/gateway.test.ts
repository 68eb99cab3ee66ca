/** A gateway's pipelines: addresses and ports both ways, fragments, and an ending for all that must not pass. */

import { describe, expect, test } from "bun:test";
import { parseIpv4, parseIpv6 } from "#base/address";
import { u16, u32 } from "#base/bytes";
import { nextBelow, type Random } from "#base/random";
import {
  arrived,
  echo,
  HOST,
  into,
  left,
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
import { ACK, FIN, RST, SYN } from "#fastpath/testing/nat-world";
import { build4, build6, counting, fragments4, fragments6, framed, type Upper } from "#fastpath/testing/packet";
import {
  FLOATING,
  FLOATING_HOST,
  GATEWAY_ADDRESS,
  inside,
  OUTSIDE_HOP_MAC,
  OUTSIDE_MAC,
  OWN,
  outside,
  POOL,
  PUBLIC,
  SmallGateway,
  type SmallGatewayOptions,
} from "#fastpath/testing/small-gateway";
import { BLUE, FABRIC_ROUTER, MAG, NEXT_HOP_MAC, RED, UPLINK_MAC } from "#fastpath/testing/small-router";
import { tunnelled } from "#fastpath/testing/tunnel-packets";
import { withSeed } from "#fastpath/testing/with-seed";

describe.each([
  ["with a flow cache", 1024],
  ["without one", 0],
] as const)("%s", (_, cacheEntries) => {
  const gateway = (options: SmallGatewayOptions = {}) => new SmallGateway({ cacheEntries, ...options });

  test("TCP, UDP and ping from a private address leave with one of the NAT's, and answers come back (RFC 3022 §4.1)", () => {
    const g = gateway();
    for (const [there, back] of [
      [(p: number) => tcp(p, 80), (p: number) => tcp(80, p, SYN | ACK)],
      [(p: number) => udp(p, 53), (p: number) => udp(53, p)],
    ] as const) {
      const packet = only(g.fromFabric(out(there(4000))), 1);
      const { address, port } = natOf(packet);
      expect(address.slice(0, 3)).toEqual(POOL.slice(0, 3));
      expect(unnumbered(packet)).toEqual(left(there(port), address));
      for (let i = 0; i < 3; i++) {
        const answer = only(g.fromOutside(into(back(port), address)), 0);
        expect(unlabelled(answer)).toEqual(arrived(back(4000), inside(BLUE, VM)));
      }
    }
    const asked = only(g.fromFabric(out(echo(128, 77))), 1);
    const { address, port: id } = natOf(asked, 24);
    expect(unnumbered(asked)).toEqual(left(echo(8, id), address));
    const answer = only(g.fromOutside(into(echo(0, id), address)), 0);
    expect(unlabelled(answer)).toEqual(arrived(echo(129, 77), inside(BLUE, VM)));
    expect(g.endings(0)).toEqual({ "to-outside": 3 });
    expect(g.endings(1)).toEqual({ "to-fabric": 7 });
  });

  test("two tenants' same address and port are two outside ends; one end is one for all it talks to (RFC 4787 §4.1)", () => {
    const g = gateway();
    const blue = natOf(only(g.fromFabric(out(udp(4000, 53))), 1));
    const red = natOf(only(g.fromFabric(out(udp(4000, 53), inside(RED, VM))), 1));
    expect(red).not.toEqual(blue);
    expect(natOf(only(g.fromFabric(out(udp(4000, 53), inside(BLUE, VM), outside(OTHER))), 1))).toEqual(blue);
    expect(unlabelled(only(g.fromOutside(into(udp(53, red.port), red.address)), 0))).toEqual(
      arrived(udp(53, 4000), inside(RED, VM)),
    );
  });

  test("NAT64: IPv6 hosts reach the same outside hosts, each by its whole address (RFC 6146 §3.5)", () => {
    const g = gateway();
    const [first, second] = ["2001:db8:a1:1:0:401:0:5", "2001:db8:a1:2:0:401:0:5"].map((text) => parseIpv6(text)!);
    const ends = [first!, second!].map((host) => natOf(only(g.fromFabric(out(udp(4000, 53), host)), 1)));
    expect(ends[0]).not.toEqual(ends[1]);
    for (const [i, host] of [first!, second!].entries()) {
      const { address, port } = ends[i]!;
      const answer = only(g.fromOutside(into(udp(53, port), address)), 0);
      expect(unlabelled(answer)).toEqual(arrived(udp(53, 4000), host));
      const error = out({ kind: "icmp", type: 1, code: 4, body: answer }, host);
      const told = only(g.fromFabric(error), 1);
      expect(told.slice(12, 20)).toEqual(Uint8Array.of(...address, ...HOST));
      expect(unnumbered(told.slice(28))).toEqual(
        unnumbered(build4({ source: HOST, destination: address, upper: udp(53, port), ttl: 49 })),
      );
    }
    const quoted = only(g.fromFabric(out(tcp(9, 80), first)), 1);
    const body = { kind: "icmp", type: 3, code: 4, rest: 1300, body: quoted } as const;
    const tooBig = only(g.fromOutside(build4({ source: HOST, destination: quoted.slice(12, 16), upper: body })), 0);
    expect([tooBig[40], u16(tooBig, 46)]).toEqual([2, 1320]);
    expect(unlabelled(tooBig.slice(48))).toEqual(
      build6({ source: first!, destination: outside(HOST), upper: tcp(9, 80), hopLimit: 59 }),
    );
  });

  test("floating and public addresses stand for their hosts, both ways and for every protocol", () => {
    const g = gateway();
    for (const [known, host] of [
      [FLOATING, FLOATING_HOST],
      [PUBLIC, PUBLIC],
    ] as const) {
      for (const upper of [
        tcp(4000, 80),
        udp(4000, 53),
        { kind: "raw", protocol: 132, data: counting(24, 1) } as const,
      ]) {
        for (let i = 0; i < 2; i++) {
          expect(unnumbered(only(g.fromFabric(out(upper, inside(BLUE, host))), 1))).toEqual(left(upper, known));
          expect(unlabelled(only(g.fromOutside(into(upper, known)), 0))).toEqual(arrived(upper, inside(BLUE, host)));
        }
      }
    }
  });

  test("a tenant with a share of its own gets its addresses and ports, and when these are used up no others (RFC 6888 §3)", () => {
    const share = (address: number, firstPort: number, ports: number) => ({
      ranges: [{ address, firstPort, ports }],
      blocksEach: 4,
    });
    const shares = [share(0, 1024, 64512), share(1, 4096, 64)];
    const g = gateway({ nat: { pool: 2, blockSize: 64, shares }, shares: [{ tags: RED, share: 1 }] });
    const ends = [1, 2, 3].map((port) => natOf(only(g.fromFabric(out(udp(port, 53), inside(RED, VM))), 1)));
    for (const { address, port } of ends) {
      expect([address[3], port >= 4096 && port < 4160]).toEqual([1, true]);
      expect(only(g.fromOutside(into(udp(53, port), address)), 0).length).toBeGreaterThan(40);
    }
    expect(natOf(only(g.fromFabric(out(udp(1, 53), inside(BLUE, VM))), 1)).address[3]).toBe(0);
    g.fromFabric(out(udp(1, 53), inside(RED, parseIpv4("10.0.0.6")!)));
    expect(g.endings(0)["nat-no-block"]).toBe(1);
  });

  test("red's host of the same address has no part in blue's floating one", () => {
    const g = gateway();
    const { address } = natOf(only(g.fromFabric(out(udp(1, 2), inside(RED, FLOATING_HOST))), 1));
    expect(address).not.toEqual(FLOATING);
  });

  test("a session that has ended lets nothing more through (RFC 6146 §3.5.2)", () => {
    const g = gateway();
    const { address, port } = natOf(only(g.fromFabric(out(udp(4000, 53))), 1));
    only(g.fromOutside(into(udp(53, port), address)), 0);
    g.pass(3100); // UDP that was answered: 5 min
    expect(g.fromOutside(into(udp(53, port), address))).toEqual([]);
    expect(g.endings(1)).toEqual({ "to-fabric": 1, "nat-filtered": 1 });
    const opened = natOf(only(g.fromFabric(out(tcp(4001, 80))), 1));
    only(g.fromOutside(into(tcp(80, opened.port, SYN | ACK), opened.address)), 0);
    only(g.fromFabric(out(tcp(4001, 80, ACK))), 1);
    g.pass(80_000); // an open TCP connection: 2 h 4 min
    g.sweep();
    g.fromFabric(out(tcp(4001, 80, ACK)));
    expect(g.endings(0)["nat-no-syn"]).toBe(1);
  });

  test("what is in fragments: the first one has the ports, the others go where it went, and none before it", () => {
    const g = gateway();
    const big = { ...udp(4000, 53), data: counting(3000, 1) } as Upper;
    const there = fragments6(
      { source: inside(BLUE, VM), destination: outside(HOST), upper: big, hopLimit: 60 },
      1200,
      7,
    );
    expect(g.fromFabric(there[1]!)).toEqual([]);
    expect(g.endings(0)).toEqual({ "nat-fragment": 1 });
    const pieces = there.map((piece) => only(g.fromFabric(piece), 1));
    const { address, port } = natOf(pieces[0]!);
    const wanted = {
      source: address,
      destination: HOST,
      upper: { ...big, source: port } as Upper,
      ttl: 59,
      identification: 7,
    };
    expect(pieces).toEqual(fragments4(wanted, 1200));
    const reply = {
      source: HOST,
      destination: address,
      upper: { ...udp(53, port), data: counting(3000, 9) } as Upper,
      ttl: 50,
    };
    const back = fragments4({ ...reply, identification: 9 }, 1200);
    expect(g.fromOutside(back[2]!)).toEqual([]);
    expect(g.endings(1)).toEqual({ "nat-fragment": 1 });
    const arrivals = back.map((piece) => unlabelled(only(g.fromOutside(piece), 0)));
    const expected = {
      source: outside(HOST),
      destination: inside(BLUE, VM),
      upper: { ...udp(53, 4000), data: counting(3000, 9) } as Upper,
    };
    expect(arrivals).toEqual(fragments6({ ...expected, hopLimit: 49 }, 1200, 9));
  });
});

test.each([
  ["with a flow cache", 1024],
  ["without one", 0],
] as const)("inside hosts that have moved are reached in tunnels, %s", (_, cacheEntries) => {
  const [g, plain] = [new SmallGateway({ cacheEntries }), new SmallGateway({ cacheEntries })];
  g.bind(BLUE, FLOATING_HOST);
  g.bind(BLUE, VM);
  const { address, port } = natOf(only(g.fromFabric(out(udp(4000, 53))), 1));
  only(plain.fromFabric(out(udp(4000, 53))), 1);
  for (const packet of [into(udp(5, 6), FLOATING), into(udp(53, port), address)]) {
    for (let i = 0; i < 2; i++) {
      const inner = only(plain.fromOutside(packet), 0);
      const sent = only(g.fromOutside(packet), 0);
      const flowLabel = u32(sent, 0) & 0xfffff;
      expect(sent).toEqual(tunnelled(inner, { source: GATEWAY_ADDRESS, key: BLUE, flowLabel }));
    }
  }
  const large = udp(5, 6, counting(1432 - 27));
  const told = only(g.fromOutside(into(large, FLOATING, { dontFragment: true })), 1);
  expect([told[20], told[21], u16(told, 26)]).toEqual([3, 4, 1432]);
});

describe("what must not pass", () => {
  const fromOutside: readonly (readonly [ending: string, packet: Uint8Array])[] = [
    ["inside-source", into(udp(1, 2), FLOATING, { source: VM })],
    ["inside-source", into(udp(1, 2), FLOATING, { source: PUBLIC })],
    ["inside-source", into(udp(1, 2), PUBLIC, { source: FLOATING })],
    ["inside-source", into(udp(1, 2), PUBLIC, { source: POOL })],
    ["inside-source", into(udp(1, 2), PUBLIC, { source: OWN })],
    ["inside-source", into(udp(1, 2), PUBLIC, { source: parseIpv4("169.254.169.254")! })],
    ["bad-source", into(udp(1, 2), PUBLIC, { source: parseIpv4("127.0.0.1")! })],
    ["bad-source", into(udp(1, 2), PUBLIC, { source: parseIpv4("224.0.0.1")! })],
    ["outside-stray", into(udp(1, 2), parseIpv4("203.0.113.77")!)],
    ["outside-stray", into(udp(1, 2), VM)],
    ["nat-unbound", into(udp(1, 2), POOL)],
    ["nat-unbound", into(echo(8, 2), POOL)],
    ["nat-unbound", into({ kind: "raw", protocol: 132, data: counting(24) }, POOL)],
    ["multicast", into(udp(1, 2), parseIpv4("224.0.0.5")!)],
    ["no-listener", into(udp(1, 2), OWN)],
    ["outside-ipv6", out(udp(1, 2))],
  ];
  const fromFabric: readonly (readonly [ending: string, packet: Uint8Array])[] = [
    ["inside-destination", out(udp(1, 2), undefined, outside(VM))],
    ["inside-destination", out(udp(1, 2), undefined, outside(OWN))],
    ["inside-destination", out(udp(1, 2), undefined, outside(parseIpv4("224.0.0.5")!))],
    ["inside-destination", out(udp(1, 2), undefined, parseIpv6("2001:db8:a1:fe:0:401:a00:5")!)],
    ["outside-source", out(udp(1, 2), outside(OTHER))],
    ["outside-source", out(udp(1, 2), parseIpv6("2001:db8:b1::5")!)],
    ["infrastructure-source", out(udp(1, 2), FABRIC_ROUTER)],
    ["not-a-tunnel-end", tunnelled(out(udp(1, 2)), { source: MAG, destination: GATEWAY_ADDRESS, key: 1 })],
    ["nat-protocol", out({ kind: "raw", protocol: 132, data: counting(24) })],
    ["nat-no-syn", out(tcp(1, 2, ACK))],
    ["nat-unbound", out(echo(129, 5))],
  ];

  test.each(fromOutside)("from outside: %s", (ending, packet) => {
    const g = new SmallGateway();
    g.fromOutside(packet);
    expect(g.endings(1)).toEqual({ [ending]: 1 });
    expect(g.sent.every(({ port }) => port === 1)).toBe(true);
  });

  test.each(fromFabric)("from the fabric: %s", (ending, packet) => {
    const g = new SmallGateway();
    g.fromFabric(packet);
    expect(g.endings(0)[ending]).toBe(1);
    expect(g.sent.every(({ port }) => port === 0)).toBe(true);
  });

  test("frames for others, and who answers for the gateway's own address", () => {
    const g = new SmallGateway();
    g.offer(1, framed(into(udp(1, 2), PUBLIC), OUTSIDE_HOP_MAC, OUTSIDE_HOP_MAC));
    g.fromOutside(into(echo(8, 2), OWN));
    const arp = new Uint8Array(42);
    arp.set(OUTSIDE_MAC);
    arp.set([8, 6], 12);
    g.offer(1, arp);
    expect(g.endings(1)).toEqual({ "wrong-mac": 1, "punt-local": 1, "punt-arp": 1 });
  });

  test("a gateway without NAT addresses tells private hosts so, and serves the others", () => {
    const g = new SmallGateway({ nat: undefined });
    const refused = only(g.fromFabric(out(udp(1, 2))), 0);
    expect([refused[40], refused[41]]).toEqual([1, 1]);
    expect(only(g.fromFabric(out(udp(1, 2), inside(BLUE, FLOATING_HOST))), 1)).toBeDefined();
    expect(g.endings(0)).toEqual({ "nat-none": 1, originated: 1, "to-outside": 1 });
  });

  test("a VM with all its ports, and a NAT without blocks, bindings or sessions: refused, told, and nobody else's trouble", () => {
    const shares = [{ ranges: [{ address: 0, firstPort: 1024, ports: 32 }], blocksEach: 1 }];
    const few = new SmallGateway({ nat: { blockSize: 16, shares } });
    for (let port = 1; port <= 17; port++) few.fromFabric(out(udp(port, 53)));
    expect(few.endings(0)).toEqual({ "to-outside": 16, "nat-quota": 1, originated: 1 });
    only(few.fromFabric(out(udp(1, 53), inside(RED, VM))), 1);
    few.fromFabric(out(udp(1, 53), inside(RED, parseIpv4("10.0.0.6")!)));
    expect(few.endings(0)["nat-no-block"]).toBe(1);
    only(few.fromFabric(out(udp(1, 53))), 1);
    const full = new SmallGateway({ nat: { sessions: 1, sessionsEach: 1000 } });
    for (let i = 1; i <= 200; i++) {
      const [sent] = full.fromFabric(out(udp(i, 53)));
      if (sent?.port !== 1) continue;
      const { address, port } = natOf(sent.packet);
      full.fromOutside(into(udp(53, port), address)); // who is answered does not give way
    }
    expect(full.endings(0)["nat-full"]).toBeGreaterThan(0);
    expect(full.endings(0)["to-outside"]).toBeGreaterThan(0);
  });

  test("a next hop that does not answer: the VM is told (RFC 4443 §3.1)", () => {
    const g = new SmallGateway();
    g.neighbors[1]!.resolved = false;
    g.fromFabric(out(udp(1, 2)));
    expect(g.endings(0)).toEqual({ "punt-neighbor": 1 });
  });
});

test("the flow cache changes nothing: random packets both ways, octet by octet", () => {
  withSeed((random) => {
    const [cached, plain] = [new SmallGateway({ cacheEntries: 16 }), new SmallGateway({ cacheEntries: 0 })];
    const seen: { address: Uint8Array; port: number }[] = [];
    for (let i = 0; i < 1500; i++) {
      if (nextBelow(random, 20) === 0) for (const g of [cached, plain]) g.sweep();
      const ticks = [0, 0, 0, 1, 700, 3000][nextBelow(random, 6)]!;
      for (const g of [cached, plain]) g.pass(ticks);
      const isOut = nextBelow(random, 2) === 0 || seen.length === 0;
      const packet = isOut ? randomOut(random) : randomInto(random, seen);
      const [a, b] = [cached, plain].map((g) => (isOut ? g.fromFabric(packet) : g.fromOutside(packet)));
      expect(a).toEqual(b!);
      const first = a![0];
      if (isOut && first?.port === 1 && [6, 17].includes(first.packet[9]!)) seen.push(natOf(first.packet));
    }
    expect(cached.endings(0)).toEqual(plain.endings(0));
    expect(cached.endings(1)).toEqual(plain.endings(1));
    expect(cached.cache!.hits).toBeGreaterThan(0);
  });
});

test("a burst that is read ahead of ends as its packets do one by one, connections of the NAT included", () => {
  withSeed((random) => {
    const [ahead, plain] = [new SmallGateway({ cacheEntries: 16 }), new SmallGateway({ cacheEntries: 16 })];
    const seen: { address: Uint8Array; port: number }[] = [];
    for (let i = 0; i < 100; i++) {
      const ticks = [0, 0, 1, 700, 3000][nextBelow(random, 5)]!;
      for (const g of [ahead, plain]) g.pass(ticks);
      const isOut = nextBelow(random, 2) === 0 || seen.length === 0;
      const packets = Array.from({ length: 1 + nextBelow(random, 64) }, () =>
        isOut ? randomOut(random) : randomInto(random, seen),
      );
      const frames = packets.map((packet) =>
        isOut ? framed(packet, UPLINK_MAC, NEXT_HOP_MAC) : framed(packet, OUTSIDE_MAC, OUTSIDE_HOP_MAC),
      );
      const port = isOut ? 0 : 1;
      const sent = ahead.offerBurst(port, frames);
      expect(sent).toEqual(frames.flatMap((frame) => plain.offer(port, frame)));
      for (const { port: to, packet } of sent)
        if (isOut && to === 1 && [6, 17].includes(packet[9]!)) seen.push(natOf(packet));
    }
    for (const port of [0, 1]) expect(ahead.endings(port)).toEqual(plain.endings(port));
    expect(ahead.cache!.hits).toBeGreaterThan(0);
  });
});

const FLAGS = [SYN, SYN | ACK, ACK, ACK, ACK, FIN | ACK, RST];
const pick = <T>(random: Random, from: readonly T[]): T => from[nextBelow(random, from.length)]!;

function randomOut(random: Random): Uint8Array {
  const source = inside(pick(random, [BLUE, RED]), pick(random, [VM, FLOATING_HOST, PUBLIC]));
  const destination = outside(pick(random, [HOST, OTHER]));
  const port = 4000 + nextBelow(random, 3);
  const upper = pick(random, [tcp(port, 80, pick(random, FLAGS)), udp(port, 53), echo(128, port)]);
  return out(upper, source, destination);
}

function randomInto(random: Random, seen: readonly { address: Uint8Array; port: number }[]): Uint8Array {
  const { address, port } = pick(random, seen.slice(-4));
  const source = pick(random, [HOST, OTHER]);
  const upper = pick(random, [tcp(80, port, pick(random, FLAGS)), udp(53, port), echo(0, port)]);
  return into(upper, pick(random, [address, address, FLOATING, PUBLIC]), { source });
}
