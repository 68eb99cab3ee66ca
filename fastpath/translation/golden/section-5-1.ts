/** RFC 7915 §5.1: IPv6 headers into IPv4 headers, fragments included. */
import { parseIpv6 } from "#base/address";
import {
  build6,
  counting,
  type Extension,
  fragments4,
  fragments6,
  type Ip6,
  type Tcp,
  type Udp,
  type Upper,
} from "#fastpath/testing/packet";
import { answered, becomes, dropped, type GoldenCase, inbound, patched } from "./case";
import {
  FABRIC_ROUTER6,
  fromFabric,
  GENERATED,
  NOBODY6,
  PEER,
  PEER6,
  RED6,
  routerError,
  STRANGER6,
  toVm,
  VM,
  VM6,
} from "./world";

const tcp: Tcp = { kind: "tcp", flags: 24, data: counting(100) };
const udp = (octets: number): Udp => ({ kind: "udp", data: counting(octets) });
/** What IP in IP carries should be IP. */
const tunnelled: Record<number, Uint8Array> = { 4: toVm(udp(8)), 41: fromFabric(udp(8)) };
const raw = (protocol: number): Upper => ({ kind: "raw", protocol, data: tunnelled[protocol] ?? new Uint8Array(40) });
const whole = { identification: 0, dontFragment: true };

const hopByHop: Extension = { header: 0, body: Uint8Array.of(5, 2, 0, 0, 1, 0) };
const options: Extension = { header: 60, body: Uint8Array.of(1, 12, ...new Array(12).fill(0)) };
/** Segments Left is the second octet of the body. */
const routing = (left: number): Extension => ({ header: 43, body: Uint8Array.of(4, left, ...new Array(20).fill(0)) });
const fragment = (offset: number, more: boolean, identification = 0x00010042) =>
  ({ header: 44, offset, more, identification }) as const;

const with6 = (upper: Upper, extensions: Ip6["extensions"]) => fromFabric(upper, { extensions: extensions ?? [] });
const skipped = (...extensions: NonNullable<Ip6["extensions"]>) => becomes(with6(tcp, extensions), toVm(tcp));
const source = (text: string) => fromFabric(udp(8), { source: parseIpv6(text)! });
const destination = (text: string) => fromFabric(udp(8), { destination: parseIpv6(text)! });

/** The pointer to Segments Left: `at` octets into the packet. */
const sourceRouted = (at: number, ...extensions: NonNullable<Ip6["extensions"]>) => {
  const packet = with6(tcp, extensions);
  return answered(packet, "untranslatable-header", routerError(4, 0, packet, at));
};

const piece = (size: number, offset: number, more: boolean, first = 0): readonly [Uint8Array, Uint8Array] => {
  const upper: Upper = { kind: "raw", protocol: 17, data: counting(size, first) };
  const after = toVm(upper, { offset, moreFragments: more, identification: 0x42 });
  return [with6(upper, [fragment(offset, more)]), after];
};

/** A datagram of the peer's in IPv6 fragments of `size` payload octets, and the same in IPv4. */
const fragmentsOf = (upper: Udp | Tcp, size: number) => {
  const before = fragments6({ source: PEER6, destination: VM6, upper }, size, 0xdead0042);
  const after = fragments4({ source: PEER, destination: VM, ttl: 63, identification: 0x42, upper }, size);
  return before.map((packet, i) => becomes(packet, after[i]!));
};

/** What the VM gets when the router itself cuts the datagram. */
const cutInto = (upper: Udp, size: number) =>
  fragments4({ source: PEER, destination: VM, ttl: 63, identification: GENERATED, upper }, size);

const HEADERS: readonly GoldenCase[] = [
  inbound("5.1-tcp", "A TCP segment keeps its octets but for the checksum", [becomes(fromFabric(tcp), toVm(tcp))]),
  inbound(
    "5.1-tos",
    "All eight bits of the traffic class become TOS; the flow label goes",
    [0, 1, 2, 3, 0x10, 0xb8, 0xff].map((trafficClass) =>
      becomes(fromFabric(udp(20), { trafficClass, flowLabel: 0xfffff }), toVm(udp(20), { tos: trafficClass })),
    ),
  ),
  inbound("5.1-dont-fragment", "Up to 1260 octets leave without DF, more with it", [
    becomes(fromFabric(udp(1232)), toVm(udp(1232))),
    becomes(fromFabric(udp(1233)), toVm(udp(1233), whole)),
    becomes(fromFabric(udp(1452)), toVm(udp(1452), whole)),
  ]),
  inbound(
    "5.1-hop-limit",
    "A hop limit that is used up is answered",
    [1, 0].map((hopLimit) => {
      const packet = fromFabric(tcp, { hopLimit });
      return answered(packet, "hop-limit", routerError(3, 0, packet));
    }),
  ),
  inbound("5.1-last-hop", "Hop limit 2 goes on as TTL 1, 255 as 254", [
    becomes(fromFabric(tcp, { hopLimit: 2 }), toVm(tcp, { ttl: 1 })),
    becomes(fromFabric(tcp, { hopLimit: 255 }), toVm(tcp, { ttl: 254 })),
  ]),
  inbound(
    "5.1-protocols",
    "The first next header that is no skipped one becomes the protocol",
    [2, 4, 33, 41, 47, 50, 51, 59, 89, 132, 135, 136, 139, 253, 255].map((protocol) =>
      becomes(fromFabric(raw(protocol)), toVm(raw(protocol))),
    ),
  ),
  inbound("5.1-icmp4", "ICMPv4 that nobody has translated is refused", [
    answered(fromFabric(raw(1)), "untranslatable-protocol", routerError(1, 1, fromFabric(raw(1)))),
  ]),
  inbound("5.1-link-padding", "Octets after the payload length are the link's", [
    becomes(Uint8Array.from([...fromFabric(udp(4)), ...new Uint8Array(9).fill(0xa5)]), toVm(udp(4))),
  ]),
  inbound("5.1-extensions", "Hop-by-hop, used-up routing and destination options headers are skipped", [
    skipped(hopByHop),
    skipped(options),
    skipped(routing(0)),
    skipped(hopByHop, options, routing(0), options),
    skipped(options, options, options, options, options, options, options, options),
    becomes(with6(udp(1233), [options]), toVm(udp(1233), whole)),
    becomes(with6(udp(1232), [options]), toVm(udp(1232))),
  ]),
  inbound("5.1-segments-left", "A routing header with segments left is answered, the pointer at Segments Left", [
    sourceRouted(43, routing(1)),
    sourceRouted(51, hopByHop, routing(2)),
    sourceRouted(43, routing(1), options),
  ]),
  inbound("5.1-bad-extensions", "Extension headers that cannot be read to their end are dropped", [
    dropped(with6(tcp, [options, hopByHop]), "bad-extension"),
    dropped(with6(tcp, new Array(9).fill(options)), "bad-extension"),
    dropped(with6({ kind: "raw", protocol: 60, data: counting(7) }, []), "bad-extension"),
    dropped(with6({ kind: "raw", protocol: 60, data: Uint8Array.of(6, 1, 0, 0, 0, 0, 0, 0) }, []), "bad-extension"),
    dropped(with6(tcp, [{ ...options, length: 255 }]), "bad-extension"),
    dropped(with6({ kind: "raw", protocol: 44, data: counting(7) }, []), "bad-extension"),
  ]),
  inbound("5.1-bad-source", "Nobody's source address is dropped without a word", [
    ...["::", "::1", "ff02::1"].map((text) => dropped(source(text), "bad-source")),
    dropped(fromFabric(udp(8), { source: STRANGER6 }), "outside-source"),
    dropped(fromFabric(udp(8), { source: parseIpv6("fe80::1")! }), "outside-source"),
  ]),
  inbound("5.1-bad-destination", "Nobody's destination is dropped, a VM that is not here answered", [
    ...["::", "::1"].map((text) => dropped(destination(text), "loopback-destination")),
    answered(
      fromFabric(udp(8), { destination: NOBODY6 }),
      "no-such-vm",
      routerError(1, 3, fromFabric(udp(8), { destination: NOBODY6 })),
    ),
  ]),
  inbound("5.1-foreign", "Another network's VM and a router's own address are no senders of data", [
    dropped(fromFabric(udp(8), { source: RED6 }), "no-rule"),
    dropped(fromFabric(udp(8), { source: FABRIC_ROUTER6 }), "infrastructure-source"),
    dropped(fromFabric({ kind: "icmp", type: 128 }, { source: FABRIC_ROUTER6 }), "infrastructure-source"),
  ]),
  inbound("5.1-bad-header", "A header that lies is dropped", [
    dropped(patched(fromFabric(tcp), { 0: 0x75 }), "bad-ip-header"),
    dropped(fromFabric(tcp).slice(0, -1), "truncated"),
    dropped(fromFabric(tcp).slice(0, 39), "truncated"),
  ]),
];

const FRAGMENTS: readonly GoldenCase[] = [
  inbound("5.1.1-fragments", "Fragments keep offset, M and the low half of their identification", [
    ...fragmentsOf(udp(2900), 1448),
    ...fragmentsOf({ ...tcp, data: counting(30) }, 24),
  ]),
  inbound("5.1.1-skipped", "Headers before a Fragment header are skipped", [
    becomes(
      with6({ kind: "raw", protocol: 17, data: counting(64) }, [hopByHop, options, fragment(9, true)]),
      toVm({ kind: "raw", protocol: 17, data: counting(64) }, { offset: 9, moreFragments: true, identification: 0x42 }),
    ),
  ]),
  inbound("5.1.1-atomic", "An atomic fragment is a whole packet with an identification", [
    becomes(with6(udp(50), [fragment(0, false)]), toVm(udp(50), { identification: 0x42 })),
    becomes(with6(tcp, [fragment(0, false)]), toVm(tcp, { identification: 0x42 })),
    becomes(
      with6({ kind: "icmp", type: 128, body: counting(50) }, [fragment(0, false)]),
      toVm({ kind: "icmp", type: 8, body: counting(50) }, { identification: 0x42 }),
    ),
    becomes(with6(udp(1400), [fragment(0, false)]), toVm(udp(1400), { identification: 0x42 })),
  ]),
  inbound(
    "5.1.1-extension-inside",
    "An extension header behind the Fragment header is dropped",
    [0, 43, 51, 60, 135, 139, 140].flatMap((header) =>
      [0, 8].map((offset) =>
        dropped(
          with6({ kind: "raw", protocol: header, data: counting(64) }, [fragment(offset, true)]),
          "bad-extension",
        ),
      ),
    ),
  ),
  inbound("5.1.1-twice", "So is a second Fragment header", [
    dropped(with6(tcp, [fragment(0, true), fragment(0, false)]), "bad-extension"),
  ]),
  inbound("5.1.1-encrypted", "ESP behind a Fragment header is fine", [
    becomes(with6(raw(50), [fragment(0, true)]), toVm(raw(50), { moreFragments: true, identification: 0x42 })),
  ]),
  inbound(
    "5.1.1-cut",
    "An IPv6 packet of up to 1280 octets is cut for a smaller IPv4 link",
    [
      becomes(fromFabric(udp(972)), toVm(udp(972))),
      becomes(fromFabric(udp(973)), ...cutInto(udp(973), 976)),
      becomes(fromFabric(udp(1232)), ...cutInto(udp(1232), 976)),
    ],
    { vmMtu: 1000 },
  ),
  inbound(
    "5.1.1-cut-fragment",
    "a fragment too",
    [
      becomes(
        piece(1208, 10, true)[0],
        toVm(
          { kind: "raw", protocol: 17, data: counting(976) },
          { offset: 10, moreFragments: true, identification: 0x42 },
        ),
        toVm(
          { kind: "raw", protocol: 17, data: counting(232, 976) },
          { offset: 132, moreFragments: true, identification: 0x42 },
        ),
      ),
    ],
    { vmMtu: 1000 },
  ),
  inbound(
    "5.1.1-too-big",
    "Above 1280 octets its sender is told what the VM's link takes",
    [
      becomes(fromFabric(udp(1372)), toVm(udp(1372), whole)),
      answered(fromFabric(udp(1373)), "too-big", routerError(2, 0, fromFabric(udp(1373)), 1420)),
      becomes(...piece(1376, 8, true)),
      answered(piece(1384, 8, true)[0], "too-big", routerError(2, 0, piece(1384, 8, true)[0], 1428)),
    ],
    { vmMtu: 1400 },
  ),
  inbound(
    "5.1.1-too-big-least",
    "but never less than 1280",
    [answered(fromFabric(udp(1233)), "too-big", routerError(2, 0, fromFabric(udp(1233)), 1280))],
    { vmMtu: 1000 },
  ),
];

/** Kept apart: `build6` alone, to see that nothing of `fromFabric`'s defaults matters. */
const plain = build6({ source: PEER6, destination: VM6, hopLimit: 9, upper: udp(1) });

export const SECTION_5_1: readonly GoldenCase[] = [
  ...HEADERS,
  inbound("5.1-odd", "One octet of data", [becomes(plain, toVm(udp(1), { ttl: 8 }))]),
  ...FRAGMENTS,
];
