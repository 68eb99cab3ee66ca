/** The namespaces that nodes are. */
import { statSync } from "node:fs";
import { createNamespace, namespacePath } from "#sys/namespace";
import { Rtnetlink } from "#sys/rtnetlink";
import { writeSysctl } from "#sys/sysctl";

/** Makes a node's namespace, its loopback up. @returns its inode. */
export function makeNamespace(namespace: string): number {
  createNamespace(namespace);
  const rtnetlink = new Rtnetlink(namespace);
  try {
    rtnetlink.changeLink(rtnetlink.requireLink("lo").index, { up: true }, "lo");
  } finally {
    rtnetlink.close();
  }
  return inodeOf(namespace)!;
}

/** Names a namespace for good, unlike its name; undefined when there is none. */
export const inodeOf = (namespace: string): number | undefined =>
  statSync(namespacePath(namespace), { throwIfNoEntry: false })?.ino;

/**
 * @param sysctls as sysctl(8) writes them: dots between the words, or slashes where a word holds a dot.
 * @param isMeant which of them, by their path below /proc/sys.
 */
export function applySysctls(
  namespace: string,
  sysctls: Readonly<Record<string, string>>,
  isMeant = (_path: string): boolean => true,
): void {
  for (const [key, value] of Object.entries(sysctls)) {
    const path = key.includes("/") ? key : key.replaceAll(".", "/");
    if (isMeant(path)) writeSysctl(path, value, namespace);
  }
}
