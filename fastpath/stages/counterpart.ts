/** counterpart: IPv4 and IPv6 hosts are nobody to one another, as there is no address by which one could know the other. */
import { R_DESTINATION, R_SOURCE } from "#fastpath/decision";
import { type Frame, TENANT_SOURCE, UNUSUAL_ICMP_ERROR } from "#fastpath/frame";
import { leadsOutside } from "#fastpath/stages/resolve";
import { isIpv6Host } from "#fastpath/stages/vm-link";
import { OUTSIDE_TAGS, V_NETWORK } from "#fastpath/tables/layout";
import type { Tables } from "#fastpath/tables/tables";
import { CONTINUE, INSIDE_SOURCE, NO_COUNTERPART, type Verdict } from "#fastpath/verdicts";

export function counterpart(f: Frame, t: Tables): Verdict {
  const r = t.records;
  // Routers tell both of errors (`origin`); the metadata service is an IPv4 host.
  if (r[R_SOURCE + 2] === 0 && !t.isService(f.port)) return CONTINUE;
  // Of an IPv6 host outside its stand-in says that it is one.
  if (r[R_SOURCE + 2] === OUTSIDE_TAGS && (f.tenants & TENANT_SOURCE) === 0) return fromOutside(f, t);
  return isIpv6Host(r[R_SOURCE + 3]!) === isIpv6Host(r[R_DESTINATION + 3]!) ? CONTINUE : NO_COUNTERPART;
}

/**
 * An outside host's packet has been translated for either kind at the gateway. Its source must be outside for this network
 * too, which may know the address as its own or a peer's (RFC 3704 §2.2); of errors, any router on the way may tell: what
 * they quote is looked at.
 */
function fromOutside(f: Frame, t: Tables): Verdict {
  if ((f.unusual & UNUSUAL_ICMP_ERROR) !== 0) return CONTINUE;
  return leadsOutside(t, t.vms[f.vm + V_NETWORK]!, t.records, R_SOURCE) ? CONTINUE : INSIDE_SOURCE;
}
