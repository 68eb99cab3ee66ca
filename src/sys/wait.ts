/** Sleeping for microseconds, in the kernel: poll(2) and the runtime's own timers know milliseconds only. */
import { EINTR, errno, SysError } from "#sys/errno";
import { libc } from "#sys/libc";
import { pinned } from "#sys/memory";

const SYS_PPOLL = process.arch === "arm64" ? 73 : 271;

const timespec = pinned(16);

/**
 * Blocks this thread; a signal ends the wait early. The kernel may add its timer slack (50 µs unless the process sets
 * /proc/self/timerslack_ns) and the time to wake up.
 * @param micros 0 … 2^31 × 10^6; below 0 counts as 0.
 */
export function waitMicros(micros: number): void {
  const seconds = Math.floor(Math.max(0, micros) / 1e6);
  timespec.words[0] = seconds;
  timespec.words[2] = Math.max(0, micros - seconds * 1e6) * 1000;
  if (libc.syscall(SYS_PPOLL, 0, 0, timespec.address, 0, 0, 0) === 0) return;
  const reason = errno();
  if (reason !== EINTR) throw new SysError("ppoll", reason);
}
