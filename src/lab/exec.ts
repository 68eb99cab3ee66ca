/** Runs a program in a node as if it had been typed there: the terminal, the signals and the exit status are its own. */
import { spawn } from "node:child_process";
import { constants } from "node:os";
import { LabError } from "#lab/lab-error";
import { inodeOf } from "#lab/namespaces";
import { environmentOf } from "#lab/run-in";
import type { LabFiles, LabState } from "#lab/state";
import { inNamespace } from "#sys/namespace";

const NOT_FOUND = 127;
const BY_SIGNAL = 128;

/** @returns the exit status as a shell counts it: 127 not found, 128 + n ended by signal n. */
export async function labExec(
  files: LabFiles,
  state: LabState,
  name: string,
  [program, ...rest]: readonly string[],
): Promise<number> {
  const node = state.nodes[name];
  if (node === undefined) {
    throw new LabError(`the lab ${state.name} has no node ${name} (it has ${Object.keys(state.nodes).join(", ")})`);
  }
  const { namespace } = node;
  if (inodeOf(namespace) === undefined) throw new LabError(`${name} is not up: there is no namespace ${namespace}`);
  const env = environmentOf(files, { lab: state.name, node: name, namespace, env: node.env });
  // The terminal sends Ctrl-C to both: it is the program's to decide what it means.
  const ignore = (): void => {};
  process.on("SIGINT", ignore).on("SIGQUIT", ignore);
  const child = inNamespace(namespace, () => spawn(program!, rest, { env, stdio: "inherit" }));
  const pass = (signal: NodeJS.Signals): boolean => child.kill(signal);
  process.on("SIGTERM", pass).on("SIGHUP", pass);
  try {
    return await new Promise((resolve, reject) => {
      child.once("exit", (code, signal) => resolve(code ?? BY_SIGNAL + constants.signals[signal!]));
      child.once("error", (error: NodeJS.ErrnoException) => {
        if (error.code === "ENOENT") resolve(NOT_FOUND);
        else reject(new LabError(`${program} could not be started: ${error.message}`));
      });
    });
  } finally {
    process.off("SIGINT", ignore).off("SIGQUIT", ignore).off("SIGTERM", pass).off("SIGHUP", pass);
  }
}
