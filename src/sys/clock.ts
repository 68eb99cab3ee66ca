/** The kernel's monotonic clock: one time line for all threads and processes of the machine (Bun's own starts anew in each). */
import { libc } from "#sys/libc";
import { pinned } from "#sys/memory";

const CLOCK_REALTIME = 0;
const CLOCK_MONOTONIC = 1;

const timespec = pinned(16);

/** Nanoseconds since the machine started: exact until 2^53 ns, 104 days, then to the nearest 2 ns. About 0.1 µs a call. */
export function monotonicNanos(): number {
  libc.clock_gettime(CLOCK_MONOTONIC, timespec.address);
  return seconds() * 1e9 + timespec.words[2]!;
}

/** Milliseconds since 1970, to the nearest 0.25 µs: Date.now() has whole ones. */
export function wallMillis(): number {
  libc.clock_gettime(CLOCK_REALTIME, timespec.address);
  return seconds() * 1e3 + timespec.words[2]! / 1e6;
}

function seconds(): number {
  const { words } = timespec;
  return (words[1]! >>> 0) * 2 ** 32 + (words[0]! >>> 0);
}

export const monotonicMicros = (): number => Math.floor(monotonicNanos() / 1000);

export const monotonicMillis = (): number => Math.floor(monotonicNanos() / 1e6);
