/**
 * A forwarder's records of traced frames as messages of a trace. What the router knows of a frame goes into definitions, and those
 * are remembered: packets of a flow are decided about alike and go the same way, and words are dear to find. They are found anew
 * when the router is known to be another, and told anew only where they have become others.
 */
import { Writer } from "#base/writer";
import { ENDINGS } from "#fastpath/verdicts";
import type { SentRecord, WatchRecord } from "#fastpath/watch/watch-record";
import { WR_FLAG_CAUGHT } from "#fastpath/watch/watch-record";
import {
  definitionText,
  KIND_COUNTS,
  KIND_HOP,
  KIND_START,
  KIND_WAY,
  type TraceHop,
  type TraceWay,
  writeDefinition,
  writeForget,
  writeJson,
  writePacket,
  writePreamble,
} from "#router/watch/trace-messages";
import type { TraceCounts, TraceStart } from "#router/watch/views";
import { explainSteps } from "#router/why/explain";
import type { Known } from "#router/why/known";
import { icmpOwedBy } from "#router/why/router-why";

/** Definitions of each kind that are kept, here and at the reader. */
const MOST = 256;

export interface TellerOptions {
  /** What the router is known to be: another object when that was looked up anew. */
  readonly known: () => Known;
  /** Where a frame goes that leaves by a port to a MAC address, of 6 octets. */
  readonly hop: (port: number, mac: Uint8Array) => TraceHop;
  /** Milliseconds since 1970 when the monotonic clock began: asked as often as what is known becomes another. */
  readonly epoch: () => number;
}

export class TraceTeller {
  readonly #options: TellerOptions;
  readonly #ways = new Definitions(KIND_WAY);
  readonly #hops = new Definitions(KIND_HOP);
  #mustForget = false;
  #known: Known | undefined;
  #epoch = 0;

  constructor(options: TellerOptions) {
    this.#options = options;
  }

  begin(router: string): Uint8Array {
    const w = new Writer();
    writePreamble(w);
    writeJson(w, KIND_START, { type: "start", router } satisfies TraceStart);
    return w.finish();
  }

  /** The frame, with what has to be known of it before it: they come together, or not at all ({@link lost}). */
  tell(record: WatchRecord): Uint8Array {
    const w = new Writer(1024);
    const known = this.#options.known();
    if (known !== this.#known) this.#epoch = this.#options.epoch();
    this.#known = known;
    if (this.#mustForget || this.#ways.isFull || this.#hops.isFull) this.#forget(w);
    const way = this.#way(w, known, record);
    const sent = record.sent.map((each) => ({ hop: this.#hop(w, known, each), ...each }));
    const millis = this.#epoch + record.nanos / 1e6;
    const seconds = Math.floor(millis / 1000);
    writePacket(w, {
      ...{ seconds, nanos: Math.min(Math.floor((millis - seconds * 1000) * 1e6), 999_999_999), way },
      ...{ isCaught: (record.flags & WR_FLAG_CAUGHT) !== 0, length: record.length, octets: record.octets },
      ...{ sent, own: Math.min(record.sentOwn, sent.length) },
    });
    return w.finish();
  }

  /** What was told last did not reach the reader, who may lack what was defined there. */
  lost(): void {
    this.#mustForget = true;
  }

  #forget(w: Writer): void {
    writeForget(w);
    this.#ways.clear();
    this.#hops.clear();
    this.#mustForget = false;
  }

  #way(w: Writer, known: Known, { from, ending, steps, stepCount }: WatchRecord): number {
    const key = `${from} ${ending} ${latin1(steps.buffer as ArrayBuffer, steps.byteOffset, steps.byteLength)}`;
    return this.#ways.number(w, { key, known, of: () => wayOf(known, { from, ending, steps, stepCount }) });
  }

  #hop(w: Writer, known: Known, { port, octets }: SentRecord): number {
    const key = `${port} ${latin1(octets.buffer as ArrayBuffer, octets.byteOffset, Math.min(octets.length, 6))}`;
    return this.#hops.number(w, { key, known, of: () => this.#options.hop(port, octets.subarray(0, 6)) });
  }
}

export function countsMessage(counts: TraceCounts): Uint8Array {
  const w = new Writer();
  writeJson(w, KIND_COUNTS, counts);
  return w.finish();
}

const latin1 = (buffer: ArrayBuffer, from: number, length: number): string =>
  Buffer.from(buffer, from, length).toString("latin1");

/** Everything of a traced frame but its octets. */
export function wayOf(
  known: Known,
  { from, ending, steps, stepCount }: Pick<WatchRecord, "from" | "ending" | "steps" | "stepCount">,
): TraceWay {
  const { name, fate, meaning } = ENDINGS[ending]!;
  return {
    ...{ port: known.port(from)?.name ?? `#${from}`, ending: { name, fate, meaning } },
    ...{ icmp4: icmpOwedBy(ending, false), icmp6: icmpOwedBy(ending, true) },
    stages: explainSteps(known, steps, stepCount, from),
  };
}

interface Definition {
  readonly number: number;
  text: string;
  /** For which `text` is right. */
  known: Known;
}

/** Definitions of a kind that the reader has. */
class Definitions {
  readonly #kind: number;
  readonly #told = new Map<string, Definition>();

  constructor(kind: number) {
    this.#kind = kind;
  }

  /** True: nobody knows whether one more would fit. */
  get isFull(): boolean {
    return this.#told.size >= MOST;
  }

  clear(): void {
    this.#told.clear();
  }

  /** Number of a definition, which is written where the reader has not got it, or has another. */
  number(
    w: Writer,
    { key, known, of }: { readonly key: string; readonly known: Known; readonly of: () => TraceWay | TraceHop },
  ): number {
    const told = this.#told.get(key);
    if (told?.known === known) return told.number;
    const number = told?.number ?? this.#told.size;
    const text = definitionText(of());
    if (told?.text !== text) writeDefinition(w, { kind: this.#kind, number, text });
    this.#told.set(key, { number, text, known });
    return number;
  }
}
