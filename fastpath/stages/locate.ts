/** locate: network address → the local VM that has it. */
import { R_DESTINATION } from "#fastpath/decision";
import type { Frame } from "#fastpath/frame";
import type { Tables } from "#fastpath/tables/tables";
import { CONTINUE, NO_SUCH_VM, type Verdict } from "#fastpath/verdicts";

export function locate(f: Frame, t: Tables): Verdict {
  f.vm = t.findVm(t.records, R_DESTINATION);
  return f.vm < 0 ? NO_SUCH_VM : CONTINUE;
}
