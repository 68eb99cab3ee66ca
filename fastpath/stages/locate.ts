/** locate: the local VM that has the destination's address, if it takes packets now. */
import { R_ADJACENCY } from "#fastpath/decision";
import type { Frame } from "#fastpath/frame";
import { V_ADJACENCY, V_STATE, VM_HELD } from "#fastpath/tables/layout";
import type { Tables } from "#fastpath/tables/tables";
import { CONTINUE, NO_SUCH_VM, PUNT_HELD, type Verdict } from "#fastpath/verdicts";

/** `redirect` or `here` has looked for it. */
export function locate(f: Frame, t: Tables): Verdict {
  if (f.vm < 0) return NO_SUCH_VM;
  if (t.vms[f.vm + V_STATE] !== VM_HELD) return CONTINUE;
  t.records[R_ADJACENCY] = t.vms[f.vm + V_ADJACENCY]!; // whom it waits for, as when a MAC address is wanted
  return PUNT_HELD;
}
