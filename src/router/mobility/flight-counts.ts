/** What the flight recorder reads: counters of a VM's port, of its held frames, and of frames that no VM was found for. */
import type { Millis } from "#base/time";
import { C_ENDINGS, C_RX_FRAMES, C_TX_FRAMES } from "#fastpath/counters";
import { ENDINGS, HOLD_ENDED, HOLD_OVERFLOW, NO_SUCH_VM, TUNNEL_LOOP, type Verdict } from "#fastpath/verdicts";
import type { FlightCounts } from "#router/mobility/flights";
import type { PortCounters } from "#router/port-counters";
import type { Ports } from "#router/ports";
import type { VmRegistry } from "#router/vms/events";

/** Endings of frames whose VM is not here, or does not come. */
const WANTING: readonly Verdict[] = [NO_SUCH_VM, HOLD_ENDED, HOLD_OVERFLOW, TUNNEL_LOOP];

/** Milliseconds that what all ports have dropped may be old: there are many, and a VM in flight is looked at every one. */
const OLD: Millis = 10;

export interface Counted {
  readonly vms: Pick<VmRegistry, "find">;
  readonly ports: Pick<Ports, "all">;
  readonly counters: Pick<PortCounters, "of">;
}

export class FlightCounter {
  readonly #counted: Counted;
  #dropped: FlightCounts["dropped"] = {};
  #droppedAt: Millis = Number.NEGATIVE_INFINITY;

  constructor(counted: Counted) {
    this.#counted = counted;
  }

  /** `now`: of any clock that does not go back. */
  of(vm: string, now: Millis): Omit<FlightCounts, "stragglers"> {
    const { vms, counters } = this.#counted;
    const { port, held } = vms.find(vm) ?? {};
    return {
      port:
        port === undefined
          ? undefined
          : { fromVm: counters.of(port, C_RX_FRAMES), toVm: counters.of(port, C_TX_FRAMES) },
      held: held?.kept ?? 0,
      reinjected: held?.returned ?? 0,
      givenUp: held?.givenUp ?? 0,
      dropped: this.#droppedBy(now),
    };
  }

  #droppedBy(now: Millis): FlightCounts["dropped"] {
    if (now - this.#droppedAt < OLD) return this.#dropped;
    const { ports, counters } = this.#counted;
    const dropped: Record<string, number> = {};
    for (const ending of WANTING) {
      let frames = 0;
      for (const index of ports.all.keys()) frames += counters.of(index, C_ENDINGS + ending);
      if (frames > 0) dropped[ENDINGS[ending]!.name] = frames;
    }
    this.#dropped = dropped;
    this.#droppedAt = now;
    return dropped;
  }
}
