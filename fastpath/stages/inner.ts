/** inner: the place where a tunnel's inner packet is uncovered. No tunnels yet; extension headers are judged here. */
import { type Frame, UNUSUAL_BAD_EXTENSION, UNUSUAL_BAD_TRANSPORT, UNUSUAL_SOURCE_ROUTE } from "#fastpath/frame";
import type { Tables } from "#fastpath/tables/tables";
import { BAD_EXTENSION, BAD_TRANSPORT, CONTINUE, UNTRANSLATABLE_HEADER, type Verdict } from "#fastpath/verdicts";

/**
 * whole: an IPv6 packet from or to a VM shows all its headers, up to the ports, in its first fragment (RFC 7112 §5): what
 * cannot be seen no rule can judge.
 */
export function whole(f: Frame, _t: Tables): Verdict {
  if ((f.unusual & UNUSUAL_BAD_EXTENSION) !== 0) return BAD_EXTENSION;
  return (f.unusual & UNUSUAL_BAD_TRANSPORT) !== 0 ? BAD_TRANSPORT : CONTINUE;
}

/** IPv4 has no place for the authentication header's coverage of an IPv6 header. RFC 7915 §5.1. */
export function inner(f: Frame, t: Tables): Verdict {
  const verdict = whole(f, t);
  if (verdict !== CONTINUE) return verdict;
  if ((f.unusual & UNUSUAL_SOURCE_ROUTE) === 0) return CONTINUE;
  t.reported = f.pointer;
  return UNTRANSLATABLE_HEADER;
}
