/** Opening and closing file descriptors as plain numbers, for things that are no regular files. */
import { check } from "#sys/errno";
import { libc } from "#sys/libc";
import { pinned } from "#sys/memory";

export const O_RDONLY = 0;
export const O_RDWR = 2;
const O_CREAT = 0o100;
const O_NONBLOCK = 0o4000;
const O_CLOEXEC = 0o2000000;
const LOCK_EX = 2;
const LOCK_NB = 4;

const PATH_MAX = 4096;
const scratch = pinned(PATH_MAX);

/** Descriptors do not survive an exec, so that no child process keeps a TAP or a namespace alive. */
export const openPath = (path: string, flags = O_RDONLY): number =>
  check(libc.open(scratch.putString(0, path), flags | O_CLOEXEC, 0), "open", path);

export const openNonblocking = (path: string): number => openPath(path, O_RDWR | O_NONBLOCK);

export function closeDescriptor(fd: number): void {
  check(libc.close(fd), "close", `descriptor ${fd}`);
}

/** Runs `use`, and closes the descriptor whether or not it throws. */
export function closingAfter<T>(fd: number, use: (fd: number) => T): T {
  try {
    return use(fd);
  } finally {
    closeDescriptor(fd);
  }
}

/**
 * Takes the lock that a file stands for; it ends with the descriptor, so also with a killed process.
 * @returns the descriptor to keep, or undefined when another process has the lock.
 */
export function lockFile(path: string): number | undefined {
  const fd = check(libc.open(scratch.putString(0, path), O_RDWR | O_CREAT | O_CLOEXEC, 0o644), "open", path);
  if (libc.flock(fd, LOCK_EX | LOCK_NB) === 0) return fd;
  closeDescriptor(fd);
  return undefined;
}
