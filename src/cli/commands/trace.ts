/** `ain trace [FILTER]`: running routers' packets as they pass, with what each stage decided. */
import { Command } from "commander";
import { routersOf } from "#cli/commands/why";
import { Failure, MISUSED } from "#cli/failure";
import { print, printError } from "#cli/output";
import { jsonLines, openStream, untilStopped } from "#cli/streams";
import { surroundings } from "#cli/surroundings";
import { viewFabric } from "#cli/why/fabric-view";
import { filterFor } from "#cli/why/filter-words";
import { countsText, tracedText } from "#cli/why/trace-text";
import { unaskedText } from "#cli/why/why-text";
import type { TraceCounts, TraceLine, TraceRequest } from "#router/watch/views";

interface Options {
  readonly lab?: string;
  readonly router?: readonly string[];
  readonly rate: string;
  readonly count?: string;
  readonly brief?: true;
  readonly verbose?: true;
  readonly json?: true;
}

export const traceCommand = (): Command =>
  new Command("trace")
    .description("show packets as they pass, and what each stage decided about them; ends with Ctrl-C")
    .argument(
      "[filter...]",
      'which packets, as in "vm web and tcp port 80", "dropped and not icmp" (docs/debugging.md)',
    )
    .option("--lab <name>", "at all routers of this lab (name or topology file)")
    .option("--router <router...>", "at these routers (names or API sockets); default: all that run here")
    .option("--rate <packets>", "of each router, a second, at most: 1 … 10000", "100")
    .option("-c, --count <packets>", "end after so many")
    .option("-b, --brief", "a line for each packet, without the stages")
    .option("-v, --verbose", "every stage, those too that had nothing to say")
    .option("--json", "print JSON lines (docs/debugging.md has the schema)")
    .action(trace);

async function trace(words: readonly string[], options: Options): Promise<void> {
  const rate = whole(options.rate, "--rate", 10_000);
  const most = options.count === undefined ? Number.POSITIVE_INFINITY : whole(options.count, "--count", 1e9);
  const view = await viewFabric(routersOf(options));
  if (view.unasked.length > 0) printError(unaskedText(view.unasked));
  const { signal, stop } = untilStopped(surroundings().signal);
  let count = 0;
  const counts = new Map<string, TraceCounts>();
  const take = (name: string, line: TraceLine): void => {
    if (line.type === "counts") counts.set(name, line);
    if (line.type !== "packet" || count >= most) return;
    count++;
    const style = { isBrief: options.brief === true, isVerbose: options.verbose === true };
    print(options.json ? JSON.stringify(line) : tracedText(line, style));
    if (count >= most) stop();
  };
  try {
    await Promise.all(
      view.routers.map((router) => {
        const request = { filter: filterFor(router, view, words.join(" ")), rate };
        return follow(router.name, router.socket, { request, signal, take });
      }),
    );
  } finally {
    stop();
  }
  for (const [name, each] of counts) if (each.limited + each.lost > 0) printError(countsText(name, each));
}

interface Following {
  readonly request: TraceRequest;
  readonly signal: AbortSignal;
  readonly take: (name: string, line: TraceLine) => void;
}

async function follow(name: string, socket: string, { request, signal, take }: Following): Promise<void> {
  const reader = await openStream(socket, "trace", request, signal);
  for await (const line of jsonLines<TraceLine>(reader, signal)) take(name, line);
}

function whole(text: string, what: string, most: number): number {
  const value = /^\d+$/.test(text) ? Number(text) : 0;
  if (!(value >= 1 && value <= most)) throw new Failure(`${what}: found ${text}, expected 1 … ${most}`, MISUSED);
  return value;
}
