/** RFC 7915 §4.3, §4.4 and RFC 4884: ICMPv4 errors with what they quote, and the errors that are sent here. */
import {
  build4,
  build6,
  counting,
  type Icmp,
  type Ip4,
  type Ip6,
  together,
  type Upper,
} from "#fastpath/testing/packet";
import { answered, becomes, dropped, extensionOf, type GoldenCase, outbound, patched } from "./case";
import { fromVm, gatewayError, PEER, PEER6, toFabric, UNREACHABLE, VM, VM6 } from "./world";

const udp: Upper = { kind: "udp", data: counting(600) };
const tcp: Upper = { kind: "tcp", flags: 24, data: counting(100) };
const echo: Icmp = { kind: "icmp", type: 8, rest: 0x00010002, body: counting(40) };

const heard4 = (upper: Upper, more: Partial<Ip4> = {}): Uint8Array =>
  build4({ source: PEER, destination: VM, ttl: 61, tos: 0x10, upper, ...more });
const heard6 = (upper: Upper, more: Partial<Ip6> = {}): Uint8Array =>
  build6({ source: PEER6, destination: VM6, hopLimit: 61, trafficClass: 0x10, upper, ...more });

/** The VM finds a port closed; `rest` is the word before the quoted packet. */
const closed = (body: Uint8Array, rest = 0): Uint8Array => fromVm({ kind: "icmp", type: 3, code: 3, rest, body });
const closed6 = (body: Uint8Array, rest = 0): Uint8Array => toFabric({ kind: "icmp", type: 1, code: 4, rest, body });
const quotes = (before: Uint8Array, after: Uint8Array) => becomes(closed(before), closed6(after));

const first = { identification: 0x77, moreFragments: true };
const first6 = { extensions: [{ header: 44, offset: 0, more: true, identification: 0x77 }] } as const;
const piece: Upper = { kind: "raw", protocol: 17, data: counting(64) };
const icmpPiece = (protocol: number): Upper => ({ kind: "raw", protocol, data: counting(64) });

const extension = extensionOf(4);
const long4 = heard4(udp);
const long6 = heard6(udp);
const zeros = (count: number) => new Uint8Array(count);
/** RFC 4884: the length octets, ICMPv4's in 32-bit words, ICMPv6's in 64-bit words. */
const words4 = (octets: number) => (octets / 4) << 16;
const words6 = (octets: number) => (octets / 8) * 2 ** 24;
const manyOptions = { options: new Uint8Array(40).fill(1) };

const EMBEDDED: readonly GoldenCase[] = [
  outbound("4.3-quoted-whole", "The quoted packet is translated too, its TTL as it was", [
    quotes(heard4(udp), heard6(udp)),
    quotes(heard4(tcp), heard6(tcp)),
    quotes(heard4({ ...echo }), heard6({ ...echo, type: 128 })),
    quotes(heard4({ ...echo, type: 0 }), heard6({ ...echo, type: 129 })),
    quotes(heard4(icmpPiece(47)), heard6(icmpPiece(47))),
    quotes(heard4(udp, { ttl: 0 }), heard6(udp, { hopLimit: 0 })),
  ]),
  outbound(
    "4.3-quoted-cut",
    "however short it was cut",
    [0, 1, 2, 4, 6, 8, 9, 16, 18, 20, 28, 60].flatMap((kept) => [
      quotes(heard4(udp).slice(0, 20 + kept), heard6(udp).slice(0, 40 + kept)),
      quotes(heard4(tcp).slice(0, 20 + kept), heard6(tcp).slice(0, 40 + kept)),
    ]),
  ),
  outbound("4.3-quoted-echo-cut", "A quoted echo's type is translated as soon as it is there", [
    ...[1, 2, 4, 8, 20].map((kept) =>
      quotes(heard4(echo).slice(0, 20 + kept), heard6({ ...echo, type: 128 }).slice(0, 40 + kept)),
    ),
    dropped(closed(heard4(echo).slice(0, 20)), "icmp-untranslatable"),
  ]),
  outbound("4.3-quoted-options", "Options in the quoted header fall away", [
    quotes(heard4(udp, manyOptions), heard6(udp)),
    quotes(heard4(tcp, manyOptions).slice(0, 68), heard6(tcp).slice(0, 48)),
    quotes(heard4(udp, { options: Uint8Array.of(131, 7, 4, 1, 1, 1, 1) }), heard6(udp)),
  ]),
  outbound("4.3-quoted-fragments", "A quoted fragment gets its Fragment header", [
    quotes(heard4(udp, first), heard6(udp, first6)),
    quotes(
      heard4(piece, { offset: 5, identification: 0x77 }),
      heard6(piece, { extensions: [{ header: 44, offset: 5, more: false, identification: 0x77 }] }),
    ),
    quotes(
      heard4(icmpPiece(1), { offset: 5, identification: 0x77 }),
      heard6(icmpPiece(58), { extensions: [{ header: 44, offset: 5, more: false, identification: 0x77 }] }),
    ),
  ]),
  outbound("4.3-quoted-lies", "Header checksum and length of a quoted packet are taken as they are", [
    quotes(heard4(udp, { checksum: "wrong" }), heard6(udp)),
    quotes(heard4(udp, { totalLength: 65535 }), heard6(udp, { payloadLength: 65515 })),
    quotes(heard4(udp, { totalLength: 0 }), heard6(udp, { payloadLength: 0 })),
  ]),
  outbound("4.3-quoted-zero-checksum", "A quoted datagram without checksum stays without", [
    quotes(heard4({ ...udp, checksum: 0 }), heard6({ ...udp, checksum: 0 })),
  ]),
  outbound("4.3-error-about-error", "An error about an error is not translated", [
    dropped(closed(heard4({ kind: "icmp", type: 3, code: 1, body: heard4(udp) })), "icmp-untranslatable"),
    dropped(closed(heard4({ kind: "icmp", type: 11, body: heard4(udp).slice(0, 28) })), "icmp-untranslatable"),
    dropped(closed(heard4({ kind: "icmp", type: 13, body: counting(12) })), "icmp-untranslatable"),
  ]),
  outbound("4.3-quoted-stranger", "A quoted packet that the VM cannot have got is dropped with its error", [
    dropped(closed(heard4(udp, { destination: PEER })), "bad-embedded"),
    dropped(closed(heard4(udp, { source: UNREACHABLE })), "bad-embedded"),
    dropped(closed(heard4(icmpPiece(43))), "bad-embedded"),
  ]),
  outbound("4.3-quoted-broken", "A quoted header that is none is dropped with its error", [
    dropped(closed(heard4(udp).slice(0, 19)), "bad-embedded"),
    dropped(closed(heard4(udp, manyOptions).slice(0, 59)), "bad-embedded"),
    dropped(closed(patched(heard4(udp), { 0: 0x65 })), "bad-embedded"),
    dropped(closed(patched(heard4(udp), { 0: 0x44 })), "bad-embedded"),
    dropped(closed(heard6(udp)), "bad-embedded"),
    dropped(closed(new Uint8Array(0)), "bad-embedded"),
  ]),
  outbound("4.3-broken-checksum", "An error with a wrong checksum is dropped", [
    dropped(fromVm({ kind: "icmp", type: 3, code: 3, body: heard4(udp), checksum: "wrong" }), "bad-transport"),
  ]),
  outbound("4.3-fragmented-error", "A fragmented error is dropped", [
    dropped(fromVm({ kind: "icmp", type: 3, code: 3, body: heard4(udp) }, first), "icmp-untranslatable"),
  ]),
  outbound(
    "4.3-longest",
    "No ICMPv6 error is longer than 1280 octets",
    [
      quotes(heard4({ kind: "udp", data: counting(1184) }), heard6({ kind: "udp", data: counting(1184) })),
      quotes(
        heard4({ kind: "udp", data: counting(1185) }),
        heard6({ kind: "udp", data: counting(1185) }).slice(0, 1232),
      ),
      quotes(
        heard4({ kind: "udp", data: counting(1400) }),
        heard6({ kind: "udp", data: counting(1400) }).slice(0, 1232),
      ),
    ],
    { fabricMtu: 1280, vmMtu: 1500 },
  ),
];

const EXTENDED: readonly GoldenCase[] = [
  outbound("4.3-extensions", "Extensions go along, the datagram before them filled up to 8 octets", [
    becomes(
      closed(together(long4.slice(0, 128), extension), words4(128)),
      closed6(together(long6.slice(0, 148), zeros(4), extension), words6(152)),
    ),
    becomes(
      closed(together(long4.slice(0, 132), extension), words4(132)),
      closed6(together(long6.slice(0, 152), extension), words6(152)),
    ),
    becomes(
      closed(together(long4.slice(0, 548 - 12), extension), words4(536)),
      closed6(together(long6.slice(0, 556), zeros(4), extension), words6(560)),
    ),
    becomes(
      fromVm({ kind: "icmp", type: 11, rest: words4(128), body: together(long4.slice(0, 128), extension) }),
      toFabric({ kind: "icmp", type: 3, rest: words6(152), body: together(long6.slice(0, 148), zeros(4), extension) }),
    ),
  ]),
  outbound("4.3-extensions-least", "and to at least 128 octets when it shrank", [
    becomes(
      closed(together(heard4(udp, manyOptions).slice(0, 128), extension), words4(128)),
      closed6(together(long6.slice(0, 108), zeros(20), extension), words6(128)),
    ),
  ]),
  outbound("4.3-no-extensions", "A length that is too short or has nothing behind it means none", [
    becomes(
      closed(together(long4.slice(0, 124), extension), words4(124)),
      closed6(together(long6.slice(0, 144), extension)),
    ),
    becomes(closed(long4.slice(0, 128), words4(128)), closed6(long6.slice(0, 148))),
    becomes(closed(long4.slice(0, 128), words4(1020)), closed6(long6.slice(0, 148))),
  ]),
  outbound("4.3-extensions-left-out", "They are left out where ICMPv6 has no length field or no room", [
    becomes(
      fromVm({
        kind: "icmp",
        type: 3,
        code: 4,
        rest: words4(128) + 1400,
        body: together(long4.slice(0, 128), extension),
      }),
      toFabric({ kind: "icmp", type: 2, rest: 1420, body: long6.slice(0, 148) }),
    ),
    becomes(
      fromVm({
        kind: "icmp",
        type: 12,
        rest: 9 * 2 ** 24 + words4(128),
        body: together(long4.slice(0, 128), extension),
      }),
      toFabric({ kind: "icmp", type: 4, rest: 6, body: long6.slice(0, 148) }),
    ),
    becomes(
      closed(together(long4.slice(0, 128), extensionOf(1072)), words4(128)),
      closed6(together(long6.slice(0, 148), zeros(4), extensionOf(1072)), words6(152)),
    ),
    becomes(closed(together(long4.slice(0, 128), extensionOf(1076)), words4(128)), closed6(long6.slice(0, 148))),
  ]),
];

const without = (upper: Upper) => fromVm(upper, { ttl: 1 });

const GENERATED: readonly GoldenCase[] = [
  outbound("4.4-quote", "An error sent here quotes up to 548 octets", [
    answered(without(tcp), "hop-limit", gatewayError(11, 0, without(tcp))),
    answered(
      without({ kind: "udp", data: counting(520) }),
      "hop-limit",
      gatewayError(11, 0, without({ kind: "udp", data: counting(520) })),
    ),
    answered(
      without({ kind: "udp", data: counting(521) }),
      "hop-limit",
      gatewayError(11, 0, without({ kind: "udp", data: counting(521) })),
    ),
    answered(without({ ...echo }), "hop-limit", gatewayError(11, 0, without({ ...echo }))),
  ]),
  outbound("4.4-no-error", "None is sent about an error, nor about a later fragment", [
    dropped(fromVm({ kind: "icmp", type: 3, code: 3, body: heard4(udp) }, { ttl: 1 }), "hop-limit"),
    dropped(fromVm(piece, { offset: 8, ttl: 1 }), "hop-limit"),
  ]),
];

export const SECTION_4_3: readonly GoldenCase[] = [...EMBEDDED, ...EXTENDED, ...GENERATED];
