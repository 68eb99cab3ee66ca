/** track: the place of the connection table (stateful rules). No rule is stateful yet, so every packet passes. */
import type { Frame } from "#fastpath/frame";
import type { Tables } from "#fastpath/tables/tables";
import { CONTINUE, type Verdict } from "#fastpath/verdicts";

export function track(_f: Frame, _t: Tables): Verdict {
  return CONTINUE;
}
