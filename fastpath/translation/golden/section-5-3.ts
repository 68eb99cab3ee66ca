/** RFC 7915 §5.3 – §5.5 and RFC 4884: ICMPv6 errors with what they quote, errors sent here, transport headers. */
import {
  build4,
  build6,
  counting,
  type Icmp,
  type Ip4,
  type Ip6,
  type Tcp,
  together,
  type Upper,
} from "#fastpath/testing/packet";
import { answered, becomes, dropped, extensionOf, type GoldenCase, inbound, patched } from "./case";
import {
  DUMMY,
  FABRIC_ROUTER6,
  fromFabric,
  GENERATED,
  PEER,
  PEER6,
  RED6,
  routerError,
  STRANGER6,
  toVm,
  VM,
  VM6,
} from "./world";

const udp: Upper = { kind: "udp", data: counting(600) };
const tcp: Upper = { kind: "tcp", flags: 24, data: counting(100) };
const echo: Icmp = { kind: "icmp", type: 128, rest: 0x00010002, body: counting(40) };
const options = { header: 60, body: Uint8Array.of(1, 4, 0, 0, 0, 0) } as const;

const sent6 = (upper: Upper, more: Partial<Ip6> = {}): Uint8Array =>
  build6({ source: VM6, destination: PEER6, hopLimit: 1, trafficClass: 0x10, flowLabel: 0x54321, upper, ...more });
const sent4 = (upper: Upper, more: Partial<Ip4> = {}): Uint8Array =>
  build4({ source: VM, destination: PEER, ttl: 1, tos: 0x10, upper, ...more });

/** A router's time exceeded; `rest` is the word before the quoted packet. */
const exceeded = (body: Uint8Array, rest = 0): Uint8Array =>
  build6({ source: FABRIC_ROUTER6, destination: VM6, upper: { kind: "icmp", type: 3, rest, body } });
const exceeded4 = (body: Uint8Array, rest = 0): Uint8Array => {
  const upper: Upper = { kind: "icmp", type: 11, rest, body };
  const large = 28 + body.length > 1260;
  const header = large ? { dontFragment: true } : { identification: GENERATED };
  return build4({ source: DUMMY, destination: VM, ttl: 63, upper, ...header });
};
const quotes = (before: Uint8Array, after: Uint8Array) => becomes(exceeded(before), exceeded4(after));

const fragment = (offset: number, more: boolean) => ({ header: 44, offset, more, identification: 0xabcd0077 }) as const;
const piece = (protocol: number): Upper => ({ kind: "raw", protocol, data: counting(64) });
const extension = extensionOf(4);
const zeros = (count: number) => new Uint8Array(count);
const words4 = (octets: number) => (octets / 4) << 16;
const words6 = (octets: number) => (octets / 8) * 2 ** 24;
const long6 = sent6(udp);
const long4 = sent4(udp);
const longest: Upper = { kind: "udp", data: counting(1400) };

const EMBEDDED: readonly GoldenCase[] = [
  inbound("5.3-quoted-whole", "The quoted packet is translated too, its hop limit as it was", [
    quotes(sent6(udp), sent4(udp)),
    quotes(sent6(tcp), sent4(tcp)),
    quotes(sent6(echo), sent4({ ...echo, type: 8 })),
    quotes(sent6({ ...echo, type: 129 }), sent4({ ...echo, type: 0 })),
    quotes(sent6(piece(47)), sent4(piece(47))),
    quotes(sent6(udp, { hopLimit: 0 }), sent4(udp, { ttl: 0 })),
  ]),
  inbound(
    "5.3-quoted-cut",
    "however short it was cut",
    [0, 1, 2, 4, 6, 8, 9, 16, 18, 20, 28, 60].flatMap((kept) => [
      quotes(sent6(udp).slice(0, 40 + kept), sent4(udp).slice(0, 20 + kept)),
      quotes(sent6(tcp).slice(0, 40 + kept), sent4(tcp).slice(0, 20 + kept)),
    ]),
  ),
  inbound("5.3-quoted-echo-cut", "A quoted echo's type is translated as soon as it is there", [
    ...[1, 2, 4, 8, 20].map((kept) =>
      quotes(sent6(echo).slice(0, 40 + kept), sent4({ ...echo, type: 8 }).slice(0, 20 + kept)),
    ),
    dropped(exceeded(sent6(echo).slice(0, 40)), "icmp-untranslatable"),
  ]),
  inbound("5.3-quoted-large", "A quoted packet of more than 1260 octets shows DF", [
    quotes(sent6(longest).slice(0, 1232), sent4(longest, { dontFragment: true }).slice(0, 1212)),
  ]),
  inbound("5.3-quoted-extensions", "Extension headers of the quoted packet fall away", [
    quotes(sent6(udp, { extensions: [options] }), sent4(udp)),
    quotes(sent6(udp, { extensions: [options] }).slice(0, 56), sent4(udp).slice(0, 28)),
  ]),
  inbound("5.3-quoted-fragments", "A quoted fragment keeps offset, M and identification", [
    quotes(sent6(udp, { extensions: [fragment(0, true)] }), sent4(udp, { moreFragments: true, identification: 0x77 })),
    quotes(
      sent6(piece(17), { extensions: [fragment(5, false)] }),
      sent4(piece(17), { offset: 5, identification: 0x77 }),
    ),
    quotes(
      sent6(piece(58), { extensions: [fragment(5, false)] }),
      sent4(piece(1), { offset: 5, identification: 0x77 }),
    ),
  ]),
  inbound("5.3-quoted-lies", "The length of a quoted packet is taken as it is", [
    quotes(sent6(udp, { payloadLength: 0 }), sent4(udp, { totalLength: 20 })),
    quotes(sent6(udp, { payloadLength: 65535 }), sent4(udp, { totalLength: 65535, dontFragment: true })),
  ]),
  inbound("5.3-error-about-error", "An error about an error is not translated", [
    dropped(exceeded(sent6({ kind: "icmp", type: 1, code: 1, body: sent6(udp) })), "icmp-untranslatable"),
    dropped(exceeded(sent6({ kind: "icmp", type: 3, body: sent6(udp).slice(0, 48) })), "icmp-untranslatable"),
    dropped(exceeded(sent6({ kind: "icmp", type: 135, body: counting(12) })), "icmp-untranslatable"),
  ]),
  inbound("5.3-quoted-stranger", "A quoted packet that the VM cannot have sent is dropped with its error", [
    dropped(exceeded(sent6(udp, { source: PEER6 })), "bad-embedded"),
    dropped(exceeded(sent6(udp, { destination: STRANGER6 })), "bad-embedded"),
    dropped(exceeded(sent6(udp, { destination: RED6 })), "bad-embedded"),
    dropped(exceeded(sent6(udp, { destination: FABRIC_ROUTER6 })), "bad-embedded"),
    dropped(exceeded(sent6(piece(1))), "bad-embedded"),
  ]),
  inbound("5.3-quoted-broken", "A quoted header that is none is dropped with its error", [
    dropped(exceeded(sent6(udp).slice(0, 39)), "bad-embedded"),
    dropped(exceeded(sent6(udp, { extensions: [options] }).slice(0, 44)), "bad-embedded"),
    dropped(exceeded(patched(sent6(udp), { 0: 0x45 })), "bad-embedded"),
    dropped(exceeded(sent4(udp)), "bad-embedded"),
    dropped(exceeded(zeros(0)), "bad-embedded"),
  ]),
  inbound("5.3-broken-checksum", "An error with a wrong checksum is dropped", [
    dropped(patched(exceeded(sent6(udp)), { 42: 0x12, 43: 0x34 }), "bad-transport"),
  ]),
  inbound("5.3-fragmented-error", "A fragmented error is dropped", [
    dropped(
      fromFabric({ kind: "icmp", type: 3, body: sent6(udp) }, { extensions: [fragment(0, true)] }),
      "icmp-untranslatable",
    ),
  ]),
  inbound("5.3-source", "A VM's error comes from the VM, a router's from 192.0.0.8 (RFC 7600 §4.8)", [
    becomes(
      fromFabric({ kind: "icmp", type: 1, code: 4, body: sent6(udp) }),
      toVm({ kind: "icmp", type: 3, code: 3, body: sent4(udp) }),
    ),
    quotes(sent6(udp), sent4(udp)),
  ]),
];

const EXTENDED: readonly GoldenCase[] = [
  inbound("5.3-extensions", "Extensions go along, the datagram before them filled up to 128 octets", [
    becomes(
      exceeded(together(long6.slice(0, 128), extension), words6(128)),
      exceeded4(together(long4.slice(0, 108), zeros(20), extension), words4(128)),
    ),
    becomes(
      exceeded(together(long6.slice(0, 152), extension), words6(152)),
      exceeded4(together(long4.slice(0, 132), extension), words4(132)),
    ),
    becomes(
      exceeded(together(sent6(longest).slice(0, 1040), extension), words6(1040)),
      exceeded4(together(sent4(longest, { dontFragment: true }).slice(0, 1020), extension), words4(1020)),
    ),
  ]),
  inbound("5.3-extensions-left-out", "They are left out behind more than 1020 octets", [
    becomes(
      exceeded(together(sent6(longest).slice(0, 1048), extension), words6(1048)),
      exceeded4(sent4(longest, { dontFragment: true }).slice(0, 1028)),
    ),
  ]),
  inbound("5.3-no-extensions", "A length that is too short or has nothing behind it means none", [
    becomes(
      exceeded(together(long6.slice(0, 120), extension), words6(120)),
      exceeded4(together(long4.slice(0, 100), extension)),
    ),
    becomes(exceeded(long6.slice(0, 128), words6(128)), exceeded4(long4.slice(0, 108))),
    becomes(exceeded(long6.slice(0, 128), words6(2040)), exceeded4(long4.slice(0, 108))),
  ]),
];

/** 40 + 8 + 40 + 8 + 944 octets of IPv6: too big for 1000 by the outer header's 20 alone, but it loses 40. */
const shrinking: Upper = { kind: "udp", data: counting(944) };
const SHRUNK: readonly GoldenCase[] = [
  inbound(
    "5.3-shrinks-to-fit",
    "An error that fits once the quoted header has shrunk is not cut",
    [quotes(sent6(shrinking), sent4(shrinking))],
    { vmMtu: 1000 },
  ),
];

const GENERATED_ERRORS: readonly GoldenCase[] = [
  inbound("5.4-quote", "An error sent here has up to 1280 octets", [
    ...[1184, 1185, 1400].map((octets) => {
      const packet = fromFabric({ kind: "udp", data: counting(octets) }, { hopLimit: 1 });
      return answered(packet, "hop-limit", routerError(3, 0, packet));
    }),
    answered(fromFabric(echo, { hopLimit: 1 }), "hop-limit", routerError(3, 0, fromFabric(echo, { hopLimit: 1 }))),
  ]),
  inbound("5.4-no-error", "None is sent about an error", [
    dropped(fromFabric({ kind: "icmp", type: 1, code: 4, body: sent6(udp) }, { hopLimit: 1 }), "hop-limit"),
  ]),
];

const mss = (value: number) => Uint8Array.of(1, 2, 4, value >> 8, value & 0xff);
const syn = (value: number): Tcp => ({ kind: "tcp", flags: 18, options: mss(value) });
const clamped = (value: number, told: number) => becomes(fromFabric(syn(value)), toVm(syn(told)));
const small: Upper = { kind: "udp", data: counting(9) };
const short = (protocol: number, data: Uint8Array, first = false) =>
  dropped(
    fromFabric({ kind: "raw", protocol, data }, first ? { extensions: [fragment(0, true)] } : {}),
    "bad-transport",
  );
const sumsToZero = toVm({ kind: "udp", data: zeros(2) }).slice(26, 28);

const TRANSPORT: readonly GoldenCase[] = [
  inbound("5.5-udp", "UDP's checksum covers the new addresses", [
    becomes(fromFabric(small), toVm(small)),
    becomes(fromFabric({ ...small, data: zeros(0) }), toVm({ ...small, data: zeros(0) })),
    becomes(fromFabric({ ...small, length: 12 }), toVm({ ...small, length: 12 })),
  ]),
  inbound("5.5-udp-sums-to-zero", "A checksum that comes out as 0 is sent as 0xffff", [
    becomes(fromFabric({ kind: "udp", data: sumsToZero }), toVm({ kind: "udp", data: sumsToZero, checksum: 0xffff })),
  ]),
  inbound("5.5-udp-zero", "UDP without checksum is not legal in IPv6 (RFC 8200 §8.1)", [
    dropped(fromFabric({ ...small, checksum: 0 }), "udp-zero-checksum"),
    dropped(fromFabric({ ...small, checksum: 0 }, { extensions: [fragment(0, true)] }), "udp-zero-checksum"),
  ]),
  inbound("5.5-mss", "A SYN's MSS is lowered to what fits both links", [
    clamped(1460, 1440),
    clamped(1440, 1440),
    clamped(1220, 1220),
  ]),
  inbound("5.5-mss-vm", "the VM's too", [clamped(1440, 1360), clamped(1360, 1360)], { vmMtu: 1400 }),
  inbound("5.5-short", "Transport headers that are not whole are dropped", [
    short(6, counting(19)),
    short(6, patched(counting(40), { 12: 0x40 })),
    short(6, patched(counting(40), { 12: 0xb0 })),
    short(17, counting(7)),
    short(17, patched(counting(20), { 4: 0, 5: 7 })),
    short(17, patched(counting(20), { 4: 0, 5: 21 })),
    short(58, counting(7)),
    short(6, counting(16), true),
    short(17, counting(0), true),
    short(58, counting(0), true),
  ]),
];

export const SECTION_5_3: readonly GoldenCase[] = [
  ...EMBEDDED,
  ...EXTENDED,
  ...SHRUNK,
  ...GENERATED_ERRORS,
  ...TRANSPORT,
];
