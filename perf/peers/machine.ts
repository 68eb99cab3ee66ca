/** What the figures were measured on. */
import { readFileSync } from "node:fs";
import { cpus, release, totalmem } from "node:os";
import { join } from "node:path";
import { run } from "./topology";

export interface Machine {
  readonly processor: string;
  readonly cores: number;
  readonly memoryGib: number;
  readonly kernel: string;
  readonly bun: string;
  /** Short hash of the commit, with a + when the work tree differs from it. */
  readonly commit: string;
  readonly date: string;
}

export function describeMachine(): Machine {
  return {
    processor: cpus()[0]?.model.trim() ?? "unknown",
    cores: cpus().length,
    memoryGib: Math.round(totalmem() / 2 ** 30),
    kernel: `${release()} (${distribution()})`,
    bun: Bun.version,
    commit: commit(),
    date: new Date().toISOString().slice(0, 10),
  };
}

function distribution(): string {
  const release = readFileSync("/etc/os-release", "utf8");
  return /^PRETTY_NAME="(.*)"$/m.exec(release)?.[1] ?? "unknown distribution";
}

function commit(): string {
  try {
    return run(["git", "-C", join(import.meta.dir, "../.."), "describe", "--always", "--dirty=+"]).trim();
  } catch {
    return "unknown"; // an archive without its history
  }
}
