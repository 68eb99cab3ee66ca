/** A VM's definition in a file of its own, or on standard input: YAML or JSON, as an element of node.yaml's `vms`. */
import { readFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { Refusal } from "#cli/client";
import { Failure, MISUSED } from "#cli/failure";
import { colorsFor, printError } from "#cli/output";
import { type ConfigError, formatConfigError, type Path } from "#runtime/document/config-error";
import { isMapping } from "#runtime/document/inspector";
import { parseSource, readSource, type Source } from "#runtime/document/source";

/** @param file `-` is standard input. Throws Failure when there is none, or it is no YAML, having said why. */
export function readVmFile(file: string): Source {
  const result = file === "-" ? parseSource("standard input", readFileSync(0, "utf8")) : readSource(file);
  if ("source" in result) return result.source;
  for (const error of result.errors) printError(formatConfigError(error));
  throw new Failure("", MISUSED);
}

/** What another machine understands: user data from a file is in it. */
export function portable({ value, file }: Source): unknown {
  if (!isMapping(value) || !isMapping(value.userData) || typeof value.userData.file !== "string") return value;
  const path = file.includes("/") ? resolve(dirname(file), value.userData.file) : resolve(value.userData.file);
  try {
    return { ...value, userData: { base64: readFileSync(path).toString("base64") } };
  } catch {
    throw new Failure(`found no user data in ${path}, expected a readable file`, MISUSED);
  }
}

/** A refusal in terms of the file; throws Failure, or what it was given when that is none about the file. */
export function tellRefusal(error: unknown, source: Source): never {
  if (!(error instanceof Refusal) || error.errors.length === 0) throw error;
  const { red } = colorsFor(process.stderr);
  for (const each of error.errors) printError(`${red("error")} ${formatConfigError(inFile(each, source))}`);
  throw new Failure("nothing was changed", MISUSED);
}

function inFile(error: ConfigError, source: Source): ConfigError {
  return { ...error, file: source.file, ...source.locate(pathOf(error.path)) };
}

/** `ipv6[0]` → ["ipv6", 0]. Keys of a VM are plain. */
const pathOf = (text: string): Path =>
  [...text.matchAll(/([\w-]+)|\[(\d+)\]/g)].map(([, key, index]) => key ?? Number(index));
