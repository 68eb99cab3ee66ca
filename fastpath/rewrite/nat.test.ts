/** A gateway's packets before and after, whole; every checksum of what is expected is the naive sum's (plain-checksum.ts). */
import { expect, test } from "bun:test";
import { parseIpv4, parseIpv6 } from "#base/address";
import { u16 } from "#base/bytes";
import { nextBelow, nextOctets, nextU32, type Random } from "#base/random";
import { type NatDecision, NatRewriter } from "#fastpath/testing/nat-rewrite";
import {
  build4,
  build6,
  counting,
  fragments4,
  fragments6,
  type Ip4,
  type Ip6,
  together,
  type Upper,
} from "#fastpath/testing/packet";
import { withSeed } from "#fastpath/testing/with-seed";
import { BAD_TRANSPORT, UDP_ZERO_CHECKSUM } from "#fastpath/verdicts";

const INSIDE = parseIpv6("2001:db8:a1:1:0:401:a00:5")!;
const INSIDE_PORT = 40_000;
const OTHER = parseIpv6("2001:db8:a1:2:0:801:a00:9")!;
const OTHER_PORT = 9000;
const REMOTE = parseIpv4("8.8.8.8")!;
const OUTSIDE_PREFIX = parseIpv6("2001:db8:64::")!;
/** An outside host as the fabric sees it: prefix ‖ tags 1 ‖ IPv4. */
const outside = (ipv4: Uint8Array): Uint8Array => together(OUTSIDE_PREFIX.slice(0, 8), Uint8Array.of(0, 0, 0, 1), ipv4);
const POOL = parseIpv4("203.0.113.1")!;
const PORT = 5000;
const SECOND_PORT = 6000;

const six = (upper: Upper, more: Partial<Ip6> = {}): Uint8Array =>
  build6({ source: INSIDE, destination: outside(REMOTE), upper, hopLimit: 60, ...more });
const four = (upper: Upper, more: Partial<Ip4> = {}): Uint8Array =>
  build4({ source: REMOTE, destination: POOL, upper, ttl: 50, ...more });

/** What a gateway makes of a packet from the inside end … */
const out = { way: "6→4", source: POOL, destination: REMOTE } as const;
/** … and of one for it. */
const into = { way: "4→6", source: outside(REMOTE), destination: INSIDE } as const;
const outPorts = [PORT, 53] as const;
const intoPorts = [53, INSIDE_PORT] as const;

const rewriter = new NatRewriter();

/** IPv4 without the identification that the router numbered it with (RFC 7915 §5.1). */
function unnumbered(packet: Uint8Array): Uint8Array {
  const identification = u16(packet, 4);
  const copy = packet.slice();
  copy.set([0, 0], 4);
  const sum = u16(copy, 10) + identification;
  const checksum = sum > 0xffff ? sum - 0xffff : sum;
  copy.set([checksum >> 8, checksum & 0xff], 10);
  return copy;
}

function expectOut(packet: Uint8Array, decision: object, wanted: Uint8Array): void {
  const result = rewriter.rewrite(packet, { ...out, ...decision });
  expect(result).toBeInstanceOf(Uint8Array);
  expect(unnumbered(result as Uint8Array)).toEqual(unnumbered(wanted));
}

const sent = (upper: Upper, more: Partial<Ip4> = {}): Uint8Array =>
  build4({ source: POOL, destination: REMOTE, upper, ttl: 59, ...more });
const delivered = (upper: Upper, more: Partial<Ip6> = {}): Uint8Array =>
  build6({ source: outside(REMOTE), destination: INSIDE, upper, hopLimit: 49, ...more });

const data = counting(37, 3);
const udp = (source: number, destination: number, more: object = {}): Upper => ({
  kind: "udp",
  source,
  destination,
  data,
  ...more,
});
const tcp = (source: number, destination: number, more: object = {}): Upper => ({
  kind: "tcp",
  source,
  destination,
  sequence: 77,
  data,
  ...more,
});
const echo4 = (type: number, id: number): Upper => ({ kind: "icmp", type, rest: ((id << 16) | 9) >>> 0, body: data });

test("TCP and UDP leave with the outside port and checksums that hold: RFC 7915 §5.5, RFC 3022 §4.1", () => {
  expectOut(six(tcp(INSIDE_PORT, 53)), { ports: outPorts }, sent(tcp(PORT, 53)));
  expectOut(six(udp(INSIDE_PORT, 53)), { ports: outPorts }, sent(udp(PORT, 53)));
});

test("TCP and UDP come back to the inside port: RFC 7915 §4.5", () => {
  expect(rewriter.rewrite(four(tcp(53, PORT)), { ...into, ports: intoPorts })).toEqual(delivered(tcp(53, INSIDE_PORT)));
  expect(rewriter.rewrite(four(udp(53, PORT)), { ...into, ports: intoPorts })).toEqual(delivered(udp(53, INSIDE_PORT)));
});

test("a floating address changes addresses alone", () => {
  expectOut(six(tcp(INSIDE_PORT, 53)), {}, sent(tcp(INSIDE_PORT, 53)));
  expect(rewriter.rewrite(four(udp(53, 99)), into)).toEqual(delivered(udp(53, 99)));
});

test("a wrong checksum stays wrong, for the receiver to see: RFC 1624", () => {
  const packet = six(tcp(INSIDE_PORT, 53, { checksum: "wrong" }));
  const right = sent(tcp(PORT, 53));
  const result = unnumbered(rewriter.rewrite(packet, { ...out, ports: outPorts }) as Uint8Array);
  expect(result.slice(0, 36)).toEqual(unnumbered(right).slice(0, 36));
  expect(u16(result, 36)).not.toBe(u16(right, 36));
});

test("UDP without a checksum gets one into the fabric, and is refused in fragments, and out of it: RFC 7915 §4.5", () => {
  const without = udp(53, PORT, { checksum: 0 });
  expect(rewriter.rewrite(four(without), { ...into, ports: intoPorts })).toEqual(delivered(udp(53, INSIDE_PORT)));
  const first = four(without, { moreFragments: true });
  expect(rewriter.rewrite(first, { ...into, ports: intoPorts })).toBe(UDP_ZERO_CHECKSUM);
  expect(rewriter.rewrite(six(udp(1, 2, { checksum: 0 })), { ...out, ports: outPorts })).toBe(UDP_ZERO_CHECKSUM);
});

test("a partial checksum covers no ports, and is left for who finishes it", () => {
  const partial = { checksum: "partial" } as const;
  for (const upper of [tcp, udp]) {
    expectOut(six(upper(INSIDE_PORT, 53, partial)), { ports: outPorts, partial: true }, sent(upper(PORT, 53, partial)));
    expect(rewriter.rewrite(four(upper(53, PORT, partial)), { ...into, ports: intoPorts, partial: true })).toEqual(
      delivered(upper(53, INSIDE_PORT, partial)),
    );
  }
});

test("an echo's identifier is changed like a port: RFC 5508 §3.1, RFC 7915 §4.2, §5.2", () => {
  for (const own of [INSIDE_PORT, 0, 65535]) {
    expectOut(six(echo4(128, own)), { identifier: PORT }, sent(echo4(8, PORT)));
    expect(rewriter.rewrite(four(echo4(0, PORT)), { ...into, identifier: own })).toEqual(delivered(echo4(129, own)));
  }
});

test("only the first fragment has ports; its checksum is that of the whole datagram: RFC 7915 §4.1, §5.1", () => {
  const whole6 = { source: INSIDE, destination: outside(REMOTE), upper: udp(INSIDE_PORT, 53), hopLimit: 60 };
  const wanted4 = fragments4(
    { source: POOL, destination: REMOTE, upper: udp(PORT, 53), ttl: 59, identification: 77 },
    24,
  );
  fragments6(whole6, 24, 77).forEach((piece, i) => {
    expect(rewriter.rewrite(piece, { ...out, ports: outPorts })).toEqual(wanted4[i]!);
  });
  const whole4 = { source: REMOTE, destination: POOL, upper: udp(53, PORT), ttl: 50, identification: 78 };
  const reply = { source: outside(REMOTE), destination: INSIDE, upper: udp(53, INSIDE_PORT), hopLimit: 49 };
  const wanted6 = fragments6(reply, 24, 78);
  fragments4(whole4, 24).forEach((piece, i) => {
    expect(rewriter.rewrite(piece, { ...into, ports: intoPorts })).toEqual(wanted6[i]!);
  });
});

// ---- ICMP errors ----

const unreachable = (version: 4 | 6, quoted: Uint8Array): Upper => ({
  kind: "icmp",
  type: version === 4 ? 3 : 1,
  code: version === 4 ? 3 : 4,
  body: quoted,
});

/** What was sent, as the outside saw it and as the inside did: with ports, or an identifier. */
function sentPair(kind: "udp" | "tcp" | "echo"): { outside: Uint8Array; inside: Uint8Array; ends: object } {
  const upper = (port: number, version: 4 | 6): Upper =>
    kind === "udp" ? udp(port, 53) : kind === "tcp" ? tcp(port, 53) : echo4(version === 4 ? 8 : 128, port);
  return {
    outside: build4({ source: POOL, destination: REMOTE, upper: upper(PORT, 4), ttl: 3 }),
    inside: six(upper(INSIDE_PORT, 6), { hopLimit: 3 }),
    ends: kind === "echo" ? { identifier: INSIDE_PORT } : { ports: [INSIDE_PORT, 53] },
  };
}

for (const kind of ["udp", "tcp", "echo"] as const) {
  test(`an error from outside quotes the packet as the inside end sent it (${kind}): RFC 5508 §4.2 REQ-4, RFC 7915 §4.3`, () => {
    const pair = sentPair(kind);
    const router = parseIpv4("198.51.100.1")!;
    const decision = {
      ...into,
      source: outside(router),
      quoted: [INSIDE, outside(REMOTE)] as const,
      ...pair.ends,
    };
    expect(rewriter.rewrite(four(unreachable(4, pair.outside), { source: router }), decision)).toEqual(
      delivered(unreachable(6, pair.inside), { source: outside(router) }),
    );
    // Quoted no further than the ports: RFC 792. What is there is right, the lengths are the whole packet's.
    const cut = rewriter.rewrite(four(unreachable(4, pair.outside.slice(0, 28)), { source: router }), decision);
    const wanted = delivered(unreachable(6, pair.inside.slice(0, 48)), { source: outside(router) });
    expect(cut).toEqual(wanted);
  });

  test(`an error from inside quotes the packet as the outside sent it (${kind}): RFC 5508 §4.2 REQ-5, RFC 7915 §5.3`, () => {
    const upper = (port: number, version: 4 | 6): Upper =>
      kind === "udp" ? udp(53, port) : kind === "tcp" ? tcp(53, port) : echo4(version === 4 ? 0 : 129, port);
    const inside = delivered(upper(INSIDE_PORT, 6));
    const fromOutside = four(upper(PORT, 4), { ttl: 49 });
    const decision = { quoted: [REMOTE, POOL], ...(kind === "echo" ? { identifier: PORT } : { ports: [53, PORT] }) };
    expectOut(six(unreachable(6, inside)), decision, sent(unreachable(4, fromOutside)));
    expectOut(six(unreachable(6, inside.slice(0, 48))), decision, sent(unreachable(4, fromOutside.slice(0, 28))));
  });
}

test("an error about a floating address's packet changes the quoted addresses alone", () => {
  const inside = delivered(udp(53, 99));
  expectOut(
    six(unreachable(6, inside), { source: parseIpv6("2001:db8:a1:1::1")! }),
    { source: parseIpv4("192.0.0.8")!, quoted: [REMOTE, POOL] },
    sent(unreachable(4, four(udp(53, 99), { ttl: 49 })), { source: parseIpv4("192.0.0.8")! }),
  );
});

test("an error that is not whole is refused as it came: RFC 5508 §4.1 REQ-3", () => {
  const wrong = { ...unreachable(4, sentPair("udp").outside), checksum: "wrong" } as Upper;
  expect(rewriter.rewrite(four(wrong), { ...into, quoted: [INSIDE, outside(REMOTE)], ports: [1, 2] })).toBe(
    BAD_TRANSPORT,
  );
  const wrong6 = { ...unreachable(6, delivered(udp(53, INSIDE_PORT))), checksum: "wrong" } as Upper;
  expect(rewriter.rewrite(six(wrong6), { ...out, quoted: [REMOTE, POOL], ports: [1, 2] })).toBe(BAD_TRANSPORT);
});

// ---- hairpinning ----

const hairpin = { way: "6→6", source: outside(POOL), destination: OTHER } as const;
const asked = (upper: Upper, hopLimit = 60): Uint8Array => six(upper, { destination: outside(POOL), hopLimit });
const seen = (upper: Upper, hopLimit = 59): Uint8Array =>
  build6({ source: outside(POOL), destination: OTHER, upper, hopLimit });

test("between two inside ends each is seen by its outside end: RFC 4787 §6 REQ-9, RFC 5508 §3.3", () => {
  const ports = [PORT, OTHER_PORT] as const;
  for (const upper of [tcp, udp])
    expect(rewriter.rewrite(asked(upper(INSIDE_PORT, SECOND_PORT)), { ...hairpin, ports })).toEqual(
      seen(upper(PORT, OTHER_PORT)),
    );
  expect(rewriter.rewrite(asked(echo4(129, INSIDE_PORT)), { ...hairpin, identifier: OTHER_PORT })).toEqual(
    seen(echo4(129, OTHER_PORT)),
  );
});

test("an error between two inside ends quotes what its receiver sent: RFC 5508 §4.4 REQ-7", () => {
  // The other end, which refuses, saw the packet come from the pool's PORT; it was sent to the pool's SECOND_PORT.
  const got = build6({ source: outside(POOL), destination: OTHER, upper: udp(PORT, OTHER_PORT), hopLimit: 58 });
  const error = build6({ source: OTHER, destination: outside(POOL), upper: unreachable(6, got), hopLimit: 60 });
  const was = build6({
    source: INSIDE,
    destination: outside(POOL),
    upper: udp(INSIDE_PORT, SECOND_PORT),
    hopLimit: 58,
  });
  const decision = {
    way: "6→6",
    source: outside(POOL),
    destination: INSIDE,
    quoted: [INSIDE, outside(POOL)],
    ports: [INSIDE_PORT, SECOND_PORT],
  } as const;
  expect(rewriter.rewrite(error, decision)).toEqual(
    build6({ source: outside(POOL), destination: INSIDE, upper: unreachable(6, was), hopLimit: 59 }),
  );
  const wrong = { ...unreachable(6, got), checksum: "wrong" } as Upper;
  expect(rewriter.rewrite(build6({ source: OTHER, destination: outside(POOL), upper: wrong }), decision)).toBe(
    BAD_TRANSPORT,
  );
});

// ---- out and back ----

/** Ports or an identifier. */
type Ends = Pick<NatDecision, "ports" | "identifier">;

/** A packet of the inside end, its own ports or identifier, and what they are outside. */
function randomCase(random: Random): { ip: Ip6; own: Ends; other: Ends } {
  const data = nextOctets(random, nextBelow(random, 1200));
  const [source, destination, port] = [1, 2, 3].map(() => 1 + nextBelow(random, 65535)) as [number, number, number];
  const kind = nextBelow(random, 3);
  const isEcho = kind === 2;
  const echo: Upper = {
    kind: "icmp",
    type: 128 + nextBelow(random, 2),
    rest: source * 65536 + destination,
    body: data,
  };
  const segment: Upper = {
    ...{ kind: "tcp", source, destination, data },
    ...{ sequence: nextU32(random), flags: nextBelow(random, 64) },
  };
  const upper: Upper = isEcho ? echo : kind === 1 ? { kind: "udp", source, destination, data } : segment;
  const inside = nextOctets(random, 16).fill(0x20, 0, 1);
  const remote = nextOctets(random, 4).fill(9, 0, 1);
  return {
    ip: { source: inside, destination: outside(remote), upper, hopLimit: 64, flowLabel: nextBelow(random, 1 << 20) },
    own: isEcho ? { identifier: source } : { ports: [source, destination] },
    other: isEcho ? { identifier: port } : { ports: [port, destination] },
  };
}

test("out of the fabric and back again a packet is what it was, two hops on: RFC 1624 §3", () => {
  withSeed((random) => {
    for (let i = 0; i < 3000; i++) {
      const { ip, own, other } = randomCase(random);
      const pool = nextOctets(random, 4).fill(77, 0, 1);
      const cut = nextBelow(random, 4) === 0 && build6(ip).length > 40 + 256;
      const pieces = cut ? fragments6(ip, 256, 1 + nextBelow(random, 65535)) : [build6(ip)];
      for (const piece of pieces) {
        const remote = ip.destination.slice(12);
        const over = rewriter.rewrite(piece, { way: "6→4", source: pool, destination: remote, ...other });
        expect(over).toBeInstanceOf(Uint8Array);
        const decision = { way: "4→6", source: ip.source, destination: ip.destination, ...own } as const;
        const returned = rewriter.rewrite(over as Uint8Array, { ...decision, flowLabel: ip.flowLabel! });
        const wanted = piece.slice();
        wanted[7]! -= 2;
        expect(returned).toEqual(wanted);
      }
    }
  });
});
