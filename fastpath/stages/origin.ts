/** origin: a packet for a VM comes from inside the data centre, or from a gateway. Paper §2.4. */
import { R_SOURCE } from "#fastpath/decision";
import { type Frame, TENANT_SOURCE, UNUSUAL_ICMP_ERROR } from "#fastpath/frame";
import { nameOutsider } from "#fastpath/stages/tenants";
import type { Tables } from "#fastpath/tables/tables";
import { CONTINUE, INFRASTRUCTURE_SOURCE, OUTSIDE_SOURCE, type Verdict } from "#fastpath/verdicts";

export function origin(f: Frame, t: Tables): Verdict {
  if ((f.tenants & TENANT_SOURCE) !== 0) return CONTINUE; // by its prefix the VM's network knows it (`nameIn`)
  if (!t.isInFabric(t.records, R_SOURCE)) return fromOutside(f, t);
  // Tags 0: a fabric router itself. It may tell a VM of errors on the way (traceroute, path MTU) and nothing else.
  if (t.records[R_SOURCE + 2] === 0 && (f.unusual & UNUSUAL_ICMP_ERROR) === 0) return INFRASTRUCTURE_SOURCE;
  return CONTINUE;
}

/**
 * Natively from no address of the fabric's: from an outside host, which whoever has the VM looks at more closely. None comes
 * back out: what else may leave, gateways look at themselves (straight.ts).
 */
function fromOutside(f: Frame, t: Tables): Verdict {
  if (f.outer !== 0 || t.gateway !== undefined || !t.isOutside6(t.records, R_SOURCE)) return OUTSIDE_SOURCE;
  return f.vm < 0 ? CONTINUE : nameOutsider(f, t);
}
