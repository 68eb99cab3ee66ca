/**
 * One life of a mobility core: events with their time in, effects out, all of it recorded where that is wanted. A fault of
 * the core's own ends that life, not the router.
 */
import type { Millis } from "#base/time";
import type { MobilityConfig } from "#pmip/config";
import type { MobilityEffect, MobilityEvent } from "#pmip/events";
import type { RecordedEvent, RecordedStart } from "#router/mobility/recording";
import type { UnixClock } from "#router/mobility/unix-clock";
import { Alarm } from "#runtime/alarm";
import { toLine } from "#runtime/recording/line";
import type { Recorder } from "#runtime/recording/recorder";

/** Events kept for the log, should the core fail. */
const REMEMBERED = 20;
/** Characters of each. */
const LONGEST = 400;

/** What the host asks of the core (pmip/). */
export interface MobilityCore {
  handle(event: MobilityEvent, now: Millis): MobilityEffect[];
  /** Unix milliseconds; undefined: nothing waits. */
  deadline(): Millis | undefined;
}

export interface CoreRunOptions<Core extends MobilityCore> {
  readonly config: MobilityConfig;
  readonly begin: (config: MobilityConfig, now: Millis) => Core;
  readonly clock: UnixClock;
  readonly recorder?: Recorder | undefined;
  /** All effects of one event. */
  readonly carryOut: (effects: readonly MobilityEffect[], at: Millis) => void;
  /** The core threw: it is not to be used any more. `events`: the last it was told, the one it fell over last. */
  readonly failed: (error: unknown, events: readonly string[]) => void;
}

export class CoreRun<Core extends MobilityCore> {
  readonly core: Core;
  readonly #options: CoreRunOptions<Core>;
  readonly #alarm = new Alarm(() => this.tell({ type: "time" }));
  readonly #last: RecordedEvent[] = [];
  #ended = false;

  constructor(options: CoreRunOptions<Core>) {
    this.#options = options;
    const { config, begin, recorder, clock } = options;
    const now = clock.now();
    recorder?.write({ core: { config, now } } satisfies RecordedStart);
    this.core = begin(config, now);
  }

  /** Nothing happens once the core has failed or was stopped. */
  tell(event: MobilityEvent): void {
    if (this.#ended) return;
    const { clock, recorder, carryOut, failed } = this.#options;
    const told = { at: clock.now(), event };
    recorder?.write(told);
    if (this.#last.push(told) > REMEMBERED) this.#last.shift();
    let effects: MobilityEffect[];
    try {
      effects = this.core.handle(event, told.at);
      this.arm();
    } catch (error) {
      this.stop();
      failed(error, this.#last.map(shortened));
      return;
    }
    carryOut(effects, told.at);
  }

  /** The clock was set, or an event was handled. */
  arm(): void {
    if (this.#ended) return;
    const deadline = this.core.deadline();
    this.#alarm.set(deadline === undefined ? undefined : this.#options.clock.monotonicOf(deadline));
  }

  stop(): void {
    this.#ended = true;
    this.#alarm.cancel();
  }
}

function shortened(told: RecordedEvent): string {
  const line = toLine(withoutKeys(told));
  return line.length > LONGEST ? `${line.slice(0, LONGEST)}…` : line;
}

/** The log is for more eyes than a configuration. */
function withoutKeys({ at, event }: RecordedEvent): unknown {
  return { at, event: event.type === "configure" ? { type: event.type } : event };
}
