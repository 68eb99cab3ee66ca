/** Processes of a lab: named so that a pid used again is not mistaken, found by namespace, and ended. */
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import type { ProcessIdentity } from "#lab/state";
import { sendSignal } from "#sys/process";

const SIGKILL = 9;
const SIGTERM = 15;
/** Milliseconds between looks at a process that is to end. */
const STEP = 20;

/** When a process was started, clock ticks after boot; undefined when it is gone or only waits to be reaped. */
export function startTimeOf(pid: number): number | undefined {
  const stat = readProc(`/proc/${pid}/stat`);
  // proc_pid_stat(5): "pid (comm) state …"; comm may hold anything, so fields are counted from its last parenthesis.
  const fields = stat?.slice(stat.lastIndexOf(")") + 2).split(" ") ?? [];
  if (fields[0] === undefined || "ZX".includes(fields[0])) return undefined;
  return Number(fields[19]);
}

export function identify(pid: number): ProcessIdentity | undefined {
  const startTime = startTimeOf(pid);
  return startTime === undefined ? undefined : { pid, startTime };
}

export const isRunning = ({ pid, startTime }: ProcessIdentity): boolean => startTimeOf(pid) === startTime;

/** Processes whose network namespace is the one with this inode; without the calling process. */
export function processesIn(inode: number): ProcessIdentity[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .filter((pid) => readNamespace(`/proc/${pid}/ns/net`) === inode)
    .flatMap((pid) => identify(Number(pid)) ?? []);
}

/** The program that a process runs; undefined when it is gone. */
export function programOf(pid: number): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/exe`);
  } catch {
    return undefined;
  }
}

/** Inode of the calling process's network namespace. */
export const ownNamespace = (): number | undefined => readNamespace("/proc/self/ns/net");

/**
 * Asks processes to end, and after `patience` milliseconds makes them.
 * @returns those that are still there, which only a kernel that hangs can cause.
 */
export async function stop(processes: readonly ProcessIdentity[], patience: number): Promise<ProcessIdentity[]> {
  const asked = await signalAndWait(processes, SIGTERM, patience);
  return signalAndWait(asked, SIGKILL, 2000);
}

async function signalAndWait(
  processes: readonly ProcessIdentity[],
  signal: number,
  patience: number,
): Promise<ProcessIdentity[]> {
  let left = processes.filter(isRunning);
  for (const { pid } of left) sendSignal(pid, signal);
  for (let waited = 0; left.length > 0 && waited < patience; waited += STEP) {
    await Bun.sleep(STEP);
    left = left.filter(isRunning);
  }
  return left;
}

function readProc(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined; // The process ended meanwhile.
  }
}

/** "net:[4026531833]" → 4026531833. */
function readNamespace(path: string): number | undefined {
  try {
    return Number(/^net:\[(\d+)\]$/.exec(readlinkSync(path))?.[1]);
  } catch {
    return undefined; // The process ended meanwhile.
  }
}
