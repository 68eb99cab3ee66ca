/**
 * Time for signalling: milliseconds since the Unix epoch, as messages' timestamps carry it (RFC 5213 §8.8), that never go
 * back. A clock that is set forward is followed; one that is set back leaves this one ahead until the router's next start.
 */
import type { Millis } from "#base/time";

/** Steps of the time of day that are none: reading two clocks one after the other. */
const TOLERANCE: Millis = 50;

export interface Clocks {
  /** Never goes back. */
  readonly monotonic: () => Millis;
  readonly timeOfDay: () => Millis;
}

const MACHINE: Clocks = { monotonic: () => performance.now(), timeOfDay: () => Date.now() };

export class UnixClock {
  readonly #clocks: Clocks;
  #offset: Millis;

  constructor(clocks = MACHINE) {
    this.#clocks = clocks;
    this.#offset = clocks.timeOfDay() - clocks.monotonic();
  }

  now(): Millis {
    return this.#offset + this.#clocks.monotonic();
  }

  /** The same moment on the monotonic clock. */
  monotonicOf(at: Millis): Millis {
    return at - this.#offset;
  }

  /** Now and then. True: the time of day was set forward, so that moments to come are nearer. */
  check(): boolean {
    const offset = this.#clocks.timeOfDay() - this.#clocks.monotonic();
    if (offset < this.#offset + TOLERANCE) return false;
    this.#offset = offset;
    return true;
  }
}
