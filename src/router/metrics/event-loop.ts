/**
 * How late the control thread's event loop is: a timer that should come every 20 ms, and by how much it does not. Garbage
 * collections, which Bun does not tell of, show here too. Forwarders have no event loop in their way.
 */
import { Histogram } from "#router/metrics/histogram";

const INTERVAL = 20; // milliseconds
/** Seconds. A timer is late by up to a millisecond in any case. */
const BOUNDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1];

export class EventLoopLag {
  readonly lag = new Histogram(BOUNDS);
  #expected = performance.now() + INTERVAL;
  readonly #timer: Timer;

  constructor() {
    this.#timer = setInterval(() => this.#tick(), INTERVAL);
    this.#timer.unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #tick(): void {
    const now = performance.now();
    this.lag.observe(Math.max(0, now - this.#expected) / 1000);
    this.#expected = now + INTERVAL;
  }
}
