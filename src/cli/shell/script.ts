/** A shell without a terminal: lines one after the other, until one fails. */
import { createInterface } from "node:readline";
import { Failure, MISUSED, OK } from "#cli/failure";
import { printError } from "#cli/output";
import { tell } from "#cli/program";
import type { Output, Shell } from "#cli/shell/shell";
import { within } from "#cli/surroundings";

interface Manner {
  readonly output: Output;
  /** Lines behind one that failed are carried out too. */
  readonly keepsGoing: boolean;
  /** Which line failed is told. */
  readonly isNumbered: boolean;
}

type Lines = Iterable<string> | AsyncIterable<string>;

/** @returns the first exit status that is not 0. Never throws. */
export async function runScript(shell: Shell, lines: Lines, manner: Manner): Promise<number> {
  let first = OK;
  let number = 0;
  for await (const line of lines) {
    number++;
    const status = await within(manner.output, () => runLine(shell, line, manner.output));
    if (status !== OK && manner.isNumbered)
      within(manner.output, () => printError(`line ${number} failed: ${line.trim()}`));
    if (first === OK) first = status;
    if ((status !== OK && !manner.keepsGoing) || shell.hasEnded) break;
  }
  return first;
}

async function runLine(shell: Shell, line: string, output: Output): Promise<number> {
  try {
    const job = shell.read(line);
    if (job === undefined) return OK;
    if (job.watch !== undefined) throw new Failure("watch needs a terminal", MISUSED);
    return await shell.run(job, output);
  } catch (error) {
    return tell(error);
  }
}

/** Its lines, as they come. */
export const standardInput = (): AsyncIterable<string> =>
  createInterface({ input: process.stdin, crlfDelay: Number.POSITIVE_INFINITY });
