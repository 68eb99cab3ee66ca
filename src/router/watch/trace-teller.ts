/**
 * Forwarders' records of traced frames as messages of a trace. What the router knows of a frame goes into definitions, and those
 * are remembered: packets of a flow are decided about alike and go the same way, and words are dear to find. They are found anew
 * when the router is known to be another, and told anew only where they have become others.
 */
import { u16, u32 } from "#base/bytes";
import { Writer } from "#base/writer";
import { ENDINGS } from "#fastpath/verdicts";
import { type SentRecord, type WatchRecord, WR_FLAG_CAUGHT } from "#fastpath/watch/watch-record";
import { WAYS } from "#fastpath/watch/way-memory";
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

/** Next hops that are remembered, here and at the reader. */
const MOST_HOPS = 1024;
/** Octets to begin a piece with: some records of pings. */
const PIECE = 1 << 13;

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
  /** By ring and number there. */
  readonly #ways: (Way | undefined)[] = [];
  /** By port, then MAC address. */
  readonly #hops = new Map<number, Map<number, Definition>>();
  #hopCount = 0;
  #w = new Writer();
  #known: Known | undefined;
  #epoch = 0;

  constructor(options: TellerOptions) {
    this.#options = options;
  }

  /** Octets that were told and not taken yet. */
  get waiting(): number {
    return this.#w.length;
  }

  /** What was told since the last time, whole messages: it reaches the reader all, or {@link lost} is called. */
  take(): Uint8Array {
    const { written } = this.#w;
    this.#w = new Writer(PIECE);
    return written;
  }

  begin(router: string): void {
    writePreamble(this.#w);
    writeJson(this.#w, KIND_START, { type: "start", router } satisfies TraceStart);
  }

  count(counts: TraceCounts): void {
    writeJson(this.#w, KIND_COUNTS, counts);
  }

  /** `ring`: number of the one that it came from, 0 …; of each ring all records are told, in their order. */
  tell(record: WatchRecord, ring: number): void {
    const known = this.#options.known();
    if (known !== this.#known) this.#epoch = this.#options.epoch();
    this.#known = known;
    if (this.#hopCount >= MOST_HOPS) this.lost();
    const way = this.#way(known, record, ring);
    const sent = record.sent.map((each) => ({ hop: this.#hop(known, each), length: each.length, octets: each.octets }));
    const millis = this.#epoch + record.nanos / 1e6;
    const seconds = Math.floor(millis / 1000);
    const nanos = Math.min(Math.floor((millis - seconds * 1000) * 1e6), 999_999_999);
    writePacket(this.#w, {
      ...{ seconds, nanos, way, length: record.length, octets: record.octets, sent },
      isCaught: (record.flags & WR_FLAG_CAUGHT) !== 0,
      own: Math.min(record.sentOwn, sent.length),
    });
  }

  /** What was taken last did not reach the reader, who may lack what was defined there: all is defined anew. */
  lost(): void {
    writeForget(this.#w);
    for (const way of this.#ways) if (way !== undefined) Object.assign(way, UNTOLD);
    this.#hops.clear();
    this.#hopCount = 0;
  }

  #way(known: Known, { way, steps, stepCount, from, ending }: WatchRecord, ring: number): number {
    const number = ring * WAYS + way;
    let it = this.#ways[number];
    if (stepCount > 0) {
      // Another way may be told of in the same words.
      it = { number, text: it?.text, known: undefined, steps: steps.slice(), stepCount, from, ending };
      this.#ways[number] = it;
    }
    if (it === undefined) throw new Error(`a frame went way ${way}, whose steps were not told`);
    const its = it;
    return this.#defined(KIND_WAY, its, known, () => wayOf(known, its));
  }

  #hop(known: Known, { port, octets }: SentRecord): number {
    const mac = u16(octets, 0) * 2 ** 32 + u32(octets, 2);
    let ofPort = this.#hops.get(port);
    if (ofPort === undefined) {
      ofPort = new Map();
      this.#hops.set(port, ofPort);
    }
    let it = ofPort.get(mac);
    if (it === undefined) {
      it = { number: this.#hopCount++, text: undefined, known: undefined };
      ofPort.set(mac, it);
    }
    return this.#defined(KIND_HOP, it, known, () => this.#options.hop(port, octets.subarray(0, 6)));
  }

  /** Tells the definition where the reader has not got it, or has another. */
  #defined(kind: number, it: Definition, known: Known, of: () => TraceWay | TraceHop): number {
    if (it.known === known) return it.number;
    const text = definitionText(of());
    if (text !== it.text) writeDefinition(this.#w, { kind, number: it.number, text });
    it.text = text;
    it.known = known;
    return it.number;
  }
}

const UNTOLD = { text: undefined, known: undefined };

interface Definition {
  readonly number: number;
  /** As the reader has it; undefined: he has not. */
  text: string | undefined;
  /** For which `text` is right. */
  known: Known | undefined;
}

type WaySteps = Pick<WatchRecord, "from" | "ending" | "steps" | "stepCount">;
type Way = Definition & WaySteps;

/** Everything of a traced frame but its octets. */
export function wayOf(known: Known, { from, ending, steps, stepCount }: WaySteps): TraceWay {
  const { name, fate, meaning } = ENDINGS[ending]!;
  return {
    ...{ port: known.port(from)?.name ?? `#${from}`, ending: { name, fate, meaning } },
    ...{ icmp4: icmpOwedBy(ending, false), icmp6: icmpOwedBy(ending, true) },
    stages: explainSteps(known, steps, stepCount, from),
  };
}
