/**
 * What a gateway's translation changes beside the addresses: ports, identifiers, and the ends of the packet that an ICMP error
 * quotes. The address translation goes first: it may still refuse, and then the packet is as it came.
 *
 * The record says all: addresses as for the actions without NAT_, ports in R_NEW_PORTS_. For an ICMP error the quoted packet's
 * new addresses are R_QUOTED_SOURCE and R_QUOTED_DESTINATION (NAT_6_TO_4), or `t.quoted` (as for ACTION_4_TO_6).
 *
 * A fragment that is not the first has no ports to change: the record alone says its addresses, by the binding that the
 * first one's record of the fragment table carries (tables/fragments.ts).
 */
import { put16, u16 } from "#base/bytes";
import { fold, sum, update } from "#base/checksum";
import {
  R_CHECKSUM_DELTA,
  R_LIMITS,
  R_NEW_PORTS_4,
  R_NEW_PORTS_6,
  R_QUOTED_SOURCE,
  R_SOURCE,
} from "#fastpath/decision";
import { type Frame, UNUSUAL_FRAGMENT, UNUSUAL_ICMP, UNUSUAL_ICMP_ERROR, UNUSUAL_ZERO_CHECKSUM } from "#fastpath/frame";
import { fourToSix } from "#fastpath/rewrite/four-to-six";
import { readQuotedHeaders } from "#fastpath/rewrite/icmp-6-to-4";
import { changePorts } from "#fastpath/rewrite/ports";
import { changeQuoted4, changeQuoted6 } from "#fastpath/rewrite/quoted-ends";
import { sixToFour } from "#fastpath/rewrite/six-to-four";
import { addToChecksum, clampMss } from "#fastpath/rewrite/transport";
import type { Tables } from "#fastpath/tables/tables";
import {
  BAD_EMBEDDED,
  BAD_TRANSPORT,
  CONTINUE,
  ICMP_UNTRANSLATABLE,
  UDP_ZERO_CHECKSUM,
  type Verdict,
} from "#fastpath/verdicts";
import { PROTOCOL_ICMP6 } from "#wire/protocol";

const ICMP_HEADER = 8;

/** From an inside end to the outside. Afterwards the frame describes the IPv4 packet. */
export function natSixToFour(f: Frame, t: Tables, base: number): Verdict {
  const r = t.records;
  const verdict = sixToFour(f, t, base);
  if (verdict !== CONTINUE) return verdict;
  const ports = r[base + R_NEW_PORTS_6]!;
  if ((f.unusual & UNUSUAL_ICMP_ERROR) === 0) changePorts(f, t, ports);
  else changeQuoted4(f, t, { words: r, at: base + R_QUOTED_SOURCE, ports });
  return CONTINUE;
}

/** From outside to an inside end. Afterwards the frame describes the IPv6 packet. */
export function natFourToSix(f: Frame, t: Tables, base: number): Verdict {
  const verdict = fourToSix(f, t, base);
  if (verdict !== CONTINUE) return verdict;
  const ports = t.records[base + R_NEW_PORTS_4]!;
  if ((f.unusual & UNUSUAL_ICMP_ERROR) === 0) changePorts(f, t, ports);
  else changeQuoted6(f, t, { words: t.quoted, at: 0, ports });
  return CONTINUE;
}

/** From an inside end to another's outside end: both are exchanged at once, and the packet is one hop on. */
export function natSixToSix(f: Frame, t: Tables, base: number): Verdict {
  const r = t.records;
  const b = t.bytes;
  const isError = (f.unusual & UNUSUAL_ICMP_ERROR) !== 0;
  if (isError) {
    const verdict = mayChangeError(f, t);
    if (verdict !== CONTINUE) return verdict;
  } else if ((f.unusual & UNUSUAL_ZERO_CHECKSUM) !== 0) return UDP_ZERO_CHECKSUM;
  const delta = r[base + R_CHECKSUM_DELTA]!;
  if ((f.unusual & UNUSUAL_ICMP) === 0) addToChecksum(f, b, delta);
  else if (f.l4 !== 0) put16(b, f.l4 + 2, update(u16(b, f.l4 + 2), 0, delta));
  const w = (f.l3 + 8) >> 2;
  for (let i = 0; i < 8; i++) t.words[w + i] = r[base + R_SOURCE + i]!;
  b[f.l3 + 7] = f.hopLimit - 1;
  const mss = r[base + R_LIMITS]! >>> 16;
  if (mss > 0) clampMss(f, b, mss);
  const ports = r[base + R_NEW_PORTS_4]!;
  if (isError) changeQuoted6(f, t, { words: t.quoted, at: 0, ports });
  else changePorts(f, t, ports);
  return CONTINUE;
}

/** An error whose checksum holds and that quotes a packet whose ports are to be seen. */
function mayChangeError(f: Frame, t: Tables): Verdict {
  const b = t.bytes;
  if ((f.unusual & UNUSUAL_FRAGMENT) !== 0) return ICMP_UNTRANSLATABLE;
  const quoted = f.l4 + ICMP_HEADER;
  if (quoted + 40 > f.end || b[quoted]! >> 4 !== 6 || readQuotedHeaders(f, b, quoted) < 0) return BAD_EMBEDDED;
  const length = f.end - f.l4;
  const total = sum(b, f.l4, length, sum(b, f.l3 + 8, 32) + length + PROTOCOL_ICMP6);
  return fold(total) === 0xffff ? CONTINUE : BAD_TRANSPORT;
}
