/** A program in a node of a lab, to its end. */
import type { StandingLab } from "#lab/standing";

export interface Ran {
  /** Exit status; null: it was ended by a signal, or could not be started. */
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** @param onOutput is given what it prints on standard output, as it comes. */
export function runInNode(
  lab: StandingLab,
  node: string,
  words: readonly string[],
  onOutput: (text: string) => void = () => {},
): Promise<Ran> {
  const child = lab.spawn(node, words, ["ignore", "pipe", "pipe"]);
  let [stdout, stderr] = ["", ""];
  child.stdout!.setEncoding("utf8").on("data", (text: string) => {
    stdout += text;
    onOutput(text);
  });
  child.stderr!.setEncoding("utf8").on("data", (text: string) => {
    stderr += text;
  });
  return new Promise((resolve) => {
    child.once("error", (error) => resolve({ status: null, stdout, stderr: stderr + error.message }));
    child.once("close", (status) => resolve({ status, stdout, stderr }));
  });
}
