/**
 * Room in the arena for packets a forwarder makes itself in one turn: segments, fragments, ICMP errors. Taken front to
 * back, given back all at once after the turn's flush.
 */
import { HEADROOM } from "#fastpath/frame";

/** The most one input frame can need: a 64 KiB super-packet in segments of {@link LEAST_SEGMENT} octets. */
export const MOST_PER_FRAME = 1 << 20;
/** Super-packets with smaller segments are refused. */
export const LEAST_SEGMENT = 64;

export class Scratch {
  private readonly start: number;
  private readonly size: number;
  private used = 0;

  /** `start`: arena offset, 16-aligned; `size` ≥ MOST_PER_FRAME octets. */
  constructor(start: number, size: number) {
    this.start = start;
    this.size = size;
  }

  /** True when one more frame can be sure of its room. */
  hasRoom(): boolean {
    return this.size - this.used >= MOST_PER_FRAME;
  }

  /** Arena offset for an Ethernet header and `octets` in all, with headroom and the network header 4-aligned. */
  take(octets: number): number {
    const at = this.start + this.used + HEADROOM + 2;
    this.used = (this.used + HEADROOM + 2 + octets + 15) & ~15;
    return at;
  }

  /** True when there is room for one of so many octets more, while one frame is multiplied. */
  holds(octets: number): boolean {
    return this.size - this.used >= octets + HEADROOM + 2 + 15;
  }

  /** What was taken since the mark is not needed any more. */
  mark(): number {
    return this.used;
  }

  rewind(mark: number): void {
    this.used = mark;
  }

  reset(): void {
    this.used = 0;
  }
}
