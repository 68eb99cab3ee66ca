/** For tests: a thread that raises itself and tells what became of it, by its own word and by the kernel's. */
import { readFileSync } from "node:fs";
import { parentPort, workerData } from "node:worker_threads";
import { raiseThread, type Scheduling } from "#sys/scheduling";

export interface Raised {
  readonly became: Scheduling;
  /** Of proc_pid_stat(5): fields 19, 40 and 41. */
  readonly nice: number;
  readonly realtimePriority: number;
  readonly policy: number;
}

const became = raiseThread(workerData as Scheduling);
// The name, field 2, may hold anything, and ends with the last parenthesis.
const fields = readFileSync("/proc/thread-self/stat", "latin1")
  .replace(/^.*\) /s, "")
  .split(" ")
  .map(Number);
const [nice, realtimePriority, policy] = [fields[16]!, fields[37]!, fields[38]!];
parentPort?.postMessage({ became, nice, realtimePriority, policy } satisfies Raised);
