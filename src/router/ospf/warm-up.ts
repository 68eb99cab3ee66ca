/**
 * Rehearses database exchanges while a router that has just started has nothing to do: the first exchange that a process
 * sees takes several times as long as the next, most of it for compiling. Bounded, a few frames at a time with rests in
 * between, and over at once when it is stopped: who has a neighbor learns from that.
 */
import type { Millis } from "#base/time";
import { Rehearsal } from "#router/ospf/rehearsal/rehearsal";

/** After the start: ports are opened and the API answers meanwhile. */
const DELAY: Millis = 200;
/** Frames on their way through the loop at once. */
const FRAMES = 8;
/** Three quarters of the thread's time are for others. */
const REST = 3;
/** Six LSAs for each router of the rehearsal's area. */
const ROUTERS = 250;
/** The engine's last and best compiler takes only what was run some ten thousand times. */
const TIMES = 30;
/**
 * Rehearsals after which their garbage is collected, in 20 ms or so: left alone, the collector comes so late that a router
 * which needs its memory a second later has twice as much.
 */
const BETWEEN_COLLECTIONS = 3;
/** One that is not over by then has lost frames to real traffic, and is the last. */
const PATIENCE: Millis = 3000;

export interface WarmUpOptions {
  /** Takes a frame that is to come back: {@link WarmUp.take}. False: there is no room just now. */
  readonly loop: (octets: Uint8Array) => boolean;
  /** There is a fault in it, which is a defect: nothing but time is lost. */
  readonly failed: (error: unknown) => void;
  readonly routers?: number;
  readonly times?: number;
}

export class WarmUp {
  private readonly options: WarmUpOptions;
  private left: number;
  private finished = 0;
  private rehearsal: Rehearsal | undefined;
  private tooLate: Millis = 0;
  private waiting: Uint8Array[] = [];
  /** What the frames took that came back since the last beat. */
  private spent: Millis = 0;
  private timer: Timer | undefined;

  constructor(options: WarmUpOptions) {
    this.options = options;
    this.left = options.times ?? TIMES;
    this.rest(DELAY);
  }

  /** Rehearsals that have come to their end. */
  get done(): number {
    return this.finished;
  }

  /** Neither finished nor stopped. */
  get isUnderWay(): boolean {
    return this.left > 0;
  }

  /** A frame has come back. */
  take(octets: Uint8Array): void {
    const began = performance.now();
    this.guarded(() => this.rehearsal?.take(octets));
    this.spent += performance.now() - began;
  }

  stop(): void {
    clearTimeout(this.timer);
    this.rehearsal?.stop();
    this.rehearsal = undefined;
    this.waiting = [];
    this.left = 0;
  }

  private rest(length: Millis): void {
    this.timer = setTimeout(() => this.guarded(() => this.beat()), length);
    this.timer.unref();
  }

  private beat(): void {
    const began = performance.now();
    this.rehearsal ??= this.begin();
    for (let i = 0; i < FRAMES && this.rehearsal !== undefined; i++) {
      if (this.rehearsal.goOn()) this.end();
      else if (this.waiting.length > 0 && this.options.loop(this.waiting[0]!)) this.waiting.shift();
    }
    const now = performance.now();
    if (now > this.tooLate) this.stop();
    if (!this.isUnderWay) return;
    this.rest(REST * (this.spent + now - began));
    this.spent = 0;
  }

  private begin(): Rehearsal {
    const { routers = ROUTERS } = this.options;
    this.tooLate = performance.now() + PATIENCE;
    return new Rehearsal({
      routers,
      send: (octets) => this.waiting.push(octets),
      failed: (text) => this.fail(new Error(text)),
    });
  }

  private end(): void {
    this.finished++;
    this.rehearsal?.stop();
    this.rehearsal = undefined;
    this.waiting = [];
    if (--this.left % BETWEEN_COLLECTIONS === 0) Bun.gc(true);
    if (this.left === 0) this.stop();
  }

  private guarded(act: () => void): void {
    try {
      act();
    } catch (error) {
      this.fail(error);
    }
  }

  private fail(error: unknown): void {
    this.stop();
    this.options.failed(error);
  }
}
