/** Runs a program in a node as if it had been typed there: the terminal, the signals and the exit status are its own. */
import { constants } from "node:os";
import { LabError } from "#lab/lab-error";
import type { StandingLab } from "#lab/standing";

const NOT_FOUND = 127;
const BY_SIGNAL = 128;

/** @returns the exit status as a shell counts it: 127 not found, 128 + n ended by signal n. */
export async function labExec(lab: StandingLab, node: string, words: readonly string[]): Promise<number> {
  // The terminal sends Ctrl-C to both: it is the program's to decide what it means.
  const ignore = (): void => {};
  process.on("SIGINT", ignore).on("SIGQUIT", ignore);
  const child = lab.spawn(node, words, "inherit");
  const pass = (signal: NodeJS.Signals): boolean => child.kill(signal);
  process.on("SIGTERM", pass).on("SIGHUP", pass);
  try {
    return await new Promise((resolve, reject) => {
      child.once("exit", (code, signal) => resolve(code ?? BY_SIGNAL + constants.signals[signal!]));
      child.once("error", (error: NodeJS.ErrnoException) => {
        if (error.code === "ENOENT") resolve(NOT_FOUND);
        else reject(new LabError(`${words[0]} could not be started: ${error.message}`));
      });
    });
  } finally {
    process.off("SIGINT", ignore).off("SIGQUIT", ignore).off("SIGTERM", pass).off("SIGHUP", pass);
  }
}
