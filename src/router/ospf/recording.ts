/** What the lines of an OSPF recording say: a core begins, an event comes, all ends. */
import type { Millis } from "#base/time";
import type { OspfEvent } from "#ospf/events";
import type { OspfOptions } from "#ospf/ospf";

/** Counted up when recordings of before can no longer be replayed. */
export const RECORDING_VERSION = 1;

/** A core begins its life: the first, or one in place of another. */
export type CoreStart = OspfOptions;

export interface RecordedStart {
  readonly core: CoreStart;
}

export interface RecordedEvent {
  readonly at: Millis;
  readonly event: OspfEvent;
}
