/**
 * Network namespaces: entering one for the length of a synchronous call, and making, listing and deleting named ones
 * exactly as `ip netns` does (a bind mount at /run/netns/NAME), so that both see each other's.
 */
import { closeSync, existsSync, mkdirSync, openSync, readdirSync, rmSync } from "node:fs";
import { closingAfter, openPath } from "#sys/descriptor";
import { check, EINVAL, errno, SysError } from "#sys/errno";
import { libc } from "#sys/libc";
import { pinned } from "#sys/memory";

const CLONE_NEWNET = 0x4000_0000;
const MS_BIND = 0x1000;
const MS_REC = 0x4000;
const MS_SHARED = 0x10_0000;
const MNT_DETACH = 2;

const DIRECTORY = "/run/netns";
/** Of the calling thread; /proc/self would be the main thread's. */
const OWN = "/proc/thread-self/ns/net";

const scratch = pinned(3 * 4096);

/** A name of {@link listNamespaces}, or a path such as /proc/PID/ns/net. */
export const namespacePath = (namespace: string): string =>
  namespace.includes("/") ? namespace : `${DIRECTORY}/${namespace}`;

/** Opens a namespace for {@link SysError}-checked use with rtnetlink or setns. The caller closes the descriptor. */
export const openNamespace = (namespace: string): number => openPath(namespacePath(namespace));

/**
 * Runs `act` with this thread inside a namespace and comes back, also when `act` throws. Sockets, TAPs and /proc/sys
 * files that it opens belong to that namespace for good.
 *
 * `act` must be synchronous, and short: a thread that the runtime starts meanwhile (compiler, collector) would stay
 * there and keep a deleted namespace alive.
 * @param namespace undefined: stays where it is.
 */
export function inNamespace<T>(namespace: string | undefined, act: () => T): T {
  if (namespace === undefined) return act();
  return closingAfter(openPath(OWN), (home) => {
    closingAfter(openNamespace(namespace), (fd) => enter(fd, namespace));
    try {
      return act();
    } finally {
      enter(home, "home");
    }
  });
}

/** Makes a named namespace, its loopback down. Throws SysError EEXIST when the name is taken. */
export function createNamespace(name: string): void {
  prepareDirectory();
  const path = namespacePath(checkName(name));
  try {
    closeSync(openSync(path, "wx", 0o000));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") throw new SysError("create namespace", 17, name);
    throw error;
  }
  try {
    closingAfter(openPath(OWN), (home) => {
      check(libc.unshare(CLONE_NEWNET), "unshare", "network namespace");
      try {
        mount(OWN, path, MS_BIND);
      } finally {
        enter(home, "home");
      }
    });
  } catch (error) {
    rmSync(path);
    throw error;
  }
}

/**
 * Makes a namespace without a name. It ends with the last descriptor, socket or TAP of it, so also with a killed process.
 * @returns a descriptor of it, the caller's to close; {@link descriptorPath} is its path.
 */
export function privateNamespace(): number {
  return closingAfter(openPath(OWN), (home) => {
    check(libc.unshare(CLONE_NEWNET), "unshare", "network namespace");
    try {
      return openPath(OWN);
    } finally {
      enter(home, "home");
    }
  });
}

/** By which any thread of this process enters the namespace. */
export const descriptorPath = (fd: number): string => `/proc/self/fd/${fd}`;

/** Takes the name away; the namespace ends when no process, socket or TAP is left in it. Nothing happens when it is gone. */
export function deleteNamespace(name: string): void {
  const path = namespacePath(checkName(name));
  if (!existsSync(path)) return;
  // EINVAL: an empty file that a killed `ip netns add` left behind, nothing is mounted there.
  if (libc.umount2(scratch.putString(0, path), MNT_DETACH) === -1 && errno() !== EINVAL) {
    throw new SysError("umount", errno(), path);
  }
  rmSync(path, { force: true });
}

export const listNamespaces = (): string[] => (existsSync(DIRECTORY) ? readdirSync(DIRECTORY).sort() : []);

export const namespaceExists = (name: string): boolean => existsSync(namespacePath(name));

function checkName(name: string): string {
  if (!/^[^/\0]{1,255}$/.test(name) || name === "." || name === "..") {
    throw new RangeError(`"${name}" cannot name a network namespace`);
  }
  return name;
}

const enter = (fd: number, about: string): number => check(libc.setns(fd, CLONE_NEWNET), "setns", about);

/** As `ip netns` does: the directory is a shared mount of its own, so that new names show up in other mount namespaces. */
function prepareDirectory(): void {
  mkdirSync(DIRECTORY, { recursive: true });
  if (tryMount("", DIRECTORY, MS_SHARED | MS_REC)) return;
  if (errno() !== EINVAL) throw new SysError("mount", errno(), DIRECTORY);
  mount(DIRECTORY, DIRECTORY, MS_BIND | MS_REC);
  mount("", DIRECTORY, MS_SHARED | MS_REC);
}

function mount(source: string, target: string, flags: number): void {
  if (!tryMount(source, target, flags)) throw new SysError("mount", errno(), `${source} on ${target}`);
}

function tryMount(source: string, target: string, flags: number): boolean {
  const type = scratch.putString(8192, "none");
  return libc.mount(scratch.putString(0, source), scratch.putString(4096, target), type, flags, 0) === 0;
}
