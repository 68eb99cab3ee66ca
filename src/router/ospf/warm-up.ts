/**
 * Rehearses a database exchange while a router that has just started has nothing to do: the first exchange that a process
 * sees takes several times as long as the next, most of it for compiling. Bounded, in slices with rests in between, and
 * over at once when it is stopped: who has a neighbor learns from that.
 */
import type { Millis } from "#base/time";
import { rehearse } from "#router/ospf/rehearsal/rehearsal";

/** After the start: ports are opened and the API answers meanwhile. */
const DELAY: Millis = 200;
/** What a slice takes at most, but for the step it ends with. */
const SLICE: Millis = 2;
/** Between slices: three quarters of the thread's time are for others. */
const REST: Millis = 6;
/** Six LSAs for each router of the rehearsal's area. */
const ROUTERS = 100;
/** What the first leaves to be compiled better, which happens beside it, the next ones have. */
const TIMES = 6;

export interface WarmUpOptions {
  /** What is rehearsed; the router's own exchange without it. */
  readonly rehearsals?: Iterator<void>;
  /** Milliseconds that do not go back; `performance.now()` without it. */
  readonly now?: () => Millis;
  /** It failed, which is a defect: nothing but time is lost by it. */
  readonly failed: (error: unknown) => void;
}

export class WarmUp {
  private readonly now: () => Millis;
  private readonly failed: (error: unknown) => void;
  private rehearsals: Iterator<void> | undefined;
  private timer: Timer | undefined;

  constructor({ rehearsals = allRehearsals(), now = () => performance.now(), failed }: WarmUpOptions) {
    this.rehearsals = rehearsals;
    this.now = now;
    this.failed = failed;
    this.rest(DELAY);
  }

  /** Neither finished nor stopped. */
  get isUnderWay(): boolean {
    return this.rehearsals !== undefined;
  }

  stop(): void {
    clearTimeout(this.timer);
    this.rehearsals = undefined;
  }

  private rest(length: Millis): void {
    this.timer = setTimeout(() => this.slice(), length);
    this.timer.unref();
  }

  private slice(): void {
    const end = this.now() + SLICE;
    try {
      do {
        if (this.rehearsals?.next().done !== false) {
          this.stop();
          return;
        }
      } while (this.now() < end);
    } catch (error) {
      this.stop();
      this.failed(error);
      return;
    }
    this.rest(REST);
  }
}

function* allRehearsals(): Generator<void> {
  for (let i = 0; i < TIMES; i++) yield* rehearse(ROUTERS);
}
