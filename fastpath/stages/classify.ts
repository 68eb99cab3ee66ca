/**
 * classify: where the headers lie, what kind of packet it is, whether its octets can be believed. Fills the second half
 * of the Frame; the only stage that reads a packet octet for octet.
 */

import { u16 } from "#base/bytes";
import { foldSmall } from "#base/checksum";
import {
  type Frame,
  GSO_ECN,
  GSO_NONE,
  GSO_TCPV4,
  GSO_TCPV6,
  GSO_UDP_L4,
  KIND_ARP,
  KIND_IPV4,
  KIND_IPV6,
  KIND_RARP,
  UNUSUAL_BAD_EXTENSION,
  UNUSUAL_BAD_TRANSPORT,
  UNUSUAL_EXTENSION,
  UNUSUAL_FRAGMENT,
  UNUSUAL_ICMP,
  UNUSUAL_ICMP_ERROR,
  UNUSUAL_OPTIONS,
  UNUSUAL_SOURCE_ROUTE,
  UNUSUAL_ZERO_CHECKSUM,
} from "#fastpath/frame";
import type { Tables } from "#fastpath/tables/tables";
import {
  BAD_EXTENSION,
  BAD_IP_CHECKSUM,
  BAD_IP_HEADER,
  BAD_OFFLOAD,
  BAD_SOURCE,
  BAD_TRANSPORT,
  CONTINUE,
  LOOPBACK_DESTINATION,
  TINY_FRAGMENT,
  TRUNCATED,
  UNKNOWN_ETHERTYPE,
  type Verdict,
} from "#fastpath/verdicts";
import {
  PROTOCOL_DCCP,
  PROTOCOL_GRE,
  PROTOCOL_ICMP4,
  PROTOCOL_ICMP6,
  PROTOCOL_SCTP,
  PROTOCOL_TCP,
  PROTOCOL_UDP,
  PROTOCOL_UDP_LITE,
} from "#wire/protocol";

const ETHERNET = 14;
/** Octets of source and destination port, with which every transport that has any begins. */
const PORTS = 4;
/** At most so many extension headers are walked; more are a sign of mischief. */
export const MAX_EXTENSIONS = 8;

export function classify(f: Frame, t: Tables): Verdict {
  f.l3 = f.at + ETHERNET;
  f.outer = 0;
  f.kind = 0;
  forget(f);
  if (f.end - f.at < ETHERNET) return TRUNCATED;
  const type = u16(t.bytes, f.at + 12);
  if (type === 0x0800) return classify4(f, t);
  if (type === 0x86dd) return classify6(f, t);
  if (type === 0x8035 && t.isVm(f.port)) f.kind = KIND_RARP;
  else if (type !== 0x0806) return UNKNOWN_ETHERTYPE;
  else f.kind = KIND_ARP;
  return CONTINUE;
}

/** The same for the packet in a tunnel, which begins at `f.l3`. */
export function classifyInner(f: Frame, t: Tables): Verdict {
  forget(f);
  return classify6(f, t);
}

/** What an earlier packet has left in the frame. */
function forget(f: Frame): void {
  f.l4 = 0;
  f.ports = 0;
  f.unusual = 0;
  f.fragmentHeader = 0;
  f.connection = 0;
  f.hint = -1;
  f.logged = -1;
  f.isFleeting = false;
  f.place = 0;
  f.tenants = 0;
  f.sourceTags = 0;
}

function classify4(f: Frame, t: Tables): Verdict {
  const b = t.bytes;
  const at = f.l3;
  f.kind = KIND_IPV4;
  if (f.end - at < 20) return TRUNCATED;
  const first = b[at]!;
  const headerLength = (first & 15) << 2;
  const length = u16(b, at + 2);
  if (first >> 4 !== 4 || headerLength < 20 || length < headerLength) return BAD_IP_HEADER;
  if (at + length > f.end) return TRUNCATED;
  if (!headerChecksumHolds(t, at, headerLength)) return BAD_IP_CHECKSUM;
  f.end = at + length; // Ethernet padding ends here
  f.ipLength = length;
  f.protocol = b[at + 9]!;
  // RFC 1812 §5.3.7: sources and destinations that no router forwards.
  const source = b[at + 12]!;
  if (source === 0 || source === 127 || source >= 224) {
    if (!isFromNobodyToAll(t, at)) return BAD_SOURCE;
  }
  const destination = b[at + 16]!;
  if (destination === 0 || destination === 127 || (destination >= 240 && t.words[(at + 16) >> 2] !== -1))
    return LOOPBACK_DESTINATION;
  if (headerLength > 20) {
    f.unusual |= UNUSUAL_OPTIONS;
    const options = readOptions4(b, at + 20, at + headerLength);
    if (options < 0) return BAD_IP_HEADER;
    f.unusual |= options;
  }
  f.payload = at + headerLength;
  f.trafficClass = b[at + 1]!;
  f.hopLimit = b[at + 8]!;
  f.fragment = u16(b, at + 6);
  f.identification = u16(b, at + 4);
  const offset = f.fragment & 0x1fff;
  if (offset !== 0 || (f.fragment & 0x2000) !== 0) f.unusual |= UNUSUAL_FRAGMENT;
  if (isBeyondAnyPacket(offset << 3, length - headerLength)) return BAD_IP_HEADER;
  if (offset !== 0) return overwritesHeader(f, offset << 3) ? TINY_FRAGMENT : checkOffload(f, t);
  f.l4 = f.payload;
  return transport(f, t, length - headerLength);
}

/** RFC 2131 §4.1: a DHCP client without an address asks everybody; `admit` looks at the rest. */
const isFromNobodyToAll = (t: Tables, at: number): boolean =>
  t.words[(at + 12) >> 2] === 0 && t.words[(at + 16) >> 2] === -1 && t.bytes[at + 9] === PROTOCOL_UDP;

/** Sums the header as 16-bit words in memory order: the sum of a good header is all ones in any order (RFC 1071 §2.B). */
function headerChecksumHolds(t: Tables, at: number, headerLength: number): boolean {
  const w = t.words;
  let total = 0;
  for (let i = at >> 2, end = (at + headerLength) >> 2; i < end; i++) total += (w[i]! & 0xffff) + (w[i]! >>> 16);
  return foldSmall(total) === 0xffff;
}

/** Options only matter if they are a source route with hops left (RFC 7915 §4.1). −1: malformed. RFC 791 §3.1. */
function readOptions4(b: Uint8Array, from: number, end: number): number {
  let at = from;
  while (at < end) {
    const type = b[at]!;
    if (type === 0) break;
    if (type === 1) {
      at++;
      continue;
    }
    if (at + 2 > end) return -1;
    const length = b[at + 1]!;
    if (length < 2 || at + length > end) return -1;
    if ((type === 131 || type === 137) && length >= 3 && b[at + 2]! <= length) return UNUSUAL_SOURCE_ROUTE;
    at += length;
  }
  return 0;
}

function classify6(f: Frame, t: Tables): Verdict {
  const b = t.bytes;
  const at = f.l3;
  f.kind = KIND_IPV6;
  if (f.end - at < 40) return TRUNCATED;
  if (b[at]! >> 4 !== 6) return BAD_IP_HEADER;
  const payload = u16(b, at + 4);
  if (at + 40 + payload > f.end) return TRUNCATED;
  f.end = at + 40 + payload;
  f.ipLength = 40 + payload;
  f.payload = at + 40;
  f.trafficClass = ((b[at]! & 15) << 4) | (b[at + 1]! >> 4);
  f.hopLimit = b[at + 7]!;
  if (b[at + 8] === 0xff || isUnspecifiedOrLoopback(t, at + 8)) {
    if (!isFromNobodyToGroup(b, at)) return BAD_SOURCE;
  }
  if (isUnspecifiedOrLoopback(t, at + 24)) return LOOPBACK_DESTINATION;
  const next = b[at + 6]!;
  if (next === PROTOCOL_TCP || next === PROTOCOL_UDP || next === PROTOCOL_ICMP6) {
    f.protocol = next;
    f.l4 = at + 40;
    return forgiveTransport(f, transport(f, t, payload));
  }
  return extensions(f, t, next);
}

/**
 * Duplicate address detection asks from the unspecified address, as do solicitations of routers (RFC 4861 §7.2.2, §4.1) and
 * reports of multicast listeners, which have a header before theirs (RFC 3590 §4). All of it is for groups.
 */
const isFromNobodyToGroup = (b: Uint8Array, at: number): boolean =>
  b[at + 8] === 0 && b[at + 23] === 0 && b[at + 24] === 0xff && (b[at + 6] === PROTOCOL_ICMP6 || b[at + 6] === 0);

function isUnspecifiedOrLoopback(t: Tables, at: number): boolean {
  const w = at >> 2;
  const { words } = t;
  if ((words[w]! | words[w + 1]! | words[w + 2]!) !== 0) return false;
  const last = words[w + 3]!;
  return last === 0 || last === 0x0100_0000;
}

/** Walks the extension headers (RFC 8200 §4). What cannot be read is fit for transit only. */
function extensions(f: Frame, t: Tables, first: number): Verdict {
  const b = t.bytes;
  let next = first;
  let at = f.l3 + 40;
  for (let count = 0; count <= MAX_EXTENSIONS; count++) {
    switch (next) {
      case 0: // hop-by-hop options, only ever first (RFC 8200 §4.1)
      case 43: // routing
      case 60: {
        if (count === MAX_EXTENSIONS || f.end - at < 8 || (next === 0 && count > 0)) return badExtension(f);
        const length = (b[at + 1]! + 1) << 3;
        if (at + length > f.end) return badExtension(f);
        // A routing header with segments left makes the visible destination an intermediate one (RFC 7915 §5.1.1).
        if (next === 43 && b[at + 3] !== 0 && (f.unusual & UNUSUAL_SOURCE_ROUTE) === 0) {
          f.unusual |= UNUSUAL_SOURCE_ROUTE;
          f.pointer = at + 3 - f.l3;
        }
        f.unusual |= UNUSUAL_EXTENSION;
        next = b[at]!;
        at += length;
        break;
      }
      case 44: {
        if (count === MAX_EXTENSIONS || f.fragmentHeader !== 0 || f.end - at < 8) return badExtension(f);
        f.fragmentHeader = at;
        next = b[at]!;
        if (mayNotFollowFragment(next)) return badExtension(f);
        f.fragment = u16(b, at + 2) & 0xfff9; // without the reserved bits
        // Offset 0 and no more to come: a whole packet (RFC 6946).
        f.unusual |= f.fragment === 0 ? UNUSUAL_EXTENSION : UNUSUAL_FRAGMENT;
        f.identification = u16(b, at + 6);
        at += 8;
        if ((f.fragment & 0xfff8) !== 0) {
          f.protocol = next;
          f.payload = at;
          if (isBeyondAnyPacket(f.fragment & 0xfff8, f.end - at)) return forgiveTransport(f, BAD_TRANSPORT);
          return overwritesHeader(f, f.fragment & 0xfff8) ? forgiveTransport(f, TINY_FRAGMENT) : checkOffload(f, t);
        }
        break;
      }
      default:
        f.protocol = next;
        f.payload = at;
        f.l4 = at;
        return forgiveTransport(f, transport(f, t, f.end - at));
    }
  }
  return badExtension(f);
}

/**
 * A fragment that ends where no packet can (RFC 791 §3.2, RFC 8200 §4.5): were it cut, the offsets of its last pieces would
 * begin anew, and one of them be taken for a first fragment, whose ports no rule has seen.
 */
const isBeyondAnyPacket = (offset: number, length: number): boolean => offset + length > 0xffff;

/** A later fragment where TCP's header is, which the first one has whole: it would change ports or flags (RFC 3128). */
const overwritesHeader = (f: Frame, offset: number): boolean => f.protocol === PROTOCOL_TCP && offset < 20;

/** RFC 7915 §5.1.1: extension headers behind a Fragment header, ESP apart. */
export const mayNotFollowFragment = (next: number): boolean =>
  next === 0 ||
  next === 43 ||
  next === 44 ||
  next === 51 ||
  next === 60 ||
  next === 135 ||
  next === 139 ||
  next === 140;

function badExtension(f: Frame): Verdict {
  if (f.partial || f.gsoType !== GSO_NONE) return BAD_EXTENSION;
  f.protocol = 0;
  f.unusual |= UNUSUAL_BAD_EXTENSION;
  return CONTINUE;
}

/** A router in between does not look at the transport: its lies are refused where the packet is translated. */
function forgiveTransport(f: Frame, verdict: Verdict): Verdict {
  if (verdict !== BAD_TRANSPORT && verdict !== TINY_FRAGMENT) return verdict;
  if (f.partial || f.gsoType !== GSO_NONE) return BAD_OFFLOAD;
  f.unusual |= UNUSUAL_BAD_TRANSPORT;
  return CONTINUE;
}

/** `length`: octets from the transport header to the packet's end. */
function transport(f: Frame, t: Tables, length: number): Verdict {
  const b = t.bytes;
  const at = f.l4;
  const whole = (f.unusual & UNUSUAL_FRAGMENT) === 0;
  switch (f.protocol) {
    case PROTOCOL_TCP: {
      if (length < 20) return whole ? BAD_TRANSPORT : TINY_FRAGMENT;
      const header = (b[at + 12]! >> 4) << 2;
      if (header < 20 || header > length) return whole ? BAD_TRANSPORT : TINY_FRAGMENT;
      f.ports = t.words[at >> 2]!;
      f.headerLength = at - f.at + header;
      break;
    }
    case PROTOCOL_UDP: {
      if (length < 8) return whole ? BAD_TRANSPORT : TINY_FRAGMENT;
      const said = u16(b, at + 4);
      if (said < 8 || (whole && said > length)) return BAD_TRANSPORT;
      f.ports = t.words[at >> 2]!;
      f.headerLength = at - f.at + 8;
      if (!f.partial && b[at + 6] === 0 && b[at + 7] === 0) f.unusual |= UNUSUAL_ZERO_CHECKSUM;
      break;
    }
    case PROTOCOL_DCCP:
    case PROTOCOL_SCTP:
    case PROTOCOL_UDP_LITE:
      if (length < PORTS) return whole ? BAD_TRANSPORT : TINY_FRAGMENT;
      f.ports = t.words[at >> 2]!;
      break;
    case PROTOCOL_ICMP4:
      if (f.kind !== KIND_IPV4) break;
      if (length < 8) return whole ? BAD_TRANSPORT : TINY_FRAGMENT;
      f.unusual |= isError4(b[at]!) ? UNUSUAL_ICMP | UNUSUAL_ICMP_ERROR : UNUSUAL_ICMP;
      break;
    case PROTOCOL_ICMP6:
      if (f.kind !== KIND_IPV6) break;
      if (length < 8) return whole ? BAD_TRANSPORT : TINY_FRAGMENT;
      f.unusual |= b[at]! < 128 ? UNUSUAL_ICMP | UNUSUAL_ICMP_ERROR : UNUSUAL_ICMP;
      break;
  }
  return checkOffload(f, t);
}

/** RFC 792, RFC 1122 §3.2.2: unreachable, source quench, redirect, time exceeded, parameter problem. */
const isError4 = (type: number): boolean => type === 3 || type === 4 || type === 5 || type === 11 || type === 12;

/** The offload request must be about the very header that is there, or finishing it would write elsewhere. */
function checkOffload(f: Frame, t: Tables): Verdict {
  if (!f.partial && f.gsoType === GSO_NONE) return CONTINUE;
  // About the packet in a tunnel: whoever is the tunnel's end looks at that (unwrap.ts).
  if (f.protocol === PROTOCOL_GRE && f.kind === KIND_IPV6 && f.outer === 0 && t.isUplink(f.port)) return CONTINUE;
  if (f.l4 === 0 || (f.unusual & UNUSUAL_FRAGMENT) !== 0) return BAD_OFFLOAD;
  const tcp = f.protocol === PROTOCOL_TCP;
  if (!tcp && f.protocol !== PROTOCOL_UDP) return BAD_OFFLOAD;
  if (f.partial && (f.csumStart !== f.l4 - f.at || f.csumOffset !== (tcp ? 16 : 6))) return BAD_OFFLOAD;
  const gso = f.gsoType & ~GSO_ECN;
  if (gso === GSO_NONE) return CONTINUE;
  const wanted = tcp ? (f.kind === KIND_IPV4 ? GSO_TCPV4 : GSO_TCPV6) : GSO_UDP_L4;
  const isCuttable = f.gsoSize > 0 && f.end - f.at > f.headerLength;
  return gso === wanted && isCuttable && f.partial ? CONTINUE : BAD_OFFLOAD;
}
