/** How fast counters grow: what they said each second of the last minute. */
import type { Millis } from "#base/time";

export interface Rates {
  /** A second. */
  readonly lastSecond: number;
  /** A second, on average. */
  readonly lastMinute: number;
}

interface Look {
  readonly at: Millis;
  readonly counts: ReadonlyMap<string, number>;
}

const SECOND = 1000;
const MINUTE = 60_000;

export class RateHistory {
  /** Ascending by time; those of more than a minute ago apart from one. */
  #looks: Look[] = [];

  /** True when the last look is a second ago. */
  isDue(now: Millis): boolean {
    const last = this.#looks.at(-1);
    return last === undefined || now - last.at >= SECOND;
  }

  look(counts: ReadonlyMap<string, number>, now: Millis): void {
    this.#looks.push({ at: now, counts });
    const old = this.#looks.findLastIndex(({ at }) => now - at >= MINUTE);
    if (old > 0) this.#looks = this.#looks.slice(old);
  }

  /** Of what says `count` now. What counts from zero anew has grown by what it says. */
  of(key: string, count: number, now: Millis): Rates {
    return { lastSecond: this.#since(key, count, now, SECOND), lastMinute: this.#since(key, count, now, MINUTE) };
  }

  /** Less than `span` where there is no look from so long ago. */
  #since(key: string, count: number, now: Millis, span: Millis): number {
    const look = this.#looks.findLast(({ at }) => now - at >= span) ?? this.#looks[0];
    if (look === undefined || now <= look.at) return 0;
    const before = look.counts.get(key) ?? 0;
    return ((count >= before ? count - before : count) * 1000) / Math.max(now - look.at, SECOND);
  }
}
