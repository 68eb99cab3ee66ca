/** A command in a process of its own, as if it had been typed at the operating system's shell: Ctrl-C can always end it. */
import { spawn } from "node:child_process";
import { constants } from "node:os";
import { fileURLToPath } from "node:url";
import { type Surroundings, terminalHint } from "#cli/surroundings";

/** Milliseconds until a process that does not end by SIGINT is told otherwise. */
const PATIENCE = 2000;
const BY_SIGNAL = 128;
const MAIN = fileURLToPath(new URL("../../main.ts", import.meta.url));

export interface ChildChoice {
  /** It has the terminal to itself: what it starts may need it. */
  readonly hasTerminal: boolean;
  /** Standard input is the shell's script, which it must not read. */
  readonly hasInput: boolean;
}

/** @returns its exit status, 128 + n when signal n ended it. */
export function runChild(words: readonly string[], here: Surroundings, choice: ChildChoice): Promise<number> {
  const out = choice.hasTerminal ? "inherit" : "pipe";
  const child = spawn(process.execPath, [...entry(), ...words], {
    stdio: [choice.hasInput ? "inherit" : "ignore", out, out],
    env: { ...process.env, ...terminalHint(here), ...(here.socket !== undefined && { AIN_SOCKET: here.socket }) },
  });
  child.stdout?.setEncoding("utf8").on("data", (text: string) => here.write(text));
  child.stderr?.setEncoding("utf8").on("data", (text: string) => here.writeError(text));
  const timers: Timer[] = [];
  const end = (): void => {
    child.kill("SIGINT");
    timers.push(
      setTimeout(() => child.kill("SIGTERM"), PATIENCE),
      setTimeout(() => child.kill("SIGKILL"), 3 * PATIENCE),
    );
  };
  here.signal?.addEventListener("abort", end, { once: true });
  return new Promise<number>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code, signal) => resolve(code ?? BY_SIGNAL + constants.signals[signal!]));
  }).finally(() => {
    for (const timer of timers) clearTimeout(timer);
    here.signal?.removeEventListener("abort", end);
  });
}

/** A single-file executable is its own main file. */
const entry = (): string[] => (Bun.main.startsWith("/$bunfs/") ? [] : [MAIN]);
