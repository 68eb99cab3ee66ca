/** RFC 7915 §4.5: transport headers on their way to IPv6. */
import { counting, fragments4, fragments6, type Tcp, together, type Udp } from "#fastpath/testing/packet";
import { becomes, dropped, type GoldenCase, outbound, patched } from "./case";
import { fromVm, LABEL, PEER, PEER6, toFabric, VM, VM6 } from "./world";

const udp: Udp = { kind: "udp", data: counting(100) };
const tcp: Tcp = { kind: "tcp", flags: 24, data: counting(33) };
const mss = (value: number, before: readonly number[] = []) =>
  Uint8Array.of(...before, 2, 4, value >> 8, value & 0xff, 1, 3, 3, 7);
const syn = (options: Uint8Array, flags = 2): Tcp => ({ kind: "tcp", flags, options });
const clamped = (value: number, told: number, before: readonly number[] = []) =>
  becomes(fromVm(syn(mss(value, before))), toFabric(syn(mss(told, before))));
const unchanged = (segment: Tcp) => becomes(fromVm(segment), toFabric(segment));
const short = (protocol: number, data: Uint8Array, first = false) =>
  dropped(
    fromVm({ kind: "raw", protocol, data }, first ? { moreFragments: true } : {}),
    first ? "tiny-fragment" : "bad-transport",
  );

/** Data of two octets, the checksum that the datagram has with zeros in their place: together they sum to zero. */
const sumsToZero = toFabric({ kind: "udp", data: new Uint8Array(2) }).slice(46, 48);

const noSum = { ...udp, checksum: 0 } as const;
const [noSumFirst, noSumLater] = fragments4(
  { source: VM, destination: PEER, identification: 5, upper: { ...noSum, data: counting(200) } },
  104,
);
const later6 = fragments6(
  { source: VM6, destination: PEER6, hopLimit: 63, flowLabel: LABEL, upper: { ...noSum, data: counting(200) } },
  104,
  5,
)[1]!;
const bigNoSum: Udp = { kind: "udp", data: counting(2000), checksum: 0 };
const big: Udp = { kind: "udp", data: counting(2000) };

export const SECTION_4_5: readonly GoldenCase[] = [
  outbound("4.5-udp", "UDP's checksum covers the new addresses", [
    becomes(fromVm(udp), toFabric(udp)),
    becomes(fromVm({ ...udp, data: counting(101) }), toFabric({ ...udp, data: counting(101) })),
    becomes(fromVm({ ...udp, data: counting(0) }), toFabric({ ...udp, data: counting(0) })),
    becomes(fromVm({ ...udp, length: 60 }), toFabric({ ...udp, length: 60 })),
  ]),
  outbound(
    "4.5-udp-zero",
    "A datagram without checksum gets one",
    [
      becomes(fromVm(noSum), toFabric(udp)),
      becomes(fromVm({ ...noSum, data: counting(7) }), toFabric({ ...udp, data: counting(7) })),
      becomes(fromVm({ ...noSum, length: 60 }), toFabric({ ...udp, length: 60 })),
      becomes(
        fromVm(bigNoSum, { dontFragment: false }),
        ...fragments6({ source: VM6, destination: PEER6, hopLimit: 63, flowLabel: LABEL, upper: big }, 1448, 0x1234),
      ),
    ],
    { vmMtu: 9000 },
  ),
  outbound("4.5-udp-zero-fragments", "unless it is fragmented: then its first fragment is dropped", [
    dropped(noSumFirst!, "udp-zero-checksum"),
    becomes(noSumLater!, later6),
  ]),
  outbound("4.5-udp-sums-to-zero", "A checksum that comes out as 0 is sent as 0xffff", [
    becomes(fromVm({ kind: "udp", data: sumsToZero }), toFabric({ kind: "udp", data: sumsToZero })),
    becomes(
      fromVm({ kind: "udp", data: sumsToZero, checksum: 0 }),
      toFabric({ kind: "udp", data: sumsToZero, checksum: 0xffff }),
    ),
  ]),
  outbound("4.5-wrong-checksum", "A wrong checksum stays wrong by the same amount", [
    becomes(broken(fromVm(tcp), 20 + 16), broken(toFabric(tcp), 40 + 16)),
    becomes(broken(fromVm(udp), 20 + 6), broken(toFabric(udp), 40 + 6)),
    becomes(
      broken(fromVm({ kind: "icmp", type: 8, body: counting(5) }), 20 + 2),
      broken(toFabric({ kind: "icmp", type: 128, body: counting(5) }), 40 + 2),
    ),
  ]),
  outbound("4.5-mss", "A SYN's MSS is lowered to what fits IPv6", [
    clamped(1460, 1440),
    clamped(65535, 1440),
    clamped(1441, 1440),
    clamped(1440, 1440),
    clamped(536, 536),
    clamped(0, 0),
    clamped(1460, 1440, [1]),
    clamped(1460, 1440, [1, 1, 1, 5, 10, 2, 4, 255, 255, 9, 9, 9, 9]),
    becomes(fromVm(syn(mss(1460), 18)), toFabric(syn(mss(1440), 18))),
    becomes(fromVm({ ...syn(mss(1460)), data: counting(9) }), toFabric({ ...syn(mss(1440)), data: counting(9) })),
  ]),
  outbound("4.5-mss-vm", "and to what fits the VM's own link", [clamped(9000, 1360), clamped(1360, 1360)], {
    vmMtu: 1400,
  }),
  outbound("4.5-mss-untouched", "Without SYN or a sane option nothing is touched", [
    unchanged(syn(mss(1460), 16)),
    unchanged(syn(Uint8Array.of(2, 3, 5, 1))),
    unchanged(syn(Uint8Array.of(0, 2, 4, 5, 180))),
    unchanged(syn(Uint8Array.of(9, 0, 2, 4, 5, 180))),
    unchanged(syn(Uint8Array.of(9, 1, 2, 4, 5, 180))),
    unchanged(syn(Uint8Array.of(9, 20, 2, 4, 5, 180))),
    unchanged(syn(Uint8Array.of(1, 1, 1, 2))),
    becomes(fromVm(syn(together(mss(1460), mss(1460)))), toFabric(syn(together(mss(1440), mss(1460))))),
  ]),
  outbound("4.5-short", "Transport headers that are not whole are dropped", [
    short(6, counting(19)),
    short(6, patched(counting(40), { 12: 0x40 })),
    short(6, patched(counting(40), { 12: 0xb0 })),
    short(17, counting(7)),
    short(17, patched(counting(20), { 4: 0, 5: 7 })),
    short(17, patched(counting(20), { 4: 0, 5: 21 })),
    short(1, counting(7)),
    short(6, counting(16), true),
    short(17, counting(0), true),
    short(1, counting(0), true),
  ]),
];

/** The packet with its checksum field off by 0x0101, in the arithmetic of ones' complement. */
function broken(packet: Uint8Array, at: number): Uint8Array {
  const field = (((packet[at]! << 8) | packet[at + 1]!) + 0x0101) % 0xffff;
  return patched(packet, { [at]: field >> 8, [at + 1]: field & 0xff });
}
