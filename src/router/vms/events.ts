/**
 * What becomes of VMs at run time, for whoever keeps account of it: the mobility host, the flight recorder. The registry
 * (registry.ts) is the one that says it, one thing after another, never from inside an observer's own call.
 */
import type { Millis } from "#base/time";
import type { Vm } from "#router/config/model";

/**
 * - `active`: it runs here.
 * - `prepared`: its port is open, tables, rules and services are in place; it is not found here until it is activated.
 * - `held`: it is about to be elsewhere; what is to be delivered to it is kept.
 * - `away`: it was here and is hosted elsewhere now; it has no port here.
 */
export type VmState = "active" | "prepared" | "held" | "away";

/** `start`: it was there when the router started; `handoff`: it was prepared before, so it comes from another hypervisor. */
export type ActiveHow = "attached" | "handoff" | "start";

/**
 * Who or what it was: an operator or program by the API, a changed configuration, the VM's first frame, a hold that
 * nobody ended, the mobility host's word that the VM is active elsewhere, the start of the router.
 */
export type VmCause = "command" | "reload" | "frame" | "timeout" | "released" | "start";

export interface VmChange {
  /** As it is now; of one that is gone, as it was. */
  readonly vm: Vm;
  /** Undefined: it was not known, and it is known no more. */
  readonly from: VmState | undefined;
  readonly to: VmState | undefined;
  readonly cause: VmCause;
  /** Milliseconds since the Unix epoch. */
  readonly at: Millis;
}

/** All are called once the change is in force in the forwarders, in the order in which things happened. */
export interface VmObserver {
  /**
   * It is active here now, and was not before. Not said when a hold ends in {@link VmRegistry.resume}: nothing was said to
   * the fabric then. `after`: the claim it had where it comes from, if whoever moves it said so (pmip/events.ts). A VM whose
   * addresses, network or port changed is gone first, and then active (`attached`).
   */
  onActive?(vm: Vm, how: ActiveHow, after?: Millis): void;
  /** It was active or held, and is here no more, for good: an operator's word. Not said after `released`. */
  onGone?(vm: Vm): void;
  /** It was active. */
  onHeld?(vm: Vm): void;
  /** Every change of state, also those that the others tell, before them. */
  onState?(change: VmChange): void;
}

/** Frames for a VM that is or was held. */
export interface HeldCounts {
  /** Kept since the latest hold began. */
  readonly kept: number;
  /** Of these, back in the pipeline: at its end. */
  readonly returned: number;
  /** Of these, lost: there were too many (`hold-overflow`), or no room to inject them. */
  readonly givenUp: number;
}

/** A VM of this router. */
export interface VmEntry {
  readonly vm: Vm;
  readonly state: VmState;
  /** Where it is written down: the node's file, or the state file alone. */
  readonly source: "file" | "runtime";
  /** Index of its port; undefined: it has none, being away. */
  readonly port: number | undefined;
  /** When it came to this state, milliseconds since the Unix epoch. */
  readonly since: Millis;
  /** Of its latest hold; undefined: there was none. */
  readonly held: HeldCounts | undefined;
}

/** What the mobility host may ask of the registry. */
export interface VmRegistry {
  /** From now on; what is known already is told by {@link entries}, or at the router's start by `onActive(vm, "start")`. */
  observe(observer: VmObserver): void;
  entries(): readonly VmEntry[];
  find(name: string): VmEntry | undefined;
  /**
   * The VM is active elsewhere now, and the binding table says so already: what is held for it goes back through the
   * pipeline, its port is retired, its state becomes `away`. May be said again, as for a VM's several addresses; of a
   * VM that is neither active nor held here it means nothing.
   */
  released(name: string): Promise<void>;
}
