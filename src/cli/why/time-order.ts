/** Packets of several routers in the order in which they passed: a file has each router's where it told of them, in bunches. */
import type { ToldLine } from "#router/watch/trace-expansion";
import type { TracedPacket } from "#router/watch/views";

/** Seconds that a packet may be told of after later ones: routers tell 50 times a second, somewhat later where they are busy. */
const WINDOW = 0.25;

interface ToldPacket extends ToldLine {
  readonly line: TracedPacket;
}

/**
 * The same lines, packets by time whichever router saw them, save those that come too late for that; at the same moment as
 * they came. What was read before `bunches` throws comes first.
 */
export async function* inTimeOrder(bunches: AsyncIterable<readonly ToldLine[]>): AsyncGenerator<readonly ToldLine[]> {
  let waiting: ToldPacket[] = [];
  let newest = Number.NEGATIVE_INFINITY;
  let oldest = Number.POSITIVE_INFINITY;
  try {
    for await (const bunch of bunches) {
      yield bunch.filter((told) => !isPacket(told));
      for (const told of bunch.filter(isPacket)) {
        waiting.push(told);
        newest = Math.max(newest, told.line.time);
        oldest = Math.min(oldest, told.line.time);
      }
      if (newest - oldest <= 2 * WINDOW) continue;
      const sorted = byTime(waiting);
      const due = sorted.findIndex(({ line }) => line.time > newest - WINDOW);
      yield sorted.slice(0, due);
      waiting = sorted.slice(due);
      oldest = waiting[0]!.line.time;
    }
  } catch (error) {
    yield byTime(waiting);
    throw error;
  }
  yield byTime(waiting);
}

const isPacket = (told: ToldLine): told is ToldPacket => told.line.type === "packet";
const byTime = (packets: readonly ToldPacket[]): ToldPacket[] => packets.toSorted((a, b) => a.line.time - b.line.time);
