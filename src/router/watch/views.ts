/** What `POST /v1/trace` and `/v1/capture` take and answer: the API's schema. docs/debugging.md explains it. */
import type { EndingView, IcmpView, PacketView, SentView, StageView } from "#router/why/views";

export interface TraceRequest {
  /** filter-parser.ts; default: everything. */
  readonly filter?: string;
  /** Packets a second, 1 … 10000. Default 100. */
  readonly rate?: number;
  /** 16 octets in hexadecimal digits that a packet has to have in it, beside the filter. */
  readonly nonce?: string;
  /** True, with a nonce only: what would leave the fabric is taken out at the last moment instead. */
  readonly catch?: boolean;
  /** "lines" (default): lines of JSON, TraceLine. "records": the same in few octets, which cost the router little (trace-messages.ts). */
  readonly format?: "lines" | "records";
}

/** A line of the answer. */
export type TraceLine = TraceStart | TracedPacket | TraceCounts;

/** The first: from here on it watches. */
export interface TraceStart {
  readonly type: "start";
  readonly router: string;
}

export interface TracedPacket {
  readonly type: "packet";
  readonly router: string;
  /** Seconds since 1970. */
  readonly time: number;
  /** By which it came in. */
  readonly port: string;
  /** As it came in. */
  readonly packet: PacketView;
  readonly stages: readonly StageView[];
  readonly ending: EndingView;
  readonly icmp: IcmpView | null;
  /** At most four, each cut off behind its headers. */
  readonly sent: readonly SentView[];
  readonly errors: readonly SentView[];
  /** True: it was taken out in place of being sent. */
  readonly caught: boolean;
}

/** Once a second: how many since the start. */
export interface TraceCounts {
  readonly type: "counts";
  /** Packets that matched and could be told of. */
  readonly told: number;
  /** Not told of, as there were more than the rate. */
  readonly limited: number;
  /** Not told of, as nobody read fast enough. */
  readonly lost: number;
}

export interface CaptureRequest {
  /** Name of a port, or "any". */
  readonly port: string;
  /** "in": as frames come; "out": as they leave. Default both. */
  readonly stage?: "in" | "out";
  readonly filter?: string;
  /** Octets kept of each frame, 64 … 65550. Default all. */
  readonly snap?: number;
}
