/** Reads a topology file: containerlab's format, as far as namespaces can stand for containers. */
import { resolve } from "node:path";
import { commandWords } from "#lab/command-words";
import { expandVariables } from "#lab/expand";
import type { LabLink, LabNode, LinkEnd, Topology } from "#lab/model";
import { roleOf } from "#lab/roles";
import { type MergedNode, mergeNodes, NODE_NAME } from "#lab/sections";
import { link as linkSchema, outline as outlineSchema } from "#lab/topology-schema";
import type { ConfigError } from "#runtime/document/config-error";
import { Inspector } from "#runtime/document/inspector";
import { interfaceName } from "#runtime/document/scalars";
import { readSource, type Source } from "#runtime/document/source";

export type TopologyResult =
  | { readonly ok: true; readonly topology: Topology }
  | { readonly ok: false; readonly errors: ConfigError[] };

/** containerlab's default (its links carry jumbo frames unless told otherwise), octets. */
const DEFAULT_MTU = 9500;

/** Never throws for what is in the file, or that it is not there. `environment` fills in the file's variables. */
export function loadTopology(file: string, environment: Record<string, string | undefined>): TopologyResult {
  const result = readSource(resolve(file), (text) => expandVariables(text, environment));
  return "errors" in result ? { ok: false, errors: result.errors } : checkTopology(result.source);
}

/** The same for a source that is already read; its file's folder is where relative paths begin. */
export function checkTopology(source: Source): TopologyResult {
  const inspector = new Inspector(source);
  const outline = inspector.read(outlineSchema, []);
  if (outline === undefined) return { ok: false, errors: inspector.errors };
  const merged = mergeNodes(inspector, outline);
  const links = readLinks(inspector, merged);
  const notes = [...notesOnFile(inspector), ...notesOnNodes(merged)];
  const nodes = merged.map((node) => readNode(inspector, outline.name, node, interfacesOf(node.name, links)));
  if (inspector.errors.length > 0) return { ok: false, errors: inspector.errors };
  return { ok: true, topology: { file: source.file, name: outline.name, nodes, links, notes } };
}

const interfacesOf = (node: string, links: readonly LabLink[]): string[] =>
  links.flatMap(({ ends }) => ends.filter((end) => end.node === node).map((end) => end.interface));

function readNode(inspector: Inspector, lab: string, node: MergedNode, interfaces: readonly string[]): LabNode {
  if (node.kind !== "linux") {
    const found = node.kind === undefined ? "no kind" : `the kind ${node.kind}`;
    const path = node.kind === undefined ? ["topology", "nodes", node.name] : node.pathOf("kind");
    inspector.report(path, { found, expected: "linux, the one kind of node that a namespace can be" });
  }
  for (const key of Object.keys(node.sysctls).filter((name) => !/^net[./]/.test(name))) {
    const expected = "a setting below net: a namespace has no others of its own";
    inspector.report(node.pathOf("sysctls", key), { found: key, expected, aim: "key" });
  }
  const role = roleOf(inspector, node, interfaces);
  return {
    name: node.name,
    namespace: `${lab}-${node.name}`,
    role,
    exec: role.kind === "plain" ? readCommands(inspector, node) : [],
    env: node.env,
    sysctls: node.sysctls,
  };
}

function readCommands(inspector: Inspector, node: MergedNode): string[][] {
  return node.exec.flatMap((line) => {
    const words = commandWords(line.replaceAll(NODE_NAME, node.name));
    if (words !== undefined) return words.length > 0 ? [words] : [];
    inspector.report(node.pathOf("exec"), { found: JSON.stringify(line), expected: "closed quotes" });
    return [];
  });
}

function readLinks(inspector: Inspector, nodes: readonly MergedNode[]): LabLink[] {
  const names = new Set(nodes.map(({ name }) => name));
  const moving = new Set(nodes.filter(({ labels }) => "ain-moves" in labels).map(({ name }) => name));
  const used = new Set<string>();
  return inspector.readList(linkSchema, ["topology", "links"]).map(({ index, value }) => {
    for (const [i, end] of value.endpoints.entries()) {
      checkEnd(inspector, { path: ["topology", "links", index, "endpoints", i], end, names, used });
    }
    const [a, b] = value.endpoints.map(
      (end): LinkEnd => ({
        node: end.node,
        interface: end.interface,
        ...("mac" in end && end.mac !== undefined && { mac: end.mac }),
        ...(moving.has(end.node) && { isPort: true }),
      }),
    );
    return { ends: [a!, b!], mtu: value.mtu ?? DEFAULT_MTU };
  });
}

interface EndCheck {
  readonly path: (string | number)[];
  readonly end: Pick<LinkEnd, "node" | "interface">;
  readonly names: ReadonlySet<string>;
  /** Interfaces seen so far; the end's is added. */
  readonly used: Set<string>;
}

/** containerlab takes these for endpoints outside of nodes. */
const SPECIAL_ENDS = ["host", "mgmt-net", "macvlan", "dummy"];

function checkEnd(inspector: Inspector, { path, end, names, used }: EndCheck): void {
  const key = `${end.node}:${end.interface}`;
  if (!names.has(end.node)) {
    const special = SPECIAL_ENDS.includes(end.node) ? " (a lab of namespaces has links between nodes only)" : "";
    const expected = `one of the nodes ${[...names].join(", ")}${special}`;
    inspector.report(path, { found: `an endpoint on "${end.node}"`, expected });
  } else if (!interfaceName.safeParse(end.interface).success || end.interface === "lo") {
    inspector.report(path, { found: key, expected: "an interface name of 1 … 15 characters, not lo" });
  } else if (used.has(key)) {
    inspector.report(path, { found: `${key} a second time`, expected: "each interface in one link" });
  }
  used.add(key);
}

function notesOnFile(inspector: Inspector): string[] {
  const notes: Record<string, string> = {
    mgmt: "mgmt: a lab of namespaces has no management network",
    prefix: "prefix: namespaces are always called <lab>-<node>",
    settings: "settings: they are containerlab's own",
  };
  return Object.keys(notes).flatMap((key) => (inspector.valueAt([key]) === undefined ? [] : [notes[key]!]));
}

/** One line for all nodes of which the same is to be said. */
function notesOnNodes(nodes: readonly MergedNode[]): string[] {
  const about = new Map<string, string[]>();
  for (const node of nodes) {
    for (const note of notesOnNode(node)) about.set(note, [...(about.get(note) ?? []), node.name]);
  }
  return [...about].map(([note, names]) => `${names.join(", ")}: ${note}`);
}

function notesOnNode({ ignored, binds, exec, labels }: MergedNode): string[] {
  const notes = ignored.length === 0 ? [] : [`${ignored.join(", ")}: a namespace has no such thing`];
  const hasRole = "ain-role" in labels;
  const mounts = binds.filter((bind) => bind.split(":")[0] !== bind.split(":")[1]);
  if (mounts.length > 0) {
    const host = `binds are not mounted, a namespace sees the host's files: ${mounts.join(", ")}`;
    notes.push(hasRole ? "binds are left out, the ain labels stand for them" : host);
  }
  if (exec.length > 0 && hasRole) notes.push("exec is left out, the ain labels stand for it");
  return notes;
}
