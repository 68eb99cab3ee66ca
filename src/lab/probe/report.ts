/** What became of a flow of numbered datagrams: sent, lost, duplicated, reordered, and the longest silence. */

/** All that is known of one flow; times in milliseconds since the Unix epoch, with fractions. */
export interface Trace {
  readonly name: string;
  /** When datagram `i` was sent. */
  readonly sent: readonly number[];
  /** Numbers of the datagrams that came, in the order they came in, and when. */
  readonly numbers: readonly number[];
  readonly times: readonly number[];
  /** Datagrams of this flow that came to an end which they were not for. */
  readonly strays: number;
}

export interface Report {
  readonly sent: number;
  readonly lost: number;
  /** Came more than once: how many came too often. */
  readonly duplicated: number;
  /** Came after one that was sent later (RFC 4737 §3), duplicates apart. */
  readonly reordered: number;
  /** Longest time between one arrival and the next, milliseconds; undefined: fewer than two came. */
  readonly longestGap: number | undefined;
  /** When that silence began. */
  readonly gapBegan: number | undefined;
  /** Longest time that a datagram took, milliseconds. */
  readonly longestDelay: number | undefined;
  readonly strays: number;
}

/** Times, in milliseconds since the Unix epoch. */
export interface Window {
  readonly from: number;
  readonly until: number;
}

/** The report on datagrams that were *sent* within the window, all of them without one. */
export function reportOn(trace: Trace, { from, until }: Window = { from: 0, until: Number.POSITIVE_INFINITY }): Report {
  const counts = new Map<number, number>();
  let [sent, reordered, highest, longestDelay] = [0, 0, -1, -1];
  for (const [number, at] of trace.sent.entries()) {
    if (at < from || at >= until) continue;
    counts.set(number, 0);
    sent++;
  }
  const arrivals: number[] = [];
  for (const [i, number] of trace.numbers.entries()) {
    const earlier = counts.get(number);
    if (earlier === undefined) continue;
    const at = trace.times[i]!;
    counts.set(number, earlier + 1);
    arrivals.push(at);
    if (earlier === 0 && number < highest) reordered++;
    highest = Math.max(highest, number);
    longestDelay = Math.max(longestDelay, at - trace.sent[number]!);
  }
  const came = [...counts.values()];
  return {
    sent,
    lost: came.filter((count) => count === 0).length,
    duplicated: came.reduce((sum, count) => sum + Math.max(0, count - 1), 0),
    reordered,
    ...gapOf(arrivals),
    longestDelay: arrivals.length === 0 ? undefined : longestDelay,
    strays: trace.strays,
  };
}

function gapOf(arrivals: readonly number[]): Pick<Report, "longestGap" | "gapBegan"> {
  let longestGap: number | undefined;
  let gapBegan: number | undefined;
  for (let i = 1; i < arrivals.length; i++) {
    const gap = arrivals[i]! - arrivals[i - 1]!;
    if (gap <= (longestGap ?? -1)) continue;
    longestGap = gap;
    gapBegan = arrivals[i - 1]!;
  }
  return { longestGap, gapBegan };
}
