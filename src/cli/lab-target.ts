/** Which lab a command is about: its name, or its topology file. */
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { DENIED, Failure, MISUSED } from "#cli/failure";
import { expandVariables } from "#lab/expand";
import { findStandingLab, type StandingLab } from "#lab/standing";
import { LabFiles, type LabState, listLabs } from "#lab/state";
import { formatConfigError } from "#runtime/document/config-error";
import { isMapping } from "#runtime/document/inspector";
import { readSource } from "#runtime/document/source";

/** Only the file's name is read: a lab can be taken down when its file is wrong by now. */
export function labName(target: string): string {
  if (!target.includes("/") && !/\.ya?ml$/.test(target) && !existsSync(target)) return target;
  const result = readSource(resolve(target), (text) => expandVariables(text, process.env));
  if ("errors" in result) throw new Failure(result.errors.map(formatConfigError).join("\n"), MISUSED);
  const { value } = result.source;
  if (isMapping(value) && typeof value.name === "string") return value.name;
  throw new Failure(`${target} is no topology: it has no name`, MISUSED);
}

/** The lab that is up under that name or from that file; says which are up when it is none of them. */
export function requireLab(target: string): { files: LabFiles; state: LabState } {
  const name = labName(target);
  const files = new LabFiles(name);
  const state = files.read();
  if (state !== undefined) return { files, state };
  throw new Failure(`no lab ${name} is up (${listLabs().join(", ") || "none is"})`);
}

/** The same, also where containerlab made it. */
export function requireStandingLab(target: string): StandingLab {
  const name = labName(target);
  const lab = findStandingLab(name);
  if (lab !== undefined) return lab;
  throw new Failure(`no lab ${name} is up (${listLabs().join(", ") || "none is"})`);
}

export function requireRoot(): void {
  if (process.geteuid?.() === 0) return;
  throw new Failure("a lab needs root: it is made of network namespaces (try sudo)", DENIED);
}
