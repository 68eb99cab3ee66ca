/**
 * IPv4 → IPv6 in place: the new header ends where the payload begins, so it grows into the headroom and no payload octet
 * moves. RFC 7915 §4.1; the addresses are the record's.
 */
import { fold } from "#base/checksum";
import { R_CHECKSUM_DELTA, R_DESTINATION, R_FLOW_WORD, R_LIMITS, R_SOURCE } from "#fastpath/decision";
import {
  type Frame,
  GSO_ECN,
  GSO_NONE,
  GSO_TCPV4,
  GSO_TCPV6,
  KIND_IPV6,
  UNUSUAL_FRAGMENT,
  UNUSUAL_ICMP,
  UNUSUAL_ZERO_CHECKSUM,
} from "#fastpath/frame";
import { icmp4to6 } from "#fastpath/rewrite/icmp-4-to-6";
import { addToChecksum, clampMss, computeUdpChecksum } from "#fastpath/rewrite/transport";
import type { Tables } from "#fastpath/tables/tables";
import { CONTINUE, UDP_ZERO_CHECKSUM, type Verdict } from "#fastpath/verdicts";
import { PROTOCOL_ICMP4, PROTOCOL_ICMP6, PROTOCOL_UDP } from "#wire/protocol";

export const IPV6_HEADER = 40;
export const FRAGMENT_HEADER = 8;

/** Translates the packet; afterwards the frame describes the IPv6 one. The Ethernet header is the caller's. */
export function fourToSix(f: Frame, t: Tables, base: number): Verdict {
  const r = t.records;
  if (f.unusual !== 0) {
    const verdict = translateUnusual(f, t, base);
    if (verdict !== CONTINUE) return verdict;
  } else {
    addToChecksum(f, t.bytes, r[base + R_CHECKSUM_DELTA]!);
  }
  clampMss(f, t.bytes, r[base + R_LIMITS]! >>> 16);
  writeHeader(f, t, base);
  return CONTINUE;
}

/** Transport of packets that are fragments, have options, no UDP checksum, or are ICMP. */
function translateUnusual(f: Frame, t: Tables, base: number): Verdict {
  const r = t.records;
  if ((f.unusual & UNUSUAL_ICMP) !== 0) return icmp4to6(f, t, base);
  if ((f.unusual & UNUSUAL_ZERO_CHECKSUM) !== 0) {
    // RFC 7915 §4.5 lets a fragmented one be dropped: no single fragment has what the sum needs.
    if ((f.unusual & UNUSUAL_FRAGMENT) !== 0) return UDP_ZERO_CHECKSUM;
    computeUdpChecksum(f, t.bytes, pseudoSum(r, base) + PROTOCOL_UDP);
    return CONTINUE;
  }
  addToChecksum(f, t.bytes, r[base + R_CHECKSUM_DELTA]!);
  return CONTINUE;
}

/** Sum of the record's new IPv6 addresses, in network order. */
export function pseudoSum(r: Int32Array, base: number): number {
  let raw = 0;
  for (let i = base + R_SOURCE; i < base + R_SOURCE + 8; i++) raw += (r[i]! & 0xffff) + (r[i]! >>> 16);
  const folded = fold(raw);
  return ((folded & 0xff) << 8) | (folded >>> 8);
}

function writeHeader(f: Frame, t: Tables, base: number): void {
  const w = t.words;
  const r = t.records;
  const length = f.end - f.payload;
  const fragmented = (f.unusual & UNUSUAL_FRAGMENT) !== 0;
  const protocol = f.protocol === PROTOCOL_ICMP4 ? PROTOCOL_ICMP6 : f.protocol;
  const at = f.payload - IPV6_HEADER - (fragmented ? FRAGMENT_HEADER : 0);
  const carried = fragmented ? length + FRAGMENT_HEADER : length;
  const i = at >> 2;
  w[i] = r[base + R_FLOW_WORD]! | (f.trafficClass >>> 4) | ((f.trafficClass & 15) << 12);
  w[i + 1] =
    ((carried & 0xff) << 8) | (carried >>> 8) | ((fragmented ? 44 : protocol) << 16) | ((f.hopLimit - 1) << 24);
  const s = base + R_SOURCE;
  w[i + 2] = r[s]!;
  w[i + 3] = r[s + 1]!;
  w[i + 4] = r[s + 2]!;
  w[i + 5] = r[s + 3]!;
  const d = base + R_DESTINATION;
  w[i + 6] = r[d]!;
  w[i + 7] = r[d + 1]!;
  w[i + 8] = r[d + 2]!;
  w[i + 9] = r[d + 3]!;
  if (fragmented) {
    f.fragment = ((f.fragment & 0x1fff) << 3) | ((f.fragment >>> 13) & 1);
    writeFragmentHeader(w, i + 10, protocol, f.fragment, f.identification);
    f.fragmentHeader = at + IPV6_HEADER;
  }
  moveFrame(f, at);
  f.ipLength = IPV6_HEADER + carried;
  f.protocol = protocol;
  f.kind = KIND_IPV6;
}

/** `offsetAndMore`: fragment offset (8-octet units) << 3 | M, as in the header. RFC 8200 §4.5. */
export function writeFragmentHeader(
  w: Int32Array,
  i: number,
  next: number,
  offsetAndMore: number,
  identification: number,
): void {
  w[i] = next | ((offsetAndMore >>> 8) << 16) | ((offsetAndMore & 0xff) << 24);
  w[i + 1] = ((identification >>> 8) << 16) | ((identification & 0xff) << 24);
}

/** The frame now starts 14 octets before `l3`; offsets within it that the offload fields hold are adjusted. */
function moveFrame(f: Frame, l3: number): void {
  const at = l3 - 14;
  const moved = f.at - at;
  f.at = at;
  f.l3 = l3;
  f.headerLength += moved;
  if (f.partial) f.csumStart += moved;
  if (f.gsoType !== GSO_NONE && (f.gsoType & ~GSO_ECN) === GSO_TCPV4) f.gsoType = GSO_TCPV6 | (f.gsoType & GSO_ECN);
}
