/** fit: does the translated packet go through the way out whole? RFC 7915 §4.1, §5.1; RFC 1191, RFC 8201. */
import { isFourToSix, isSixToFour, R_ACTION, R_LIMITS } from "#fastpath/decision";
import {
  type Frame,
  GSO_ECN,
  GSO_NONE,
  GSO_TCPV4,
  GSO_TCPV6,
  KIND_IPV4,
  UNUSUAL_FRAGMENT,
  UNUSUAL_ICMP_ERROR,
} from "#fastpath/frame";
import { tunnelOf } from "#fastpath/place";
import type { Tables } from "#fastpath/tables/tables";

export const FITS = 0;
/** Too big, and its sender forbids or IPv6 rules out fragments: `t.reported` is the MTU to tell. */
export const REFUSED = 1;
/** Too big, but may be cut: `fragmentLimit` says how large its IPv4 fragments may be. */
export const CUT = 2;

const DONT_FRAGMENT = 0x4000;
/** RFC 7915 §5.1: an IPv6 packet of no more than this may be cut again on the IPv4 side. */
const IPV6_MINIMUM = 1280;

/** Octets that the IP packet grows by when translated (negative: shrinks). ICMP errors may differ by some octets. */
export function growth(f: Frame, action: number): number {
  const fragment = (f.unusual & UNUSUAL_FRAGMENT) !== 0 ? 8 : 0;
  if (isFourToSix(action)) return 40 + fragment - (f.payload - f.l3);
  return isSixToFour(action) ? 20 - (f.payload - f.l3) : 0;
}

export function fit(f: Frame, t: Tables, base: number): number {
  const action = t.records[base + R_ACTION]!;
  // An ICMP error is cut to size where it is translated (rewrite/icmp-4-to-6.ts).
  if (isFourToSix(action) && (f.unusual & UNUSUAL_ICMP_ERROR) !== 0) return FITS;
  const mtu = t.records[base + R_LIMITS]! & 0xffff;
  // A super-packet fits when its segments do.
  const headers = f.headerLength - 14;
  const length = f.gsoType === GSO_NONE ? f.ipLength : Math.min(f.ipLength, headers + f.gsoSize);
  const more = growth(f, action);
  if (length + more <= mtu) return FITS;
  if (tunnelOf(f.place) >= 0 && isTcpSuperPacket(f)) {
    // The flow began on a way that took more, and in a tunnel a super-packet is cut anyway (RFC 9293 §3.7: any size will do).
    f.gsoSize = mtu - more - headers;
    return FITS;
  }
  if (f.kind === KIND_IPV4 && (f.fragment & DONT_FRAGMENT) === 0) return CUT;
  if (isSixToFour(action) && length <= IPV6_MINIMUM && f.gsoType === GSO_NONE) return CUT;
  t.reported = mtuToReport(f, action, mtu);
  return REFUSED;
}

function isTcpSuperPacket(f: Frame): boolean {
  const type = f.gsoType & ~GSO_ECN;
  return type === GSO_TCPV4 || type === GSO_TCPV6;
}

/** What the sender may send so that it fits; options and skipped headers do not count. RFC 7915 §4.1, §5.1.1. */
function mtuToReport(f: Frame, action: number, mtu: number): number {
  if (isFourToSix(action)) return mtu - 20 - ((f.unusual & UNUSUAL_FRAGMENT) !== 0 ? 8 : 0);
  if (isSixToFour(action)) return Math.max(IPV6_MINIMUM, mtu + 20 + (f.fragmentHeader !== 0 ? 8 : 0));
  return f.kind === KIND_IPV4 ? mtu : Math.max(IPV6_MINIMUM, mtu);
}

/** Largest IPv4 fragment whose translation fits `mtu`. */
export const fragmentLimit = (f: Frame, action: number, mtu: number): number =>
  isFourToSix(action) ? mtu - 48 + (f.payload - f.l3) : mtu;
