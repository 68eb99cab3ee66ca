/** An IPv6 packet taken apart and put together. RFC 8200 §3, §4. */
import { joined, numberAt, octetsOf } from "./octets";
import { type Reason, refuse } from "./outcome";

export interface FragmentHeader {
  /** In units of 8 octets. */
  readonly offset: number;
  readonly more: boolean;
  /** 32 bits. */
  readonly identification: number;
}

export interface Ipv6 {
  readonly trafficClass: number;
  readonly flowLabel: number;
  /** As the header says: a quoted packet may have fewer octets. */
  readonly payloadLength: number;
  readonly hopLimit: number;
  readonly source: Uint8Array;
  readonly destination: Uint8Array;
  /** Octets of the extension headers, the Fragment header's included. */
  readonly extensionLength: number;
  readonly fragment: FragmentHeader | undefined;
  /** Offset in the packet of a routing header's Segments Left octet that is not zero. */
  readonly segmentsLeftAt: number | undefined;
  /** The upper layer's protocol number. */
  readonly protocol: number;
  readonly payload: Uint8Array;
}

/** True for a fragment that lacks something; an atomic one does not (RFC 6946). */
export const isPartial = (packet: Ipv6): boolean =>
  packet.fragment !== undefined && (packet.fragment.offset > 0 || packet.fragment.more);

export function read6(octets: Uint8Array): Ipv6 {
  if (octets.length < 40) refuse("truncated");
  if (octets[0]! >> 4 !== 6) refuse("bad-ip-header");
  const end = 40 + numberAt(octets, 4, 2);
  if (end > octets.length) refuse("truncated");
  return take(octets.slice(0, end), "bad-extension");
}

/** The packet that an ICMP error quotes: its headers whole, the rest perhaps cut. */
export function readQuoted6(octets: Uint8Array): Ipv6 {
  if (octets.length < 40 || octets[0]! >> 4 !== 6) refuse("bad-embedded");
  return take(octets, "bad-embedded");
}

const HOP_BY_HOP = 0;
const ROUTING = 43;
const FRAGMENT = 44;
const DESTINATION_OPTIONS = 60;
const MOST_HEADERS = 8;
/** What may not follow a Fragment header when the packet is to become IPv4. RFC 7915 §5.1.1; ESP (50) may. */
const EXTENSIONS = [HOP_BY_HOP, ROUTING, FRAGMENT, 51, DESTINATION_OPTIONS, 135, 139, 140];

function take(octets: Uint8Array, fault: Reason): Ipv6 {
  let next = octets[6]!;
  let at = 40;
  let fragment: FragmentHeader | undefined;
  let segmentsLeftAt: number | undefined;
  for (let count = 1; [HOP_BY_HOP, ROUTING, FRAGMENT, DESTINATION_OPTIONS].includes(next); count++) {
    if (count > MOST_HEADERS || at + 8 > octets.length || (next === HOP_BY_HOP && count > 1)) refuse(fault);
    const length = next === FRAGMENT ? 8 : (octets[at + 1]! + 1) * 8;
    if (at + length > octets.length) refuse(fault);
    if (next === ROUTING && octets[at + 3] !== 0 && segmentsLeftAt === undefined) segmentsLeftAt = at + 3;
    if (next === FRAGMENT) {
      fragment = readFragmentHeader(octets.slice(at, at + 8));
      if (EXTENSIONS.includes(octets[at]!)) refuse(fault);
    }
    next = octets[at]!;
    at += length;
  }
  return {
    trafficClass: Math.floor(numberAt(octets, 0, 2) / 16) % 256,
    flowLabel: numberAt(octets, 0, 4) % 2 ** 20,
    payloadLength: numberAt(octets, 4, 2),
    hopLimit: octets[7]!,
    source: octets.slice(8, 24),
    destination: octets.slice(24, 40),
    extensionLength: at - 40,
    fragment,
    segmentsLeftAt,
    protocol: next,
    payload: octets.slice(at),
  };
}

const readFragmentHeader = (header: Uint8Array): FragmentHeader => ({
  offset: Math.floor(numberAt(header, 2, 2) / 8),
  more: header[3]! % 2 === 1,
  identification: numberAt(header, 4, 4),
});

/** Writes a packet with no extension header but Fragment. `payloadLength` is told: a quoted packet says more than it has. */
export function write6(packet: Omit<Ipv6, "extensionLength" | "segmentsLeftAt">): Uint8Array {
  const { fragment, protocol } = packet;
  const header = joined(
    octetsOf(6 * 2 ** 28 + packet.trafficClass * 2 ** 20 + packet.flowLabel, 4),
    octetsOf(packet.payloadLength, 2),
    octetsOf(fragment === undefined ? protocol : FRAGMENT, 1),
    octetsOf(packet.hopLimit, 1),
    packet.source,
    packet.destination,
  );
  if (fragment === undefined) return joined(header, packet.payload);
  const offsetAndMore = fragment.offset * 8 + (fragment.more ? 1 : 0);
  return joined(
    header,
    octetsOf(protocol, 1),
    octetsOf(0, 1),
    octetsOf(offsetAndMore, 2),
    octetsOf(fragment.identification, 4),
    packet.payload,
  );
}

/** RFC 4291 §2.5.2, §2.5.3, §2.7: no single node's address. */
export function refuseIllegal6(packet: Ipv6): void {
  if (packet.source[0] === 0xff || isUnspecifiedOrLoopback(packet.source)) refuse("bad-source");
  if (packet.destination[0] === 0xff) refuse("multicast");
  if (isUnspecifiedOrLoopback(packet.destination)) refuse("loopback-destination");
}

const isUnspecifiedOrLoopback = (address: Uint8Array): boolean =>
  address.slice(0, 15).every((octet) => octet === 0) && address[15]! <= 1;
