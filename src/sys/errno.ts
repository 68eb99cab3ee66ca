/** What the kernel answered when it refused: `SysError`, and how a call's result becomes one. */
import { read } from "bun:ffi";
import { constants } from "node:os";
import { describeErrno, libc } from "#sys/libc";

export const EPERM = 1;
export const ENOENT = 2;
export const ESRCH = 3;
export const EINTR = 4;
export const EIO = 5;
export const ENXIO = 6;
export const EBADF = 9;
export const EAGAIN = 11;
export const ENOMEM = 12;
export const EACCES = 13;
export const EBUSY = 16;
export const EEXIST = 17;
export const ENODEV = 19;
export const EINVAL = 22;
export const EBADFD = 77;
export const EMSGSIZE = 90;
export const EOPNOTSUPP = 95;
export const EADDRINUSE = 98;
export const EADDRNOTAVAIL = 99;
export const ENETDOWN = 100;
export const ENETUNREACH = 101;
export const ENOBUFS = 105;

const names = new Map(Object.entries(constants.errno).map(([name, errno]) => [errno, name]));
// On Linux EAGAIN and EWOULDBLOCK, EOPNOTSUPP and ENOTSUP are one number each; these are the customary names.
names.set(EAGAIN, "EAGAIN");
names.set(EOPNOTSUPP, "EOPNOTSUPP");

/** The kernel refused a call. EAGAIN and EINTR are results, not errors: callers that expect them ask {@link errno}. */
export class SysError extends Error {
  /** The system call or netlink operation, with its most telling argument: `ioctl TUNSETIFF`. */
  readonly call: string;
  /** Positive error number. */
  readonly errno: number;
  /** The errno's name: `ENODEV`. */
  readonly code: string;

  /** @param about what the call was done to (an interface, a path), and a hint where one helps. */
  constructor(call: string, errno: number, about?: string) {
    const code = names.get(errno) ?? `errno ${errno}`;
    super(`${call}${about === undefined ? "" : ` ${about}`}: ${describeErrno(errno)} (${code})`);
    this.name = "SysError";
    this.call = call;
    this.errno = errno;
    this.code = code;
  }
}

const errnoAddress = libc.__errno_location() as Parameters<typeof read.i32>[0];

/** Why this thread's last failed call failed. Ask at once: the next call may overwrite it. */
export const errno = (): number => read.i32(errnoAddress);

/** Passes a result through, or throws what went wrong. */
export function check(result: number, call: string, about?: string): number {
  if (result === -1) throw new SysError(call, errno(), about);
  return result;
}
