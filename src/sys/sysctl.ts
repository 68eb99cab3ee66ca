/** Kernel settings under /proc/sys/net, as seen from inside a namespace. */
import { readFileSync, writeFileSync } from "node:fs";
import { ENOENT, SysError } from "#sys/errno";
import { inNamespace } from "#sys/namespace";

/** @param key below /proc/sys, with slashes since interface names may hold dots: `net/ipv6/conf/eth0/disable_ipv6`. */
export function readSysctl(key: string, namespace?: string): string {
  return inNamespace(namespace, () => {
    try {
      return readFileSync(`/proc/sys/${key}`, "latin1").trim();
    } catch (error) {
      throw sysctlError("read", key, error);
    }
  });
}

/** @returns the value before, for whoever has to put it back. */
export function writeSysctl(key: string, value: string | number, namespace?: string): string {
  const before = readSysctl(key, namespace);
  if (before === String(value)) return before;
  return inNamespace(namespace, () => {
    try {
      writeFileSync(`/proc/sys/${key}`, `${value}`);
      return before;
    } catch (error) {
      throw sysctlError(`write ${value} to`, key, error);
    }
  });
}

function sysctlError(verb: string, key: string, error: unknown): SysError {
  return new SysError(`${verb} sysctl`, -((error as { errno?: number }).errno ?? -ENOENT), key);
}
