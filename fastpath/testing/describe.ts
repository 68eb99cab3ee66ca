/** One line for any IP packet, whole or broken, for the messages of failed tests. Never throws. */
import { formatAddress } from "#base/address";
import { toHex, u16, u32 } from "#base/bytes";
import { onesSum } from "#fastpath/testing/plain-checksum";

/** E.g. `IPv4 10.0.0.2 > 10.0.0.3 ttl 64 id 0x1234 DF UDP 49152 > 7 len 100 sum ok`. */
export function describe(packet: Uint8Array): string {
  const version = packet.length === 0 ? 0 : packet[0]! >> 4;
  if (version === 4) return describe4(packet);
  if (version === 6) return describe6(packet);
  return `${packet.length} octets ${excerpt(packet)}`;
}

function describe4(b: Uint8Array): string {
  if (b.length < 20) return `IPv4 cut to ${b.length} octets ${excerpt(b)}`;
  const header = (b[0]! & 15) << 2;
  const total = u16(b, 2);
  const flags = u16(b, 6);
  const offset = (flags & 0x1fff) << 3;
  const words = [
    `IPv4 ${formatAddress(b.slice(12, 16))} > ${formatAddress(b.slice(16, 20))} ttl ${b[8]}`,
    b[1] !== 0 && `tos 0x${b[1]!.toString(16)}`,
    u16(b, 4) !== 0 && `id 0x${u16(b, 4).toString(16)}`,
    (flags & 0x4000) !== 0 && "DF",
    (offset !== 0 || (flags & 0x2000) !== 0) && `fragment ${offset}${(flags & 0x2000) !== 0 ? "+" : ""}`,
    header !== 20 && `header ${header} ${toHex(b.slice(20, header))}`,
    total !== b.length && `length ${total} of ${b.length}`,
    onesSum(b.slice(0, header)) !== 0xffff && "header sum WRONG",
  ];
  const partial = offset !== 0 || (flags & 0x2000) !== 0;
  const upper = { protocol: b[9]!, octets: b.slice(header, total), addresses: b.slice(12, 20), partial };
  return sentence([...words, offset === 0 ? describeUpper(upper) : describePiece(upper)]);
}

function describe6(b: Uint8Array): string {
  if (b.length < 40) return `IPv6 cut to ${b.length} octets ${excerpt(b)}`;
  const trafficClass = (u16(b, 0) >> 4) & 0xff;
  const label = u32(b, 0) % 0x10_0000;
  const words: Words = [
    `IPv6 ${formatAddress(b.slice(8, 24))} > ${formatAddress(b.slice(24, 40))} hops ${b[7]}`,
    trafficClass !== 0 && `tc 0x${trafficClass.toString(16)}`,
    label !== 0 && `label 0x${label.toString(16)}`,
    u16(b, 4) !== b.length - 40 && `payload ${u16(b, 4)} of ${b.length - 40}`,
  ];
  let next = b[6]!;
  let at = 40;
  let piece = false;
  let partial = false;
  while ([0, 43, 44, 60].includes(next) && at + 8 <= b.length && !piece) {
    if (next === 44) {
      const field = u16(b, at + 2);
      words.push(`fragment ${field & ~7}${field & 1 ? "+" : ""} id 0x${u32(b, at + 4).toString(16)}`);
      piece = field >= 8;
      partial = piece || (field & 1) !== 0;
    } else {
      words.push(next === 43 ? `header 43 left ${b[at + 3]}` : `header ${next}`);
    }
    const length = next === 44 ? 8 : (b[at + 1]! + 1) << 3;
    next = b[at]!;
    at += length;
  }
  const upper = { protocol: next, octets: b.slice(at, 40 + u16(b, 4)), addresses: b.slice(8, 40), partial };
  return sentence([...words, piece ? describePiece(upper) : describeUpper(upper)]);
}

interface Upper {
  readonly protocol: number;
  readonly octets: Uint8Array;
  /** Source and destination, for the pseudo-header. */
  readonly addresses: Uint8Array;
  /** A fragment: its checksum cannot be judged. */
  readonly partial: boolean;
}

type Words = (string | false)[];
const sentence = (words: Words): string => words.filter((word) => word !== false).join(" ");

const describePiece = ({ protocol, octets }: Upper): string => `protocol ${protocol} piece of ${octets.length}`;

function describeUpper(upper: Upper): string {
  const { protocol, octets: b } = upper;
  if (protocol === 6 && b.length >= 20) {
    const flags = [..."FSRPAUEC"].filter((_, i) => ((b[13]! >> i) & 1) !== 0).join("");
    const header = (b[12]! >> 4) << 2;
    const options = header > 20 && `options ${toHex(b.slice(20, header))}`;
    return sentence([`TCP ${u16(b, 0)} > ${u16(b, 2)} ${flags}`, options, `len ${b.length - header}`, judged(upper)]);
  }
  if (protocol === 17 && b.length >= 8) {
    const sum = u16(b, 6) === 0 ? "no sum" : judged(upper);
    const lie = u16(b, 4) !== b.length && `says ${u16(b, 4)}`;
    return sentence([`UDP ${u16(b, 0)} > ${u16(b, 2)} len ${b.length - 8}`, lie, sum]);
  }
  const icmp6 = upper.addresses.length === 32;
  if (protocol === (icmp6 ? 58 : 1) && b.length >= 8) {
    const isError = icmp6 ? b[0]! < 128 : [3, 4, 5, 11, 12].includes(b[0]!);
    const words = [`ICMP ${b[0]}/${b[1]} rest 0x${u32(b, 4).toString(16)}`, judged(upper)];
    return sentence([...words, isError ? `[${describe(b.slice(8))}]` : `len ${b.length - 8}`]);
  }
  return `protocol ${protocol} len ${b.length} ${excerpt(b)}`;
}

function judged({ protocol, octets: all, addresses, partial }: Upper): string | false {
  if (partial) return false;
  // A UDP datagram may be followed by octets it does not count.
  const octets = protocol === 17 && u16(all, 4) <= all.length ? all.slice(0, u16(all, 4)) : all;
  const pseudo = [...addresses, 0, protocol, octets.length >> 8, octets.length & 0xff];
  const covered = protocol === 1 ? octets : [...pseudo, ...octets];
  return onesSum(covered) === 0xffff ? "sum ok" : "sum WRONG";
}

const excerpt = (b: Uint8Array): string => (b.length > 16 ? `${toHex(b.slice(0, 16))}…` : toHex(b));
