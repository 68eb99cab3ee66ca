/** `ain mobility replay FILE`: has a core live through a recording again, and prints what it knows at the end. */
import { Command, InvalidArgumentError } from "commander";
import { FAILED, Failure } from "#cli/failure";
import { colorsFor, printError, printJson } from "#cli/output";
import { replay } from "#router/mobility/replay";

interface Options {
  readonly until?: number;
}

export const replayCommand = (): Command =>
  new Command("replay")
    .description("have mobility live through a recording again, and print what it knows at the end, as JSON")
    .argument("<file>", "what the node's file had recorded (mobility.record)")
    .option("--until <seconds>", "stop so many seconds after the recording's beginning", seconds)
    .action(show);

function seconds(text: string): number {
  const value = Number(text);
  if (text.trim() === "" || !(value >= 0)) throw new InvalidArgumentError("a number of seconds.");
  return value;
}

function show(file: string, { until }: Options): void {
  const { header, core, now, began, events, notes, failure } = replay(
    file,
    until === undefined ? undefined : 1000 * until,
  );
  const { yellow } = colorsFor(process.stderr);
  for (const note of notes) printError(`${yellow("note")} ${note}`);
  const { node, ain, began: date } = header;
  const recording = { node, ain, began: date, events, took: (now - began) / 1000 };
  printJson({ recording, ...core.view(), notes, failure: failure ?? null });
  if (failure !== undefined) throw new Failure(`the core failed again: ${failure}`, FAILED);
}
