/** Processes: is one alive, tell it to stop, and wait for its end without being its parent. */
import { check, EPERM, ESRCH, errno, SysError } from "#sys/errno";
import { libc } from "#sys/libc";

const SYS_PIDFD_OPEN = 434; // the same number on every architecture
const SYS_GETTID = process.arch === "arm64" ? 178 : 186;

const SIGCHLD = 17;
const SIG_IGN = 1;

/**
 * Has the kernel itself clear away children that end (waitpid(2), "ignored"). The first process of a container inherits
 * all whose parents are gone, and nobody else can do it. From then on this process learns of no child how it ended.
 */
export const disownChildren = (): void => void check(libc.signal(SIGCHLD, SIG_IGN), "signal", "SIGCHLD");

export const threadId = (): number => libc.syscall(SYS_GETTID, 0, 0, 0, 0, 0, 0);

/** A descriptor that polls readable once the process has ended; undefined when there is no such process. */
export function openPidfd(pid: number): number | undefined {
  const fd = libc.syscall(SYS_PIDFD_OPEN, pid, 0, 0, 0, 0, 0);
  if (fd >= 0) return fd;
  if (errno() === ESRCH) return undefined;
  throw new SysError("pidfd_open", errno(), `process ${pid}`);
}

/** True for every process that exists, whoever owns it; also for one that has ended and was not waited for. */
export function isAlive(pid: number): boolean {
  return libc.kill(pid, 0) === 0 || errno() === EPERM;
}

/** @returns false when the process is gone already. */
export function sendSignal(pid: number, signal: number): boolean {
  if (libc.kill(pid, signal) === 0) return true;
  if (errno() === ESRCH) return false;
  return check(-1, "kill", `process ${pid}`) === 0;
}
