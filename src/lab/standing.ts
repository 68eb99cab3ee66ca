/**
 * A lab that stands: of namespaces, which `ain lab up` made, or of containers, which `containerlab deploy` made from the
 * same file. Who looks at it or acts on it need not care which.
 */
import { type ChildProcess, type StdioOptions, spawn } from "node:child_process";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { type Container, findContainerLab } from "#lab/containers";
import { LabError } from "#lab/lab-error";
import type { LabNode, Role, Topology } from "#lab/model";
import { inodeOf } from "#lab/namespaces";
import { environmentOf } from "#lab/run-in";
import { LabFiles, type LabState, vtyshOptions } from "#lab/state";
import { loadTopology } from "#lab/topology";
import { formatConfigError } from "#runtime/document/config-error";
import { inNamespace } from "#sys/namespace";

export interface StandingLab {
  readonly made: "namespaces" | "containers";
  readonly state: LabState;
  /** API socket of a router of AIN's, as this machine sees it. */
  socket(node: string): string;
  /** Starts a program in a node. Throws LabError when there is no such node, or it is not up. */
  spawn(node: string, words: readonly string[], stdio: StdioOptions): ChildProcess;
  /** Words of a command of this machine's that has a node's FRR carry out others. */
  vtysh(node: string, commands: readonly string[]): readonly string[];
}

/** undefined: no lab of that name is up in either way. */
export function findStandingLab(name: string): StandingLab | undefined {
  const files = new LabFiles(name);
  const state = files.read();
  if (state !== undefined) return new Namespaces(files, state);
  const deployed = findContainerLab(name);
  return deployed && new Containers(name, deployed.file, deployed.containers);
}

/** What its file says, with the nodes as they stand: who plays a router, and the names of namespaces. Throws LabError. */
export function topologyOf({ state }: StandingLab): Topology {
  const topology = loaded(state.file);
  const nodes = topology.nodes.flatMap((node): LabNode[] => {
    const known = state.nodes[node.name];
    return known === undefined ? [] : [{ ...node, namespace: known.namespace, role: roleAs(known.role, node.role) }];
  });
  return { ...topology, name: state.name, nodes };
}

/** The file is read in another environment than the lab was made in: another may play the router. */
const roleAs = (kind: Role["kind"], role: Role): Role =>
  (kind === "frr" || kind === "router") && "config" in role ? { kind, config: role.config } : role;

function loaded(file: string): Topology {
  const result = loadTopology(file, process.env);
  if (result.ok) return result.topology;
  throw new LabError(result.errors.map(formatConfigError).join("\n"));
}

class Namespaces implements StandingLab {
  readonly made = "namespaces";
  readonly state: LabState;
  readonly #files: LabFiles;

  constructor(files: LabFiles, state: LabState) {
    this.#files = files;
    this.state = state;
  }

  socket(node: string): string {
    return this.#files.socket(node);
  }

  spawn(node: string, [program, ...rest]: readonly string[], stdio: StdioOptions): ChildProcess {
    const { namespace, env: own } = nodeOf(this.state, node);
    if (inodeOf(namespace) === undefined) throw new LabError(`${node} is not up: there is no namespace ${namespace}`);
    const env = environmentOf(this.#files, { lab: this.state.name, node, namespace, env: own });
    return inNamespace(namespace, () => spawn(program!, rest, { env, stdio }));
  }

  vtysh(node: string, commands: readonly string[]): readonly string[] {
    return this.#files.vtysh(node, commands);
  }
}

class Containers implements StandingLab {
  readonly made = "containers";
  readonly state: LabState;
  readonly #containers: ReadonlyMap<string, Container>;

  constructor(name: string, file: string, containers: readonly Container[]) {
    this.#containers = new Map(containers.map((container) => [container.node, container]));
    const { nodes, links } = loaded(file);
    const known = nodes.flatMap((node) => {
      const container = this.#containers.get(node.name);
      return container === undefined ? [] : [[node.name, stateOf(node, container)] as const];
    });
    const ends = links.map(({ ends: [a, b] }): LabState["links"][number] => [
      { node: a.node, interface: a.interface },
      { node: b.node, interface: b.interface },
    ]);
    this.state = { version: 1, name, file, nodes: Object.fromEntries(known), links: ends };
  }

  socket(node: string): string {
    const folder = apiFolder(this.#of(node));
    return join(folder, socketsIn(folder)[0] ?? "none.sock");
  }

  spawn(node: string, words: readonly string[], stdio: StdioOptions): ChildProcess {
    const { name } = this.#of(node);
    const [input, output] = typeof stdio === "string" ? [stdio, stdio] : stdio;
    const isTyped = input === "inherit" && output === "inherit" && process.stdin.isTTY && process.stdout.isTTY;
    const flags = input === "ignore" ? [] : [isTyped ? "-it" : "-i"];
    return spawn("docker", ["exec", ...flags, name, ...words], { stdio });
  }

  vtysh(node: string, commands: readonly string[]): readonly string[] {
    return ["docker", "exec", this.#of(node).name, "vtysh", ...vtyshOptions(commands)];
  }

  #of(node: string): Container {
    nodeOf(this.state, node);
    return this.#containers.get(node)!;
  }
}

function nodeOf({ name, nodes }: LabState, node: string): LabState["nodes"][string] {
  const known = nodes[node];
  if (known !== undefined) return known;
  throw new LabError(`the lab ${name} has no node ${node} (it has ${Object.keys(nodes).join(", ")})`);
}

/** The part of a lab's state that a moving VM's wire and questions to routers take. */
function stateOf({ role, env }: LabNode, container: Container): LabState["nodes"][string] {
  const isRouter = role.kind === "router" || role.kind === "frr";
  // Who plays a router is the image's to say: the topology may leave it to whoever deploys.
  const kind = isRouter ? (container.image === "frr" ? "frr" : "router") : role.kind;
  return {
    namespace: container.name,
    role: kind,
    env: { ...env },
    ...("config" in role && { config: role.config }),
    ...(role.kind === "vm" && role.ports !== undefined && { ports: [...role.ports], interface: role.interface }),
  };
}

/** Of a container's, seen from here: it is that of its first process. */
const apiFolder = ({ pid }: Container): string => `/proc/${pid}/root/run/ain`;

function socketsIn(folder: string): string[] {
  try {
    return readdirSync(folder).filter((name) => name.endsWith(".sock"));
  } catch {
    return []; // no such folder: nothing of AIN's, or the container has ended
  }
}
