/** RFC 7915 §4.1: IPv4 headers into IPv6 headers. */
import { parseIpv4 } from "#base/address";
import { counting, fragments4, fragments6, type Tcp, type Udp } from "#fastpath/testing/packet";
import { answered, becomes, dropped, type GoldenCase, outbound, patched } from "./case";
import { fromVm, GATEWAY, gatewayError, LABEL, PEER, PEER6, toFabric, UNREACHABLE, VM, VM6 } from "./world";

const tcp: Tcp = { kind: "tcp", flags: 24, data: counting(100) };
const udp = (octets: number): Udp => ({ kind: "udp", data: counting(octets) });
const octets = (...values: number[]): Uint8Array => Uint8Array.from(values);
const from = (text: string) => fromVm(udp(8), { source: parseIpv4(text)! });
const to = (text: string) => fromVm(udp(8), { destination: parseIpv4(text)! });

/** Pointer 4 of 11: two hops left. Pointer 12: route used up. */
const route = (type: number, pointer: number) => octets(1, type, 11, pointer, 192, 0, 2, 1, 192, 0, 2, 2);

/** A datagram of the VM's in fragments of `size` payload octets, and the same fragments in IPv6. */
const fragmentsOf = (upper: Udp | Tcp, size: number) => {
  const before = fragments4({ source: VM, destination: PEER, identification: 0xbeef, upper }, size);
  const header = { source: VM6, destination: PEER6, hopLimit: 63, flowLabel: LABEL, upper };
  const after = fragments6(header, size, 0xbeef);
  return before.map((piece, i) => becomes(piece, after[i]!));
};

/** What the fabric gets when the router itself cuts the VM's datagram into `size` payload octets. */
const cutInto = (upper: Udp, size: number, identification: number) =>
  fragments6({ source: VM6, destination: PEER6, hopLimit: 63, flowLabel: LABEL, upper }, size, identification);

const withOptions = fromVm(udp(8), { options: octets(0x94, 4, 0, 0, 1, 7, 7, 4, 0, 0, 0, 0) });
const tooBigWithOptions = fromVm(udp(1457), { options: octets(1, 1, 1, 1) });
/** What IP in IP carries should be IP. */
const tunnelled: Record<number, Uint8Array> = { 4: fromVm(udp(8)), 41: toFabric(udp(8)) };
const badOption = (...values: number[]) => fromVm(udp(8), { options: octets(...values) });
const raw = (protocol: number) => ({ kind: "raw" as const, protocol, data: tunnelled[protocol] ?? new Uint8Array(40) });
const firstOf2000 = fragments4({ source: VM, destination: PEER, identification: 9, upper: udp(2000) }, 1480)[0]!;
const laterWithoutHops = fromVm(raw(17), { offset: 10, moreFragments: true, ttl: 1 });
const dfFragment = fragments4({ source: VM, destination: PEER, dontFragment: true, upper: udp(2000) }, 1480)[0]!;

export const SECTION_4_1: readonly GoldenCase[] = [
  outbound("4.1-tcp", "A TCP segment keeps its octets but for the checksum", [becomes(fromVm(tcp), toFabric(tcp))]),
  outbound(
    "4.1-traffic-class",
    "All eight bits of TOS become the traffic class",
    [0, 1, 2, 3, 0x10, 0xb8, 0xff].map((tos) =>
      becomes(fromVm(udp(20), { tos }), toFabric(udp(20), { trafficClass: tos })),
    ),
  ),
  outbound(
    "4.1-protocols",
    "Protocols that nobody translates are carried as they are",
    [4, 33, 41, 47, 50, 51, 59, 89, 132, 135, 136, 139, 253, 255].map((protocol) =>
      becomes(fromVm(raw(protocol)), toFabric(raw(protocol))),
    ),
  ),
  outbound(
    "4.1-ipv6-headers",
    "A protocol that would be an IPv6 header is refused",
    [0, 43, 44, 58, 60].map((p) =>
      answered(fromVm(raw(p)), "untranslatable-protocol", gatewayError(3, 13, fromVm(raw(p)))),
    ),
  ),
  outbound("4.1-link-padding", "Octets after the total length are the link's", [
    becomes(Uint8Array.from([...fromVm(udp(4)), ...new Uint8Array(14).fill(0xa5)]), toFabric(udp(4))),
  ]),
  outbound("4.1-empty", "A packet of a header alone is a packet", [
    becomes(
      fromVm({ kind: "raw", protocol: 253, data: octets() }),
      toFabric({ kind: "raw", protocol: 253, data: octets() }),
    ),
  ]),
  outbound("4.1-options", "Options are skipped, used-up source routes too", [
    becomes(withOptions, toFabric(udp(8))),
    becomes(fromVm(udp(8), { options: route(131, 12) }), toFabric(udp(8))),
    becomes(fromVm(udp(8), { options: octets(137, 3, 4, 0) }), toFabric(udp(8))),
    becomes(fromVm(udp(8), { options: octets(0, 131, 11, 4) }), toFabric(udp(8))),
    becomes(fromVm(udp(8), { options: octets(1, 131, 2, 1) }), toFabric(udp(8))),
  ]),
  outbound(
    "4.1-source-route",
    "An unexpired source route fails",
    [route(131, 4), route(137, 4), route(131, 8), octets(137, 7, 4, 10, 0, 0, 9)].map((options) => {
      const packet = fromVm(raw(253), { options });
      return answered(packet, "source-routed", gatewayError(3, 5, packet));
    }),
  ),
  outbound("4.1-bad-options", "Options that do not fit the header are refused", [
    dropped(badOption(7, 1, 0, 0), "bad-ip-header"),
    dropped(badOption(7, 0, 0, 0), "bad-ip-header"),
    dropped(badOption(7, 5, 0, 0), "bad-ip-header"),
    dropped(badOption(1, 1, 1, 7), "bad-ip-header"),
  ]),
  outbound(
    "4.1-hop-limit",
    "A TTL that is used up is answered",
    [1, 0].map((ttl) => answered(fromVm(tcp, { ttl }), "hop-limit", gatewayError(11, 0, fromVm(tcp, { ttl })))),
  ),
  outbound("4.1-last-hop", "TTL 2 goes on as hop limit 1, 255 as 254", [
    becomes(fromVm(tcp, { ttl: 2 }), toFabric(tcp, { hopLimit: 1 })),
    becomes(fromVm(tcp, { ttl: 255 }), toFabric(tcp, { hopLimit: 254 })),
  ]),
  outbound("4.1-fragments", "Fragments get a Fragment header with their identification", fragmentsOf(udp(2900), 1448)),
  outbound("4.1-tiny-fragments", "So do the smallest there can be", fragmentsOf({ ...tcp, data: counting(30) }, 24)),
  outbound("4.1-reserved-flag", "The reserved flag does not survive", [
    becomes(flagged(fromVm(udp(8)), 0xc0), toFabric(udp(8))),
  ]),
  outbound("4.1-too-big", "DF set and too big: the exact MTU is told", [
    becomes(fromVm(udp(1452)), toFabric(udp(1452))),
    answered(fromVm(udp(1453)), "too-big", gatewayError(3, 4, fromVm(udp(1453)), 1480)),
    answered(tooBigWithOptions, "too-big", gatewayError(3, 4, tooBigWithOptions, 1480)),
  ]),
  outbound("4.1-too-big-fragment", "DF set on a fragment: its Fragment header counts", [
    answered(dfFragment, "too-big", gatewayError(3, 4, dfFragment, 1472)),
  ]),
  outbound(
    "4.1-least-mtu",
    "At IPv6's minimum MTU IPv4 has 1260 octets",
    [
      becomes(fromVm(udp(1232)), toFabric(udp(1232))),
      answered(fromVm(udp(1233)), "too-big", gatewayError(3, 4, fromVm(udp(1233)), 1260)),
    ],
    { fabricMtu: 1280 },
  ),
  outbound("4.1-cut", "DF clear and too big: cut so that each piece fits", [
    becomes(fromVm(udp(1453), { dontFragment: false }), ...cutInto(udp(1453), 1448, 0x1234)),
    becomes(fromVm(udp(1472), { dontFragment: false, identification: 0 }), ...cutInto(udp(1472), 1448, 0)),
  ]),
  outbound(
    "4.1-cut-small",
    "DF clear at IPv6's minimum MTU: 1232 payload octets a piece",
    [becomes(fromVm(udp(4000), { dontFragment: false }), ...cutInto(udp(4000), 1232, 0x1234))],
    { fabricMtu: 1280, vmMtu: 9000 },
  ),
  outbound("4.1-cut-fragment", "A fragment that is too big is cut again", [
    becomes(firstOf2000, ...cutFragment()),
    becomes(
      fromVm({ kind: "raw", protocol: 17, data: counting(1480) }, { offset: 185, dontFragment: false }),
      piece(185, true, counting(1448), 0x1234),
      piece(366, false, counting(1480).slice(1448), 0x1234),
    ),
  ]),
  outbound("4.1-bad-source", "Nobody's source address is dropped without a word", [
    ...["0.0.0.0", "0.1.2.3", "127.0.0.1", "224.0.0.1", "240.0.0.1", "255.255.255.255"].map((text) =>
      dropped(from(text), "bad-source"),
    ),
    dropped(fromVm(udp(8), { source: parseIpv4("127.0.0.1")!, ttl: 1 }), "bad-source"),
  ]),
  outbound("4.1-bad-destination", "Nobody's destination and groups are not translated", [
    ...["0.0.0.0", "127.0.0.1", "240.0.0.1", "255.255.255.254"].map((text) =>
      dropped(to(text), "loopback-destination"),
    ),
    ...["224.0.0.1", "239.255.255.255", "255.255.255.255"].map((text) => dropped(to(text), "vm-broadcast")),
  ]),
  outbound("4.1-addresses", "A spoofed source is dropped, an unknown destination answered", [
    dropped(from("10.0.0.9"), "spoofed-source"),
    dropped(fromVm(udp(8), { source: GATEWAY }), "spoofed-source"),
    answered(
      fromVm(udp(8), { destination: UNREACHABLE }),
      "no-network-route",
      gatewayError(3, 0, fromVm(udp(8), { destination: UNREACHABLE })),
    ),
  ]),
  outbound("4.1-bad-header", "A header that lies is dropped", [
    dropped(patched(fromVm(tcp), { 0: 0x55 }), "bad-ip-header"),
    dropped(patched(fromVm(tcp), { 0: 0x44 }), "bad-ip-header"),
    dropped(patched(fromVm(tcp), { 3: 19, 2: 0 }), "bad-ip-header"),
    dropped(patched(fromVm(tcp), { 8: 63 }), "bad-ip-checksum"),
    dropped(fromVm(tcp, { checksum: "wrong" }), "bad-ip-checksum"),
    dropped(fromVm(tcp).slice(0, -1), "truncated"),
    dropped(fromVm(tcp).slice(0, 19), "truncated"),
  ]),
  outbound("4.1-later-fragment", "A later fragment is never answered", [dropped(laterWithoutHops, "hop-limit")]),
];

/** The octet of the flags changed, the header checksum put right. */
function flagged(packet: Uint8Array, flags: number): Uint8Array {
  // 0x4000 became 0xc000: the sum grew by 0x8000, so the checksum shrinks by it.
  const checksum = (((packet[10]! << 8) | packet[11]!) + 0xffff - 0x8000) % 0xffff;
  return patched(packet, { 6: flags, 10: checksum >> 8, 11: checksum & 0xff });
}

function piece(offset: number, more: boolean, data: Uint8Array, identification: number): Uint8Array {
  return toFabric({ kind: "raw", protocol: 17, data }, { extensions: [{ header: 44, offset, more, identification }] });
}

/** 1480 octets, the first of a larger datagram, in two pieces: both with more to come. */
function cutFragment(): Uint8Array[] {
  const whole = toFabric(udp(2000)).slice(40);
  return [piece(0, true, whole.slice(0, 1448), 9), piece(181, true, whole.slice(1448, 1480), 9)];
}
