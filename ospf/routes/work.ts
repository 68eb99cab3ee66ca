/**
 * Work in pieces: a computation over a large database must not hold up hellos. It is a generator that yields after
 * each piece; in between, databases may change. Each phase takes the LSAs that are there when it begins; whoever changes
 * a database asks for another computation anyway.
 *
 * Loops are plain functions that generators call: they are compiled sooner, and the first computation after a start is
 * the one that is waited for.
 */
export type Work<T> = Generator<void, T, void>;

/** Elementary steps (an LSA, a link, a prefix, a vertex) in a piece: some hundred microseconds at most. */
export const PIECE = 1024;

/** Calls `each` for 0 … count − 1; it answers how many steps it took. */
export function* eachOf(count: number, each: (i: number) => number): Work<void> {
  for (let i = some(0, count, each); i < count; i = some(i, count, each)) yield;
}

function some(from: number, count: number, each: (i: number) => number): number {
  let i = from;
  for (let steps = 0; i < count && steps < PIECE; i++) steps += each(i);
  return i;
}

/** Calls `part` for ranges that together are 0 … count − 1: for steps so small that a call for each would count. */
export function* rangesOf(count: number, part: (from: number, to: number) => void): Work<void> {
  for (let from = 0; from < count; from += PIECE) {
    if (from > 0) yield;
    part(from, Math.min(count, from + PIECE));
  }
}
