/** Changes of VMs' states, told to who keeps account of them (events.ts). */
import type { Millis } from "#base/time";
import type { Vm } from "#router/config/model";
import type { ActiveHow, VmCause, VmObserver, VmState } from "#router/vms/events";

export interface News {
  readonly cause: VmCause;
  /** Of a VM that becomes active: as `onActive`'s. */
  readonly after?: Millis | undefined;
}

export class VmNews {
  readonly #observers: VmObserver[] = [];
  #hasBegun = false;

  observe(observer: VmObserver): void {
    this.#observers.push(observer);
  }

  /** From now on observers hear of things; of all that is there already as of a start. */
  begin(): void {
    this.#hasBegun = true;
  }

  tell(vm: Vm, from: VmState | undefined, to: VmState | undefined, { cause, after }: News): void {
    if (!this.#hasBegun) return;
    const wasHere = from === "active" || from === "held";
    const at = Date.now();
    for (const observer of this.#observers) {
      observer.onState?.({ vm, from, to, cause, at });
      if (to === "active" && !wasHere) observer.onActive?.(vm, howOf(from, cause), after);
      if (to === "held") observer.onHeld?.(vm);
      if (wasHere && (to === undefined || to === "away") && cause !== "released") observer.onGone?.(vm);
    }
  }
}

const howOf = (from: VmState | undefined, cause: VmCause): ActiveHow =>
  cause === "start" ? "start" : from === "prepared" ? "handoff" : "attached";
