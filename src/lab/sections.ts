/** Puts a node together from what its file says at four places: node over group over kind over defaults. */
import type { z } from "zod";
import { IGNORED_KEYS, IMAGE_KEYS, type NodeSection, nodeSection, type outline } from "#lab/topology-schema";
import type { Path } from "#runtime/document/config-error";
import { type Inspector, isMapping, strayKey } from "#runtime/document/inspector";

/** A node with everything it inherits. */
export interface MergedNode {
  readonly name: string;
  readonly kind: string | undefined;
  readonly exec: readonly string[];
  readonly binds: readonly string[];
  readonly env: Record<string, string>;
  readonly labels: Record<string, string>;
  readonly sysctls: Record<string, string>;
  /** Keys that a namespace has no counterpart for. */
  readonly ignored: readonly string[];
  /** Where a label or a list came from, for errors about it. */
  readonly pathOf: (key: "kind" | "exec" | "labels" | "sysctls", entry?: string) => Path;
}

/** Stands for the node's own name in commands, and in labels. */
export const NODE_NAME = "__clabNodeName__";

const SECTION_KEYS = ["kind", "group", "exec", "env", "labels", "sysctls", "binds"];

interface Level {
  readonly path: Path;
  readonly section: NodeSection;
}

/** Reads all nodes of the file, in its order. */
export function mergeNodes(inspector: Inspector, { topology }: z.output<typeof outline>): MergedNode[] {
  const read = (path: Path): Level => ({ path, section: readSection(inspector, path) });
  const readAll = (key: "kinds" | "groups", names: string[]): Map<string, Level> =>
    new Map(names.map((name) => [name, read(["topology", key, name])]));
  const defaults = read(["topology", "defaults"]);
  const kinds = readAll("kinds", Object.keys(topology.kinds ?? {}));
  const groups = readAll("groups", Object.keys(topology.groups ?? {}));
  return Object.keys(topology.nodes).map((name) => {
    const own = read(["topology", "nodes", name]);
    const group = groupOf(own.section, defaults.section, groups, kinds);
    const kind = own.section.kind ?? group?.section.kind ?? defaults.section.kind;
    const levels = [defaults, kinds.get(kind ?? ""), group, own].filter((level) => level !== undefined);
    return merge(name, kind, levels);
  });
}

/** A group may be named by the node, by its kind, or by the defaults. */
function groupOf(
  node: NodeSection,
  defaults: NodeSection,
  groups: ReadonlyMap<string, Level>,
  kinds: ReadonlyMap<string, Level>,
): Level | undefined {
  const kind = kinds.get(node.kind ?? defaults.kind ?? "")?.section;
  return groups.get(node.group ?? kind?.group ?? defaults.group ?? "");
}

function readSection(inspector: Inspector, path: Path): NodeSection {
  const section = inspector.valueAt(path) == null ? {} : inspector.read(nodeSection, path);
  const written = inspector.valueAt(path);
  for (const key of isMapping(written) ? Object.keys(written) : []) {
    if (SECTION_KEYS.includes(key) || IGNORED_KEYS.includes(key)) continue;
    inspector.report([...path, key], strayKey(key, [...SECTION_KEYS, ...IGNORED_KEYS]));
  }
  return section ?? {};
}

const mapValues = (record: Record<string, string>, change: (value: string) => string): Record<string, string> =>
  Object.fromEntries(Object.entries(record).map(([key, value]) => [key, change(value)]));

/** @param levels from the least to the most specific. */
function merge(name: string, kind: string | undefined, levels: readonly Level[]): MergedNode {
  const sections = levels.map(({ section }) => section);
  const joined = (key: "exec" | "binds"): string[] => [...new Set(sections.flatMap((section) => section[key] ?? []))];
  const overlaid = (key: "env" | "labels" | "sysctls"): Record<string, string> =>
    Object.assign({}, ...sections.map((section) => section[key] ?? {}));
  const keys = new Set(sections.flatMap((section) => Object.keys(section)));
  return {
    name,
    kind,
    exec: joined("exec"),
    binds: joined("binds"),
    env: overlaid("env"),
    // Ours only, for what a group says of all its nodes; containerlab leaves labels as they are.
    labels: mapValues(overlaid("labels"), (value) => value.replaceAll(NODE_NAME, name)),
    sysctls: overlaid("sysctls"),
    ignored: [...keys].filter((key) => IGNORED_KEYS.includes(key) && !IMAGE_KEYS.includes(key)),
    pathOf: (key, entry) => {
      const holds = ({ section }: Level): boolean => {
        const value = section[key];
        return value !== undefined && (entry === undefined || (isMapping(value) && Object.hasOwn(value, entry)));
      };
      const path = levels.findLast(holds)?.path ?? ["topology", "nodes", name];
      return entry === undefined ? [...path, key] : [...path, key, entry];
    },
  };
}
