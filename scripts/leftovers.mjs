/**
 * What a test program leaves behind that ended without its clean-up: its labs, and the network namespaces it made, with all
 * that runs in them. Tests name both after their process, so that they can be told from anybody else's.
 */
import { spawnSync } from "node:child_process";
import { join } from "node:path";

const PATIENCE = 20_000; // milliseconds for one command

/** "stdout" of a command; empty when it fails. */
function said(command, ...args) {
  const { status, stdout } = spawnSync(command, args, { encoding: "utf8", timeout: PATIENCE });
  return status === 0 ? stdout : "";
}

/** True where a name holds the number `pid`, and not as a part of a longer one. */
export const isNamedAfter = (name, pid) => new RegExp(`(^|\\D)${pid}(\\D|$)`).test(name);

function killIn(namespace) {
  for (const pid of said("ip", "netns", "pids", namespace).split("\n").filter(Boolean)) {
    try {
      process.kill(Number(pid), "SIGKILL");
    } catch (error) {
      if (error.code !== "ESRCH") throw error; // gone already
    }
  }
}

/** Clears up after the process `pid`, which has ended. Returns the names of what was there. */
export function clearLeftovers(root, pid) {
  const ain = join(root, "bin/ain");
  const labs = JSON.parse(said(ain, "lab", "list", "--json") || "[]").filter(({ name }) => isNamedAfter(name, pid));
  for (const { name } of labs) said(ain, "lab", "down", name);
  const namespaces = said("ip", "netns", "list")
    .split("\n")
    .map((line) => line.split(" ")[0])
    .filter((name) => isNamedAfter(name, pid));
  for (const name of namespaces) {
    killIn(name);
    said("ip", "netns", "delete", name);
  }
  return [...labs.map(({ name }) => `lab ${name}`), ...namespaces.map((name) => `namespace ${name}`)];
}
