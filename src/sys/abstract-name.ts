/**
 * Names that one holder at a time has in a network namespace: abstract unix sockets (unix(7)), bound and never listened
 * on. No file stands for them, so nothing has to be cleaned up: they end with the holder's process, however it ends.
 */
import { readFileSync } from "node:fs";
import { closeDescriptor } from "#sys/descriptor";
import { check, EADDRINUSE, errno, SysError } from "#sys/errno";
import { libc } from "#sys/libc";
import { type Memory, pinned } from "#sys/memory";

const AF_UNIX = 1;
const SOCK_STREAM = 1;
const SOCK_CLOEXEC = 0o2000000;
/** Of the calling thread's namespace. */
const LIST = "/proc/thread-self/net/unix";

/** The longest name, octets. */
export const LONGEST_NAME = 107;

const scratch: Memory = pinned(128);

/**
 * Takes a name of 1 … {@link LONGEST_NAME} ASCII characters in the calling thread's namespace.
 * @returns the descriptor to keep, undefined when somebody has the name. Throws SysError, RangeError.
 */
export function holdName(name: string): number | undefined {
  if (!/^[ -~]{1,107}$/.test(name)) throw new RangeError(`"${name}" cannot name an abstract socket`);
  // struct sockaddr_un: family u16, then a NUL octet, which makes it abstract, and the name.
  scratch.view.setUint16(0, AF_UNIX, true);
  scratch.bytes[2] = 0;
  scratch.bytes.set(new TextEncoder().encode(name), 3);
  const fd = check(libc.socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket", "AF_UNIX");
  if (libc.bind(fd, scratch.address, 3 + name.length) === 0) return fd;
  const reason = errno();
  closeDescriptor(fd);
  if (reason === EADDRINUSE) return undefined;
  throw new SysError("bind", reason, name);
}

/** The names held in the calling thread's namespace, by anybody. */
export const heldNames = (): string[] =>
  readFileSync(LIST, "utf8")
    .split("\n")
    .flatMap((line) => /^\S+: (?:\S+ +){6}@(.+)$/.exec(line)?.[1] ?? []);
