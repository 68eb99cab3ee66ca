/**
 * IPv6 → IPv4 in place: the new header ends where the payload begins; extension headers fall away with the old one.
 * RFC 7915 §5.1; the addresses are the record's (R_SOURCE, R_DESTINATION, one word each).
 */
import { foldSmall } from "#base/checksum";
import { R_CHECKSUM_DELTA, R_DESTINATION, R_LIMITS, R_SOURCE } from "#fastpath/decision";
import {
  type Frame,
  GSO_ECN,
  GSO_NONE,
  GSO_TCPV4,
  GSO_TCPV6,
  KIND_IPV4,
  UNUSUAL_ICMP,
  UNUSUAL_ZERO_CHECKSUM,
} from "#fastpath/frame";
import { icmp6to4 } from "#fastpath/rewrite/icmp-6-to-4";
import { addToChecksum, clampMss } from "#fastpath/rewrite/transport";
import type { Tables } from "#fastpath/tables/tables";
import { CONTINUE, UDP_ZERO_CHECKSUM, type Verdict } from "#fastpath/verdicts";
import { PROTOCOL_ICMP4, PROTOCOL_ICMP6 } from "#wire/protocol";

export const IPV4_HEADER = 20;
/** Up to this many octets an IPv4 packet leaves with DF clear: IPv6's minimum MTU less 20. RFC 7915 §5.1. */
export const ALWAYS_FRAGMENTABLE = 1260;

/** Translates the packet; afterwards the frame describes the IPv4 one. The Ethernet header is the caller's. */
export function sixToFour(f: Frame, t: Tables, base: number): Verdict {
  const r = t.records;
  if ((f.unusual & UNUSUAL_ICMP) !== 0) {
    const verdict = icmp6to4(f, t, base);
    if (verdict !== CONTINUE) return verdict;
  } else {
    // IPv6 has no UDP without checksum for us (RFC 8200 §8.1); IPv4 would take its zero for "not computed".
    if ((f.unusual & UNUSUAL_ZERO_CHECKSUM) !== 0) return UDP_ZERO_CHECKSUM;
    addToChecksum(f, t.bytes, r[base + R_CHECKSUM_DELTA]!);
  }
  clampMss(f, t.bytes, r[base + R_LIMITS]! >>> 16);
  writeHeader(f, t, r[base + R_SOURCE]!, r[base + R_DESTINATION]!);
  return CONTINUE;
}

function writeHeader(f: Frame, t: Tables, source: number, destination: number): void {
  const w = t.words;
  const length = IPV4_HEADER + f.end - f.payload;
  const fragmented = f.fragmentHeader !== 0;
  const protocol = f.protocol === PROTOCOL_ICMP6 ? PROTOCOL_ICMP4 : f.protocol;
  let fragment = 0x4000;
  let identification = 0;
  if (fragmented) {
    identification = f.identification;
    fragment = ((f.fragment & 1) << 13) | (f.fragment >>> 3);
  } else if (length <= ALWAYS_FRAGMENTABLE) {
    identification = t.nextIdentification();
    fragment = 0;
  }
  const at = f.payload - IPV4_HEADER;
  const i = at >> 2;
  const w0 = 0x45 | (f.trafficClass << 8) | ((length >>> 8) << 16) | ((length & 0xff) << 24);
  const w1 =
    (identification >>> 8) | ((identification & 0xff) << 8) | ((fragment >>> 8) << 16) | ((fragment & 0xff) << 24);
  const w2 = (f.hopLimit - 1) | (protocol << 8);
  w[i] = w0;
  w[i + 1] = w1;
  w[i + 2] = w2 | (headerChecksum(w0, w1, w2, source, destination) << 16);
  w[i + 3] = source;
  w[i + 4] = destination;
  moveFrame(f, at);
  f.ipLength = length;
  f.protocol = protocol;
  f.kind = KIND_IPV4;
  f.fragment = fragment;
}

/** All words raw, the result too: a sum of raw half words is the raw checksum (RFC 1071 §2.B). */
function headerChecksum(w0: number, w1: number, w2: number, source: number, destination: number): number {
  const total =
    (w0 & 0xffff) +
    (w0 >>> 16) +
    (w1 & 0xffff) +
    (w1 >>> 16) +
    (w2 & 0xffff) +
    (source & 0xffff) +
    (source >>> 16) +
    (destination & 0xffff) +
    (destination >>> 16);
  return ~foldSmall(total) & 0xffff;
}

function moveFrame(f: Frame, l3: number): void {
  const at = l3 - 14;
  const moved = at - f.at;
  f.at = at;
  f.l3 = l3;
  f.headerLength -= moved;
  if (f.partial) f.csumStart -= moved;
  if (f.gsoType !== GSO_NONE && (f.gsoType & ~GSO_ECN) === GSO_TCPV6) f.gsoType = GSO_TCPV4 | (f.gsoType & GSO_ECN);
}
