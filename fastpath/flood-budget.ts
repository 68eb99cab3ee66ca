/**
 * How many frames to groups a VM may send on its Ethernet segment: a token bucket for each port, in each forwarder. Frames of one
 * flow come to one forwarder, so a VM has its rate once for each forwarder at most.
 */
import { MAX_PORTS } from "#fastpath/counters";

/** Tables.now counts tenths of a second. */
const TICKS_PER_SECOND = 10;

export class FloodBudget {
  readonly #tokens = new Float64Array(MAX_PORTS).fill(Number.POSITIVE_INFINITY);
  readonly #seen = new Int32Array(MAX_PORTS);

  /** Takes one. `rate` a second, `burst` at once; `now` in tenths of a second. False: there is none left. */
  take(port: number, rate: number, burst: number, now: number): boolean {
    const ticks = Math.max(0, (now - this.#seen[port]!) | 0);
    this.#seen[port] = now;
    const tokens = Math.min(burst, this.#tokens[port]! + (ticks * rate) / TICKS_PER_SECOND);
    this.#tokens[port] = tokens < 1 ? tokens : tokens - 1;
    return tokens >= 1;
  }
}
