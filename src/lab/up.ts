/** Builds a lab, or makes of one that is there what its file says now. */
import { dirname } from "node:path";
import { tearDownNode } from "#lab/down";
import { frrIsInstalled, startFrr } from "#lab/frr";
import { LabError } from "#lab/lab-error";
import { ensureLink, LabSockets, removeLink } from "#lab/links";
import { withLock } from "#lab/lock";
import type { LabNode, Role, Topology, VmRole } from "#lab/model";
import { applySysctls, inodeOf, makeNamespace } from "#lab/namespaces";
import { isRunning } from "#lab/processes";
import { startRouter, waitForRouter } from "#lab/router";
import { type Place, runLogged } from "#lab/run-in";
import type { LabFiles, LabState, LinkState, NodeState } from "#lab/state";
import { addressText, configureVm } from "#lab/vm";
import { ensureWire } from "#lab/wire";
import { namespaceExists } from "#sys/namespace";

export interface UpOptions {
  readonly files: LabFiles;
  /** Path of the `ain` program, for the routers. */
  readonly ain: string;
  /** How long a router, a VM's interface or a command may take, milliseconds. */
  readonly patience: number;
  /** Told of each step, in a few words. */
  readonly say: (step: string) => void;
}

/** Does only what is not there yet. Throws LabError or SysError; what was built until then stays, for `ain lab down`. */
export async function labUp(topology: Topology, options: UpOptions): Promise<void> {
  await withLock(options.files, () => new Builder(topology, options).build());
}

class Builder {
  readonly #topology: Topology;
  readonly #options: UpOptions;
  readonly #state: LabState;
  readonly #sockets: LabSockets;

  constructor(topology: Topology, options: UpOptions) {
    this.#topology = topology;
    this.#options = options;
    const { name, file } = topology;
    const earlier = options.files.read();
    if (earlier !== undefined && earlier.file !== file) {
      throw new LabError(`the lab ${name} is up already, from ${earlier.file}: ain lab down ${name} ends that one`);
    }
    this.#state = earlier ?? { version: 1, name, file, nodes: {}, links: [] };
    const known = Object.entries(this.#state.nodes).map(([node, { namespace }]) => ({ name: node, namespace }));
    this.#sockets = new LabSockets([...known, ...topology.nodes]);
  }

  async build(): Promise<void> {
    try {
      this.#refuseForeignNamespaces();
      await this.#removeStrays();
      this.#announce();
      this.#makeNamespaces();
      for (const link of this.#topology.links) ensureLink(this.#sockets, link);
      this.#makeWires();
      for (const node of this.#topology.nodes) applySysctls(node.namespace, node.sysctls);
      await this.#startRouters();
      await this.#startFrr();
      await this.#configureVms();
      await this.#runCommands();
    } finally {
      this.#sockets.close();
    }
  }

  /** A namespace of that name that this lab did not make is somebody's: another lab's, or made by hand. */
  #refuseForeignNamespaces(): void {
    for (const { name, namespace } of this.#topology.nodes) {
      if (!namespaceExists(namespace)) continue;
      const known = this.#state.nodes[name];
      if (known !== undefined && (known.inode === undefined || known.inode === inodeOf(namespace))) continue;
      throw new LabError(
        `the network namespace ${namespace} exists and is not this lab's: rename the lab, or remove it`,
      );
    }
  }

  /** Takes away what an earlier version of the file had, or what somebody else damaged. */
  async #removeStrays(): Promise<void> {
    const wanted = new Set(this.#topology.links.map(({ ends }) => linkName(ends)));
    for (const link of this.#state.links.filter((ends) => !wanted.has(linkName(ends)))) {
      this.#options.say(`remove the link ${linkName(link)}`);
      removeLink(this.#sockets, link);
    }
    // A socket would keep its namespace alive.
    this.#sockets.close();
    for (const [name, known] of Object.entries(this.#state.nodes)) {
      const node = this.#topology.nodes.find((one) => one.name === name);
      if (node !== undefined && isSame(known, node) && namespaceExists(known.namespace)) continue;
      this.#options.say(`remove ${name}`);
      await tearDownNode(this.#options.files, name, known);
      delete this.#state.nodes[name];
    }
  }

  /** Writes down all that will be made, before any of it is. */
  #announce(): void {
    for (const { name, namespace, role, env } of this.#topology.nodes) {
      const config = "config" in role ? { config: role.config } : {};
      const wire = moves(role) ? { ports: [...role.ports], interface: role.interface } : {};
      this.#state.nodes[name] = { ...this.#state.nodes[name], namespace, role: role.kind, ...config, ...wire, env };
    }
    this.#state.links = this.#topology.links.map(({ ends }) => [plainEnd(ends[0]), plainEnd(ends[1])]);
    this.#save();
  }

  #makeNamespaces(): void {
    for (const { name, namespace, sysctls } of this.#topology.nodes) {
      const known = this.#state.nodes[name]!;
      if (!namespaceExists(namespace)) {
        this.#options.say(`make ${namespace}`);
        known.inode = makeNamespace(namespace);
      }
      // Before the links, for the defaults of interfaces to come; those of one interface have to wait for it.
      applySysctls(namespace, sysctls, (path) => !/^net\/ipv[46]\/(conf|neigh)\/(?!all\/|default\/)/.test(path));
      known.inode ??= inodeOf(namespace);
    }
    this.#save();
  }

  #makeWires(): void {
    for (const { name, role } of this.#topology.nodes) {
      if (!moves(role)) continue;
      const links = this.#topology.links.filter(({ ends }) => ends.some((end) => end.node === name));
      const mtu = role.mtu ?? Math.min(...links.map((link) => link.mtu));
      ensureWire(this.#state.nodes[name]!.namespace, { interface: role.interface, ports: role.ports, mtu });
    }
  }

  /** All are started before any is waited for. */
  async #startRouters(): Promise<void> {
    const { files, ain, patience, say } = this.#options;
    for (const node of this.#topology.nodes) {
      if (node.role.kind !== "router") continue;
      const known = this.#state.nodes[node.name]!;
      if (known.process !== undefined && isRunning(known.process)) continue;
      say(`start the router ${node.name}`);
      known.process = await startRouter(files, this.#place(node), node.role, ain);
      this.#save();
    }
    for (const node of this.#topology.nodes) {
      const running = this.#state.nodes[node.name]!.process;
      if (node.role.kind === "router" && running) await waitForRouter(files, node.name, running, patience);
    }
  }

  async #startFrr(): Promise<void> {
    const { files, patience, say } = this.#options;
    for (const node of this.#topology.nodes) {
      if (node.role.kind !== "frr") continue;
      const known = this.#state.nodes[node.name]!;
      if (known.daemons?.every(isRunning)) continue;
      if (!frrIsInstalled()) throw new LabError(`${node.name}: FRR is not installed (apt-get install frr)`);
      say(`start FRR in ${node.name}`);
      known.daemons = await startFrr(files, this.#place(node), node.role, patience);
      this.#save();
    }
  }

  async #configureVms(): Promise<void> {
    for (const node of this.#topology.nodes) {
      if (node.role.kind !== "vm") continue;
      const known = this.#state.nodes[node.name]!;
      await configureVm(node, node.role, { earlier: known.address, patience: this.#options.patience });
      known.address = addressText(node.role);
      this.#save();
    }
  }

  async #runCommands(): Promise<void> {
    const { files, patience, say } = this.#options;
    const cwd = dirname(this.#topology.file);
    for (const node of this.#topology.nodes) {
      const known = this.#state.nodes[node.name]!;
      if (node.exec.length === 0 || known.done) continue;
      say(`run ${node.exec.length === 1 ? "a command" : `${node.exec.length} commands`} in ${node.name}`);
      for (const words of node.exec) await runLogged(files, this.#place(node), words, { cwd, patience });
      known.done = true;
      this.#save();
    }
  }

  #place(node: LabNode): Place {
    return { lab: this.#topology.name, node: node.name, namespace: node.namespace, env: node.env };
  }

  #save(): void {
    this.#options.files.write(this.#state);
  }
}

/** False when the node is to be made anew. */
const isSame = (known: NodeState, { role }: LabNode): boolean =>
  known.role === role.kind &&
  known.config === ("config" in role ? role.config : undefined) &&
  known.interface === (moves(role) ? role.interface : undefined);

const moves = (role: Role): role is VmRole & { readonly ports: readonly string[] } =>
  role.kind === "vm" && role.ports !== undefined;

const plainEnd = ({ node, interface: name }: LinkState[number]): LinkState[number] => ({ node, interface: name });
const linkName = (ends: readonly LinkState[number][]): string =>
  ends.map((end) => `${end.node}:${end.interface}`).join(" – ");
