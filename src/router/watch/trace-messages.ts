/**
 * A trace between a router and its reader, or in a file: a preamble, then messages. What needs the router's knowledge is told once, as
 * a *definition* with a number: how packets are decided about (a way), and where frames go (a hop). Packets name them.
 *
 *   preamble  "AINT", version (2 octets), zero (2)
 *   message   octets of it all (4), kind (1), zero (1), source (2), then by kind:
 *     start   JSON: TraceStart; before anything else of its source
 *     way     number (4), JSON: TraceWay; in place of another of that number
 *     hop     number (4), JSON: TraceHop; likewise
 *     forget  nothing: no number means anything any more
 *     packet  seconds since 1970 (4), nanoseconds (4), way (4), flags (1), frames sent (1), how many of them are no ICMP errors (1),
 *             the frame, and each that was sent, with its hop (4) before it.
 *             A frame: its octets (3), how many of them are here (2), those
 *     counts  JSON: TraceCounts
 *
 * A router has source 0 alone; a file of several routers' numbers them. All numbers are unsigned, in network order.
 */
import { z } from "zod";
import type { Reader } from "#base/reader";
import type { Writer } from "#base/writer";
import type { TraceCounts } from "#router/watch/views";
import type { EndingView, IcmpView, SentView, StageView } from "#router/why/views";

export const TRACE_VERSION = 1;
/** "AINT". */
const MAGIC = 0x4149_4e54;
/** Octets. */
export const PREAMBLE = 8;
export const MESSAGE_HEADER = 8;
/** Octets of the longest message that is taken; none that a router writes comes near. */
export const MOST_MESSAGE_OCTETS: number = 1 << 20;
/** Numbers of definitions are below this. */
export const MOST_DEFINITIONS = 65_536;

export const KIND_START = 1;
export const KIND_WAY = 2;
export const KIND_HOP = 3;
export const KIND_FORGET = 4;
export const KIND_PACKET = 5;
export const KIND_COUNTS = 6;

const FLAG_CAUGHT = 1;

/** How packets are decided about: all of a TracedPacket that is not in its octets. */
export interface TraceWay {
  /** By which they come in. */
  readonly port: string;
  readonly ending: EndingView;
  /** The ICMP error that the ending owes whoever sends IPv4, and IPv6. */
  readonly icmp4: IcmpView | null;
  readonly icmp6: IcmpView | null;
  readonly stages: readonly StageView[];
}

/** Where a frame goes. */
export type TraceHop = Omit<SentView, "packet">;

/** A frame, perhaps cut off. */
export interface TraceFrame {
  /** Octets of the whole frame, below 2^24. */
  readonly length: number;
  /** At most 65535. */
  readonly octets: Uint8Array;
}

export interface PacketMessage extends TraceFrame {
  readonly kind: typeof KIND_PACKET;
  readonly seconds: number;
  readonly nanos: number;
  readonly way: number;
  readonly isCaught: boolean;
  readonly sent: readonly (TraceFrame & { readonly hop: number })[];
  /** How many of `sent` are no ICMP errors: the first ones. */
  readonly own: number;
}

export type TraceMessage =
  | { readonly kind: typeof KIND_START; readonly router: string }
  | { readonly kind: typeof KIND_WAY; readonly number: number; readonly way: TraceWay }
  | { readonly kind: typeof KIND_HOP; readonly number: number; readonly hop: TraceHop }
  | { readonly kind: typeof KIND_FORGET }
  | PacketMessage
  | { readonly kind: typeof KIND_COUNTS; readonly counts: TraceCounts };

export function writePreamble(w: Writer): void {
  w.u32(MAGIC);
  w.u16(TRACE_VERSION);
  w.u16(0);
}

export function readPreamble(r: Reader): void {
  if (r.u32() !== MAGIC) r.fail("no trace", r.at - 4);
  const version = r.u16();
  if (version !== TRACE_VERSION) r.fail(`a trace of version ${version}; ${TRACE_VERSION} is understood`, r.at - 2);
  r.skip(2);
}

/** One message with a body, of source 0. `write`: its body. */
export function writeMessage(w: Writer, kind: number, write: (w: Writer) => void): void {
  const at = w.length;
  w.u32(0);
  w.u8(kind);
  w.u8(0);
  w.u16(0);
  write(w);
  const length = w.length - at;
  w.patch16(at, length >>> 16);
  w.patch16(at + 2, length & 0xffff);
}

/** `text`: JSON, as {@link definitionText} makes it. `kind`: a way's or a hop's. */
export const writeDefinition = (
  w: Writer,
  { kind, number, text }: { readonly kind: number; readonly number: number; readonly text: string },
): void =>
  writeMessage(w, kind, () => {
    w.u32(number);
    w.octets(encoder.encode(text));
  });

export const definitionText = (definition: TraceWay | TraceHop): string => JSON.stringify(definition);

/** What is told in JSON alone. */
export const writeJson = (w: Writer, kind: typeof KIND_START | typeof KIND_COUNTS, value: object): void =>
  writeMessage(w, kind, () => w.octets(encoder.encode(JSON.stringify(value))));

export const writeForget = (w: Writer): void => writeMessage(w, KIND_FORGET, () => {});

export const writePacket = (w: Writer, packet: Omit<PacketMessage, "kind">): void =>
  writeMessage(w, KIND_PACKET, () => {
    w.u32(packet.seconds);
    w.u32(packet.nanos);
    w.u32(packet.way);
    w.u8(packet.isCaught ? FLAG_CAUGHT : 0);
    w.u8(packet.sent.length);
    w.u8(packet.own);
    writeFrame(w, packet);
    for (const sent of packet.sent) {
      w.u32(sent.hop);
      writeFrame(w, sent);
    }
  });

function writeFrame(w: Writer, { length, octets }: TraceFrame): void {
  w.u24(length);
  w.u16(octets.length);
  w.octets(octets);
}

/** A whole message, from its header on; its length has been looked at. */
export function readTraceMessage(r: Reader): TraceMessage {
  const length = r.u32();
  if (length !== r.end - (r.at - 4)) r.fail("another length than it says", r.at - 4);
  const kind = r.u8();
  r.skip(3);
  const message = readBody(r, kind);
  r.expectEnd();
  return message;
}

function readBody(r: Reader, kind: number): TraceMessage {
  switch (kind) {
    case KIND_START:
      return { kind, router: json(r, start).router };
    case KIND_WAY:
      return { kind, number: definitionNumber(r), way: json(r, way) };
    case KIND_HOP:
      return { kind, number: definitionNumber(r), hop: json(r, hop) };
    case KIND_FORGET:
      return { kind };
    case KIND_PACKET:
      return readPacket(r);
    case KIND_COUNTS:
      return { kind, counts: json(r, counts) };
    default:
      return r.fail(`a message of kind ${kind}`, r.at - 4);
  }
}

function definitionNumber(r: Reader): number {
  const number = r.u32();
  if (number >= MOST_DEFINITIONS) r.fail("a definition's number is too large", r.at - 4);
  return number;
}

function readPacket(r: Reader): PacketMessage {
  const [seconds, nanos, way, flags, count, own] = [r.u32(), r.u32(), r.u32(), r.u8(), r.u8(), r.u8()];
  if (nanos >= 1e9) r.fail("a second has fewer nanoseconds", r.at - 11);
  if (own > count) r.fail("more frames than were sent", r.at - 1);
  const frame = readFrame(r);
  const sent = Array.from({ length: count }, () => ({ hop: r.u32(), ...readFrame(r) }));
  return { kind: KIND_PACKET, seconds, nanos, way, isCaught: (flags & FLAG_CAUGHT) !== 0, ...frame, sent, own };
}

function readFrame(r: Reader): TraceFrame {
  const length = r.u24();
  const kept = r.u16();
  if (kept > length) r.fail("more octets than the frame has", r.at - 2);
  return { length, octets: r.octets(kept) };
}

/** What is left, as JSON. What is there and not known is kept: a later router may say more. */
function json<T>(r: Reader, schema: z.ZodType<T>): T {
  const { at } = r;
  let value: unknown;
  try {
    value = JSON.parse(decoder.decode(r.rest()));
  } catch {
    r.fail("no JSON", at);
  }
  const result = schema.safeParse(value);
  return result.success ? result.data : r.fail(z.prettifyError(result.error).split("\n")[0]!, at);
}

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

const start = z.looseObject({ router: z.string() });
const counts = z.looseObject({ type: z.literal("counts"), told: z.number(), limited: z.number(), lost: z.number() });
const icmp = z.looseObject({ type: z.number(), code: z.number(), text: z.string() }).nullable();
const scalar = z.union([z.string(), z.number(), z.boolean(), z.null()]);
const stage = z.looseObject({
  ...{ stage: z.string(), verdict: z.string(), text: z.string(), facts: z.record(z.string(), scalar) },
});
const way: z.ZodType<TraceWay> = z.looseObject({
  ...{ port: z.string(), icmp4: icmp, icmp6: icmp, stages: z.array(stage) },
  ending: z.looseObject({
    name: z.string(),
    fate: z.enum(["forwarded", "dropped", "punted", "consumed"]),
    meaning: z.string(),
  }),
});
const hop: z.ZodType<TraceHop> = z.looseObject({
  ...{ port: z.string(), kind: z.enum(["uplink", "vm", "service", "outside"]), mac: z.string() },
  ...{ vm: z.string().nullable(), nextHop: z.string().nullable() },
});
