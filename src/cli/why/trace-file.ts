/** Traces in files: what several routers tell, message by message as it comes (src/router/watch/trace-messages.ts), and read again. */
import { createReadStream } from "node:fs";
import { put16 } from "#base/bytes";
import { decode, Malformed } from "#base/reader";
import { Writer } from "#base/writer";
import { Failure, MISUSED } from "#cli/failure";
import { malformedText } from "#cli/why/trace-stream";
import { TraceCutter } from "#router/watch/trace-cutter";
import { type ToldLine, TraceExpansion } from "#router/watch/trace-expansion";
import { KIND_COUNTS, KIND_PACKET, readTraceMessage, writePreamble } from "#router/watch/trace-messages";
import type { TraceCounts } from "#router/watch/views";

/** What a file begins with. */
export function traceFileHead(): Uint8Array {
  const w = new Writer();
  writePreamble(w);
  return w.finish();
}

export interface Gathered {
  /** Whole messages. */
  readonly octets: Uint8Array;
  /** How many of them are packets. */
  readonly packets: number;
  /** The last that were told, if any. */
  readonly counts: TraceCounts | undefined;
}

/** One router's part of a file: its messages, under its number there. */
export class TraceGatherer {
  readonly #source: number;
  readonly #cutter = new TraceCutter();

  /** `source`: 0 … 65535, another for each router. */
  constructor(source: number) {
    this.#source = source;
  }

  /** `most`: packets, of which no more are taken. Throws Malformed. The piece is written to. */
  take(piece: Uint8Array, most = Number.POSITIVE_INFINITY): Gathered {
    const messages: Uint8Array[] = [];
    let packets = 0;
    let counts: TraceCounts | undefined;
    for (const { kind, octets } of this.#cutter.cut(piece)) {
      if (kind === KIND_PACKET && packets++ >= most) {
        packets--;
        break;
      }
      if (kind === KIND_COUNTS) counts = countsIn(octets) ?? counts;
      put16(octets, SOURCE, this.#source);
      messages.push(octets);
    }
    return { octets: Buffer.concat(messages), packets, counts };
  }
}

/** Offset of the source in a message. */
const SOURCE = 6;

function countsIn(octets: Uint8Array): TraceCounts | undefined {
  const message = decode(octets, readTraceMessage);
  return !(message instanceof Malformed) && message.kind === KIND_COUNTS ? message.counts : undefined;
}

/**
 * Lines of a file, in the order in which they came, a bunch for each piece of it that is read. `file`: "-" is standard input.
 * `cutOff` is told how many octets of a last message are there that is not whole. Throws Failure: it cannot be read, or is no trace.
 */
export async function* readTraceFile(
  file: string,
  cutOff: (octets: number) => void,
): AsyncGenerator<readonly ToldLine[]> {
  const expansion = new TraceExpansion();
  let octets = 0;
  for await (const piece of piecesOf(file)) {
    octets += piece.length;
    const lines: ToldLine[] = [];
    const refusal = gather(expansion, piece, lines);
    yield lines;
    if (refusal !== undefined) throw new Failure(`${file}: found ${malformedText(refusal)}`, MISUSED);
  }
  if (!expansion.isBegun)
    throw new Failure(`${file}: found ${octets} octets, expected a trace (ain trace -w)`, MISUSED);
  if (expansion.waiting > 0) cutOff(expansion.waiting);
}

/** Why no more lines could be read. */
function gather(expansion: TraceExpansion, piece: Uint8Array, lines: ToldLine[]): Malformed | undefined {
  try {
    for (const line of expansion.take(piece)) lines.push(line);
    return undefined;
  } catch (error) {
    if (error instanceof Malformed) return error;
    throw error;
  }
}

async function* piecesOf(file: string): AsyncGenerator<Uint8Array> {
  const stream = file === "-" ? process.stdin : createReadStream(file, { highWaterMark: PIECE });
  try {
    for await (const piece of stream) yield piece as Buffer;
  } catch (error) {
    throw new Failure(`${file}: ${error instanceof Error ? error.message : error}`, MISUSED);
  }
}

const PIECE = 1 << 16;
