/**
 * guardOut, guardIn: the tenants' rules. Until rules can be configured (src/policy), the paper's default for private
 * addresses is all there is: both ends in the same tenant network. Outbound that holds by construction, since `resolve`
 * knows no other network's tags. Paper §2.4.
 */
import { R_DESTINATION, R_SOURCE } from "#fastpath/decision";
import type { Frame } from "#fastpath/frame";
import type { Tables } from "#fastpath/tables/tables";
import { CONTINUE, OTHER_NETWORK, type Verdict } from "#fastpath/verdicts";

export function guardOut(_f: Frame, _t: Tables): Verdict {
  return CONTINUE;
}

/** Tags of source and destination network address must be the same; tags 0 (a fabric router's error) passed `origin`. */
export function guardIn(_f: Frame, t: Tables): Verdict {
  const tags = t.records[R_SOURCE + 2]!;
  return tags === 0 || tags === t.records[R_DESTINATION + 2] ? CONTINUE : OTHER_NETWORK;
}
