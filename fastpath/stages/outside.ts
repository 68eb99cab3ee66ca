/** admitOutside, answerOutside: what may come in from outside at all, and what is for the gateway itself. */
import { type Frame, KIND_ARP, KIND_IPV4, UNUSUAL_SOURCE_ROUTE } from "#fastpath/frame";
import { toRouter } from "#fastpath/stages/for-me";
import { isPortMac } from "#fastpath/stages/port-mac";
import { isInside } from "#fastpath/tables/gateway-tables";
import type { Tables } from "#fastpath/tables/tables";
import {
  BAD_SOURCE,
  CONTINUE,
  INSIDE_SOURCE,
  MULTICAST,
  OUTSIDE_IPV6,
  OUTSIDE_STRAY,
  PUNT_ARP,
  SOURCE_ROUTED,
  type Verdict,
  WRONG_MAC,
} from "#fastpath/verdicts";

/** Nothing under an inside address: a VM would take it for its neighbor's (RFC 2827, paper §2.4). Silent, like `admit`. */
export function admitOutside(f: Frame, t: Tables): Verdict {
  const { gateway } = t;
  if (gateway === undefined) return OUTSIDE_STRAY;
  if (f.kind === KIND_ARP) return PUNT_ARP;
  if (f.kind !== KIND_IPV4) return OUTSIDE_IPV6;
  if ((t.bytes[f.at]! & 1) !== 0 || (t.bytes[f.l3 + 16]! & 0xf0) === 0xe0) return MULTICAST;
  if (!isPortMac(f, t)) return WRONG_MAC;
  const source = t.words[(f.l3 + 12) >> 2]!;
  if (source === 0) return BAD_SOURCE;
  return source === gateway.own || isInside(gateway, source) ? INSIDE_SOURCE : CONTINUE;
}

export function answerOutside(f: Frame, t: Tables): Verdict {
  if ((f.unusual & UNUSUAL_SOURCE_ROUTE) !== 0) return SOURCE_ROUTED;
  return t.words[(f.l3 + 16) >> 2] === t.gateway!.own ? toRouter(f) : CONTINUE;
}
