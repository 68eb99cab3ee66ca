/** `ain capture PORT|any -w FILE`: a router's frames at a port, before and after the pipeline, as pcapng for Wireshark. */
import { Command, Option } from "commander";
import { findSocket } from "#cli/client";
import { ROUTER_OPTION, type RouterChoice } from "#cli/commands/router-choice";
import { Failure, MISUSED } from "#cli/failure";
import { printError } from "#cli/output";
import { openSink } from "#cli/sink";
import { nextOf, openStream, untilStopped } from "#cli/streams";
import { surroundings } from "#cli/surroundings";
import type { CaptureRequest } from "#router/watch/views";
import { span } from "#runtime/document/scalars";

interface Options extends RouterChoice {
  readonly write: string;
  readonly stage?: "in" | "out";
  readonly snap?: string;
  readonly for?: string;
}

export const captureCommand = (): Command =>
  new Command("capture")
    .description("write a router's frames to a pcapng file, each with how it ended; ends with Ctrl-C")
    .argument("<port>", 'name of a port (ain show ports), or "any"')
    .argument("[filter...]", "which packets, as for ain trace")
    .option(...ROUTER_OPTION)
    .requiredOption("-w, --write <file>", 'the file; "-": standard output, as in: … -w - | wireshark -k -i -')
    .addOption(new Option("--stage <stage>", "only frames as they come in, or as they go out").choices(["in", "out"]))
    .option("--snap <octets>", "of each frame so many at most: 64 … 65550")
    .option("--for <time>", "end after this time, as in 10s")
    .action(capture);

async function capture(port: string, words: readonly string[], options: Options): Promise<void> {
  const { stage, snap } = options;
  const request: CaptureRequest = {
    ...{ port, filter: words.join(" ") },
    ...(stage !== undefined && { stage }),
    ...(snap !== undefined && { snap: wholeSnap(snap) }),
  };
  const { signal, stop } = untilStopped(surroundings().signal, millisOf(options.for));
  try {
    const reader = await openStream(findSocket(options.router), "capture", request, signal);
    const sink = openSink(options.write);
    for (let octets = await nextOf(reader, signal); octets !== undefined; octets = await nextOf(reader, signal))
      await sink.write(octets);
    await sink.end();
    if (options.write !== "-") printError(`${sink.octets} octets in ${options.write}`);
  } finally {
    stop();
  }
}

function wholeSnap(text: string): number {
  const value = /^\d+$/.test(text) ? Number(text) : 0;
  if (!(value >= 64 && value <= 65_550)) throw new Failure(`--snap: found ${text}, expected 64 … 65550`, MISUSED);
  return value;
}

/** Milliseconds. */
const A_DAY = 86_400_000;

function millisOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const result = span(1, A_DAY).safeParse(text);
  if (!result.success) throw new Failure(`--for: found ${text}, expected a time such as 10s`, MISUSED);
  return result.data;
}
