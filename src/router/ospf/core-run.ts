/**
 * One life of an OSPF core: events with their time in, effects out, all of it recorded where that is wanted. A fault of
 * the core's own ends that life, not the router.
 */
import type { Millis } from "#base/time";
import type { OspfConfig } from "#ospf/config";
import type { OspfEffect, OspfEvent } from "#ospf/events";
import { Ospf } from "#ospf/ospf";
import type { CoreStart, RecordedEvent } from "#router/ospf/recording";
import { Alarm } from "#runtime/alarm";
import { toLine } from "#runtime/recording/line";
import type { Recorder } from "#runtime/recording/recorder";

/** Events kept for the log, should the core fail. */
const REMEMBERED = 20;
/** Characters of each. */
const LONGEST = 400;
/** Milliseconds by which the clock may be off before the core is told. */
const CLOCK_TOLERANCE = 100;

export interface CoreRunOptions {
  readonly config: OspfConfig;
  /** When neighbors that were asked to wait for our restart give up; undefined: an ordinary start. */
  readonly restartingUntil?: Millis;
  readonly recorder?: Recorder | undefined;
  readonly carryOut: (effect: OspfEffect) => void;
  /** The core threw: it is not to be used any more. `events`: the last it was told, the one it fell over last. */
  readonly failed: (error: unknown, events: readonly string[]) => void;
}

export class CoreRun {
  readonly core: Ospf;
  private readonly options: CoreRunOptions;
  private readonly alarm = new Alarm(() => this.tell({ type: "timer" }));
  private readonly last: RecordedEvent[] = [];
  private clockOffset: number;
  private ended = false;

  constructor(options: CoreRunOptions) {
    const { config, restartingUntil, recorder } = options;
    this.options = options;
    this.clockOffset = offsetNow();
    const core: CoreStart = {
      config,
      seed: crypto.getRandomValues(new Int32Array(1))[0]!,
      clockOffset: this.clockOffset,
      ...(restartingUntil !== undefined && { restartingUntil }),
    };
    recorder?.write({ core });
    this.core = new Ospf(core);
    this.arm();
  }

  /** Nothing happens once the core has failed or was stopped. */
  tell(event: OspfEvent): void {
    if (this.ended) return;
    const at = performance.now();
    const told = { at, event };
    this.options.recorder?.write(told);
    if (this.last.push(told) > REMEMBERED) this.last.shift();
    let effects: OspfEffect[];
    try {
      effects = this.core.handle(event, at, this.options.carryOut);
      this.arm();
    } catch (error) {
      this.stop();
      this.options.failed(error, this.last.map(shortened));
      return;
    }
    for (const effect of effects) this.options.carryOut(effect);
  }

  /** Has the time of day changed? Keys live by it. */
  checkClock(): void {
    const offset = offsetNow();
    if (Math.abs(offset - this.clockOffset) < CLOCK_TOLERANCE) return;
    this.clockOffset = offset;
    this.tell({ type: "clock", offset });
  }

  stop(): void {
    this.ended = true;
    this.alarm.cancel();
  }

  private arm(): void {
    if (!this.ended) this.alarm.set(this.core.deadline());
  }
}

const offsetNow = (): number => Date.now() - performance.now();

function shortened(told: RecordedEvent): string {
  const line = toLine(withoutKeys(told));
  return line.length > LONGEST ? `${line.slice(0, LONGEST)}…` : line;
}

/** The log is for more eyes than a configuration. */
function withoutKeys({ at, event }: RecordedEvent): unknown {
  return { at, event: event.type === "configure" ? { type: event.type } : event };
}
