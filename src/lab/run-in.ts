/** Starts programs inside a lab's namespaces. */
import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, openSync, readFileSync } from "node:fs";
import { dirname } from "node:path";
import { LabError } from "#lab/lab-error";
import type { LabFiles } from "#lab/state";
import { ainProgram } from "#runtime/program";
import { inNamespace } from "#sys/namespace";

export interface Place {
  readonly lab: string;
  readonly node: string;
  readonly namespace: string;
  /** Added to the environment that `ain lab` itself has. */
  readonly env: Readonly<Record<string, string>>;
}

/** What a program in a node finds in its environment: AIN_SOCKET lets `ain show` find the node's router, vtysh wants AIN_FRR. */
export const environmentOf = (files: LabFiles, { lab, node, env }: Place): Record<string, string | undefined> => ({
  ...process.env,
  // So that `ain show …` works in a node wherever ain is; another that the operator has goes first.
  PATH: `${process.env.PATH ?? ""}:${dirname(ainProgram())}`,
  AIN_LAB: lab,
  AIN_NODE: node,
  AIN_SOCKET: files.socket(node),
  AIN_FRR: files.frrSockets(node),
  ...env,
});

/** Runs a program to its end, its output going to the node's log. Throws LabError when it fails or takes too long. */
export async function runLogged(
  files: LabFiles,
  place: Place,
  words: readonly string[],
  { cwd, patience }: { readonly cwd: string; readonly patience: number },
): Promise<void> {
  const child = startLogged(files, place, words, cwd);
  const timer = setTimeout(() => child.kill("SIGKILL"), patience);
  const outcome = await endOf(child);
  clearTimeout(timer);
  if (outcome === 0) return;
  const reason = typeof outcome === "number" ? `ended with ${outcome}` : outcome;
  throw new LabError(`${place.node}: "${words.join(" ")}" ${reason}${quoteLog(files, place.node)}`);
}

/** Starts a program that outlives this one, its output going to the node's log. */
export function startDaemon(files: LabFiles, place: Place, words: readonly string[], cwd: string): ChildProcess {
  const child = startLogged(files, place, words, cwd);
  child.unref();
  return child;
}

function startLogged(files: LabFiles, place: Place, [program, ...rest]: readonly string[], cwd: string): ChildProcess {
  const log = openSync(files.log(place.node), "a");
  try {
    const env = environmentOf(files, place);
    return inNamespace(place.namespace, () =>
      spawn(program!, rest, { cwd, env, detached: true, stdio: ["ignore", log, log] }),
    );
  } finally {
    closeSync(log);
  }
}

/** Exit status, or why there is none. */
export function endOf(child: ChildProcess): Promise<number | string> {
  return new Promise((resolve) => {
    child.once("error", (error) => resolve(`could not be started: ${error.message}`));
    child.once("exit", (code, signal) => resolve(code ?? `was ended by ${signal}`));
  });
}

const LINES_QUOTED = 15;

/** The last lines of a node's log, indented for an error message; empty when it has none. */
export function quoteLog(files: LabFiles, node: string): string {
  const lines = readLog(files.log(node)).trimEnd().split("\n").slice(-LINES_QUOTED);
  if (lines.join("") === "") return "";
  return `\n${lines.map((line) => `    ${line}`).join("\n")}\n    (${files.log(node)})`;
}

function readLog(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return ""; // It printed nothing yet.
  }
}
