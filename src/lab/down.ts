/** Takes a lab down, also one whose `ain lab up` was killed half way: whatever its state file announced. */
import { existsSync, rmSync } from "node:fs";
import { LabError } from "#lab/lab-error";
import { withLock } from "#lab/lock";
import { inodeOf } from "#lab/namespaces";
import { isRunning, ownNamespace, processesIn, stop } from "#lab/processes";
import type { LabFiles, LabState, NodeState, ProcessIdentity } from "#lab/state";
import { deleteNamespace } from "#sys/namespace";

/** How long a process may take to end when it is asked to, milliseconds. */
const GRACE = 3000;

export interface DownReport {
  readonly nodes: number;
  readonly processes: number;
}

/** @returns what there was, or undefined when there is no such lab. Throws LabError when something does not go away. */
export async function labDown(files: LabFiles): Promise<DownReport | undefined> {
  if (!existsSync(files.directory)) return undefined;
  return withLock(files, async () => {
    const state = files.read();
    // Without a state nothing was made yet: there is an empty directory at most.
    const report = state && (await takeDown(state));
    files.remove();
    return report;
  });
}

async function takeDown(state: LabState): Promise<DownReport> {
  const nodes = Object.entries(state.nodes);
  const own = nodes.find(([, node]) => ownInode(node) === ownNamespace());
  if (own !== undefined) throw new LabError(`this shell is inside the lab's node ${own[0]}: leave it first`);
  const processes = nodes.flatMap(([, node]) => processesOf(node));
  await end(processes);
  for (const [, node] of nodes) removeNamespace(node);
  return { nodes: nodes.length, processes: processes.length };
}

/** Takes one node away: its processes, its namespace with all links in it, its files. */
export async function tearDownNode(files: LabFiles, name: string, node: NodeState): Promise<void> {
  await end(processesOf(node));
  removeNamespace(node);
  for (const path of [files.log(name), files.socket(name), files.frr(name)])
    rmSync(path, { recursive: true, force: true });
}

/** The router, and whatever else lives in the namespace: FRR, its commands' daemons, somebody's shell. */
function processesOf(node: NodeState): ProcessIdentity[] {
  const inode = ownInode(node);
  const inside = inode === undefined ? [] : processesIn(inode);
  const started = [...(node.process === undefined ? [] : [node.process]), ...(node.daemons ?? [])];
  const outside = started.filter((one) => isRunning(one) && !inside.some(({ pid }) => pid === one.pid));
  return [...inside, ...outside];
}

/** The inode of the node's namespace; undefined when there is none, or its name now stands for somebody else's. */
function ownInode(node: NodeState): number | undefined {
  const inode = inodeOf(node.namespace);
  return node.inode === undefined || node.inode === inode ? inode : undefined;
}

async function end(processes: readonly ProcessIdentity[]): Promise<void> {
  const left = await stop(processes, GRACE);
  if (left.length === 0) return;
  throw new LabError(`these processes do not end: ${left.map(({ pid }) => pid).join(", ")}`);
}

/** Its links and TAPs go with it. */
function removeNamespace(node: NodeState): void {
  if (ownInode(node) !== undefined) deleteNamespace(node.namespace);
}
