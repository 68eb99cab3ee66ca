/** What a metric is, before it is written in one of Prometheus' formats (exposition.ts). */

/** In the order of the family's labels. */
export type LabelValues = readonly string[];

export interface ValueSample {
  readonly labels: LabelValues;
  readonly value: number;
}

export interface HistogramSample {
  readonly labels: LabelValues;
  /** How many were at most so large, each including those before; the last bound is Infinity. */
  readonly buckets: readonly { readonly le: number; readonly count: number }[];
  readonly sum: number;
}

interface Described {
  /** As in the text format: a counter's ends in `_total`, what has a unit ends in it (before that). */
  readonly name: string;
  /** One line, of plain sentences. */
  readonly help: string;
  readonly labels: readonly string[];
}

/** Whose samples are made from an `Input`. Names, units and labels: prometheus.io/docs/practices/naming. */
export type Family<Input> =
  | (Described & { readonly type: "counter" | "gauge"; readonly samples: (input: Input) => Iterable<ValueSample> })
  | (Described & { readonly type: "histogram"; readonly samples: (input: Input) => Iterable<HistogramSample> });

/** A single value without labels; undefined: there is none. */
export const single = (value: number | undefined): ValueSample[] =>
  value === undefined ? [] : [{ labels: [], value }];
