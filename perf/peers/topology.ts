/**
 * The wires every contestant gets: four network namespaces in a row, joined by veth pairs.
 *
 * ```
 *   vmA eth0 ── vm hvA fabric ── fabric hvB vm ── eth0 vmB
 * ```
 * Only what is the same for all is made here; addresses, routes and routers are the contestant's.
 */
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";

export type Node = "vmA" | "hvA" | "hvB" | "vmB";
export const NODES: readonly Node[] = ["vmA", "hvA", "hvB", "vmB"];

const PREFIX = "ain-perf-";
/** How long a child may take to end after SIGTERM before it gets SIGKILL. */
const PATIENCE = 2000; // ms
const INTERFACE_WAIT = 5000; // ms
/** How much of a failed program's last words goes into the error. */
const MOST_SAID = 500; // characters
const decoder = new TextDecoder();

/** A program of the host ended badly: what was run and what it said. */
export class CommandFailed extends Error {
  override name = "CommandFailed";
}

/** A program whose output goes to a file of the topology's directory. */
export type Daemon = Bun.Subprocess<"ignore", Bun.BunFile, Bun.BunFile>;
/** A program whose standard output the caller reads. */
export type Talker = Bun.Subprocess<"ignore", "pipe", Bun.BunFile>;

/** Runs a program to its end and returns its standard output. Throws {@link CommandFailed}. */
export function run(command: readonly string[], input?: string): string {
  const stdin = input === undefined ? "ignore" : new TextEncoder().encode(input);
  const result = Bun.spawnSync([...command], { stdin, stdout: "pipe", stderr: "pipe" });
  if (result.exitCode === 0) return decoder.decode(result.stdout);
  throw new CommandFailed(`${command.join(" ")}: ${decoder.decode(result.stderr).trim() || `exit ${result.exitCode}`}`);
}

/** Deletes what a killed run left behind: namespaces with our prefix, the processes in them, directories. */
export function removeLeftovers(): void {
  for (const name of readdirSync(tmpdir()).filter((each) => each.startsWith(PREFIX))) {
    rmSync(join(tmpdir(), name), { recursive: true, force: true });
  }
  removeNamespaces();
}

function removeNamespaces(): void {
  const names = run(["ip", "netns", "list"])
    .split("\n")
    .map((line) => line.split(" ")[0] ?? "");
  for (const name of names.filter((each) => each.startsWith(PREFIX))) {
    for (const pid of run(["ip", "netns", "pids", name]).split("\n").filter(Boolean)) endByPid(Number(pid));
    run(["ip", "netns", "delete", name]);
  }
}

function endByPid(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It ended between being listed and being asked to: that is what was wanted.
  }
}

export interface Links {
  /** MTU of the hypervisor–hypervisor link, octets. */
  readonly fabricMtu: number;
  /** MTU of the VM's own interface, octets: smaller than the link's where an overlay needs room. */
  readonly vmMtu: number;
  /** False: no VM–hypervisor veth; the contestant brings the VM's `eth0` itself (TAP). */
  readonly vmVeth: boolean;
}

/** Four namespaces while they stand: runs programs in them, and undoes everything in {@link close}. */
export class Topology {
  /** For sockets, databases and configuration files; deleted with the topology. */
  readonly directory = mkdtempSync(join(tmpdir(), PREFIX));
  private readonly children: (Daemon | Talker)[] = [];
  private readonly daemons: { readonly name: string; readonly child: Daemon; readonly log: Bun.BunFile }[] = [];
  private readonly links: Links;
  private closed = false;

  /** Makes nothing yet, so that whoever closes it knows of it before there is something to close: {@link build}. */
  constructor(links: Links) {
    this.links = links;
  }

  build(): void {
    for (const node of NODES) {
      run(["ip", "netns", "add", PREFIX + node]);
      // No router solicitations and no waiting for duplicate address detection: the links are ours alone.
      this.exec(node, ["sysctl", "-qw", "net.ipv6.conf.all.accept_dad=0", "net.ipv6.conf.default.accept_dad=0"]);
      this.ip(node, "link set lo up");
    }
    const fabric = `mtu ${this.links.fabricMtu}`;
    this.ip("hvA", `link add fabric ${fabric} type veth peer name fabric ${fabric} netns ${PREFIX}hvB`);
    for (const hypervisor of ["hvA", "hvB"] as const) this.ip(hypervisor, "link set fabric up");
    if (this.links.vmVeth) for (const side of SIDES) this.joinVm(side, this.links.vmMtu);
  }

  private joinVm({ vm, hypervisor }: Side, mtu: number): void {
    this.ip(vm, `link add eth0 mtu ${mtu} type veth peer name vm mtu 1500 netns ${PREFIX}${hypervisor}`);
    this.ip(vm, "link set eth0 up");
    this.ip(hypervisor, "link set vm up");
  }

  /** The namespace's name, as `ip netns` knows it. */
  namespace(node: Node): string {
    return PREFIX + node;
  }

  get fabricMtu(): number {
    return this.links.fabricMtu;
  }

  /** For an interface that a contestant's program makes in its own time. */
  async waitForInterface(node: Node, name: string): Promise<void> {
    const isThere = () => run(["ip", "-n", PREFIX + node, "-oneline", "link"]).includes(` ${name}`);
    for (const deadline = Date.now() + INTERFACE_WAIT; !isThere(); await Bun.sleep(20)) {
      if (Date.now() > deadline) throw new Error(`${node} got no interface ${name}`);
    }
  }

  /** Runs `ip` commands, one a line, in one node. */
  ip(node: Node, ...commands: readonly string[]): void {
    run(["ip", "-n", PREFIX + node, "-batch", "-"], `${commands.join("\n")}\n`);
  }

  exec(node: Node, command: readonly string[], input?: string): string {
    return run(this.inside(node, command), input);
  }

  /** Starts a program that lives as long as the topology does; what it says goes to its log file. */
  daemon(node: Node, command: readonly string[], environment: Record<string, string> = {}): Daemon {
    const output = this.log(node, command);
    const env = { ...process.env, ...environment };
    const child = Bun.spawn(this.inside(node, command), { stdin: "ignore", stdout: output, stderr: output, env });
    this.children.push(child);
    this.daemons.push({ name: `${command[0]} in ${node}`, child, log: output });
    return child;
  }

  /** The last words of daemons that ended though the topology stands: most often why nothing works. */
  async obituaries(): Promise<string[]> {
    const dead = this.daemons.filter(({ child }) => child.exitCode !== null || child.signalCode !== null);
    return Promise.all(
      dead.map(async ({ name, log }) => `${name} ended: ${(await log.text()).trim().slice(-MOST_SAID)}`),
    );
  }

  /** Starts a program whose standard output the caller reads; it ends by itself or with the topology. */
  talker(node: Node, command: readonly string[], stderr = this.log(node, command)): Talker {
    const child = Bun.spawn(this.inside(node, command), { stdin: "ignore", stdout: "pipe", stderr });
    this.children.push(child);
    return child;
  }

  /** Runs a program to its end, without holding up this one, and returns its output. Throws {@link CommandFailed}. */
  async capture(node: Node, command: readonly string[]): Promise<string> {
    const log = this.log(node, command);
    const child = this.talker(node, command, log);
    const output = await new Response(child.stdout).text();
    if ((await child.exited) === 0) return output;
    const said = (await log.text()).trim() || output.trim() || `exit ${child.exitCode}`;
    throw new CommandFailed(`${node}: ${command.join(" ")}: ${said.slice(-MOST_SAID)}`);
  }

  private log(node: Node, command: readonly string[]): Bun.BunFile {
    return Bun.file(join(this.directory, `${node}-${basename(command[0] ?? "")}-${this.children.length}.log`));
  }

  private inside(node: Node, command: readonly string[]): string[] {
    return ["ip", "netns", "exec", PREFIX + node, ...command];
  }

  /** Ends the children (politely, then not), deletes the namespaces and the directory. Safe to call again. */
  async close(): Promise<void> {
    if (this.closed) return;
    this.closed = true;
    for (const child of this.children) child.kill("SIGTERM");
    const ended = Promise.all(this.children.map((child) => child.exited));
    await Promise.race([ended, Bun.sleep(PATIENCE)]);
    removeNamespaces(); // kills what is still running in the namespaces
    rmSync(this.directory, { recursive: true, force: true });
  }
}

export interface Side {
  readonly vm: "vmA" | "vmB";
  readonly hypervisor: "hvA" | "hvB";
  readonly peer: "hvA" | "hvB";
}
export const SIDES: readonly Side[] = [
  { vm: "vmA", hypervisor: "hvA", peer: "hvB" },
  { vm: "vmB", hypervisor: "hvB", peer: "hvA" },
];
