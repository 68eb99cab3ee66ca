/** How long OSPF's route computations took, from the log of the last ones that the core keeps. */
import { Histogram } from "#router/metrics/histogram";
import type { HistogramSample } from "#router/metrics/model";
import type { RouterOspf } from "#router/ospf/router-ospf";

/** Seconds. */
const BOUNDS = [0.0001, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1];

export class SpfTimes {
  readonly #kinds = { full: new Histogram(BOUNDS), prefix: new Histogram(BOUNDS) };
  #seenUntil = 0;

  /** Every second or so: the log holds a few dozen. */
  look(ospf: Pick<RouterOspf, "host">): void {
    const seen = this.#seenUntil;
    for (const { kind, startedAt, endedAt } of ospf.host?.run.core.routing.log() ?? []) {
      if (endedAt <= seen) continue;
      this.#kinds[kind].observe((endedAt - startedAt) / 1000);
      this.#seenUntil = Math.max(this.#seenUntil, endedAt);
    }
  }

  samples(): HistogramSample[] {
    return Object.entries(this.#kinds).map(([kind, histogram]) => histogram.sample([kind]));
  }
}
