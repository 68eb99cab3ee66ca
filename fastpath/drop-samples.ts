/**
 * Which dropped frames are shown to the control thread: a few of each reason at each port now and then, so that a flood of one kind
 * hides no other, and all together no more than a forwarder can copy without being held up.
 */
import { MAX_PORTS } from "#fastpath/counters";
import { ENDINGS, type Verdict } from "#fastpath/verdicts";

/** Ticks (a tenth of a second) after which another frame of the same reason at the same port may follow. */
const INTERVAL = 2;
/** So many at once, if there were none lately. */
const BURST = 4;
/** Of all reasons and ports together, in one tick. */
const EACH_TICK = 32;

export class DropSamples {
  /** Tick when the reason's budget at the port is full again. */
  readonly #full = new Int32Array(MAX_PORTS * ENDINGS.length);
  #tick = 0;
  #left = EACH_TICK;

  /** True: this one is. `now`: ticks, which may pass 2^31. */
  take(port: number, ending: Verdict, now: number): boolean {
    const at = port * ENDINGS.length + ending;
    const ahead = (this.#full[at]! - now) | 0;
    // Further ahead than it ever gets: ticks have run over, or it was never used.
    const owed = ahead > 0 && ahead <= BURST * INTERVAL ? ahead : 0;
    if (owed > (BURST - 1) * INTERVAL || !this.#takeAny(now)) return false;
    this.#full[at] = (now + owed + INTERVAL) | 0;
    return true;
  }

  #takeAny(now: number): boolean {
    if (now !== this.#tick) {
      this.#tick = now;
      this.#left = EACH_TICK;
    }
    if (this.#left === 0) return false;
    this.#left--;
    return true;
  }
}
