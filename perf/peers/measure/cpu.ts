/** CPU time used so far, by the machine and by chosen processes, from /proc. */
import { readFileSync } from "node:fs";

/** /proc counts in units of 10 ms on every Linux (USER_HZ, proc(5)). */
const TICKS_PER_SECOND = 100;

export interface CpuTime {
  /** Seconds of all CPUs together that were not idle. */
  readonly machine: number;
  /** Seconds of the chosen processes, all their threads. */
  readonly processes: number;
}

export function cpuTime(pids: readonly number[]): CpuTime {
  return { machine: machineTime(), processes: pids.reduce((sum, pid) => sum + processTime(pid), 0) };
}

/** The line `cpu user nice system idle iowait irq softirq steal …` without idle, iowait and what other machines stole. */
function machineTime(): number {
  const line = readFileSync("/proc/stat", "latin1").split("\n")[0] ?? "";
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0] = line.trim().split(/ +/).slice(1).map(Number);
  return (user + nice + system + irq + softirq) / TICKS_PER_SECOND;
}

/** utime and stime, fields 14 and 15; counted after the parenthesis, as a program's name may hold spaces. */
function processTime(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}
