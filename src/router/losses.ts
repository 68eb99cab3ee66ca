/** Frames that ended at the control thread, counted as the forwarders count theirs: by port and ending. */
import { MAX_PORTS } from "#fastpath/counters";
import { ENDINGS, type Verdict } from "#fastpath/verdicts";

export class Losses {
  private readonly counts = new Float64Array(MAX_PORTS * ENDINGS.length);

  /** `port`: the one the frame came in by, or of this router's own frames the one they were for. */
  count(port: number, ending: Verdict, frames = 1): void {
    this.counts[port * ENDINGS.length + ending]! += frames;
  }

  of(port: number, ending: Verdict): number {
    return this.counts[port * ENDINGS.length + ending]!;
  }
}
