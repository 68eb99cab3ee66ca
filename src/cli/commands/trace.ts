/** `ain trace [FILTER]`: running routers' packets as they pass, with what each stage decided; or as they passed, from a file. */
import { Command, Option } from "commander";
import { Malformed } from "#base/reader";
import { ClientError } from "#cli/client";
import { routersOf } from "#cli/commands/why";
import { Failure, MISUSED } from "#cli/failure";
import { counted, print, printError } from "#cli/output";
import { openSink, type Sink } from "#cli/sink";
import { nextOf, type OctetReader, untilStopped } from "#cli/streams";
import { surroundings } from "#cli/surroundings";
import { type FabricView, type KnownRouter, viewFabric } from "#cli/why/fabric-view";
import { filterFor } from "#cli/why/filter-words";
import { inTimeOrder } from "#cli/why/time-order";
import { readTraceFile, TraceGatherer, traceFileHead } from "#cli/why/trace-file";
import { malformedText, openRecords, openTrace } from "#cli/why/trace-stream";
import { countsText, tracedText } from "#cli/why/trace-text";
import { unaskedText } from "#cli/why/why-text";
import { LineText, type ToldLine } from "#router/watch/trace-expansion";
import type { TraceCounts, TraceRequest } from "#router/watch/views";

interface Options {
  readonly lab?: string;
  readonly router?: readonly string[];
  readonly rate: string;
  readonly count?: string;
  readonly write?: string;
  readonly read?: string;
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
    .addOption(
      new Option("-w, --write <file>", 'keep them in a file instead, for -r; "-": standard output').conflicts([
        ...["brief", "verbose", "json"],
      ]),
    )
    .addOption(
      new Option("-r, --read <file>", 'show those that a file has; "-": standard input').conflicts([
        ...["write", "lab", "router", "rate"],
      ]),
    )
    .option("-b, --brief", "a line for each packet, without the stages")
    .option("-v, --verbose", "every stage, those too that had nothing to say")
    .option("--json", "print JSON lines (docs/debugging.md has the schema)")
    .action(trace);

async function trace(words: readonly string[], options: Options): Promise<void> {
  const { write, read } = options;
  const most = options.count === undefined ? Number.POSITIVE_INFINITY : whole(options.count, "--count", 1e9);
  if (read !== undefined && words.length > 0)
    throw new Failure(`a filter is asked of packets as they pass: ain trace ${words.join(" ")} -w ${read}`, MISUSED);
  const { signal, stop } = untilStopped(surroundings().signal);
  const run: Run = { signal, stop, most, counts: new Map() };
  try {
    if (read !== undefined) await showFile(read, new Shown(options, run));
    else {
      const watched = await watchedBy(words.join(" "), options);
      if (write === undefined) await show(watched, new Shown(options, run));
      else await keep(watched, write, run);
    }
  } finally {
    stop();
  }
  for (const [name, each] of run.counts) if (each.limited + each.lost > 0) printError(countsText(name, each));
}

interface Run {
  readonly signal: AbortSignal;
  readonly stop: () => void;
  /** Packets. */
  readonly most: number;
  /** The last ones, by router. */
  readonly counts: Map<string, TraceCounts>;
}

interface Watched {
  readonly view: FabricView;
  readonly request: (router: KnownRouter) => TraceRequest;
}

async function watchedBy(filter: string, options: Options): Promise<Watched> {
  const rate = whole(options.rate, "--rate", 10_000);
  const view = await viewFabric(routersOf(options));
  if (view.unasked.length > 0) printError(unaskedText(view.unasked));
  return { view, request: (router) => ({ filter: filterFor(router, view, filter), rate }) };
}

/** Prints packets, those of one bunch at once. */
class Shown {
  readonly run: Run;
  readonly #text: (line: Extract<ToldLine["line"], { type: "packet" }>) => string;
  #count = 0;

  constructor({ brief, verbose, json }: Options, run: Run) {
    this.run = run;
    const style = { isBrief: brief === true, isVerbose: verbose === true };
    const lines = new LineText();
    this.#text = (packet) => (json ? lines.of(packet) : tracedText(packet, style));
  }

  take(bunch: readonly ToldLine[]): void {
    const { most, counts, stop } = this.run;
    const texts: string[] = [];
    for (const { router, line } of bunch) {
      if (line.type === "counts") counts.set(router, line);
      if (line.type !== "packet" || this.#count >= most) continue;
      this.#count++;
      texts.push(this.#text(line));
    }
    if (texts.length > 0) print(texts.join("\n"));
    if (this.#count >= most) stop();
  }
}

async function show({ view, request }: Watched, shown: Shown): Promise<void> {
  const { signal } = shown.run;
  await Promise.all(
    view.routers.map(async (router) => {
      for await (const bunch of await openTrace(router.socket, request(router), signal))
        shown.take(bunch.map((line) => ({ router: router.name, line })));
    }),
  );
}

async function showFile(file: string, shown: Shown): Promise<void> {
  const cutOff = (octets: number): void =>
    printError(`${file} ends within a message: its last ${counted(octets, "octet")} cannot be shown`);
  for await (const bunch of inTimeOrder(readTraceFile(file, cutOff))) {
    if (shown.run.signal.aborted) return;
    shown.take(bunch);
  }
}

/** Nothing is written before all routers watch: a filter with a typo leaves what is there. */
async function keep({ view, request }: Watched, file: string, run: Run): Promise<void> {
  const readers = await Promise.all(view.routers.map((router) => openRecords(router, request(router), run.signal)));
  const sink = openSink(file);
  await sink.write(traceFileHead());
  if (file !== "-") printError(`writing what ${view.routers.map(({ name }) => name).join(", ")} tell to ${file}`);
  const kept: Kept = { run, sink, packets: 0 };
  await Promise.all(view.routers.map(({ name }, i) => keepOf(readers[i]!, { name, source: i }, kept)));
  await sink.end();
  if (file !== "-") printError(`${counted(kept.packets, "packet")}, ${counted(sink.octets, "octet")} in ${file}`);
}

interface Kept {
  readonly run: Run;
  readonly sink: Sink;
  packets: number;
}

async function keepOf(reader: OctetReader, of: { readonly name: string; readonly source: number }, kept: Kept) {
  const { signal, stop, most, counts: allCounts } = kept.run;
  const gatherer = new TraceGatherer(of.source);
  for (let octets = await nextOf(reader, signal); octets !== undefined; octets = await nextOf(reader, signal)) {
    if (kept.packets >= most) return;
    const { octets: messages, packets, counts } = gathered(gatherer, octets, { ...of, most: most - kept.packets });
    kept.packets += packets;
    if (counts !== undefined) allCounts.set(of.name, counts);
    if (messages.length > 0) await kept.sink.write(messages);
    if (kept.packets >= most) stop();
  }
}

function gathered(gatherer: TraceGatherer, octets: Uint8Array, { name, most }: { name: string; most: number }) {
  try {
    return gatherer.take(octets, most);
  } catch (error) {
    if (error instanceof Malformed) throw new ClientError(`what ${name} tells is no trace: ${malformedText(error)}`);
    throw error;
  }
}

function whole(text: string, what: string, most: number): number {
  const value = /^\d+$/.test(text) ? Number(text) : 0;
  if (!(value >= 1 && value <= most)) throw new Failure(`${what}: found ${text}, expected 1 … ${most}`, MISUSED);
  return value;
}
