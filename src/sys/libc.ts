/**
 * The C library's system calls, bound in one place. Everything else in src/sys calls the kernel through here.
 *
 * Addresses and lengths are plain numbers (user space ends below 2^47). Results are signed, so that a failed call is
 * the number −1; the reason is then in `errno()`. Strings and structs are passed by address and must lie in memory
 * that the garbage collector does not own (see memory.ts).
 */
import { dlopen, type FFIFunction, FFIType } from "bun:ffi";

const int = FFIType.i32;
/** size_t, pointers, off_t. The _fast kinds give numbers, not BigInts, while the value is a safe integer. */
const word = FFIType.u64_fast;
const signed = FFIType.i64_fast;

const prototypes = {
  __errno_location: { args: [], returns: signed },
  strerror: { args: [int], returns: FFIType.cstring },

  open: { args: [word, int, int], returns: int },
  close: { args: [int], returns: int },
  read: { args: [int, word, word], returns: signed },
  write: { args: [int, word, word], returns: signed },
  ioctl: { args: [int, word, word], returns: int },
  fcntl: { args: [int, int, word], returns: int },
  flock: { args: [int, int], returns: int },
  eventfd: { args: [int, int], returns: int },
  poll: { args: [word, word, int], returns: int },

  mmap: { args: [word, word, int, int, int, word], returns: signed },
  munmap: { args: [word, word], returns: int },

  socket: { args: [int, int, int], returns: int },
  bind: { args: [int, word, int], returns: int },
  getsockname: { args: [int, word, word], returns: int },
  setsockopt: { args: [int, int, int, word, int], returns: int },
  getsockopt: { args: [int, int, int, word, word], returns: int },
  send: { args: [int, word, word, int], returns: signed },
  recv: { args: [int, word, word, int], returns: signed },
  sendmmsg: { args: [int, word, int, int], returns: int },
  recvmmsg: { args: [int, word, int, int, word], returns: int },

  setns: { args: [int, int], returns: int },
  unshare: { args: [int], returns: int },
  mount: { args: [word, word, word, word, word], returns: int },
  umount2: { args: [word, int], returns: int },

  clock_gettime: { args: [int, word], returns: int },
  kill: { args: [int, int], returns: int },
  signal: { args: [int, word], returns: signed },
  sched_setscheduler: { args: [int, int, word], returns: int },
  setpriority: { args: [int, int, int], returns: int },
  syscall: { args: [signed, word, word, word, word, word, word], returns: signed },
} as const satisfies Record<string, FFIFunction>;

/** A prototype as what it is here: numbers in, one number out. */
type Call<Args extends readonly unknown[]> = (...args: { [I in keyof Args]: number }) => number;

const { symbols } = dlopen("libc.so.6", prototypes);

export const libc = symbols as unknown as {
  readonly [Name in keyof typeof prototypes]: Call<(typeof prototypes)[Name]["args"]>;
};

/** The C library's words for an error number. */
export const describeErrno = (errno: number): string => String(symbols.strerror(errno));
