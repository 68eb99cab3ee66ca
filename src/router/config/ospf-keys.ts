/** Keys of the authentication trailer (RFC 7166), from node.yaml or files of their own. */
import { readFileSync, statSync } from "node:fs";
import { dirname, resolve } from "node:path";
import type { z } from "zod";
import type { AuthenticationKey } from "#ospf/config";
import type { ospfInterface } from "#router/config/ospf-schema";
import type { Path } from "#runtime/document/config-error";
import type { Inspector } from "#runtime/document/inspector";

type KeySettings = NonNullable<z.output<typeof ospfInterface>["auth"]>["keys"][number];

export interface AuthSettings {
  readonly keys: readonly AuthenticationKey[];
}

/** `path`: that of the section `auth`. Keys that are wrong are reported and left out. */
export function readKeys(inspector: Inspector, path: Path, settings: readonly KeySettings[]): AuthSettings {
  const seen = new Set<number>();
  const keys = settings.flatMap((one, i): AuthenticationKey[] => {
    const at = [...path, "keys", i];
    if (seen.has(one.id)) inspector.report([...at, "id"], { found: `${one.id} again`, expected: "each key id once" });
    seen.add(one.id);
    checkLife(inspector, at, one);
    const secret = secretOf(inspector, at, one);
    if (secret === undefined) return [];
    const { id, sendFrom, acceptUntil, frr8 } = one;
    return [
      {
        id,
        secret,
        ...(sendFrom !== undefined && { sendFrom }),
        ...(acceptUntil !== undefined && { acceptUntil }),
        ...(frr8 && { swapsProtocolId: true }),
      },
    ];
  });
  return { keys };
}

function checkLife(inspector: Inspector, path: Path, { sendFrom, acceptUntil }: KeySettings): void {
  if (sendFrom === undefined || acceptUntil === undefined || sendFrom < acceptUntil) return;
  const found = "an end before the key is sent with";
  inspector.report([...path, "acceptUntil"], { found, expected: "a time after sendFrom" });
}

function secretOf(inspector: Inspector, path: Path, { secret, secretFile }: KeySettings): Uint8Array | undefined {
  if ((secret === undefined) === (secretFile === undefined)) {
    const found = secret === undefined ? "neither secret nor secretFile" : "both secret and secretFile";
    inspector.report(path, { found, expected: "the key's text, in one of the two" });
    return undefined;
  }
  return secret === undefined
    ? fromFile(inspector, [...path, "secretFile"], secretFile!)
    : new TextEncoder().encode(secret);
}

function fromFile(inspector: Inspector, path: Path, file: string): Uint8Array | undefined {
  const whole = resolve(dirname(inspector.source.file), file);
  const octets = readOrWhy(whole);
  const expected = "a readable file with a text of 1 … 255 octets";
  if (typeof octets === "string") {
    inspector.report(path, { found: `${file} (${octets})`, expected });
    return undefined;
  }
  const text = octets.at(-1) === 0x0a ? octets.subarray(0, octets.at(-2) === 0x0d ? -2 : -1) : octets;
  if (text.length < 1 || text.length > 255) {
    inspector.report(path, { found: `${file} with ${text.length} octets`, expected });
    return undefined;
  }
  if ((statSync(whole).mode & 0o004) !== 0) {
    const expectedMode = "a file for its owner's eyes only";
    inspector.warn(path, {
      found: `${file}, which every user can read`,
      expected: expectedMode,
      hint: `chmod 600 ${whole}`,
    });
  }
  return Uint8Array.from(text);
}

const WHY: Readonly<Record<string, string>> = {
  ENOENT: "no such file",
  EACCES: "this user may not read it",
  EISDIR: "a directory",
};

function readOrWhy(file: string): Uint8Array | string {
  try {
    return readFileSync(file);
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : String(error);
    return WHY[code] ?? code;
  }
}
