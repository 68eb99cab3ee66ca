/**
 * A port for micro benchmarks that costs next to nothing: it hands out the same frames again and again, only mending
 * the octets that a pipeline changes, and counts what is sent instead of sending it.
 */
import { Frame, HEADROOM } from "#fastpath/frame";
import type { LooseFrame } from "#fastpath/ports/memory";
import type { Port } from "#fastpath/ports/port";
import type { Arena, Memory } from "#sys/memory";

/** Octets from the network header on that are mended: IPv6 and TCP headers without options. */
const MENDED = 64;
const MENDED_WORDS = MENDED / 4;
const ETHERNET_HEADER = 14;
/** The last two octets of the Ethernet header's type, with what is before, down to a multiple of 4. */
const LINK_WORDS = 4;
const WORDS = LINK_WORDS + MENDED_WORDS;

export class ReplayPort implements Port {
  readonly index: number;
  readonly fd = -1;
  readonly tunnels = false;
  readonly offload = true;
  readonly failure = 0;
  readonly transmitErrors = 0;
  /** Frames and octets sent so far. */
  sentFrames = 0;
  sentOctets = 0;
  /** Frames still to be received; set it to start. */
  left = 0;
  readonly #words: Int32Array;
  readonly #kept: Frame[] = [];
  /** {@link WORDS} words of each frame as it was, from 16 octets before its network header. */
  readonly #saved: Int32Array;
  #next = 0;

  /** @param arena the frames are copied into it once and stay. */
  constructor(arena: Arena, index: number, frames: readonly LooseFrame[]) {
    this.index = index;
    this.#words = (arena as Memory).words;
    this.#saved = new Int32Array(frames.length * WORDS);
    for (const [i, { octets, offload }] of frames.entries()) {
      const size = HEADROOM + 2 + Math.max(octets.length, ETHERNET_HEADER + MENDED);
      const at = arena.allocate(size, 64) + HEADROOM + 2;
      arena.bytes.set(octets, at);
      this.#kept.push(Object.assign(new Frame(), offload, { at, end: at + octets.length }));
      const word = (at - 2) >> 2;
      this.#saved.set(this.#words.subarray(word, word + WORDS), i * WORDS);
    }
  }

  receiveDrops(): number {
    return 0;
  }

  receive(frames: readonly Frame[], from: number): number {
    const end = Math.min(frames.length, from + this.left);
    for (let i = from; i < end; i++) {
      this.#mend(this.#next);
      this.#copyFields(this.#kept[this.#next]!, frames[i]!);
      this.#next = this.#next + 1 === this.#kept.length ? 0 : this.#next + 1;
    }
    this.left -= end - from;
    return end - from;
  }

  transmit(frame: Frame): boolean {
    this.sentFrames++;
    this.sentOctets += frame.end - frame.at;
    return true;
  }

  flush(): void {}

  release(): void {}

  close(): void {}

  #mend(index: number): void {
    const from = index * WORDS;
    const to = (this.#kept[index]!.at - 2) >> 2;
    for (let i = 0; i < WORDS; i++) this.#words[to + i] = this.#saved[from + i]!;
  }

  #copyFields(kept: Frame, frame: Frame): void {
    frame.at = kept.at;
    frame.end = kept.end;
    frame.port = this.index;
    frame.partial = kept.partial;
    frame.csumStart = kept.csumStart;
    frame.csumOffset = kept.csumOffset;
    frame.gsoType = kept.gsoType;
    frame.gsoSize = kept.gsoSize;
    frame.headerLength = kept.headerLength;
  }
}
