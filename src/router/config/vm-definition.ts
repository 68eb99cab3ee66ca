/**
 * A VM that comes by itself, not in a node's file: by the API, or from what the router has kept. The same mapping as an
 * element of node.yaml's `vms`, checked by the same checks.
 */
import { isAbsolute } from "node:path";
import type { Configuration, Vm } from "#router/config/model";
import { checkLists } from "#router/config/node-lists";
import { vm as vmSchema } from "#router/config/node-schema";
import { readUserData, USER_DATA_SECRETS } from "#router/config/user-data";
import { buildVm } from "#router/config/vm-build";
import { conflictsOf } from "#router/config/vm-conflicts";
import { houseVms } from "#router/config/vm-homes";
import { type ConfigError, formatPath, type Path } from "#runtime/document/config-error";
import { Inspector } from "#runtime/document/inspector";
import type { Source } from "#runtime/document/source";

export type VmResult =
  | { readonly ok: true; readonly vm: Vm }
  | { readonly ok: false; readonly errors: readonly ConfigError[] };

/** Where a definition comes from, for its errors. */
export interface Origin {
  /** A file's name, or what stands for it. */
  readonly file: string;
  /** Path of the definition in it. */
  readonly path: Path;
}

const ASKED: Origin = { file: "VM", path: [] };

/**
 * Checks a definition against the fabric, and against the node's links and the VMs it has (`configuration.node.vms`).
 * Never throws for what is in it. Errors have no lines.
 */
export function readVm(definition: unknown, { node, fabric }: Configuration, origin: Origin = ASKED): VmResult {
  const inspector = new Inspector(sourceOf(definition, origin.file), [USER_DATA_SECRETS]);
  const vms = inspector.readList(vmSchema, ["vms"]);
  checkLists(inspector, { uplinks: [], routes: [], vms });
  const value = vms[0]?.value;
  if (typeof value?.userData === "object" && "file" in value.userData && !isAbsolute(value.userData.file))
    inspector.report(["vms", 0, "userData", "file"], { found: value.userData.file, expected: "an absolute path" });
  const data = inspector.errors.length === 0 ? readUserData(inspector, vms) : undefined;
  const housed = houseVms(inspector, vms, fabric, { address: node.address, homes: node.homes }).get(0);
  if (inspector.errors.length > 0 || value === undefined || housed === undefined)
    return { ok: false, errors: inspector.errors.map((error) => placed(error, origin)) };
  const vm = buildVm(value, housed, fabric, data?.get(0));
  const conflicts = conflictsOf(vm, node.vms, node);
  if (conflicts.length === 0) return { ok: true, vm };
  const place = { file: origin.file, line: 0, column: 0 };
  const errors = conflicts.map(
    ({ path, found, expected }): ConfigError => ({
      ...{ ...place, path: formatPath([...origin.path, ...path]), found, expected },
    }),
  );
  return { ok: false, errors };
}

const sourceOf = (definition: unknown, file: string): Source => ({
  file,
  value: { vms: [definition] },
  locate: () => ({ line: 0, column: 0 }),
});

/** `vms[0].address` → `address`. */
function placed(error: ConfigError, origin: Origin): ConfigError {
  const own = error.path.replace(/^vms\[0\]\.?/, "");
  const before = formatPath(origin.path);
  const path = before === "" || own === "" || own.startsWith("[") ? before + own : `${before}.${own}`;
  return { ...error, path };
}
