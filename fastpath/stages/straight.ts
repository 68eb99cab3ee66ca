/**
 * IPv6 between VMs and outside hosts, at a gateway: no address is changed, so any gateway will do for any packet, and none
 * remembers anything. What it sees to is that private addresses stay inside, that nobody outside comes under an inside
 * address (RFC 2827), and that ICMP errors are about packets that passed here (RFC 5927 §4).
 */
import { R_DESTINATION, R_SOURCE } from "#fastpath/decision";
import { type Frame, TENANT_DESTINATION, UNUSUAL_ICMP_ERROR } from "#fastpath/frame";
import { toRouter } from "#fastpath/stages/for-me";
import { isPortMac } from "#fastpath/stages/port-mac";
import { addresses, isLinkLocal } from "#fastpath/stages/route";
import { TENANT_HOST, writeDestination } from "#fastpath/stages/tenants";
import { discoveryType, isIpv6Host } from "#fastpath/stages/vm-link";
import { arePublicTags, isInside6, isOwn6, publicTenantRow } from "#fastpath/tables/gateway-tables";
import { TE_TAGS } from "#fastpath/tables/layout";
import type { Tables } from "#fastpath/tables/tables";
import {
  BAD_EMBEDDED,
  CONTINUE,
  INFRASTRUCTURE_SOURCE,
  INSIDE_DESTINATION,
  INSIDE_SOURCE,
  LINK_LOCAL,
  MULTICAST,
  OUTSIDE_IPV6,
  OUTSIDE_SOURCE,
  OUTSIDE_STRAY,
  PRIVATE_SOURCE,
  PUNT_ND,
  type Verdict,
  WRONG_MAC,
} from "#fastpath/verdicts";
import { HOP_LIMIT as ND_HOP_LIMIT } from "#wire/nd";

/** Octets of an ICMP error before the packet that it quotes, and of that one's header. */
const ERROR_HEADER = 8;
const IPV6 = 40;

/** What may come from the outside link at all. */
export function admitOutside6(f: Frame, t: Tables): Verdict {
  const straight = t.gateway?.straight;
  if (straight === undefined || straight.own.length === 0) return OUTSIDE_IPV6;
  const isGroup = (t.bytes[f.at]! & 1) !== 0;
  if (!isGroup && !isPortMac(f, t)) return WRONG_MAC;
  if (f.hopLimit === ND_HOP_LIMIT && discoveryType(f, t) !== 0) return PUNT_ND;
  if (isGroup || t.bytes[f.l3 + 24] === 0xff) return MULTICAST;
  const source = (f.l3 + 8) >> 2;
  const isInside = t.isInFabric(t.words, source) || isInside6(straight, t.words, source);
  return isInside || isOwn6(straight, t.words, source) ? INSIDE_SOURCE : CONTINUE;
}

/** What is for the gateway itself. */
export const answerOutside6 = (f: Frame, t: Tables): Verdict =>
  isOwn6(t.gateway!.straight, t.words, (f.l3 + 24) >> 2) ? toRouter(f) : CONTINUE;

/** enter: whom a packet from outside is for: a host with a public address, be it the fabric's or one that its tenant brought. */
export function enter(f: Frame, t: Tables): Verdict {
  const verdict = addresses(f, t);
  if (verdict !== CONTINUE) return verdict;
  if (isLinkLocal(t.records[R_SOURCE]!)) return LINK_LOCAL;
  if (!isErrorToSender(f, t)) return BAD_EMBEDDED;
  return isPublicHost(t, R_DESTINATION) || nameTenants(f, t) ? CONTINUE : OUTSIDE_STRAY;
}

/** leave: only from a public address, and a fabric router's own errors; only to what is outside. */
export function leave(f: Frame, t: Tables): Verdict {
  const { straight } = t.gateway!;
  const r = t.records;
  if (straight.own.length === 0 || t.isInFabric(r, R_DESTINATION) || isInside6(straight, r, R_DESTINATION))
    return INSIDE_DESTINATION;
  if (!isErrorToSender(f, t)) return BAD_EMBEDDED;
  if (!t.isInFabric(r, R_SOURCE)) return publicTenantRow(straight, r, R_SOURCE) < 0 ? OUTSIDE_SOURCE : CONTINUE;
  if (r[R_SOURCE + 2] === 0) return (f.unusual & UNUSUAL_ICMP_ERROR) === 0 ? INFRASTRUCTURE_SOURCE : CONTINUE;
  return isPublicHost(t, R_SOURCE) ? CONTINUE : PRIVATE_SOURCE;
}

/** At a gateway, out of the fabric: for a public address that a tenant brought, to which the fabric's routes do not lead. */
export const isPublicTenants = (_f: Frame, t: Tables): boolean =>
  publicTenantRow(t.gateway!.straight, t.records, R_DESTINATION) >= 0;

/** turnBack: what a fabric router found wrong with a packet of such a VM's (RFC 4443 §2.4). VMs use tunnels of their own. */
export function turnBack(f: Frame, t: Tables): Verdict {
  if (!t.isInFabric(t.records, R_SOURCE) || t.records[R_SOURCE + 2] !== 0) return INSIDE_DESTINATION;
  if ((f.unusual & UNUSUAL_ICMP_ERROR) === 0) return INFRASTRUCTURE_SOURCE;
  if (!isErrorToSender(f, t)) return BAD_EMBEDDED;
  return nameTenants(f, t) ? CONTINUE : OUTSIDE_STRAY;
}

/** Raw tags and host number at `at` of the record: a host with a public address of the fabric's? */
function isPublicHost(t: Tables, at: number): boolean {
  const r = t.records;
  return t.isInFabric(r, at) && isIpv6Host(r[at + 3]!) && arePublicTags(t.gateway!.straight, r[at + 2]!);
}

/** True for a public destination that a tenant brought: from here on it is known whose. */
export function nameTenants(f: Frame, t: Tables): boolean {
  const { straight } = t.gateway!;
  const row = publicTenantRow(straight, t.words, (f.l3 + 24) >> 2);
  if (row < 0) return false;
  f.tenants |= TENANT_DESTINATION;
  f.destinationTags = straight.tenants[row + TE_TAGS]!;
  f.destinationHost = TENANT_HOST;
  writeDestination(f, t);
  return true;
}

/** True unless it is an error that quotes no packet of whom it is for. */
function isErrorToSender(f: Frame, t: Tables): boolean {
  if ((f.unusual & UNUSUAL_ICMP_ERROR) === 0) return true;
  const quoted = f.l4 + ERROR_HEADER;
  if (f.end - quoted < IPV6) return false;
  const sender = (quoted + 8) >> 2;
  const receiver = (f.l3 + 24) >> 2;
  for (let i = 0; i < 4; i++) if (t.words[sender + i] !== t.words[receiver + i]) return false;
  return true;
}
