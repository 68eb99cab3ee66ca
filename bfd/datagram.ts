/**
 * What carries a BFD Control packet over a single hop: UDP to port 3784 in IPv6 with a hop limit of 255 (RFC 5881 §4, §5).
 */
import { finish, fold, sum } from "#base/checksum";
import { Malformed } from "#base/reader";
import * as ipv6 from "#wire/ipv6";
import { PROTOCOL_UDP } from "#wire/protocol";
import * as udp from "#wire/udp";

/** Destination port of Control packets. */
export const BFD_PORT = 3784;
/** Range of source ports, one for each session. */
export const LOWEST_SOURCE_PORT = 49152;
export const HIGHEST_SOURCE_PORT = 65535;
/** Proof that no router forwarded the packet. */
export const HOP_LIMIT = 255;
/** CS6, internetwork control (RFC 4594 §3.2): queues on the way let it pass. */
const TRAFFIC_CLASS = 0xc0;

export interface Datagram {
  readonly source: Uint8Array;
  readonly destination: Uint8Array;
  readonly hopLimit: number;
  /** UDP payload, a copy. */
  readonly octets: Uint8Array;
}

/**
 * Reads the IPv6 packet at `at`, whose UDP header follows at once; `end` is one past its frame's last octet. The hop limit
 * is the core's to judge.
 * @param vouched true: the kernel has seen that the checksum is right, or the packet never left this machine and has none yet.
 */
export function readDatagram(b: Uint8Array, at: number, end: number, vouched = false): Datagram | Malformed {
  if (!ipv6.fits(b, at, end) || ipv6.nextHeader(b, at) !== PROTOCOL_UDP) return new Malformed("not UDP", at);
  const start = at + ipv6.SIZE;
  const packetEnd = start + ipv6.payloadLength(b, at);
  if (!udp.fits(b, start, packetEnd)) return new Malformed("UDP length", start);
  if (udp.destinationPort(b, start) !== BFD_PORT) return new Malformed("UDP port", start);
  const length = udp.length(b, start);
  if (!vouched && !checksumHolds(b, at, start, length)) return new Malformed("UDP checksum", start);
  return {
    source: ipv6.source(b, at),
    destination: ipv6.destination(b, at),
    hopLimit: ipv6.hopLimit(b, at),
    octets: b.slice(start + udp.SIZE, start + length),
  };
}

/** A zero checksum, "none", is not for IPv6 (RFC 8200 §8.1). */
function checksumHolds(b: Uint8Array, at: number, start: number, length: number): boolean {
  if (udp.checksum(b, start) === 0) return false;
  return fold(sum(b, start, length, ipv6.pseudoHeader(b, at, PROTOCOL_UDP, length))) === 0xffff;
}

export interface Addressing {
  readonly source: Uint8Array;
  readonly destination: Uint8Array;
  /** {@link LOWEST_SOURCE_PORT} … {@link HIGHEST_SOURCE_PORT}. */
  readonly sourcePort: number;
}

/** The whole IPv6 packet, checksum included. */
export function writeDatagram({ source, destination, sourcePort }: Addressing, payload: Uint8Array): Uint8Array {
  const length = udp.SIZE + payload.length;
  const b = new Uint8Array(ipv6.SIZE + length);
  ipv6.write(b, 0, {
    ...{ payloadLength: length, nextHeader: PROTOCOL_UDP, hopLimit: HOP_LIMIT, source, destination },
    trafficClass: TRAFFIC_CLASS,
  });
  udp.setSourcePort(b, ipv6.SIZE, sourcePort);
  udp.setDestinationPort(b, ipv6.SIZE, BFD_PORT);
  udp.setLength(b, ipv6.SIZE, length);
  b.set(payload, ipv6.SIZE + udp.SIZE);
  const total = sum(b, ipv6.SIZE, length, ipv6.pseudoHeader(b, 0, PROTOCOL_UDP, length));
  udp.setChecksum(b, ipv6.SIZE, finish(total));
  return b;
}
