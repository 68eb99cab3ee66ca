/** A router of a lab: `ain run` in its namespace, ready when its API socket answers. */
import { rmSync } from "node:fs";
import { connect } from "node:net";
import { dirname } from "node:path";
import { LabError } from "#lab/lab-error";
import type { RouterRole } from "#lab/model";
import { identify, isRunning } from "#lab/processes";
import { type Place, quoteLog, startDaemon } from "#lab/run-in";
import type { LabFiles, ProcessIdentity } from "#lab/state";

/** Milliseconds between looks for a socket. */
const STEP = 50;

/** @param ain path of the `ain` program. Throws LabError when it is gone at once. */
export async function startRouter(
  files: LabFiles,
  place: Place,
  role: RouterRole,
  ain: string,
): Promise<ProcessIdentity> {
  const socket = files.socket(place.node);
  rmSync(socket, { force: true });
  const child = startDaemon(files, place, [ain, "run", role.config, "--socket", socket], dirname(role.config));
  const failure = new Promise<Error>((resolve) => child.once("error", resolve));
  const identity = child.pid === undefined ? undefined : identify(child.pid);
  if (identity !== undefined) return identity;
  const reason = child.pid === undefined ? `: ${(await failure).message}` : quoteLog(files, place.node);
  throw new LabError(`${place.node}: the router did not start${reason}`);
}

/** Waits until the router answers on its socket. @param patience milliseconds. */
export async function waitForRouter(
  files: LabFiles,
  node: string,
  process: ProcessIdentity,
  patience: number,
): Promise<void> {
  for (let waited = 0; waited < patience; waited += STEP) {
    if (await answers(files.socket(node))) return;
    if (!isRunning(process)) throw new LabError(`${node}: the router ended while starting${quoteLog(files, node)}`);
    await Bun.sleep(STEP);
  }
  const limit = `${patience / 1000} s`;
  throw new LabError(`${node}: the router does not answer on its socket after ${limit}${quoteLog(files, node)}`);
}

/** True when somebody accepts connections on a unix socket. */
export function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    const end = (result: boolean): void => {
      socket.destroy();
      resolve(result);
    };
    socket.once("connect", () => end(true));
    socket.once("error", () => end(false));
  });
}
