/** An IPv4 packet taken apart and put together. RFC 791 §3.1. */
import { addsUp, checksumOf } from "./checksum";
import { joined, numberAt, octetsOf, replaced } from "./octets";
import { refuse } from "./outcome";

export interface Ipv4 {
  readonly tos: number;
  /** As the header says: a quoted packet may have fewer octets. */
  readonly totalLength: number;
  /** 20 … 60. */
  readonly headerLength: number;
  readonly identification: number;
  readonly dontFragment: boolean;
  readonly moreFragments: boolean;
  /** In units of 8 octets. */
  readonly offset: number;
  readonly ttl: number;
  readonly protocol: number;
  readonly source: Uint8Array;
  readonly destination: Uint8Array;
  readonly options: Uint8Array;
  readonly payload: Uint8Array;
}

export const isFragment = (packet: Pick<Ipv4, "moreFragments" | "offset">): boolean =>
  packet.moreFragments || packet.offset > 0;

/** A packet as a VM sent it; octets after its total length are the link's padding. */
export function read4(octets: Uint8Array): Ipv4 {
  if (octets.length < 20) refuse("truncated");
  const headerLength = (octets[0]! % 16) * 4;
  const totalLength = numberAt(octets, 2, 2);
  if (octets[0]! >> 4 !== 4 || headerLength < 20 || totalLength < headerLength) refuse("bad-ip-header");
  if (totalLength > octets.length) refuse("truncated");
  if (!addsUp(octets.slice(0, headerLength))) refuse("bad-ip-checksum");
  return take(octets.slice(0, totalLength), headerLength);
}

/** The packet that an ICMP error quotes: its header whole, the rest perhaps cut, the checksum nobody's business. */
export function readQuoted4(octets: Uint8Array): Ipv4 {
  const headerLength = octets.length === 0 ? 0 : (octets[0]! % 16) * 4;
  if (octets.length < 20 || octets[0]! >> 4 !== 4 || headerLength < 20 || octets.length < headerLength)
    refuse("bad-embedded");
  return take(octets, headerLength);
}

function take(octets: Uint8Array, headerLength: number): Ipv4 {
  const flags = numberAt(octets, 6, 2);
  return {
    tos: octets[1]!,
    totalLength: numberAt(octets, 2, 2),
    headerLength,
    identification: numberAt(octets, 4, 2),
    dontFragment: (flags & 0x4000) !== 0,
    moreFragments: (flags & 0x2000) !== 0,
    offset: flags & 0x1fff,
    ttl: octets[8]!,
    protocol: octets[9]!,
    source: octets.slice(12, 16),
    destination: octets.slice(16, 20),
    options: octets.slice(20, headerLength),
    payload: octets.slice(headerLength),
  };
}

/** Writes a packet without options. `totalLength` is told, since a quoted packet says more than it has. */
export function write4(packet: Omit<Ipv4, "headerLength" | "options">): Uint8Array {
  const flags = (packet.dontFragment ? 0x4000 : 0) + (packet.moreFragments ? 0x2000 : 0) + packet.offset;
  const header = joined(
    octetsOf(0x45, 1),
    octetsOf(packet.tos, 1),
    octetsOf(packet.totalLength, 2),
    octetsOf(packet.identification, 2),
    octetsOf(flags, 2),
    octetsOf(packet.ttl, 1),
    octetsOf(packet.protocol, 1),
    octetsOf(0, 2),
    packet.source,
    packet.destination,
  );
  return joined(replaced(header, 10, octetsOf(checksumOf(header), 2)), packet.payload);
}

/** True when a source route with hops left is among the options. Refuses options that do not fit. RFC 791 §3.1. */
export function hasUnexpiredSourceRoute(options: Uint8Array): boolean {
  let rest = options;
  while (rest.length > 0 && rest[0] !== 0) {
    if (rest[0] === 1) {
      rest = rest.slice(1);
      continue;
    }
    const length = rest[1];
    if (length === undefined || length < 2 || length > rest.length) refuse("bad-ip-header");
    const isRoute = rest[0] === 131 || rest[0] === 137;
    if (isRoute && length >= 3 && rest[2]! <= length) return true;
    rest = rest.slice(length);
  }
  return false;
}

/** RFC 1812 §5.3.7, RFC 1122 §3.2.1.3: nobody's address. */
export function refuseIllegal4(packet: Ipv4): void {
  const [from, to] = [packet.source[0]!, packet.destination[0]!];
  if (from === 0 || from === 127 || from >= 224) refuse("bad-source");
  if (to >= 224 && to < 240) refuse("vm-broadcast");
  if (packet.destination.every((octet) => octet === 255)) refuse("vm-broadcast");
  if (to === 0 || to === 127 || to >= 240) refuse("loopback-destination");
}
