/** nameOwn: what this router says itself to an address that a tenant brought goes where packets of VMs' would. */
import { R_DESTINATION } from "#fastpath/decision";
import { type Frame, TENANT_DESTINATION } from "#fastpath/frame";
import { nameTenants } from "#fastpath/stages/straight";
import { TENANT_HOST, writeDestination } from "#fastpath/stages/tenants";
import type { Tables } from "#fastpath/tables/tables";
import { CONTINUE, type Verdict } from "#fastpath/verdicts";

/** Whose the address is, is known from the packet that it is about (`destinationTags`), or, at a gateway, as it is public. */
export function nameOwn(f: Frame, t: Tables): Verdict {
  if (f.destinationTags !== 0) {
    f.tenants |= TENANT_DESTINATION;
    f.destinationHost = TENANT_HOST;
    writeDestination(f, t);
  } else if (t.gateway !== undefined && !t.isInFabric(t.records, R_DESTINATION)) nameTenants(f, t);
  return CONTINUE;
}
