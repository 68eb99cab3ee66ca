/**
 * Whatever IPv6 comes to a gateway, from the fabric or from outside, ends in exactly one way, the flow cache changes nothing
 * of it, and what leaves is from a public address to one outside, or the other way round (docs/gateway.md).
 */
import { expect, test } from "bun:test";
import { contains, formatIpv6, parseIpv6, parsePrefix6 } from "#base/address";
import { u32 } from "#base/bytes";
import { C_ERRORS_SENT, portCounters } from "#fastpath/counters";
import { chance, fromSeed, pick } from "#fastpath/testing/choices";
import { describe as inWords } from "#fastpath/testing/describe";
import { generate6, type Hosts } from "#fastpath/testing/generate";
import { FLOATING_HOST, GATEWAY_ADDRESS, inside, outside, PUBLIC, SmallGateway } from "#fastpath/testing/small-gateway";
import { BLUE, FABRIC_ROUTER, hostAddress, RED } from "#fastpath/testing/small-router";
import { PROTOCOL_GRE } from "#wire/protocol";

const SEED = Number(process.env.SEED ?? Math.floor(Math.random() * 2 ** 31));
const RUNS = 6000;
const ip = (text: string): Uint8Array => parseIpv6(text)!;
const FABRIC = parsePrefix6("2001:db8:a1::/48")!;
const BROUGHT = parsePrefix6("2001:db8:70::/48")!;
const PRIVATE = parsePrefix6("2001:db8:71::/48")!;
const [VM, MINE] = [hostAddress(1, BLUE, 5), ip("2001:db8:70::7")];
const OUTSIDERS = ["2001:db8:cafe::9", "2001:db8:cafe::1", "2a00::1"].map(ip);
const WRONG = [
  ...["::1", "::", "ff02::1", "fe80::9", "2001:db8:71::7", "fd00::1", "2001:db8:a1:9::1"].map(ip),
  ...[hostAddress(1, RED, 5), inside(BLUE, FLOATING_HOST), outside(PUBLIC), FABRIC_ROUTER, VM, MINE, ...OUTSIDERS],
];

/** Who is what to whom: `vm6` is who packets are for (generate.ts). */
const hosts = (vm6: Uint8Array, peers: readonly Uint8Array[]): Hosts => ({
  ...{ vm6, vm4: PUBLIC, wrong4: [PUBLIC], wrong6: WRONG, routers6: [FABRIC_ROUTER] },
  peers: peers.map((ipv6) => ({ ipv4: PUBLIC, ipv6 })),
});

const isPublic = (address: Uint8Array): boolean =>
  contains(BROUGHT, address) ||
  (contains(FABRIC, address) && u32(address, 8) === BLUE && u32(address, 12) <= 0xff_ffff);
const isOutside = (address: Uint8Array): boolean =>
  ![FABRIC, BROUGHT, PRIVATE].some((prefix) => contains(prefix, address));
const isRouters = (address: Uint8Array): boolean => contains(FABRIC, address) && u32(address, 8) === 0;

/** The packet with its ends, out of the tunnel that it may be in. */
function endsOf(packet: Uint8Array): { from: Uint8Array; to: Uint8Array } {
  const isTunnel = packet[6] === PROTOCOL_GRE && Buffer.compare(packet.slice(8, 24), GATEWAY_ADDRESS) === 0;
  const inner = isTunnel ? packet.slice(48) : packet;
  return { from: inner.slice(8, 24), to: inner.slice(24, 40) };
}

/** Fails with what is wrong about a packet that was sent by `to` because of one by `from`; from fabric to fabric all are routed. */
function check(ports: { from: number; to: number }, packet: Uint8Array, sender: Uint8Array): void {
  if (packet[0]! >> 4 !== 6 || (ports.from === 0 && ports.to === 0)) return; // IPv4 is gateway.test.ts's
  const { from, to } = endsOf(packet);
  const text = `${formatIpv6(from)} > ${formatIpv6(to)} by ${ports.to}`;
  if (ports.from === ports.to)
    expect(to, text).toEqual(sender); // an error
  else if (ports.to === 1) expect((isPublic(from) || isRouters(from)) && isOutside(to), text).toBe(true);
  else expect(isOutside(from) && isPublic(to), text).toBe(true);
}

test("any packet from either side", () => {
  const [cached, plain] = [1024, 0].map((cacheEntries) => new SmallGateway({ speaksIpv6: true, cacheEntries }));
  const sum = (g: SmallGateway, port: number): number => Object.values(g.endings(port)).reduce((a, b) => a + b, 0);
  const count = [0, 0];
  const met = new Set<string>();
  for (let i = 0; i < RUNS; i++) {
    const c = fromSeed(SEED + i);
    const port = chance(c, 50) ? 1 : 0;
    const wish = { hosts: port === 1 ? hosts(pick(c, [VM, MINE]), OUTSIDERS) : hosts(pick(c, OUTSIDERS), [VM, MINE]) };
    const packet = generate6(c, { ...wish, mtu: 1500, broken: pick(c, [0, 5, 30]) });
    const why = `SEED=${SEED + i} port ${port}: ${inWords(packet)}`;
    const offer = (g: SmallGateway) => (port === 1 ? g.fromOutside(packet) : g.fromFabric(packet));
    for (let again = 0; again < 2; again++) {
      const [one, other] = [offer(cached!), offer(plain!)];
      expect(one, why).toEqual(other);
      if (packet.length < 40) continue;
      for (const sent of one) {
        try {
          check({ from: port, to: sent.port }, sent.packet, packet.slice(8, 24));
        } catch (error) {
          throw new Error(why, { cause: error });
        }
      }
    }
    count[port]! += 2;
    // Into the fabric the gateway's own errors end like any packet, and are counted where what they are about came from.
    const errors = port === 0 ? plain!.engine.counters[portCounters(0) + C_ERRORS_SENT]! : 0;
    expect(sum(plain!, port) - errors, why).toBe(count[port]!);
    for (const each of [0, 1]) for (const name of Object.keys(plain!.endings(each))) met.add(`${each} ${name}`);
    if (i % 50 === 49) for (const g of [cached!, plain!]) for (let k = 0; k < 20; k++) g.engine.tick(); // errors may go on
  }
  for (const name of [
    "0 to-outside",
    "1 to-fabric",
    "1 inside-source",
    "0 private-source",
    "1 outside-stray",
    "0 too-big",
  ])
    expect(met.has(name), `${name}, SEED=${SEED}`).toBe(true);
});
