/** A Worker that reads an adjacency while the control thread changes it, and counts the MAC addresses that are torn. */
import { GroupReader } from "#fastpath/tables/groups";

export interface MacWatchOrder {
  readonly groups: SharedArrayBuffer;
  readonly adjacency: number;
  /** Word 0: not 0 when it is to stop. */
  readonly stop: SharedArrayBuffer;
}

export interface MacWatchReport {
  readonly reads: number;
  /** Reads that found another MAC address than the one before. */
  readonly changes: number;
  /** Reads whose six octets were not all the same, as every MAC address that is written has them. */
  readonly torn: number;
}

declare const self: Worker;

self.onmessage = (event: MessageEvent<MacWatchOrder>) => {
  postMessage(watch(event.data));
};
postMessage("ready");

function watch({ groups, adjacency, stop: shared }: MacWatchOrder): MacWatchReport {
  const stop = new Int32Array(shared);
  const reader = new GroupReader(groups);
  const record = new Int32Array(3);
  const octets = new Uint8Array(record.buffer);
  const report = { reads: 0, changes: 0, torn: 0 };
  while (Atomics.load(stop, 0) === 0) {
    for (let i = 0; i < 1000; i++) {
      const before = octets[0]!;
      reader.copyMacs(adjacency, record, 0);
      report.reads++;
      if (octets[0] !== before) report.changes++;
      for (let at = 1; at < 6; at++) {
        if (octets[at] === octets[0]) continue;
        report.torn++;
        break;
      }
    }
  }
  return report;
}
