/** IPv6 straight through a gateway: both ways without a change but the hop limit, and an ending for all that must not pass. */
import { describe, expect, test } from "bun:test";
import { parseIpv6 } from "#base/address";
import { u16, u32 } from "#base/bytes";
import { tenantHomeOf } from "#base/home-hash";
import { only, unlabelled } from "#fastpath/testing/gateway-packets";
import { build6, counting, framed, type Ip6, type Upper } from "#fastpath/testing/packet";
import {
  GATEWAY_ADDRESS,
  OUTSIDE_HOP_MAC,
  OUTSIDE_HOP_MAC_6,
  OUTSIDE_MAC,
  OWN_6,
  OWN_LINK_LOCAL,
  SmallGateway,
  type SmallGatewayOptions,
} from "#fastpath/testing/small-gateway";
import { BLUE, FABRIC_ROUTER, HOMES, hostAddress, KEY, MAG, RED } from "#fastpath/testing/small-router";
import { syn, tunnelled } from "#fastpath/testing/tunnel-packets";
import { NEIGHBOR_SOLICITATION } from "#wire/icmp6";
import { solicitedNode, writeNd } from "#wire/nd";

const ip = (text: string): Uint8Array => parseIpv6(text)!;
const HOST = ip("2001:db8:cafe::9");
/** Blue's, whose addresses are public; red's are not. */
const VM = hostAddress(1, BLUE, 5);
const RED_VM = hostAddress(1, RED, 5);
const BROUGHT = ip("2001:db8:70::7");
const BROUGHT_PRIVATELY = ip("2001:db8:71::7");
const ROUTER_OUTSIDE = ip("2001:db8:cafe::1");
/** The home of the address that blue brought. */
const HOME_OF_BROUGHT = (() => {
  const home = HOMES[tenantHomeOf({ key: KEY, homes: HOMES }, BLUE, BROUGHT)]!.slice();
  home[15] = 1;
  return home;
})();
const udp: Upper = { kind: "udp", source: 7, destination: 53, data: counting(40) };
const gateway = (options: SmallGatewayOptions = {}): SmallGateway => new SmallGateway({ speaksIpv6: true, ...options });
const packet = (source: Uint8Array, destination: Uint8Array, more: Partial<Ip6> = {}): Uint8Array =>
  build6({ source, destination, upper: udp, hopLimit: 60, ...more });
const error = (type: number, quoted: Uint8Array, rest = 0): Upper => ({ kind: "icmp", type, rest, body: quoted });
/** Without the outer flow label, which hashes what is inside. */
const inTunnel = (inner: Uint8Array, to: Uint8Array): Uint8Array =>
  unlabelled(tunnelled(inner, { source: GATEWAY_ADDRESS, destination: to, key: BLUE }));

describe.each([
  ["with a flow cache", 1024],
  ["without one", 0],
] as const)("%s", (_, cacheEntries) => {
  test("a public address of the fabric's leaves and is reached as it is, tags and all (RFC 8200 §3)", () => {
    const g = gateway({ cacheEntries });
    for (let i = 0; i < 3; i++) {
      expect(only(g.fromFabric(packet(VM, HOST)), 1)).toEqual(packet(VM, HOST, { hopLimit: 59 }));
      expect(only(g.fromOutside(packet(HOST, VM)), 0)).toEqual(packet(HOST, VM, { hopLimit: 59 }));
    }
    expect(g.sent[0]!.octets.slice(0, 12)).toEqual(Uint8Array.of(...OUTSIDE_HOP_MAC_6, ...OUTSIDE_MAC));
    expect<unknown[]>([g.endings(0), g.endings(1)]).toEqual([{ "to-outside": 3 }, { "to-fabric": 3 }]);
  });

  test("one that a tenant brought is reached in a tunnel: by its home, and where it is as soon as that is known", () => {
    const g = gateway({ cacheEntries });
    const inner = packet(HOST, BROUGHT, { hopLimit: 59 });
    for (let i = 0; i < 2; i++)
      expect(unlabelled(only(g.fromOutside(packet(HOST, BROUGHT)), 0))).toEqual(inTunnel(inner, HOME_OF_BROUGHT));
    g.bind(BLUE, BROUGHT);
    for (let i = 0; i < 2; i++)
      expect(unlabelled(only(g.fromOutside(packet(HOST, BROUGHT)), 0))).toEqual(inTunnel(inner, MAG));
    expect(only(g.fromFabric(packet(BROUGHT, HOST)), 1)).toEqual(packet(BROUGHT, HOST, { hopLimit: 59 }));
  });

  test("one of the fabric's that has moved is followed by its binding", () => {
    const g = gateway({ cacheEntries });
    only(g.fromOutside(packet(HOST, VM)), 0);
    g.bind(BLUE, VM);
    const inner = packet(HOST, VM, { hopLimit: 59 });
    for (let i = 0; i < 2; i++)
      expect(unlabelled(only(g.fromOutside(packet(HOST, VM)), 0))).toEqual(inTunnel(inner, MAG));
  });
});

test("too big, and used-up hop limits: told to both sides by the gateway's own addresses (RFC 4443 §3.2, §3.3)", () => {
  const g = gateway({ outsideMtu: 1400 });
  const large: Partial<Ip6> = { upper: { ...udp, data: counting(1452) } as Upper };
  const told = only(g.fromFabric(packet(VM, HOST, large)), 0);
  expect<unknown[]>([told.slice(8, 24), told.slice(24, 40), told[40], u32(told, 44)]).toEqual([
    GATEWAY_ADDRESS,
    VM,
    2,
    1400,
  ]);
  const tunnel = only(g.fromFabric(packet(BROUGHT, HOST, large)), 0);
  expect<unknown[]>([tunnel[6], tunnel.slice(24, 40), u32(tunnel, 44)]).toEqual([47, HOME_OF_BROUGHT, BLUE]);
  expect<unknown[]>([tunnel.slice(48 + 24, 48 + 40), tunnel[48 + 40], u32(tunnel, 48 + 44)]).toEqual([
    BROUGHT,
    2,
    1400,
  ]);
  const late = only(g.fromOutside(packet(HOST, VM, { hopLimit: 1 })), 1);
  expect<unknown[]>([late.slice(8, 24), late.slice(24, 40), late[40]]).toEqual([OWN_6, HOST, 3]);
  const narrow = gateway({ uplinkMtu: 1480 });
  expect(u32(only(narrow.fromOutside(packet(HOST, VM, large)), 1), 44)).toBe(1480);
  expect(u32(only(narrow.fromOutside(packet(HOST, BROUGHT, large)), 1), 44)).toBe(1432);
});

test("a SYN into a tunnel has its MSS lowered to what fits, others are left alone", () => {
  const g = gateway();
  const mss = (sent: Uint8Array, at: number): number => u16(sent, at + 40 + 22);
  expect(mss(only(g.fromOutside(packet(HOST, BROUGHT, { upper: syn(1440) })), 0), 48)).toBe(1392);
  expect(mss(only(g.fromOutside(packet(HOST, VM, { upper: syn(1440) })), 0), 0)).toBe(1440);
});

test("errors pass both ways when they quote a packet of whom they are for (RFC 5927 §4.1)", () => {
  const g = gateway();
  for (const inside of [VM, BROUGHT]) {
    const fromRouter = packet(ROUTER_OUTSIDE, inside, { upper: error(2, packet(inside, HOST), 1300) });
    expect(g.fromOutside(fromRouter).map(({ port }) => port)).toEqual([0]);
    const back = packet(inside, HOST, { upper: error(1, packet(HOST, inside)) });
    expect(only(g.fromFabric(back), 1)).toEqual(
      packet(inside, HOST, { upper: error(1, packet(HOST, inside)), hopLimit: 59 }),
    );
    const byFabric = packet(FABRIC_ROUTER, HOST, { upper: error(3, packet(HOST, inside)) });
    expect(only(g.fromFabric(byFabric), 1).slice(8, 40)).toEqual(Uint8Array.of(...FABRIC_ROUTER, ...HOST));
    const strange = packet(ROUTER_OUTSIDE, inside, { upper: error(2, packet(RED_VM, HOST), 1300) });
    expect(g.fromOutside(strange)).toEqual([]);
    expect(g.fromFabric(packet(inside, HOST, { upper: error(1, packet(ROUTER_OUTSIDE, inside)) }))).toEqual([]);
  }
  expect<unknown[]>([g.endings(0)["bad-embedded"], g.endings(1)["bad-embedded"]]).toEqual([2, 2]);
});

test("what a fabric router says to an address that a tenant brought comes to a gateway, which knows where that is", () => {
  const g = gateway();
  g.bind(BLUE, BROUGHT);
  const words = { upper: error(2, packet(BROUGHT, HOST), 1400) };
  const sent = only(g.fromFabric(packet(FABRIC_ROUTER, BROUGHT, words)), 0);
  expect(unlabelled(sent)).toEqual(inTunnel(packet(FABRIC_ROUTER, BROUGHT, { ...words, hopLimit: 59 }), MAG));
  for (const [source, upper] of [
    [FABRIC_ROUTER, udp],
    [VM, udp],
    [FABRIC_ROUTER, error(2, packet(VM, HOST))],
  ] as const)
    expect(g.fromFabric(packet(source, BROUGHT, { upper }))).toHaveLength(source === VM ? 1 : 0); // VMs are told so
  expect(g.endings(0)).toMatchObject({ "infrastructure-source": 1, "inside-destination": 1, "bad-embedded": 1 });
});

describe("what must not pass", () => {
  const fromOutside: readonly (readonly [ending: string, packet: Uint8Array])[] = [
    ["inside-source", packet(RED_VM, VM)],
    ["inside-source", packet(FABRIC_ROUTER, VM)],
    ["inside-source", packet(BROUGHT, VM)],
    ["inside-source", packet(BROUGHT_PRIVATELY, VM)],
    ["inside-source", packet(OWN_6, VM)],
    ["outside-stray", packet(HOST, RED_VM)],
    ["outside-stray", packet(HOST, BROUGHT_PRIVATELY)],
    ["outside-stray", packet(HOST, FABRIC_ROUTER)],
    ["outside-stray", packet(HOST, ip("2001:db8:99::1"))],
    ["outside-stray", packet(HOST, ip("2001:db8:a1:1:0:401:a00:5"))], // an IPv4 host's
    ["link-local", packet(ip("fe80::9"), VM)],
    ["link-local", packet(HOST, ip("fe80::9"))],
    ["no-listener", packet(HOST, OWN_6)],
    ["punt-local", packet(HOST, OWN_LINK_LOCAL, { upper: { kind: "icmp", type: 128 } })],
  ];
  test.each(fromOutside)("from outside: %s", (ending, octets) => {
    const g = gateway();
    g.fromOutside(octets);
    expect(g.endings(1)).toEqual({ [ending]: 1 });
  });

  const fromFabric: readonly (readonly [ending: string, packet: Uint8Array])[] = [
    ["private-source", packet(RED_VM, HOST)],
    ["outside-source", packet(BROUGHT_PRIVATELY, HOST)],
    ["outside-source", packet(ROUTER_OUTSIDE, HOST)],
    ["infrastructure-source", packet(FABRIC_ROUTER, HOST)],
    ["inside-destination", packet(VM, BROUGHT_PRIVATELY)],
    ["inside-destination", packet(VM, BROUGHT)],
    ["outside-source", packet(HOST, ip("2001:db8:a1:fe:0:1:c000:209"))],
  ];
  test.each(fromFabric)("from the fabric: %s", (ending, octets) => {
    const g = gateway();
    g.fromFabric(octets);
    expect(g.endings(0)[ending]).toBe(1);
    expect(g.sent.every(({ port }) => port === 0)).toBe(true);
  });

  test("other MACs and groups; and what is said of neighbors is for the control thread (RFC 4861 §7.1)", () => {
    const g = gateway();
    g.offer(1, framed(packet(HOST, VM), OUTSIDE_HOP_MAC, OUTSIDE_MAC));
    g.offer(1, framed(packet(HOST, ip("ff0e::1")), Uint8Array.of(0x33, 0x33, 0, 0, 0, 1), OUTSIDE_HOP_MAC));
    const message = {
      type: NEIGHBOR_SOLICITATION,
      target: OWN_6,
      options: { sourceLinkLayer: OUTSIDE_HOP_MAC },
    } as const;
    const asked = writeNd({ source: ip("fe80::60"), destination: solicitedNode(OWN_6), message });
    g.offer(1, framed(asked, Uint8Array.of(0x33, 0x33, 0xff, 0, 0, 2), OUTSIDE_HOP_MAC));
    expect(g.endings(1)).toEqual({ "wrong-mac": 1, multicast: 1, "punt-nd": 1 });
  });

  test("anything of IPv6 at a gateway that speaks IPv4 alone there", () => {
    const g = new SmallGateway();
    g.fromOutside(packet(HOST, VM));
    g.fromFabric(packet(VM, HOST));
    expect<unknown[]>([g.endings(1)["outside-ipv6"], g.endings(0)["inside-destination"]]).toEqual([1, 1]);
  });
});
