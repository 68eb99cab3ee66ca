/** What a trace's messages say, put together again: the same whether the router does it, or who reads what it told. */
import { decode, Malformed } from "#base/reader";
import { TraceCutter } from "#router/watch/trace-cutter";
import {
  KIND_COUNTS,
  KIND_FORGET,
  KIND_HOP,
  KIND_PACKET,
  KIND_START,
  KIND_WAY,
  type PacketMessage,
  readTraceMessage,
  type TraceHop,
  type TraceMessage,
  type TraceWay,
} from "#router/watch/trace-messages";
import type { TracedPacket, TraceLine } from "#router/watch/views";
import { packetView } from "#router/why/headers";
import type { StageView } from "#router/why/views";

/** A line, and whose it is. */
export interface ToldLine {
  readonly router: string;
  readonly line: TraceLine;
}

export class TraceExpansion {
  readonly #cutter = new TraceCutter();
  readonly #sources = new Map<number, Source>();

  /** Octets that wait for the rest of their message: at the end of a trace, of one that is not whole. */
  get waiting(): number {
    return this.#cutter.waiting;
  }

  /** True: it begins as a trace does. */
  get isBegun(): boolean {
    return this.#cutter.isBegun;
  }

  /**
   * Lines that are whole now; all of them are to be taken before the next piece. Throws Malformed, whose place counts from the
   * beginning of the trace.
   */
  *take(piece: Uint8Array): Generator<ToldLine> {
    for (const { octets, source: number, at } of this.#cutter.cut(piece)) {
      const message = decode(octets, readTraceMessage);
      if (message instanceof Malformed) throw new Malformed(message.error, at + message.at);
      if (message.kind === KIND_START) {
        const { router } = message;
        this.#sources.set(number, new Source(router));
        yield { router, line: { type: "start", router } };
        continue;
      }
      const source = this.#sources.get(number);
      if (source === undefined) throw new Malformed("a message of a router that has not begun", at);
      const line = source.take(message, at);
      if (line !== undefined) yield { router: source.router, line };
    }
  }
}

/** A router, and the definitions that it has made. */
class Source {
  readonly router: string;
  readonly #ways = new Map<number, TraceWay>();
  readonly #hops = new Map<number, TraceHop>();

  constructor(router: string) {
    this.router = router;
  }

  /** Undefined: it only teaches. */
  take(message: Exclude<TraceMessage, { kind: typeof KIND_START }>, at: number): TraceLine | undefined {
    switch (message.kind) {
      case KIND_PACKET:
        return this.#packet(message, at);
      case KIND_COUNTS:
        return message.counts;
      case KIND_WAY:
        this.#ways.set(message.number, message.way);
        return undefined;
      case KIND_HOP:
        this.#hops.set(message.number, message.hop);
        return undefined;
      case KIND_FORGET:
        this.#ways.clear();
        this.#hops.clear();
        return undefined;
    }
  }

  #packet(message: PacketMessage, at: number): TracedPacket {
    const { seconds, nanos, octets, length, isCaught, own } = message;
    const way = this.#ways.get(message.way);
    if (way === undefined) throw new Malformed("a packet that went a way that was not told", at);
    const sent = message.sent.map((each) => {
      const hop = this.#hops.get(each.hop);
      if (hop === undefined) throw new Malformed("a packet that went where was not told", at);
      return { ...hop, packet: packetView(each.octets, each.length) };
    });
    const is6 = octets[12] === 0x86 && octets[13] === 0xdd;
    return {
      ...{ type: "packet", router: this.router, time: seconds + nanos / 1e9, port: way.port },
      ...{ packet: packetView(octets, length), stages: way.stages, ending: way.ending },
      icmp: is6 ? way.icmp6 : way.icmp4,
      ...{ sent: sent.slice(0, own), errors: sent.slice(own), caught: isCaught },
    };
  }
}

/** Makes lines of JSON. Stages are most of a packet's, and the very same list of many packets': it is made into text once. */
export class LineText {
  readonly #stages = new WeakMap<readonly StageView[], string>();

  of(line: TraceLine): string {
    if (line.type !== "packet") return JSON.stringify(line);
    const { stages, ...others } = line;
    let text = this.#stages.get(stages);
    if (text === undefined) {
      text = JSON.stringify(stages);
      this.#stages.set(stages, text);
    }
    return `${JSON.stringify(others).slice(0, -1)},"stages":${text}}`;
  }
}
