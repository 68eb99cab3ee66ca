/** How long to wait before a core that failed is replaced: longer each time it does so again. */
import type { Millis } from "#base/time";

const DELAYS: readonly Millis[] = [100, 1000, 5000, 30_000, 120_000];
/** After so long without a failure all is as at first. */
const FORGOTTEN: Millis = 600_000;

export class Failures {
  private count = 0;
  private last = Number.NEGATIVE_INFINITY;

  /** A core has failed. `isFirst`: in a long time, so that it may well not come again. */
  note(now: Millis): { readonly delay: Millis; readonly isFirst: boolean } {
    if (now - this.last > FORGOTTEN) this.count = 0;
    this.last = now;
    const delay = DELAYS[Math.min(this.count, DELAYS.length - 1)]!;
    return { delay, isFirst: this.count++ === 0 };
  }
}
