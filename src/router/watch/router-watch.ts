/** `POST /v1/trace`, `/v1/capture` and `/v1/probe`: a running router's packets, as they pass its forwarders. */
import { fromHex } from "#base/bytes";
import { Frame, MAX_FRAME } from "#fastpath/frame";
import { INJECT_RECEIVE } from "#fastpath/shared";
import { ConnectionEntries } from "#fastpath/tables/connection-entries";
import { rawWords } from "#fastpath/tables/raw-words";
import { ENDINGS } from "#fastpath/verdicts";
import type { Filter } from "#fastpath/watch/filter";
import { RECORD_IN, type WatchRecord, WR_FLAG_PARTIAL } from "#fastpath/watch/watch-record";
import type { Router } from "#router/router";
import { RouterError } from "#router/router-error";
import { filterNames } from "#router/watch/filter-names";
import { parseFilter } from "#router/watch/filter-parser";
import { LineStream } from "#router/watch/line-stream";
import { LineText, TraceExpansion } from "#router/watch/trace-expansion";
import { TraceTeller } from "#router/watch/trace-teller";
import type { CaptureRequest, TraceRequest } from "#router/watch/views";
import { type WatchSession, WatchSessions } from "#router/watch/watch-sessions";
import { NONCE } from "#router/why/described-packet";
import type { Known } from "#router/why/known";
import type { PacketQuestion } from "#router/why/views";
import { monotonicNanos, wallMillis } from "#sys/clock";
import { enhancedPacket, INBOUND, interfaceDescription, OUTBOUND, sectionHeader } from "#wire/pcapng";

export type WatchRouter = Pick<
  Router,
  "configuration" | "ports" | "forwarders" | "vmNeighbors" | "why" | "connections"
>;

const DEFAULT_RATE = 100;
/** Octets that a trace's records may take in a forwarder's ring, and its lines before its reader; of a capture, whose frames are larger. */
const TRACE_ROOM = 1 << 20;
const CAPTURE_ROOM = 4 << 20;
/** Milliseconds that what was found out of the router is told again: routes are dear to look up. */
const KNOWN = 250;
/** Octets of records that make a piece by themselves; each makes one as lines of JSON, which are ten times as long. */
const PIECE = { records: 1 << 15, lines: 0 } as const;
/** Milliseconds between two lines of counts. */
const COUNTS = 1000;

export class RouterWatch {
  readonly #router: WatchRouter;
  readonly #sessions: WatchSessions;
  readonly #defect: (text: string) => void;

  /** `defect`: what went wrong in telling of a packet, for the log. */
  constructor(router: WatchRouter, defect: (text: string) => void) {
    this.#router = router;
    this.#defect = defect;
    this.#sessions = new WatchSessions(() => router.forwarders);
  }

  /** Lines of JSON (TraceLine), or records of them, until the reader goes. Throws FilterError, RouterError. */
  async trace(request: TraceRequest, signal: AbortSignal): Promise<ReadableStream<Uint8Array>> {
    const { rate = DEFAULT_RATE, nonce, filter = "", format = "lines" } = request;
    const isMarked = nonce !== undefined;
    if (request.catch === true && !isMarked) throw new RouterError("only what has a nonce can be caught");
    const written = this.#filter(filter);
    const teller = this.#teller();
    const formed = format === "records" ? (octets: Uint8Array) => octets : linesOf();
    const send = (): void => {
      if (!stream.put(formed(teller.take()))) teller.lost();
    };
    /** The trace ends where something is wrong, and nothing else does. */
    const guarded = (work: () => void): void => {
      try {
        work();
      } catch (error) {
        this.#defect(error instanceof Error ? (error.stack ?? error.message) : String(error));
        stream.close();
      }
    };
    const session = await this.#sessions.start(
      {
        ...{ kind: "trace", rate, isIn: true, isOut: false, snap: MAX_FRAME, ringOctets: TRACE_ROOM },
        filter: isMarked ? { op: "and", of: [nonceFilter(nonce), written] } : written,
        catches: request.catch === true,
      },
      {
        hasRoom: () => stream.hasRoom,
        take: (record, ring) =>
          guarded(() => {
            teller.tell(record, ring);
            if (teller.waiting > PIECE[format]) send();
          }),
        done: () => guarded(() => teller.waiting > 0 && send()),
      },
    );
    const timer = setInterval(() => {
      const { lost, ...counts } = session.counts;
      teller.count({ type: "counts", ...counts, lost: lost + stream.lost });
      send();
    }, COUNTS);
    const stream = this.#stream(session, { signal, room: TRACE_ROOM }, () => clearInterval(timer));
    teller.begin(this.#router.configuration.node.name);
    send();
    return stream.readable;
  }

  /** A pcapng file without an end. Throws FilterError, RouterError. */
  async capture(request: CaptureRequest, signal: AbortSignal): Promise<ReadableStream<Uint8Array>> {
    const { port, stage, filter = "", snap = MAX_FRAME } = request;
    const of: Filter[] = [this.#filter(filter)];
    if (port !== "any") of.push({ op: "on", ports: [this.#port(port)] });
    const writer = new CaptureWriter(this.#router, snap);
    const session = await this.#sessions.start(
      {
        ...{ kind: "capture", rate: 0, isIn: stage !== "out", isOut: stage !== "in", snap, ringOctets: CAPTURE_ROOM },
        ...{ filter: { op: "and", of }, catches: false },
      },
      { hasRoom: () => stream.hasRoom, take: (record) => stream.put(writer.packet(record)), done: () => {} },
    );
    const stream = this.#stream(session, { signal, room: CAPTURE_ROOM });
    for (const block of writer.begin()) stream.put(block);
    return stream.readable;
  }

  /** Sends a packet as if its VM had. Throws RouterError where that would do harm, or cannot be. */
  probe(question: PacketQuestion): void {
    const { forwarders, why, vmNeighbors } = this.#router;
    const { port, octets } = why.frameOf(question);
    if (port.trouble !== undefined) throw new RouterError(`VM ${port.name}: its port is not open: ${port.trouble}`);
    if (vmNeighbors.macOf(port.index) === undefined)
      throw new RouterError(
        `VM ${port.name} has not been heard yet: a probe would tell the router a wrong MAC address`,
      );
    const frame = new Frame();
    frame.end = octets.length;
    frame.port = port.index;
    if (!forwarders.inject(frame, octets, INJECT_RECEIVE))
      throw new RouterError("the router has no time for a probe now");
  }

  stop(): Promise<void> {
    return this.#sessions.stop();
  }

  #stream(session: WatchSession, reader: { signal: AbortSignal; room: number }, ended?: () => void): LineStream {
    const end = (): void => {
      ended?.();
      void session.stop();
    };
    return new LineStream(reader.signal, end, reader.room);
  }

  #filter(text: string): Filter {
    const { configuration, ports } = this.#router;
    return parseFilter(text, filterNames(configuration, ports));
  }

  #port(name: string): number {
    const all = [...this.#router.ports.all.values()];
    const port = all.findLast((each) => each.name === name);
    if (port !== undefined) return port.index;
    throw new RouterError(`no port here is called ${name}: ${all.map((each) => each.name).join(", ")}, or any`);
  }

  /** Tables as the forwarders have them, looked at when a record is read: a moment later. */
  #known(): () => Known {
    const { connections, why, forwarders } = this.#router;
    const entries = new ConnectionEntries(connections.buffer);
    let known: Known | undefined;
    let until = 0;
    return () => {
      const now = performance.now();
      if (known === undefined || now > until) {
        known = why.known(why.tablesOf(forwarders.snapshot, entries));
        until = now + KNOWN;
      }
      return known;
    };
  }

  #teller(): TraceTeller {
    const { why } = this.#router;
    return new TraceTeller({
      known: this.#known(),
      hop: (port, mac) => why.hopOf(port, mac),
      epoch: () => wallMillis() - monotonicNanos() / 1e6,
    });
  }
}

/** Turns messages into lines of JSON. */
function linesOf(): (octets: Uint8Array) => Uint8Array {
  const expansion = new TraceExpansion();
  const text = new LineText();
  return (octets) => encoder.encode([...expansion.take(octets)].map(({ line }) => `${text.of(line)}\n`).join(""));
}

const encoder = new TextEncoder();

function nonceFilter(text: string): Filter {
  const nonce = fromHex(text);
  if (nonce === undefined || nonce.length !== NONCE)
    throw new RouterError(`nonce: expected ${NONCE} octets in hexadecimal digits`);
  return { op: "nonce", words: [...rawWords(nonce)] };
}

/** Nanoseconds since 1970 of a moment on the monotonic clock. */
const wallNanos = (nanos: number): bigint =>
  BigInt(Math.round(wallMillis() * 1000)) * 1000n - BigInt(Math.round(monotonicNanos() - nanos));

/** Records as blocks of a pcapng file; an interface for each port, named as it is. */
class CaptureWriter {
  readonly #router: WatchRouter;
  readonly #snap: number;
  /** Number of its interface by port index. */
  readonly #interfaces = new Map<number, number>();

  constructor(router: WatchRouter, snap: number) {
    this.#router = router;
    this.#snap = snap;
  }

  begin(): Uint8Array[] {
    const ports = [...this.#router.ports.all.keys()];
    return [sectionHeader("ain capture"), ...ports.map((port) => this.#interface(port))];
  }

  /** A block, with its interface's before it where that has not been told of: they come together, or not at all. */
  packet(record: WatchRecord): Uint8Array {
    const { port, octets, length, nanos } = record;
    const before = this.#interfaces.has(port) ? [] : [this.#interface(port)];
    const direction = record.kind === RECORD_IN ? INBOUND : OUTBOUND;
    const number = this.#interfaces.get(port)!;
    const fields = { interface: number, nanos: wallNanos(nanos), octets, length, direction };
    return Buffer.concat([...before, enhancedPacket({ ...fields, comment: this.#comment(record) })]);
  }

  #interface(port: number): Uint8Array {
    this.#interfaces.set(port, this.#interfaces.size);
    const { name = `#${port}`, kind, vm, interface: under } = this.#router.ports.all.get(port) ?? {};
    const whose = vm === undefined ? kind : `VM of ${vm.network.name}`;
    const { name: router } = this.#router.configuration.node;
    const description = `${router}: ${whose ?? "gone"}, interface ${under ?? "none"}`;
    return interfaceDescription({ name, description, snapLength: this.#snap });
  }

  #comment({ kind, ending, from, flags }: WatchRecord): string {
    const unfinished = (flags & WR_FLAG_PARTIAL) !== 0 ? "; its checksum is left to the receiver's offload" : "";
    if (kind === RECORD_IN) return `${ENDINGS[ending]!.name}: ${ENDINGS[ending]!.meaning}${unfinished}`;
    const whose =
      from < 0 ? "sent by the router itself" : `came in by ${this.#router.ports.all.get(from)?.name ?? from}`;
    return `${whose}${unfinished}`;
  }
}
