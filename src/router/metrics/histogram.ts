/** Counts of durations by size. */
import type { HistogramSample, LabelValues } from "#router/metrics/model";

export class Histogram {
  readonly #bounds: readonly number[];
  readonly #counts: number[];
  #sum = 0;

  /** `bounds`: ascending; what is larger than the last is counted too. */
  constructor(bounds: readonly number[]) {
    this.#bounds = bounds;
    this.#counts = [...bounds, Number.POSITIVE_INFINITY].map(() => 0);
  }

  observe(value: number): void {
    const i = this.#bounds.findIndex((bound) => value <= bound);
    this.#counts[i < 0 ? this.#bounds.length : i]! += 1;
    this.#sum += value;
  }

  sample(labels: LabelValues = []): HistogramSample {
    let count = 0;
    const buckets = [...this.#bounds, Number.POSITIVE_INFINITY].map((le, i) => {
      count += this.#counts[i]!;
      return { le, count };
    });
    return { labels, buckets, sum: this.#sum };
  }
}
