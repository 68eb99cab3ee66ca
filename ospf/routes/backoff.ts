/** When to compute the routing table: the SPF delay algorithm of RFC 8405, its machine as a table. */
import { type Millis, NEVER } from "#base/time";
import type { SpfDelays } from "#ospf/config";

export type BackoffState = "QUIET" | "SHORT_WAIT" | "LONG_WAIT";

export type BackoffEvent =
  /** A database changed, or what routes are computed from otherwise. */
  "igpEvent" | "spfTimer" | "learnTimer" | "holdDownTimer";

export type BackoffAction =
  /** Starts SPF_TIMER with the delay of that name, unless it is running. */
  | "awaitInitial"
  | "awaitShort"
  | "awaitLong"
  | "startLearning"
  | "stopLearning"
  /** Starts HOLDDOWN_TIMER, anew if it is running. */
  | "holdDown"
  | "compute";

export interface BackoffTransition {
  readonly to?: BackoffState;
  readonly actions: readonly BackoffAction[];
}

const stay = (...actions: BackoffAction[]): BackoffTransition => ({ actions });
const to = (state: BackoffState, ...actions: BackoffAction[]): BackoffTransition => ({ to: state, actions });

/** RFC 8405 §5.4; the numbers are its transitions. A missing cell cannot happen. */
export const BACKOFF_MACHINE: Record<BackoffState, Partial<Record<BackoffEvent, BackoffTransition>>> = {
  QUIET: {
    igpEvent: to("SHORT_WAIT", "awaitInitial", "startLearning", "holdDown"), // 1
    spfTimer: stay("compute"), // 7
  },
  SHORT_WAIT: {
    igpEvent: stay("holdDown", "awaitShort"), // 2
    learnTimer: to("LONG_WAIT"), // 3
    holdDownTimer: to("QUIET", "stopLearning"), // 6
    spfTimer: stay("compute"), // 8
  },
  LONG_WAIT: {
    igpEvent: stay("holdDown", "awaitLong"), // 4
    holdDownTimer: to("QUIET"), // 5
    spfTimer: stay("compute"), // 9
  },
};

export class Backoff {
  #state: BackoffState = "QUIET";
  #spfAt: Millis = NEVER;
  #learnAt: Millis = NEVER;
  #holdDownAt: Millis = NEVER;
  #delay: Millis = 0;

  /** As of the last call of {@link event} or {@link expire}. */
  get state(): BackoffState {
    return this.#state;
  }

  /** Between the event that started SPF_TIMER last, and its end. */
  get delay(): Millis {
    return this.#delay;
  }

  /** SPF_TIMER alone: the other timers do nothing that could be seen before the next event, and are looked at then. */
  deadline(): Millis {
    return this.#spfAt;
  }

  /** An IGP event; the caller asks {@link expire} first what is due before it. */
  event(now: Millis, delays: SpfDelays): void {
    this.#apply("igpEvent", now, delays);
  }

  /** True: compute now. */
  expire(now: Millis, delays: SpfDelays): boolean {
    let compute = false;
    for (;;) {
      const at = Math.min(this.#spfAt, this.#learnAt, this.#holdDownAt);
      if (at > now) return compute;
      if (this.#spfAt === at) {
        this.#spfAt = NEVER;
        compute = this.#apply("spfTimer", at, delays) || compute;
      } else if (this.#learnAt === at) {
        this.#learnAt = NEVER;
        this.#apply("learnTimer", at, delays);
      } else {
        this.#holdDownAt = NEVER;
        this.#apply("holdDownTimer", at, delays);
      }
    }
  }

  #apply(event: BackoffEvent, now: Millis, delays: SpfDelays): boolean {
    const transition = BACKOFF_MACHINE[this.#state][event];
    if (transition === undefined) return false;
    for (const action of transition.actions) this.#act(action, now, delays);
    if (transition.to !== undefined) this.#state = transition.to;
    return transition.actions.includes("compute");
  }

  #act(action: BackoffAction, now: Millis, delays: SpfDelays): void {
    switch (action) {
      case "awaitInitial":
        this.#await(now, delays.initial);
        return;
      case "awaitShort":
        this.#await(now, delays.short);
        return;
      case "awaitLong":
        this.#await(now, delays.long);
        return;
      case "startLearning":
        this.#learnAt = now + delays.timeToLearn;
        return;
      case "stopLearning":
        this.#learnAt = NEVER;
        return;
      case "holdDown":
        this.#holdDownAt = now + delays.holdDown;
        return;
      case "compute":
        return;
    }
  }

  #await(now: Millis, delay: Millis): void {
    if (this.#spfAt !== NEVER) return;
    this.#spfAt = now + delay;
    this.#delay = delay;
  }
}
