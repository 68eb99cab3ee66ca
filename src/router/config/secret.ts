/** A secret text of a configuration: written there, or in a file of its own. */
import { readFileSync, statSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { z } from "zod";
import type { Path } from "#runtime/document/config-error";
import type { Inspector } from "#runtime/document/inspector";

const SECRET = "a text of 1 … 255 octets";
const FILE = "the path of a file";

/** The two keys that a mapping with a secret has, of which one is given. */
export const secretKeys = {
  secret: z
    .string({ error: SECRET })
    .refine((text) => text !== "" && new TextEncoder().encode(text).length <= 255, { error: SECRET })
    .optional()
    .meta({ description: "the key's text" }),
  secretFile: z.string({ error: FILE }).min(1, { error: FILE }).optional().meta({
    description: "path of a file with the key's text, from this file's folder; its last line end is left out",
  }),
} as const;

export interface WrittenSecret {
  readonly secret?: string | undefined;
  readonly secretFile?: string | undefined;
}

/** Its octets. Undefined: what is wrong was reported; `path` is that of the mapping. */
export function secretOf(
  inspector: Inspector,
  path: Path,
  { secret, secretFile }: WrittenSecret,
): Uint8Array | undefined {
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
