/** What a watcher tells of a frame, through a frame ring: words, then octets. Written by watcher.ts, read by control. */
import { Frame } from "#fastpath/frame";
import type { FrameRing } from "#fastpath/frame-ring";
import { STEP_WORDS } from "#fastpath/steps";

/** The first words. */
export const WR_KIND = 0;
/** Of a frame that was captured on its way out: −1. */
export const WR_ENDING = 1;
/** Port that it came in by; captured on its way out, nobody's: −1. */
export const WR_FROM = 2;
/** Port that it was captured at. */
export const WR_PORT = 3;
/** Octets of the frame, and how many of them are here. */
export const WR_LENGTH = 4;
export const WR_KEPT = 5;
/** Traced: steps that are here, frames that were sent, and how many of those are here, and came before the ICMP error. */
export const WR_STEPS = 6;
export const WR_SENT = 7;
export const WR_SENT_KEPT = 8;
export const WR_SENT_OWN = 9;
/** A double: nanoseconds, monotonic. */
export const WR_TIME = 10;
/** WR_FLAG_… bits. */
export const WR_FLAGS = 12;
/** Traced: number of its way (way-memory.ts). Its steps are those that came with the last record of that number that had any. */
export const WR_WAY = 13;
export const WR_WORDS = 14;

export const RECORD_TRACE = 1;
export const RECORD_IN = 2;
export const RECORD_OUT = 3;

/** What was sent was taken out at the last moment, and nobody got it. */
export const WR_FLAG_CAUGHT = 1;
/** The transport checksum is to be finished by who takes the frame. */
export const WR_FLAG_PARTIAL = 2;

/** Words before the octets of a frame that was sent: port, its octets, how many are here. */
export const SENT_WORDS = 3;

export interface SentRecord {
  readonly port: number;
  readonly length: number;
  readonly octets: Uint8Array;
}

/** Its octets and steps are views, good until the next record is taken. */
export interface WatchRecord {
  readonly kind: number;
  readonly ending: number;
  readonly from: number;
  readonly port: number;
  readonly length: number;
  /** As it came, or as it leaves; perhaps cut off. */
  readonly octets: Uint8Array;
  /** Traced: number of its way. */
  readonly way: number;
  /** Empty: they are those of the last record from the same ring with that way. */
  readonly steps: Int32Array;
  readonly stepCount: number;
  /** What it became, then the ICMP error about it. */
  readonly sent: readonly SentRecord[];
  /** How many frames were sent, and how many of `sent` are no ICMP error. */
  readonly sentCount: number;
  readonly sentOwn: number;
  readonly nanos: number;
  readonly flags: number;
}

/** Reads rings of records. */
export class WatchRecords {
  readonly #frame = new Frame();
  #views = viewsOf(new Uint8Array(1 << 13));

  /** The oldest record, good until the next is taken; undefined: there is none. For the control thread. */
  take(ring: FrameRing): WatchRecord | undefined {
    const length = ring.peekLength();
    if (length < 0) return undefined;
    if (length > this.#views.bytes.length) this.#views = viewsOf(new Uint8Array((length + 7) & ~7));
    ring.pop(this.#frame, this.#views.bytes, 0);
    return readRecord(this.#views);
  }
}

/** Made once: a view costs more than reading by it. */
interface Views {
  readonly bytes: Uint8Array;
  readonly words: Int32Array;
  readonly time: Float64Array;
}

function viewsOf(bytes: Uint8Array): Views {
  const { buffer } = bytes;
  return { bytes, words: new Int32Array(buffer), time: new Float64Array(buffer, 4 * WR_TIME, 1) };
}

function readRecord({ bytes, words: w, time }: Views): WatchRecord {
  const stepCount = w[WR_STEPS]!;
  let at = WR_WORDS + stepCount * STEP_WORDS;
  const take = (length: number): Uint8Array => {
    const from = at * 4;
    at += (length + 3) >> 2;
    return bytes.subarray(from, from + length);
  };
  const frame = take(w[WR_KEPT]!);
  const sent: SentRecord[] = [];
  for (let i = 0; i < w[WR_SENT_KEPT]!; i++) {
    const [port, length, kept] = [w[at]!, w[at + 1]!, w[at + 2]!];
    at += SENT_WORDS;
    sent.push({ port, length, octets: take(kept) });
  }
  return {
    ...{ kind: w[WR_KIND]!, ending: w[WR_ENDING]!, from: w[WR_FROM]!, port: w[WR_PORT]! },
    ...{ length: w[WR_LENGTH]!, octets: frame, stepCount, nanos: time[0]!, flags: w[WR_FLAGS]!, way: w[WR_WAY]! },
    steps: w.subarray(WR_WORDS, WR_WORDS + stepCount * STEP_WORDS),
    ...{ sent, sentCount: w[WR_SENT]!, sentOwn: w[WR_SENT_OWN]! },
  };
}
