/** What happens when, in virtual time. Things of one moment come in an order that is arbitrary, and the same each time. */
import type { Millis } from "#base/time";
import { type Agenda, nextDue, schedule, type Timed, takeDue, UNSCHEDULED } from "#pmip/agenda";

interface Happening extends Timed {
  readonly act: () => void;
}

export class Timeline {
  now: Millis;
  readonly #agenda: Agenda<Happening> = [];

  constructor(now: Millis) {
    this.now = now;
  }

  at(time: Millis, act: () => void): void {
    schedule(this.#agenda, { ...UNSCHEDULED, act }, Math.max(time, this.now));
  }

  run(span: Millis): void {
    const end = this.now + span;
    for (let next = nextDue(this.#agenda); next <= end; next = nextDue(this.#agenda)) {
      const happening = takeDue(this.#agenda, end)!;
      this.now = next;
      happening.act();
    }
    this.now = end;
  }
}
