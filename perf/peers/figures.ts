/** What is measured of each contestant, and how several rounds become one figure. */

/** One round's results. */
export interface Figures {
  /** Gbit/s of TCP payload at the receiver. */
  readonly oneStream: number;
  readonly fourStreams: number;
  /** Both directions at once, added up. */
  readonly bothWays: number;
  /** 64-octet frames a second, at most 0.1 % lost. */
  readonly udpRate: number;
  /** Round-trip time of an idle path, microseconds. */
  readonly rttMedian: number;
  readonly rtt99: number;
  /** Seconds of CPU, of the whole machine, per Gbit of the one TCP stream; and the contestant's own processes' part. */
  readonly cpuPerGbit: number;
  readonly ownCpuPerGbit: number;
}

export interface Metric {
  readonly key: keyof Figures;
  readonly title: string;
  readonly unit: string;
  /** What one unit of the figure is in {@link unit}: 1e-3 shows packets as thousands. */
  readonly scale: number;
  readonly digits: number;
  readonly moreIsBetter: boolean;
}

export const METRICS: readonly Metric[] = [
  { key: "oneStream", title: "TCP, one stream", unit: "Gbit/s", scale: 1, digits: 2, moreIsBetter: true },
  { key: "fourStreams", title: "TCP, four streams", unit: "Gbit/s", scale: 1, digits: 2, moreIsBetter: true },
  { key: "bothWays", title: "TCP, both ways", unit: "Gbit/s", scale: 1, digits: 2, moreIsBetter: true },
  { key: "udpRate", title: "UDP 64 octets, loss-free", unit: "kpackets/s", scale: 1e-3, digits: 0, moreIsBetter: true },
  { key: "rttMedian", title: "idle RTT, median", unit: "µs", scale: 1, digits: 0, moreIsBetter: false },
  { key: "rtt99", title: "idle RTT, 99 %", unit: "µs", scale: 1, digits: 0, moreIsBetter: false },
  { key: "cpuPerGbit", title: "CPU per Gbit, machine", unit: "ms", scale: 1e3, digits: 0, moreIsBetter: false },
  {
    key: "ownCpuPerGbit",
    title: "CPU per Gbit, own processes",
    unit: "ms",
    scale: 1e3,
    digits: 0,
    moreIsBetter: false,
  },
];

/** The figure's value as people read it, in the metric's unit. */
export const shown = (metric: Metric, value: number): string => (value * metric.scale).toFixed(metric.digits);

/** The q-quantile (0 … 1) by linear interpolation between neighbours; NaN of nothing. */
export function quantile(values: readonly number[], q: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  const position = (sorted.length - 1) * q;
  const below = sorted[Math.floor(position)] ?? Number.NaN;
  const above = sorted[Math.ceil(position)] ?? Number.NaN;
  return below + (above - below) * (position - Math.floor(position));
}

export const median = (values: readonly number[]): number => quantile(values, 0.5);

/** Over all rounds of one contestant. */
export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

export function spread(rounds: readonly Figures[], key: keyof Figures): Spread {
  const values = rounds.map((round) => round[key]);
  return { median: median(values), min: Math.min(...values), max: Math.max(...values) };
}

/**
 * How one contestant does against another: the median of the rounds' own ratios, so that a machine that gets slower
 * during the run slows both. NaN when no round has both.
 */
export function ratio(
  ours: readonly (Figures | null)[],
  theirs: readonly (Figures | null)[],
  key: keyof Figures,
): number {
  const ratios = ours.flatMap((round, index) => {
    const other = theirs[index];
    return round === null || other === null || other === undefined || other[key] === 0 ? [] : [round[key] / other[key]];
  });
  return median(ratios);
}
