/** Checks files of either kind: which one a file is shows in its keys. */
import { loadFabric } from "#router/config/fabric";
import { fabricOutline } from "#router/config/fabric-schema";
import type { Configuration, Fabric, Node } from "#router/config/model";
import { loadNode } from "#router/config/node";
import { nodeOutline } from "#router/config/node-schema";
import { checkTogether } from "#router/config/together";
import { type AwayAddress, awayAddresses } from "#router/config/vm-homes";
import type { ConfigError } from "#runtime/document/config-error";
import { isMapping } from "#runtime/document/inspector";
import { readSource } from "#runtime/document/source";

export interface Checked {
  readonly file: string;
  /** undefined: it could not be read, or looks like neither. */
  readonly kind?: "fabric" | "node";
  /** Of a right node. */
  readonly configuration?: Configuration;
  readonly errors: readonly ConfigError[];
  readonly warnings: readonly ConfigError[];
  /** What a right file describes, in a few words. */
  readonly summary?: string;
  /** Of a right node's VMs, what is at home elsewhere. No fault: packets take a tunnel. */
  readonly away?: readonly AwayAddress[];
}

/** Each file for itself, then the nodes together. */
export function checkFiles(files: readonly string[]): Checked[] {
  const checked = files.map(checkFile);
  const conflicts = checkTogether(checked.flatMap(({ configuration }) => configuration ?? []));
  return checked.map((one) => ({ ...one, errors: [...one.errors, ...conflicts.filter((e) => e.file === one.file)] }));
}

function checkFile(file: string): Checked {
  const result = readSource(file);
  if ("errors" in result) return { file, errors: result.errors, warnings: [] };
  const kind = kindOf(result.source.value);
  if (kind === undefined) {
    const expected = "a fabric (key, homes, tenants …) or a node (fabric, role, uplinks, vms …)";
    const error: ConfigError = { file, line: 1, column: 1, path: "", found: "neither", expected };
    return { file, errors: [error], warnings: [] };
  }
  if (kind === "fabric") {
    const { warnings, ...checked } = loadFabric(file);
    if (!checked.ok) return { file, kind, errors: checked.errors, warnings };
    return { file, kind, errors: [], warnings, summary: summaryOfFabric(checked.fabric) };
  }
  const { warnings, ...checked } = loadNode(file);
  if (!checked.ok) return { file, kind, errors: checked.errors, warnings };
  const { node, fabric } = checked;
  const away = awayAddresses(node, fabric);
  const summary = summaryOfNode(node, fabric);
  return { file, kind, configuration: { node, fabric }, errors: [], warnings, summary, away };
}

const FABRIC_KEYS = Object.keys(fabricOutline.shape);
const NODE_KEYS = Object.keys(nodeOutline.shape);

/** By the keys that only one of the two has; a few wrong ones do no harm. */
function kindOf(value: unknown): "fabric" | "node" | undefined {
  const keys = isMapping(value) ? Object.keys(value) : [];
  const hits = (own: string[], other: string[]): number =>
    keys.filter((key) => own.includes(key) && !other.includes(key)).length;
  const fabric = hits(FABRIC_KEYS, NODE_KEYS);
  const node = hits(NODE_KEYS, FABRIC_KEYS);
  if (fabric === node) return undefined;
  return fabric > node ? "fabric" : "node";
}

const counted = (count: number, one: string, several = `${one}s`): string => `${count} ${count === 1 ? one : several}`;

const summaryOfFabric = ({ name, homes, networks }: Fabric): string =>
  `fabric ${name}, ${counted(homes.length, "home")}, ${counted(networks.length, "network")}`;

const summaryOfNode = ({ role, name, uplinks, routes, vms }: Node, fabric: Fabric): string =>
  [
    `${role} ${name} in fabric ${fabric.name}`,
    counted(uplinks.length, "uplink"),
    counted(routes.length, "route"),
    ...(role === "hypervisor" ? [counted(vms.length, "VM")] : []),
  ].join(", ");
