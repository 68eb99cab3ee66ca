/** counterpart: IPv4 and IPv6 hosts are nobody to one another, as there is no address by which one could know the other. */
import { R_DESTINATION, R_SOURCE } from "#fastpath/decision";
import type { Frame } from "#fastpath/frame";
import { isIpv6Host } from "#fastpath/stages/vm-link";
import { OUTSIDE_TAGS } from "#fastpath/tables/layout";
import type { Tables } from "#fastpath/tables/tables";
import { CONTINUE, NO_COUNTERPART, type Verdict } from "#fastpath/verdicts";

export function counterpart(f: Frame, t: Tables): Verdict {
  const r = t.records;
  // Routers tell both of errors (`origin`); the metadata service is an IPv4 host.
  if (r[R_SOURCE + 2] === 0 && !t.isService(f.port)) return CONTINUE;
  // An outside host's packet has been translated for either, at the gateway.
  if (r[R_SOURCE + 2] === OUTSIDE_TAGS) return CONTINUE;
  return isIpv6Host(r[R_SOURCE + 3]!) === isIpv6Host(r[R_DESTINATION + 3]!) ? CONTINUE : NO_COUNTERPART;
}
