/** `ain ospf replay FILE`: has a core live through a recording again, and shows what it knows at the end. */
import { Command, InvalidArgumentError, Option } from "commander";
import { FAILED, Failure } from "#cli/failure";
import { ospfText } from "#cli/ospf-text";
import { colorsFor, print, printError, printJson } from "#cli/output";
import { replay } from "#router/ospf/replay";
import { replayViews } from "#router/ospf/replay-views";

const SHOWN = ["neighbors", "interfaces", "areas", "database", "routes", "spf"] as const;

interface Options {
  readonly json?: true;
  readonly until?: number;
  readonly show: (typeof SHOWN)[number][];
}

export const replayCommand = (): Command =>
  new Command("replay")
    .description("have OSPF live through a recording again, and show what it knows at the end")
    .argument("<file>", "what `ain run --record` or the node's file had recorded")
    .option("--until <seconds>", "stop so many seconds after the recording's beginning", seconds)
    .addOption(
      new Option("--show <views...>", "what to show").choices(SHOWN).default(["neighbors", "database", "routes"]),
    )
    .option("--json", "print JSON: all views")
    .action(show);

function seconds(text: string): number {
  const value = Number(text);
  if (text.trim() === "" || !(value >= 0)) throw new InvalidArgumentError("a number of seconds.");
  return value;
}

function show(file: string, { json, until, show: shown }: Options): void {
  const played = replay(file, until === undefined ? undefined : 1000 * until);
  const { yellow } = colorsFor(process.stderr);
  for (const note of played.notes) printError(`${yellow("note")} ${note}`);
  const views = replayViews(played);
  if (json) printJson({ ...views, notes: played.notes, failure: played.failure ?? null });
  else {
    const { node, ain, began, events, took } = views.recording;
    print(`${node}, AIN ${ain}, ${began}: ${events} events of ${Math.round(took * 10) / 10} s`);
    for (const what of shown) print(`\n${what.toUpperCase()}\n${ospfText(what, views[what])}`);
  }
  if (played.failure !== undefined) throw new Failure(`the core failed again: ${played.failure}`, FAILED);
}
