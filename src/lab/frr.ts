/**
 * FRR as a router of a lab: its daemons in the node's namespace, with a /run of their own, so that many stand side by side
 * and neither /run/frr nor /etc/frr of the machine is touched.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { LabError } from "#lab/lab-error";
import type { FrrRole } from "#lab/model";
import { inodeOf } from "#lab/namespaces";
import { identify, isRunning, processesIn, programOf, stop } from "#lab/processes";
import { answers } from "#lab/router";
import { type Place, quoteLog, runLogged, startDaemon } from "#lab/run-in";
import type { LabFiles, ProcessIdentity } from "#lab/state";

/** Where Debian's package puts the daemons. */
const PROGRAMS = "/usr/lib/frr";
/** zebra first: the others connect to it when they start. */
const DAEMONS = ["zebra", "staticd", "bfdd", "ospf6d"];
/** Milliseconds between looks at a socket. */
const STEP = 20;

/**
 * The shell's $0 is the node's folder. In a mount namespace of its own the daemon sees the folder's `run` as /run and
 * its `tmp` as /var/tmp (its crash logs go there), which belong to the user that Debian's daemons turn into.
 * /run/netns goes first: a copy of its mounts would keep the namespaces of all labs alive.
 */
const ISOLATED = `umount -l /run/netns
chown frr:frr "$0/run/frr" "$0/tmp" && mount --bind "$0/tmp" /var/tmp && mount --bind "$0/run" /run && exec "$@"`;

/** Milliseconds that an answer may take. */
const ANSWER = 5000;
/** Milliseconds that daemons of an earlier start may take to end. */
const GRACE = 2000;

export const frrIsInstalled = (): boolean => DAEMONS.every((daemon) => existsSync(join(PROGRAMS, daemon)));

/**
 * Starts the daemons and has them take their configuration. @param patience milliseconds.
 * Throws LabError when a daemon ends, or refuses a line.
 */
export async function startFrr(
  files: LabFiles,
  place: Place,
  role: FrrRole,
  patience: number,
): Promise<ProcessIdentity[]> {
  const folder = files.frr(place.node);
  await stop(daemonsIn(place.namespace), GRACE);
  rmSync(folder, { recursive: true, force: true });
  for (const path of ["run/frr", "tmp"]) mkdirSync(join(folder, path), { recursive: true });
  const [zebra, ...others] = DAEMONS;
  const running = [start(files, place, zebra!)];
  await waitFor(files, place.node, running[0]!, patience);
  const rest = others.map((daemon) => start(files, place, daemon));
  for (const daemon of rest) await waitFor(files, place.node, daemon, patience);
  const words = ["vtysh", "--vty_socket", files.frrSockets(place.node), "-f", role.config];
  await runLogged(files, place, words, { cwd: dirname(role.config), patience });
  return [...running, ...rest].map(({ identity }) => identity);
}

/** Who knows how a node's FRR is asked, by a command of this machine's. */
export interface FrrHost {
  vtysh(node: string, commands: readonly string[]): readonly string[];
}

/** What the node's daemons answer to commands, as vtysh prints it. Throws LabError when one is refused. */
export function askFrr(host: FrrHost, node: string, ...commands: readonly string[]): string {
  const [program, ...words] = host.vtysh(node, commands);
  const { status, stdout, stderr, error } = spawnSync(program!, words, { encoding: "utf8", timeout: ANSWER });
  if (status === 0) return stdout;
  throw new LabError(`${node}: "${commands.join("; ")}": ${error?.message ?? (stdout + stderr).trim()}`);
}

interface Daemon {
  readonly name: string;
  readonly identity: ProcessIdentity;
}

/** Left by an earlier start that failed or was killed. */
function daemonsIn(namespace: string): ProcessIdentity[] {
  const inode = inodeOf(namespace);
  const processes = inode === undefined ? [] : processesIn(inode);
  return processes.filter(({ pid }) => programOf(pid)?.startsWith(`${PROGRAMS}/`));
}

/** All processes become the daemon by exec: the identity is the daemon's. */
function start(files: LabFiles, place: Place, name: string): Daemon {
  const isolated = ["unshare", "--mount", "--propagation", "private", "sh", "-c", ISOLATED, files.frr(place.node)];
  const child = startDaemon(files, place, [...isolated, join(PROGRAMS, name), "--log", "stdout"], "/");
  child.once("error", () => {}); // it has no pid then
  const identity = child.pid === undefined ? undefined : identify(child.pid);
  if (identity === undefined) throw new LabError(`${place.node}: ${name} did not start${quoteLog(files, place.node)}`);
  return { name, identity };
}

/** Waits until the daemon takes commands. */
async function waitFor(files: LabFiles, node: string, { name, identity }: Daemon, patience: number): Promise<void> {
  const socket = join(files.frrSockets(node), `${name}.vty`);
  for (let waited = 0; waited < patience; waited += STEP) {
    if (existsSync(socket) && (await answers(socket))) return;
    if (!isRunning(identity)) throw new LabError(`${node}: ${name} ended while starting${quoteLog(files, node)}`);
    await Bun.sleep(STEP);
  }
  throw new LabError(`${node}: ${name} takes no commands after ${patience / 1000} s${quoteLog(files, node)}`);
}
