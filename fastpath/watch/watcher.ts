/**
 * Traces and captures in a forwarder, made when the first is asked for: until then a frame costs one look at whether there
 * is a watcher. It stands between ports and engine: what comes in is asked about by filter before the engine has it, what
 * goes out passes a port of its own in front of the real one.
 *
 * A traced frame takes the full way through the stages. What is told goes through a ring of each watch's own; a slow reader
 * loses records, and nothing waits for him.
 */
import type { Engine } from "#fastpath/engine";
import { Frame, MAX_FRAME } from "#fastpath/frame";
import type { Port } from "#fastpath/ports/port";
import { MOST_STEPS, STEP_WORDS, Steps, stepTags } from "#fastpath/steps";
import { MAYBE, NO, YES } from "#fastpath/watch/filter";
import { PacketView } from "#fastpath/watch/packet-view";
import { Watch, type WatchOrder } from "#fastpath/watch/watch";
import {
  RECORD_IN,
  RECORD_OUT,
  RECORD_TRACE,
  SENT_WORDS,
  WR_ENDING,
  WR_FLAG_CAUGHT,
  WR_FLAG_PARTIAL,
  WR_FLAGS,
  WR_FROM,
  WR_KEPT,
  WR_KIND,
  WR_LENGTH,
  WR_PORT,
  WR_SENT,
  WR_SENT_KEPT,
  WR_SENT_OWN,
  WR_STEPS,
  WR_TIME,
  WR_WAY,
  WR_WORDS,
} from "#fastpath/watch/watch-record";
import { type PortWatcher, WatchedPort } from "#fastpath/watch/watched-port";
import { WayMemory } from "#fastpath/watch/way-memory";
import { monotonicNanos } from "#sys/clock";

/** Octets kept of a frame that is traced, and of each that it becomes. */
const HEAD = 256;
/** Frames kept of what one becomes. */
const MOST_SENT = 4;
/** Room for the largest record: words, steps, a whole frame, what it became; whole doubles. */
const RECORD_OCTETS: number =
  ((WR_WORDS + MOST_STEPS * STEP_WORDS) * 4 + MAX_FRAME + MOST_SENT * (HEAD + SENT_WORDS * 4) + 7) & ~7;
export class Watcher implements PortWatcher {
  readonly #engine: Engine;
  readonly #view: PacketView;
  readonly #out: PacketView;
  readonly #steps = new Steps();
  readonly #ways = new WayMemory();
  #watches: readonly Watch[] = [];
  #captures: readonly Watch[] = [];
  #catchers: readonly Watch[] = [];

  /** The record at hand: words, then octets. */
  readonly #bytes = new Uint8Array(RECORD_OCTETS);
  readonly #words = new Int32Array(this.#bytes.buffer);
  readonly #time = new Float64Array(this.#bytes.buffer, WR_TIME * 4, 1);
  readonly #record = new Frame();
  /** The beginning of the frame at hand as it came, and of what was sent because of it. */
  readonly #head = new Uint8Array(HEAD);
  readonly #sent = Array.from({ length: MOST_SENT }, () => ({ port: 0, length: 0, head: new Uint8Array(HEAD) }));
  #sentCount = 0;
  #sentOwn = 0;
  #isTracing = false;
  #isCatching = false;
  #caught = false;
  /** Port that the frame at hand came in by; −1: there is none. */
  #from = -1;

  constructor(engine: Engine) {
    this.#engine = engine;
    this.#view = new PacketView(engine.tables);
    this.#out = new PacketView(engine.tables);
  }

  get isIdle(): boolean {
    return this.#watches.length === 0;
  }

  add(order: WatchOrder): void {
    this.#set([...this.#watches, new Watch(order)]);
    const { ports } = this.#engine;
    ports.forEach((port, i) => {
      if (port !== undefined && !(port instanceof WatchedPort)) ports[i] = this.tap(port);
    });
  }

  remove(id: number): void {
    this.#set(this.#watches.filter(({ order }) => order.id !== id));
    if (!this.isIdle) return;
    const { ports } = this.#engine;
    ports.forEach((port, i) => {
      if (port instanceof WatchedPort) ports[i] = port.inner;
    });
  }

  #set(watches: readonly Watch[]): void {
    this.#watches = watches;
    this.#catchers = watches.filter(({ order }) => order.catches);
    this.#captures = watches.filter(({ order }) => order.kind === "capture" && order.isOut);
  }

  /** What the engine is to have in place of a port. */
  tap(port: Port): Port {
    return new WatchedPort(port, this);
  }

  /** In place of Engine.receive. */
  receive(f: Frame): void {
    if (!this.#isMeant(f)) {
      this.#from = f.port;
      this.#engine.receive(f);
      this.#from = -1;
    } else this.#receiveWatched(f);
  }

  /** Asks every watch. */
  #isMeant(f: Frame): boolean {
    const view = this.#view;
    const watches = this.#watches;
    const { now } = this.#engine.tables;
    view.look(f);
    let isMeant = false;
    for (let i = 0; i < watches.length; i++) {
      const watch = watches[i]!;
      if (watch.isOutOnly) watch.said = NO;
      else if (watch.ask(view, now)) isMeant = true;
    }
    return isMeant;
  }

  #receiveWatched(f: Frame): void {
    // What only the stages know takes the full way, too.
    const isTraced = this.#watches.some(
      ({ order, said }) => said === MAYBE || (said === YES && order.kind === "trace"),
    );
    const isCaptured = this.#watches.some(({ order, said }) => said !== NO && order.kind === "capture");
    this.#from = f.port;
    try {
      this.#runWatched(f, isTraced, isCaptured);
    } finally {
      this.#from = -1;
    }
  }

  #runWatched(f: Frame, isTraced: boolean, isCaptured: boolean): void {
    const { bytes } = this.#engine.tables;
    const from = f.port;
    const length = f.end - f.at;
    const flags = f.partial ? WR_FLAG_PARTIAL : 0;
    this.#view.keep();
    this.#head.set(bytes.subarray(f.at, f.at + Math.min(HEAD, length)));
    if (isCaptured) this.#bytes.set(bytes.subarray(f.at, f.end), WR_WORDS * 4);
    this.#steps.begin();
    this.#caught = false;
    const ending = isTraced ? this.#trace(f) : this.#engine.receive(f);
    const { count, words } = this.#steps;
    this.#view.decide(ending, count === 0 ? 0 : stepTags(words, (count - 1) * STEP_WORDS));
    for (const watch of this.#watches) {
      if (watch.said === MAYBE) watch.said = watch.matches(this.#view);
      if (watch.said !== YES || watch.order.kind === "trace") continue;
      this.#tellFrame(watch, { kind: RECORD_IN, ending, from, port: from, length, flags });
    }
    if (!isTraced) return;
    for (const watch of this.#watches)
      if (watch.said === YES && watch.order.kind === "trace") this.#tellTrace(watch, { ending, from, length });
  }

  #trace(f: Frame): number {
    this.#sentCount = 0;
    this.#sentOwn = 0;
    this.#isTracing = true;
    this.#isCatching = this.#watches.some(({ order, said }) => order.catches && said === YES);
    try {
      return this.#engine.watch(f, this.#steps, () => {
        this.#sentOwn = this.#sentCount;
      });
    } finally {
      this.#isTracing = false;
      this.#isCatching = false;
    }
  }

  /** From a port: a frame is about to be sent. True: it is not to be. */
  leaves(f: Frame, port: number): boolean {
    if (!this.#isTracing) return this.#catchers.length > 0 && this.#isCaught(f, port);
    const kept = this.#sent[this.#sentCount++];
    if (kept !== undefined) {
      kept.port = port;
      kept.length = f.end - f.at;
      kept.head.set(this.#engine.tables.bytes.subarray(f.at, f.at + Math.min(HEAD, kept.length)));
    }
    if (!this.#isCatching || this.#engine.tables.isUplink(port)) return false;
    this.#caught = true;
    return true;
  }

  /** What control has made of a caught frame, as the answer to a ping. */
  #isCaught(f: Frame, port: number): boolean {
    if (this.#engine.tables.isUplink(port)) return false;
    this.#out.lookOut(f, port);
    return this.#catchers.some(({ matches }) => matches(this.#out) === YES);
  }

  /** From a port: a frame was sent. */
  left(f: Frame, port: number): void {
    if (this.#captures.length === 0) return;
    const view = this.#out;
    const { bytes, now } = this.#engine.tables;
    view.lookOut(f, port);
    let isCopied = false;
    for (const watch of this.#captures) {
      const said = watch.said; // of the frame at hand, as it came in
      const isMeant = watch.ask(view, now) && watch.said === YES;
      watch.said = said;
      if (!isMeant) continue;
      const length = f.end - f.at;
      // The frame that came in may have its octets there, to be told of when it has ended.
      if (!isCopied) this.#kept.set(bytes.subarray(f.at, f.end));
      isCopied = true;
      const flags = f.partial ? WR_FLAG_PARTIAL : 0;
      this.#tellOut(watch, { kind: RECORD_OUT, ending: -1, from: this.#from, port, length, flags });
    }
  }

  /** Octets of a frame that is sent, behind as many words as a record has. */
  readonly #outBytes = new Uint8Array(RECORD_OCTETS);
  readonly #outWords = new Int32Array(this.#outBytes.buffer);
  readonly #kept = this.#outBytes.subarray(WR_WORDS * 4);

  #tellOut(watch: Watch, told: Told): void {
    writeTold(this.#outWords, told, watch.order.snap);
    new Float64Array(this.#outBytes.buffer, WR_TIME * 4, 1)[0] = monotonicNanos();
    this.#push(watch, this.#outBytes, WR_WORDS * 4 + Math.min(told.length, watch.order.snap));
  }

  #tellFrame(watch: Watch, told: Told): void {
    writeTold(this.#words, told, watch.order.snap);
    this.#time[0] = monotonicNanos();
    this.#push(watch, this.#bytes, WR_WORDS * 4 + Math.min(told.length, watch.order.snap));
  }

  #tellTrace(watch: Watch, { ending, from, length }: Pick<Told, "ending" | "from" | "length">): void {
    const w = this.#words;
    const way = this.#ways.number({ steps: this.#steps, from, ending });
    const version = this.#ways.version(way);
    const count = watch.told[way] === version ? 0 : this.#steps.count;
    const flags = this.#caught ? WR_FLAG_CAUGHT : 0;
    writeTold(w, { kind: RECORD_TRACE, ending, from, port: from, length, flags }, HEAD);
    this.#time[0] = monotonicNanos();
    w[WR_WAY] = way;
    w[WR_STEPS] = count;
    w[WR_SENT] = this.#sentCount;
    w[WR_SENT_OWN] = this.#sentOwn;
    w[WR_SENT_KEPT] = Math.min(this.#sentCount, MOST_SENT);
    if (count > 0) w.set(this.#steps.words.subarray(0, count * STEP_WORDS), WR_WORDS);
    let at = this.#put(WR_WORDS + count * STEP_WORDS, this.#head, w[WR_KEPT]!);
    for (let i = 0; i < w[WR_SENT_KEPT]!; i++) {
      const sent = this.#sent[i]!;
      w[at] = sent.port;
      w[at + 1] = sent.length;
      w[at + 2] = Math.min(sent.length, HEAD);
      at = this.#put(at + SENT_WORDS, sent.head, w[at + 2]!);
    }
    if (this.#push(watch, this.#bytes, at * 4)) watch.told[way] = version;
  }

  /** Octets at a word; returns the word behind them. */
  #put(at: number, octets: Uint8Array, length: number): number {
    this.#bytes.set(octets.subarray(0, length), at * 4);
    return at + ((length + 3) >> 2);
  }

  #push(watch: Watch, octets: Uint8Array, length: number): boolean {
    this.#record.at = 0;
    this.#record.end = length;
    return watch.tell(this.#record, octets);
  }
}

interface Told {
  readonly kind: number;
  readonly ending: number;
  readonly from: number;
  readonly port: number;
  readonly length: number;
  readonly flags: number;
}

function writeTold(w: Int32Array, { kind, ending, from, port, length, flags }: Told, snap: number): void {
  w[WR_KIND] = kind;
  w[WR_ENDING] = ending;
  w[WR_FROM] = from;
  w[WR_PORT] = port;
  w[WR_LENGTH] = length;
  w[WR_KEPT] = Math.min(length, snap);
  w[WR_FLAGS] = flags;
  w[WR_STEPS] = 0;
  w[WR_SENT] = 0;
  w[WR_SENT_OWN] = 0;
  w[WR_SENT_KEPT] = 0;
}
