/** What a shell says when it begins: where it is, and of what version the router is if that is another. */
import { ClientError, call } from "#cli/client";
import { colorsFor } from "#cli/output";
import type { Shell } from "#cli/shell/shell";
import { surroundings, within } from "#cli/surroundings";
import packageJson from "../../../package.json";

/** Milliseconds that a router has to say who it is. */
const PATIENCE = 2000;

export async function greeting(shell: Shell): Promise<string> {
  const { dim } = colorsFor(process.stdout);
  const names = [...shell.routers.keys()];
  const { version } = packageJson;
  const what = shell.fleet.title === "" ? "" : `lab ${shell.fleet.title}: `;
  const where =
    names.length === 1 ? await oneRouter(shell.routers.get(names[0]!)!, version) : `${what}${names.join(", ")}`;
  return `${dim(`AIN ${version}, ${where}`)}\n${dim("Tab completes, ? helps at any place, exit or Ctrl-D ends.")}\n`;
}

async function oneRouter(socket: string, version: string): Promise<string> {
  try {
    const signal = AbortSignal.timeout(PATIENCE);
    const status = await within({ ...surroundings(), signal, writeError: () => {} }, () =>
      call(socket, "GET", "show/status"),
    );
    const { name, role, version: theirs } = status as { name: string; role: string; version: string };
    const warning = theirs === version ? "" : `; it runs AIN ${theirs}: what it says may look odd here`;
    return `${role} ${name}${warning}`;
  } catch (error) {
    return error instanceof ClientError ? error.message : `no router answers on ${socket} yet`;
  }
}
