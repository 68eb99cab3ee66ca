/** A VM's user data: text or octets in node.yaml, or a file beside it. */
import { readFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import type { z } from "zod";
import type { NodeLists } from "#router/config/node-lists";
import type { vm } from "#router/config/node-schema";
import type { Path } from "#runtime/document/config-error";
import type { Inspector } from "#runtime/document/inspector";

/** Octets. Enough for any cloud-init configuration; what is larger is fetched by it. */
const MOST = 65_536;

/** Paths whose values are not to be shown. */
export const USER_DATA_SECRETS = /^vms\[\d+\]\.userData(\.base64)?$/;

/** By index in the file; VMs without any, or with an error, have none. */
export function readUserData(inspector: Inspector, vms: NodeLists["vms"]): Map<number, Uint8Array> {
  const all = new Map<number, Uint8Array>();
  for (const { index, value } of vms) {
    const path = ["vms", index, "userData"];
    const data = octetsOf(inspector, path, value.userData);
    if (data === undefined) continue;
    if (data.length <= MOST) all.set(index, data);
    else inspector.report(path, { found: `${data.length} octets`, expected: `at most ${MOST} octets` });
  }
  return all;
}

function octetsOf(inspector: Inspector, path: Path, userData: z.output<typeof vm>["userData"]): Uint8Array | undefined {
  if (userData === undefined || userData === "") return undefined;
  if (typeof userData === "string") return new TextEncoder().encode(userData);
  if ("base64" in userData) return Uint8Array.fromBase64(userData.base64);
  try {
    return new Uint8Array(readFileSync(resolve(dirname(inspector.source.file), userData.file)));
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? "unreadable";
    const found = `${userData.file}, which cannot be read (${code})`;
    inspector.report([...path, "file"], { found, expected: "a file that this machine has" });
    return undefined;
  }
}
