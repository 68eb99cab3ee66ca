/** redirect: the place of the binding list (moved VMs are reached by GRE). Without bindings every VM is at home. */
import type { Frame } from "#fastpath/frame";
import type { Tables } from "#fastpath/tables/tables";
import { CONTINUE, type Verdict } from "#fastpath/verdicts";

export function redirect(_f: Frame, _t: Tables): Verdict {
  return CONTINUE;
}
