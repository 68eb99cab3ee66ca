/** Tables that have no room: what a router says in its log when packets are dropped for it, and again while it goes on. */
import { C_ENDINGS } from "#fastpath/counters";
import {
  CONNECTION_QUOTA,
  CONNECTIONS_FULL,
  NAT_FULL,
  NAT_NO_BLOCK,
  NAT_QUOTA,
  type Verdict,
} from "#fastpath/verdicts";
import type { Log } from "#router/log";
import type { PortCounters } from "#router/port-counters";
import type { PortState } from "#router/ports";

/** Milliseconds between two lines about the same at one port. */
const PATIENCE = 60_000;

const ALARMS: ReadonlyMap<Verdict, string> = new Map([
  [CONNECTIONS_FULL, "the connection table is full (connections.entries in node.yaml)"],
  [NAT_NO_BLOCK, "all port blocks of the NAT are taken (outside.pool and portBlock in node.yaml)"],
  [NAT_QUOTA, "a VM has all ports or sessions of the NAT that it may have (outside.portsPerVm in node.yaml)"],
  [NAT_FULL, "the NAT has no room for another session (outside.entries in node.yaml)"],
  [CONNECTION_QUOTA, "the VM has all connections it may have (connections.perVm in node.yaml)"],
]);

interface Watched {
  /** Frames counted when it was looked at last. */
  seen: number;
  /** Dropped since the last line. */
  untold: number;
  toldAt: number;
}

export class Alarms {
  readonly #counters: PortCounters;
  readonly #log: Log;
  readonly #watched = new Map<string, Watched>();

  constructor(counters: PortCounters, log: Log) {
    this.#counters = counters;
    this.#log = log;
  }

  /** Now and then. `now`: milliseconds. */
  look(ports: Iterable<PortState>, now: number): void {
    for (const port of ports) for (const [verdict, why] of ALARMS) this.#lookAt(port, verdict, why, now);
  }

  #lookAt({ index, name }: PortState, verdict: Verdict, why: string, now: number): void {
    const key = `${name} ${verdict}`;
    const count = this.#counters.of(index, C_ENDINGS + verdict);
    const watched = this.#watched.get(key) ?? { seen: 0, untold: 0, toldAt: Number.NEGATIVE_INFINITY };
    // A port that was opened anew counts from zero.
    watched.untold += count >= watched.seen ? count - watched.seen : count;
    watched.seen = count;
    this.#watched.set(key, watched);
    if (watched.untold === 0 || now - watched.toldAt < PATIENCE) return;
    this.#log.warn(`port ${name}: ${watched.untold} packets dropped: ${why}`, "table-full", { port: name });
    watched.untold = 0;
    watched.toldAt = now;
  }
}
