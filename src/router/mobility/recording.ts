/** What the lines of a recording of mobility say: a core begins, an event comes, all ends. */
import type { Millis } from "#base/time";
import type { MobilityConfig } from "#pmip/config";
import type { MobilityEvent } from "#pmip/events";

/** Counted up when recordings of before can no longer be replayed. */
export const RECORDING_VERSION = 1;

/** A core begins its life: the first, or one in place of another. */
export interface CoreStart {
  readonly config: MobilityConfig;
  readonly now: Millis;
}

export interface RecordedStart {
  readonly core: CoreStart;
}

export interface RecordedEvent {
  readonly at: Millis;
  readonly event: MobilityEvent;
}
