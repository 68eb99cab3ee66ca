/** RFC 7915 §4.2: ICMPv4 into ICMPv6, types, codes, MTUs and pointers. */
import { build4, build6, counting, type Icmp, type Udp } from "#fastpath/testing/packet";
import { becomes, dropped, type GoldenCase, outbound, type Step } from "./case";
import { fromVm, PEER, PEER6, toFabric, VM, VM6 } from "./world";

const echo: Icmp = { kind: "icmp", type: 8, rest: 0x12340001, body: counting(56) };
const udp: Udp = { kind: "udp", data: counting(20) };

/** What the VM complains about: a datagram of the peer's, and the same as the fabric knows it. */
const heard4 = build4({ source: PEER, destination: VM, ttl: 61, upper: udp });
const heard6 = build6({ source: PEER6, destination: VM6, hopLimit: 61, upper: udp });

const complaint = (type: number, code: number, rest = 0, quoted = heard4): Uint8Array =>
  fromVm({ kind: "icmp", type, code, rest, body: quoted }, { tos: 0xc0 });
const translated = (type: number, code: number, rest = 0, quoted = heard6): Uint8Array =>
  toFabric({ kind: "icmp", type, code, rest, body: quoted }, { trafficClass: 0xc0 });

/** Type 3 code → ICMPv6 type and code. */
const UNREACHABLE: Record<number, readonly [number, number]> = {
  0: [1, 0],
  1: [1, 0],
  3: [1, 4],
  5: [1, 0],
  6: [1, 0],
  7: [1, 0],
  8: [1, 0],
  9: [1, 1],
  10: [1, 1],
  11: [1, 0],
  12: [1, 0],
  13: [1, 1],
  15: [1, 1],
};

/** Figure 3: IPv4 pointer → IPv6 pointer. */
const POINTERS: Record<number, number> = {
  0: 0,
  1: 1,
  2: 4,
  3: 4,
  8: 7,
  9: 6,
  12: 8,
  13: 8,
  14: 8,
  15: 8,
  16: 24,
  17: 24,
  18: 24,
  19: 24,
};

/** Fragmentation needed with `mtu`, about a datagram that said it had `total` octets. */
function needed(mtu: number, told: number, total = 1500): Step {
  const quoted4 = build4({ source: PEER, destination: VM, ttl: 61, totalLength: total, upper: udp });
  const quoted6 = build6({ source: PEER6, destination: VM6, hopLimit: 61, payloadLength: total - 20, upper: udp });
  return becomes(complaint(3, 4, mtu, quoted4), translated(2, 0, told, quoted6));
}

const wide = { fabricMtu: 60000, vmMtu: 60000 };

export const SECTION_4_2: readonly GoldenCase[] = [
  outbound("4.2-echo", "Echo request and reply are 128 and 129, whatever their code", [
    becomes(fromVm(echo), toFabric({ ...echo, type: 128 })),
    becomes(fromVm({ ...echo, type: 0 }), toFabric({ ...echo, type: 129 })),
    becomes(fromVm({ ...echo, code: 7 }), toFabric({ ...echo, type: 128, code: 7 })),
    becomes(fromVm({ ...echo, body: counting(57) }), toFabric({ ...echo, type: 128, body: counting(57) })),
    becomes(fromVm({ ...echo, body: counting(0) }), toFabric({ ...echo, type: 128, body: counting(0) })),
  ]),
  outbound(
    "4.2-queries",
    "Timestamp, information, address mask and router messages are dropped without a word",
    [9, 10, 13, 14, 15, 16, 17, 18].map((type) => dropped(fromVm({ ...echo, type }), "icmp-untranslatable")),
  ),
  outbound(
    "4.2-unknown",
    "So are types that nobody knows",
    [1, 2, 6, 7, 19, 30, 40, 41, 42, 43, 128, 129, 135, 255].map((type) =>
      dropped(fromVm({ ...echo, type }), "icmp-untranslatable"),
    ),
  ),
  outbound("4.2-igmp", "and IGMP", [
    dropped(
      fromVm({ kind: "raw", protocol: 2, data: Uint8Array.of(0x11, 0, 0xee, 0xff, 0, 0, 0, 0) }),
      "icmp-untranslatable",
    ),
  ]),
  outbound("4.2-quench-redirect", "Source quench and redirect are dropped", [
    dropped(complaint(4, 0), "icmp-untranslatable"),
    ...[0, 1, 2, 3].map((code) => dropped(complaint(5, code, 0x0a000001), "icmp-untranslatable")),
  ]),
  outbound(
    "4.2-unreachable",
    "Destination unreachable, code by code",
    Object.entries(UNREACHABLE).map(([code, [type6, code6]]) =>
      becomes(complaint(3, Number(code)), translated(type6, code6)),
    ),
  ),
  outbound(
    "4.2-unreachable-dropped",
    "Host precedence violation and unknown codes are dropped",
    [14, 16, 17, 255].map((code) => dropped(complaint(3, code), "icmp-untranslatable")),
  ),
  outbound("4.2-protocol-unreachable", "Protocol unreachable points at the Next Header field", [
    becomes(complaint(3, 2), translated(4, 1, 6)),
  ]),
  outbound("4.2-unused", "What stood in unused fields is not carried on", [
    becomes(complaint(3, 1, 0xff00ffff), translated(1, 0)),
    becomes(complaint(11, 0, 0xff00ffff), translated(3, 0)),
  ]),
  outbound("4.2-fragmentation-needed", "The MTU grows by 20, but not beyond the links here, nor below 1280", [
    needed(1400, 1420),
    needed(1479, 1499),
    needed(1480, 1500),
    needed(1500, 1500),
    needed(65535, 1500),
    needed(1261, 1281),
    needed(1260, 1280),
    needed(576, 1280),
    needed(68, 1280),
    needed(1, 1280),
  ]),
  outbound(
    "4.2-vm-mtu",
    "The VM's own link counts with 20 more",
    [needed(1500, 1420), needed(1400, 1420), needed(1399, 1419)],
    { vmMtu: 1400 },
  ),
  outbound(
    "4.2-plateau",
    "An MTU of 0 is guessed from RFC 1191's plateaus",
    [
      needed(0, 32020, 65535),
      needed(0, 32020, 32001),
      needed(0, 17934, 32000),
      needed(0, 8186, 8167),
      needed(0, 4372, 8166),
      needed(0, 2022, 4352),
      needed(0, 1512, 1500),
      needed(0, 1280, 1492),
      needed(0, 1280, 48),
    ],
    wide,
  ),
  outbound(
    "4.2-time-exceeded",
    "Time exceeded keeps its code",
    [0, 1, 2, 255].map((code) => becomes(complaint(11, code), translated(3, code))),
  ),
  outbound(
    "4.2-pointers",
    "Parameter problem's pointer says where the field went, with code 0 and 2",
    Object.entries(POINTERS).flatMap(([pointer, pointer6]) =>
      [0, 2].map((code) => becomes(complaint(12, code, Number(pointer) * 2 ** 24), translated(4, 0, pointer6))),
    ),
  ),
  outbound("4.2-pointers-dropped", "Pointers to what IPv6 lacks are dropped, and so are the other codes", [
    ...[4, 5, 6, 7, 10, 11, 20, 24, 40, 255].map((pointer) =>
      dropped(complaint(12, 0, pointer * 2 ** 24), "icmp-untranslatable"),
    ),
    ...[1, 3, 255].map((code) => dropped(complaint(12, code), "icmp-untranslatable")),
  ]),
];
