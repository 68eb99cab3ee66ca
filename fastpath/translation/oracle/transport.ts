/** TCP, UDP and ICMP echo as far as they depend on the addresses. RFC 7915 §4.5, §5.5; ../decisions.md "Transport". */
import { hasPorts } from "#wire/protocol";
import { carried, checksumOf } from "./checksum";
import { joined, numberAt, octetsOf, replaced } from "./octets";
import { refuse } from "./outcome";
import { ICMP4, TCP, UDP } from "./protocols";

const TCP_CHECKSUM = 16;
const UDP_CHECKSUM = 6;
const ICMP_CHECKSUM = 2;

/** What a pseudo-header adds: addresses, upper-layer length and protocol (RFC 9293 §3.1, RFC 8200 §8.1). */
export const pseudoHeader = (addresses: Uint8Array, length: number, protocol: number): Uint8Array =>
  joined(addresses, octetsOf(length, 4), octetsOf(protocol, 4));

/**
 * Refuses a transport header that is not there whole. `icmp`: the family's ICMP; `partial`: of a first fragment, which
 * has a name of its own in IPv4 alone.
 */
export function refuseBadTransport(protocol: number, payload: Uint8Array, icmp: number, partial: boolean): void {
  const short = partial && icmp === ICMP4 ? "tiny-fragment" : "bad-transport";
  if (protocol === TCP) {
    if (payload.length < 20) refuse(short);
    const header = (payload[12]! >> 4) * 4;
    if (header < 20 || header > payload.length) refuse(short);
  } else if (protocol === UDP) {
    if (payload.length < 8) refuse(short);
    const said = numberAt(payload, 4, 2);
    if (said < 8 || (!partial && said > payload.length)) refuse("bad-transport");
  } else if (protocol === icmp && payload.length < 8) {
    refuse(short);
  } else if (hasPorts(protocol) && payload.length < 4) {
    refuse(short);
  }
}

/** Refuses a later fragment, `offset` octets into the payload, that would write over a transport header, or end where no packet does. */
export function refuseMisplaced(protocol: number, offset: number, length: number, icmp: number): void {
  if (offset + length > 65535) refuse(icmp === ICMP4 ? "bad-ip-header" : "bad-transport");
  if (protocol === TCP && offset < 20) refuse(icmp === ICMP4 ? "tiny-fragment" : "bad-transport");
}

/** The payload after its addresses changed from `before` to `after` (source ‖ destination); it may be cut anywhere. */
export function withAddresses(
  protocol: number,
  payload: Uint8Array,
  before: Uint8Array,
  after: Uint8Array,
): Uint8Array {
  const at = protocol === TCP ? TCP_CHECKSUM : UDP_CHECKSUM;
  if ((protocol !== TCP && protocol !== UDP) || payload.length < at + 2) return payload;
  const field = numberAt(payload, at, 2);
  if (protocol === UDP && field === 0) return payload;
  return replaced(payload, at, octetsOf(udpZero(protocol, carried(field, before, after)), 2));
}

/** A UDP datagram without checksum gets one. `addresses`: the IPv6 ones. RFC 7915 §4.5. */
export function withUdpChecksum(datagram: Uint8Array, addresses: Uint8Array): Uint8Array {
  const length = numberAt(datagram, 4, 2);
  const checksum = checksumOf(joined(pseudoHeader(addresses, length, UDP), datagram.slice(0, length)));
  return replaced(datagram, UDP_CHECKSUM, octetsOf(udpZero(UDP, checksum), 2));
}

export const lacksUdpChecksum = (protocol: number, payload: Uint8Array): boolean =>
  protocol === UDP && numberAt(payload, UDP_CHECKSUM, 2) === 0;

/** 0 means "no checksum" in UDP, and its equal 0xffff is sent instead. RFC 768. */
const udpZero = (protocol: number, checksum: number): number =>
  protocol === UDP && checksum === 0 ? 0xffff : checksum;

/**
 * An echo message with another type, its checksum rid of the octets `before` and enriched by `after` (a pseudo-header
 * or nothing). It may be cut anywhere.
 */
export function echoWithType(message: Uint8Array, type: number, before: Uint8Array, after: Uint8Array): Uint8Array {
  if (message.length === 0) return message;
  const typed = replaced(message, 0, octetsOf(type, 1));
  if (message.length < 4) return typed;
  const was = joined(message.slice(0, 2), before);
  const is = joined(typed.slice(0, 2), after);
  return replaced(typed, ICMP_CHECKSUM, octetsOf(carried(numberAt(message, ICMP_CHECKSUM, 2), was, is), 2));
}

const SYN = 0x02;

/** A TCP segment whose MSS option promises no more than `limit` octets. RFC 9293 §3.7.1. */
export function withMssLimit(segment: Uint8Array, limit: number): Uint8Array {
  if ((segment[13]! & SYN) === 0) return segment;
  const end = (segment[12]! >> 4) * 4;
  const at = findMss(segment.slice(0, end));
  if (at === undefined || numberAt(segment, at, 2) <= limit) return segment;
  const limited = replaced(segment, at, octetsOf(limit, 2));
  // Over the whole header, since the option may begin at an odd octet; the checksum field is in both and cancels out.
  const checksum = carried(numberAt(segment, TCP_CHECKSUM, 2), segment.slice(0, end), limited.slice(0, end));
  return replaced(limited, TCP_CHECKSUM, octetsOf(checksum, 2));
}

/** Offset of the first MSS option's value. RFC 9293 §3.1. */
function findMss(header: Uint8Array): number | undefined {
  let at = 20;
  while (at < header.length && header[at] !== 0) {
    if (header[at] === 1) {
      at += 1;
      continue;
    }
    const length = header[at + 1];
    if (length === undefined || length < 2 || at + length > header.length) return undefined;
    if (header[at] === 2 && length === 4) return at + 2;
    at += length;
  }
  return undefined;
}
