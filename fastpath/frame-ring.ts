/**
 * A ring of frames in shared memory, one producer thread, one consumer thread: how frames go from a forwarder to the
 * control thread (punt) and back (inject). Frames carry their offload state, so nothing is lost on the way.
 *
 * A record is whole words, 64-aligned and contiguous; where the end of the ring is too near, a skip record fills it.
 */
import { copy } from "#base/bytes";
import { Frame } from "#fastpath/frame";

const HEAD = 0; // octets ever written, modulo 2^32; the producer's
const TAIL = 16; // octets ever read; the consumer's, on a cache line of its own
const DATA = 128; // octets of header

const W_SIZE = 0; // octets of the record, header included; negative: skip so many
const W_LENGTH = 1;
const W_PORT = 2;
const W_TAG = 3;
const W_OFFLOAD = 4; // partial | gsoType << 8 | gsoSize << 16
const W_CSUM = 5; // csumStart | csumOffset << 16
const W_HEADER = 6;
const RECORD_HEADER = 32; // octets
/**
 * Octets up to which a frame is copied in a loop. A `subarray` is faster for all but short ones, but the engine's collector
 * counts the whole array as allocated for each, and comes after some thousand.
 */
const LOOPED = 2048;

export class FrameRing {
  readonly buffer: SharedArrayBuffer;
  private readonly words: Int32Array;
  private readonly bytes: Uint8Array;
  private readonly size: number;

  /** `size`: octets, a power of two, at least twice the largest frame. */
  static create(size: number): FrameRing {
    return new FrameRing(new SharedArrayBuffer(DATA + size));
  }

  constructor(buffer: SharedArrayBuffer) {
    this.buffer = buffer;
    this.words = new Int32Array(buffer);
    this.bytes = new Uint8Array(buffer);
    this.size = buffer.byteLength - DATA;
  }

  /** Producer: true when so many octets are free, as far as it knows. */
  hasRoom(octets: number): boolean {
    return ((this.words[HEAD]! - Atomics.load(this.words, TAIL)) | 0) + octets <= this.size;
  }

  /**
   * Producer: copies the frame in; `tag` is the consumer's to understand. False when there is no room, `reserve` octets
   * being left for others.
   */
  push(f: Frame, from: Uint8Array, tag: number, reserve = 0): boolean {
    const length = f.end - f.at;
    const record = (RECORD_HEADER + length + 63) & ~63;
    const head = this.words[HEAD]!;
    const used = (head - Atomics.load(this.words, TAIL)) | 0;
    let at = head & (this.size - 1);
    const toEnd = this.size - at;
    const skip = record > toEnd ? toEnd : 0;
    if (used + skip + record > this.size - reserve) return false;
    if (skip > 0) {
      this.words[(DATA + at) >> 2] = -skip;
      at = 0;
    }
    const w = (DATA + at) >> 2;
    this.words[w + W_SIZE] = record;
    this.words[w + W_LENGTH] = length;
    this.words[w + W_PORT] = f.port;
    this.words[w + W_TAG] = tag;
    this.words[w + W_OFFLOAD] = (f.partial ? 1 : 0) | (f.gsoType << 8) | (f.gsoSize << 16);
    this.words[w + W_CSUM] = f.csumStart | (f.csumOffset << 16);
    this.words[w + W_HEADER] = f.headerLength;
    const start = DATA + at + RECORD_HEADER;
    if (length > LOOPED) this.bytes.set(from.subarray(f.at, f.end), start);
    else copy(this.bytes, start, from, f.at, length);
    Atomics.store(this.words, HEAD, (head + skip + record) | 0);
    return true;
  }

  /** Consumer: octets of the oldest frame, −1 when the ring is empty. */
  peekLength(): number {
    const w = this.oldest();
    return w < 0 ? -1 : this.words[w + W_LENGTH]!;
  }

  /** Consumer: copies the oldest frame to `to` at `at`, describes it in `f`, frees its room; returns its tag. */
  pop(f: Frame, to: Uint8Array, at: number): number {
    const w = this.oldest();
    if (w < 0) throw new Error("pop from an empty frame ring");
    const length = this.words[w + W_LENGTH]!;
    const start = (w << 2) + RECORD_HEADER;
    if (length > LOOPED) to.set(this.bytes.subarray(start, start + length), at);
    else copy(to, at, this.bytes, start, length);
    const offload = this.words[w + W_OFFLOAD]!;
    f.at = at;
    f.end = at + length;
    f.port = this.words[w + W_PORT]!;
    f.partial = (offload & 1) !== 0;
    f.gsoType = (offload >>> 8) & 0xff;
    f.gsoSize = offload >>> 16;
    f.csumStart = this.words[w + W_CSUM]! & 0xffff;
    f.csumOffset = this.words[w + W_CSUM]! >>> 16;
    f.headerLength = this.words[w + W_HEADER]!;
    const tag = this.words[w + W_TAG]!;
    Atomics.store(this.words, TAIL, (this.words[TAIL]! + this.words[w + W_SIZE]!) | 0);
    return tag;
  }

  /** Word index of the oldest record, −1 when empty; passes over a skip record. */
  private oldest(): number {
    for (;;) {
      const tail = this.words[TAIL]!;
      if (tail === Atomics.load(this.words, HEAD)) return -1;
      const w = (DATA + (tail & (this.size - 1))) >> 2;
      const size = this.words[w + W_SIZE]!;
      if (size > 0) return w;
      Atomics.store(this.words, TAIL, (tail - size) | 0);
    }
  }
}

/** A frame as the control thread holds it: octets of its own, with the state its port gave it. */
export interface HeldFrame {
  readonly frame: Frame;
  readonly octets: Uint8Array;
}

/** Takes the oldest frame out as a copy of its own, undefined when the ring is empty. For the control thread. */
export function takeFrame(ring: FrameRing): (HeldFrame & { readonly tag: number }) | undefined {
  const length = ring.peekLength();
  if (length < 0) return undefined;
  const frame = new Frame();
  const octets = new Uint8Array(length);
  return { frame, octets, tag: ring.pop(frame, octets, 0) };
}
