/**
 * The VMs of a router under other files than before, at the start or on a reload: the files' own, except those that are
 * away, and those attached at run time, as the new fabric has them.
 */
import type { Configuration, Vm } from "#router/config/model";
import { definitionOf } from "#router/config/vm-build";
import { conflictsOf } from "#router/config/vm-conflicts";
import { readVm } from "#router/config/vm-definition";
import type { VmState } from "#router/vms/events";
import type { KeptVm } from "#router/vms/state-file";
import { isSameVm, newRecord, type VmRecord, writtenVm } from "#router/vms/vm-table";
import { type ConfigError, formatPath } from "#runtime/document/config-error";
import { readSource } from "#runtime/document/source";

export interface Takeover {
  readonly records: readonly VmRecord[];
  /** What of the VMs attached at run time does not fit. */
  readonly errors: readonly ConfigError[];
}

/**
 * A router that was killed begins again. A VM that was held may be elsewhere by now: it is prepared, and its first frame
 * shows that it is here. `stateFile`: its path, for errors.
 */
export function atStart(written: Configuration, kept: ReadonlyMap<string, KeptVm>, stateFile: string): Takeover {
  const { node, fabric } = written;
  const errors: ConfigError[] = [];
  const records = node.vms.map((vm) => newRecord(vm, stateAtStart(vm, kept.get(vm.name)), { source: "file" }));
  for (const [name, { state, definition, replaces = false }] of kept) {
    const own = writtenVm(node, name);
    if (definition === undefined || (own !== undefined && isWritten(own, definition))) continue;
    const vms = records.flatMap((record) => (record.state === "away" ? [] : [record.vm]));
    const origin = { file: stateFile, path: ["vms", name, "definition"] };
    const result = readVm(definition, { fabric, node: { ...node, vms } }, origin);
    if (!result.ok) {
      errors.push(...result.errors);
      continue;
    }
    put(records, newRecord(result.vm, revived(state), { source: "runtime", replaces: replaces && own !== undefined }));
  }
  return { records, errors };
}

function stateAtStart(vm: Vm, kept: KeptVm | undefined): VmState {
  if (kept === undefined) return "active";
  if (kept.definition === undefined || isWritten(vm, kept.definition)) return revived(kept.state);
  return kept.replaces ? "away" : "active";
}

const revived = (state: VmState): VmState => (state === "held" ? "prepared" : state);

/** Another configuration comes to a running router. With errors, nothing of it is to be used. */
export function onReload(written: Configuration, before: readonly VmRecord[], stateFile: string): Takeover {
  const { node, fabric } = written;
  const known = new Map(before.map((record) => [record.vm.name, record]));
  const errors: ConfigError[] = [];
  const records = node.vms.map((vm): VmRecord => {
    const record = known.get(vm.name);
    const fresh = newRecord(vm, stateOnReload(record), { source: "file" });
    return record?.source === "file" ? { ...record, vm } : fresh;
  });
  for (const record of before) {
    if (record.source === "file") continue;
    const { name } = record.vm;
    const own = writtenVm(node, name);
    if (record.state === "away") {
      if (own === undefined) put(records, record);
      continue;
    }
    const origin = { file: stateFile, path: ["vms", name, "definition"] };
    const result = readVm(definitionOf(record.vm), { fabric, node: { ...node, vms: [] } }, origin);
    if (!result.ok) {
      errors.push(...result.errors);
    } else if (own !== undefined && isSameVm(own, result.vm)) {
      put(records, { ...record, vm: own, source: "file", replaces: false }); // it has been written down meanwhile
    } else {
      errors.push(...conflictErrors(result.vm, records, written));
      put(records, { ...record, vm: result.vm, replaces: record.replaces && own !== undefined });
    }
  }
  return { records, errors };
}

/** Of a VM that the file names. */
function stateOnReload(record: VmRecord | undefined): VmState {
  if (record?.source !== "runtime") return "active"; // its own state is kept, if it has one
  return record.replaces ? "away" : "active";
}

/** In the place of one of the same name. */
function put(records: VmRecord[], record: VmRecord): void {
  const at = records.findIndex(({ vm }) => vm.name === record.vm.name);
  if (at === -1) records.push(record);
  else records[at] = record;
}

/** True when a definition says just what the VM of the file is. */
const isWritten = (own: Vm, definition: unknown): boolean => Bun.deepEquals(definitionOf(own), definition);

/** Said of the file's VM, which is what the operator has just written. */
function conflictErrors(vm: Vm, records: readonly VmRecord[], { node }: Configuration): ConfigError[] {
  const result = readSource(node.file);
  const source = "source" in result ? result.source : undefined;
  return records.flatMap((record) => {
    if (record.source !== "file" || record.state === "away") return [];
    return conflictsOf(record.vm, [vm], { uplinks: [] }).map(({ path: own, found, expected }): ConfigError => {
      const path = ["vms", node.vms.indexOf(record.vm), ...own];
      const place = source?.locate(path) ?? { line: 0, column: 0 };
      const hint = `The other was attached at run time: ain vm detach ${vm.name} takes it away.`;
      return { file: node.file, ...place, path: formatPath(path), found, expected, hint };
    });
  });
}
