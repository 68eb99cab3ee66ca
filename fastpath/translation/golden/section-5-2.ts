/** RFC 7915 §5.2: ICMPv6 into ICMPv4, types, codes, MTUs and pointers. */
import { build4, build6, counting, type Icmp, type Ip6, type Udp } from "#fastpath/testing/packet";
import { becomes, dropped, type GoldenCase, inbound, type Mtus, type Step } from "./case";
import { DUMMY, FABRIC_ROUTER6, fromFabric, GENERATED, PEER, PEER6, toVm, VM, VM6 } from "./world";

const echo: Icmp = { kind: "icmp", type: 128, rest: 0x12340001, body: counting(56) };
const udp: Udp = { kind: "udp", data: counting(20) };

/** What the VM sent, as the fabric knows it and as the VM does. */
const sent6 = build6({ source: VM6, destination: PEER6, hopLimit: 1, flowLabel: 0x54321, upper: udp });
const sent4 = build4({ source: VM, destination: PEER, ttl: 1, upper: udp });

/** An error about it, from a router of the fabric. */
const complaint = (type: number, code: number, rest = 0, quoted = sent6): Uint8Array =>
  build6({ source: FABRIC_ROUTER6, destination: VM6, upper: { kind: "icmp", type, code, rest, body: quoted } });
const translated = (type: number, code: number, rest = 0, quoted = sent4): Uint8Array =>
  build4({
    source: DUMMY,
    destination: VM,
    ttl: 63,
    identification: GENERATED,
    upper: { kind: "icmp", type, code, rest, body: quoted },
  });

/** Packet Too Big: `mtu` → what the VM is told. */
const tooBig = (mtu: number, told: number): Step => becomes(complaint(2, 0, mtu), translated(3, 4, told));
const fragment = (offset: number): Pick<Ip6, "extensions"> => ({
  extensions: [{ header: 44, offset, more: true, identification: 0x10099 }],
});
const quotedFragment6 = build6({ source: VM6, destination: PEER6, hopLimit: 1, upper: udp, ...fragment(0) });
const quotedFragment4 = build4({
  source: VM,
  destination: PEER,
  ttl: 1,
  upper: udp,
  moreFragments: true,
  identification: 0x99,
});

/** Figure 6: IPv6 pointer → IPv4 pointer. */
const pointer6to4 = (pointer: number): number | undefined => {
  const listed: Record<number, number> = { 0: 0, 1: 1, 4: 2, 5: 2, 6: 9, 7: 8 };
  if (pointer >= 8) return pointer < 24 ? 12 : pointer < 40 ? 16 : undefined;
  return listed[pointer];
};
const pointers = [...new Array(42).keys(), 255, 65536, 0x1000_0008, 0xffff_ffff];
const narrow: Mtus = { fabricMtu: 1450, vmMtu: 1440 };

export const SECTION_5_2: readonly GoldenCase[] = [
  inbound("5.2-echo", "Echo request and reply are 8 and 0, whatever their code", [
    becomes(fromFabric(echo), toVm({ ...echo, type: 8 })),
    becomes(fromFabric({ ...echo, type: 129 }), toVm({ ...echo, type: 0 })),
    becomes(fromFabric({ ...echo, code: 7 }), toVm({ ...echo, type: 8, code: 7 })),
    becomes(fromFabric({ ...echo, body: counting(57) }), toVm({ ...echo, type: 8, body: counting(57) })),
    becomes(fromFabric({ ...echo, body: counting(0) }), toVm({ ...echo, type: 8, body: counting(0) })),
  ]),
  inbound(
    "5.2-single-hop",
    "Listener discovery and neighbour discovery are dropped without a word",
    [130, 131, 132, 133, 134, 135, 136, 137].map((type) =>
      dropped(fromFabric({ ...echo, type }), "icmp-untranslatable"),
    ),
  ),
  inbound("5.2-unknown", "So are messages and errors that nobody knows", [
    ...[138, 139, 143, 151, 200, 255].map((type) => dropped(fromFabric({ ...echo, type }), "icmp-untranslatable")),
    ...[0, 5, 100, 127].map((type) => dropped(complaint(type, 0), "icmp-untranslatable")),
  ]),
  inbound(
    "5.2-unreachable",
    "Destination unreachable, code by code",
    [
      [0, 1],
      [1, 10],
      [2, 1],
      [3, 1],
      [4, 3],
    ].map(([code6, code4]) => becomes(complaint(1, code6!), translated(3, code4!))),
  ),
  inbound(
    "5.2-unreachable-dropped",
    "Codes that RFC 7915 does not list are dropped",
    [5, 6, 7, 8, 255].map((code) => dropped(complaint(1, code), "icmp-untranslatable")),
  ),
  inbound("5.2-unused", "What stood in unused fields is not carried on", [
    becomes(complaint(1, 0, 0x00ffffff), translated(3, 1)),
    becomes(complaint(3, 0, 0x00ffffff), translated(11, 0)),
  ]),
  inbound("5.2-packet-too-big", "The MTU shrinks by 20, to the links here at most and 68 at least", [
    tooBig(1500, 1480),
    tooBig(1480, 1460),
    tooBig(1280, 1260),
    tooBig(9000, 1480),
    tooBig(0xffff_ffff, 1480),
    tooBig(1000, 980),
    tooBig(88, 68),
    tooBig(87, 68),
    tooBig(0, 68),
  ]),
  inbound("5.2-link-mtus", "Both links here count", [tooBig(1500, 1430), tooBig(1440, 1420)], narrow),
  inbound("5.2-vm-mtu", "whichever is smaller", [tooBig(1500, 1400)], { vmMtu: 1400 }),
  inbound("5.2-too-big-fragment", "A quoted fragment's header takes 8 octets more", [
    becomes(complaint(2, 0, 1400, quotedFragment6), translated(3, 4, 1372, quotedFragment4)),
    becomes(complaint(2, 0, 9000, quotedFragment6), translated(3, 4, 1472, quotedFragment4)),
  ]),
  inbound(
    "5.2-time-exceeded",
    "Time exceeded keeps its code",
    [0, 1, 2, 255].map((code) => becomes(complaint(3, code), translated(11, code))),
  ),
  inbound(
    "5.2-pointers",
    "Parameter problem's pointer says where the field went, or the error is dropped",
    pointers.map((pointer) => {
      const told = pointer6to4(pointer);
      const input = complaint(4, 0, pointer);
      return told === undefined
        ? dropped(input, "icmp-untranslatable")
        : becomes(input, translated(12, 0, told * 2 ** 24));
    }),
  ),
  inbound("5.2-parameter-problem", "An unknown next header is protocol unreachable; other codes are dropped", [
    becomes(complaint(4, 1, 6), translated(3, 2)),
    becomes(complaint(4, 1, 0xff00_0006), translated(3, 2)),
    ...[2, 3, 255].map((code) => dropped(complaint(4, code, 40), "icmp-untranslatable")),
  ]),
];
