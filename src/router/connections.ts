/** The connection table as the control thread sees it: made, swept, shown. */
import { MAX_PORTS } from "#fastpath/counters";
import { ConnectionEntries } from "#fastpath/tables/connection-entries";
import { createConnectionTable } from "#fastpath/tables/connection-layout";
import { connectionTicks } from "#fastpath/tables/connection-states";
import { monotonicNanos } from "#sys/clock";

/** Sweeps in which every entry is looked at once: a minute of them. What has expired before is found by who meets it. */
const SWEEPS = 120;

export class RouterConnections {
  readonly buffer: SharedArrayBuffer;
  readonly #entries: ConnectionEntries;

  /** `perVm`: of `entries`, what one VM may have. */
  constructor({ entries, perVm }: { readonly entries: number; readonly perVm: number }) {
    const key = crypto.getRandomValues(new Int32Array(2));
    this.buffer = createConnectionTable({ entries, owners: MAX_PORTS, quota: perVm, key });
    this.#entries = new ConnectionEntries(this.buffer);
  }

  /** Those that have more keep them. */
  setQuota(perVm: number): void {
    for (let owner = 0; owner < MAX_PORTS; owner++) this.#entries.setQuota(owner, perVm);
  }

  /** Twice a second. */
  sweep(): void {
    this.#entries.sweep(connectionTicks(monotonicNanos()), Math.ceil(this.#entries.slots / SWEEPS));
  }
}
