/** The VMs of a router with their states, and how the state file tells them. No input, no output. */
import type { Millis } from "#base/time";
import { listDifferences, vmFacts } from "#router/config/facts";
import type { Configuration, Node, Vm } from "#router/config/model";
import { definitionOf } from "#router/config/vm-build";
import type { VmEntry, VmState } from "#router/vms/events";
import type { HeldFrames } from "#router/vms/held-frames";
import type { KeptVm } from "#router/vms/state-file";

export interface VmRecord extends Omit<VmEntry, "port" | "held"> {
  /** True: the node's file has a VM of that name that is away; this one was attached in its place. */
  readonly replaces: boolean;
  /** Of a prepared VM: its claim where it comes from. */
  readonly after?: Millis | undefined;
  /** Of the latest hold. */
  readonly frames?: HeldFrames | undefined;
}

/** VMs that have left and that no file names: so many are still shown, the latest. */
const MOST_DEPARTED = 256;

export class VmTable {
  readonly #records = new Map<string, VmRecord>();

  all(): VmRecord[] {
    return [...this.#records.values()];
  }

  get(name: string): VmRecord | undefined {
    return this.#records.get(name);
  }

  set(record: VmRecord): void {
    this.#records.set(record.vm.name, record);
    if (record.state !== "away") return;
    const departed = this.all().filter(({ state, source }) => state === "away" && source === "runtime");
    for (const { vm } of departed.slice(0, -MOST_DEPARTED)) this.#records.delete(vm.name);
  }

  delete(name: string): void {
    this.#records.delete(name);
  }

  /** All that have a port here. */
  here(): Vm[] {
    return this.all().flatMap(({ vm, state }) => (state === "away" ? [] : [vm]));
  }

  /** What the state file is to say; a VM of the node's file that is simply active is not in it. */
  kept(): Map<string, KeptVm> {
    return new Map(
      this.all().flatMap(({ vm, state, source, replaces }): [string, KeptVm][] => {
        if (source === "file") return state === "active" ? [] : [[vm.name, { state }]];
        if (state === "away") return [];
        return [[vm.name, { state, definition: definitionOf(vm), ...(replaces && { replaces }) }]];
      }),
    );
  }
}

/** A VM that was not known, or was away. */
export const newRecord = (
  vm: Vm,
  state: VmState,
  { source, replaces = false, after }: Pick<VmRecord, "source" | "after"> & { readonly replaces?: boolean },
): VmRecord => ({ vm, state, source, replaces, after, since: Date.now() });

/** In another state from now on. */
export const inState = (record: VmRecord, state: VmState, since: Millis = Date.now()): VmRecord => ({
  ...record,
  state,
  since,
});

/** The VM of that name in the node's file. */
export const writtenVm = ({ vms }: Pick<Node, "vms">, name: string): Vm | undefined =>
  vms.find((vm) => vm.name === name);

/** True when the two say the same in all that a router looks at. */
export const isSameVm = (a: Vm, b: Vm): boolean => listDifferences(vmFacts(a), vmFacts(b)) === "";

/** What a router works with: all that the files say, and in place of their VMs those that have a port here. */
export const withVms = ({ node, fabric }: Configuration, vms: readonly Vm[]): Configuration => ({
  fabric,
  node: { ...node, vms },
});
