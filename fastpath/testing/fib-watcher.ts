/** A Worker that looks addresses up while the control thread changes the table, and counts the answers that are wrong. */
import { FibReader } from "#fastpath/tables/fib-reader";
import { enterTurn, leaveTurn } from "#fastpath/tables/grace";

export interface WatchOrder {
  readonly fib: SharedArrayBuffer;
  /** Word 0: this forwarder's turns. Word 1: not 0 when it is to stop. */
  readonly turns: SharedArrayBuffer;
  /** Four raw words for each probe. */
  readonly probes: Int32Array;
  /** Two values for each probe: either is right. */
  readonly legal: Int32Array;
}

export interface WatchReport {
  readonly lookups: number;
  /** Answers that differ from the same probe's answer before: how much of the flapping was seen. */
  readonly changes: number;
  readonly wrong: number;
  /** One wrong answer, for the failure's message. */
  readonly example: string;
}

declare const self: Worker;

self.onmessage = (event: MessageEvent<WatchOrder>) => {
  postMessage(watch(event.data));
};
postMessage("ready");

function watch({ fib, turns: shared, probes, legal }: WatchOrder): WatchReport {
  const turns = new Int32Array(shared);
  const reader = new FibReader(fib);
  const last = new Int32Array(legal.length / 2);
  const report = { lookups: 0, changes: 0, wrong: 0, example: "" };
  while (Atomics.load(turns, 1) === 0) {
    enterTurn(turns, 0);
    for (let i = 0; i < last.length; i++) {
      const value = reader.lookup(probes, 4 * i);
      report.lookups++;
      if (value !== last[i]) report.changes++;
      last[i] = value;
      if (value === legal[2 * i] || value === legal[2 * i + 1]) continue;
      report.wrong++;
      report.example = `probe ${i}: ${value}, not ${legal[2 * i]} or ${legal[2 * i + 1]}`;
    }
    leaveTurn(turns, 0);
  }
  return report;
}
