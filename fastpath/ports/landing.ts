/** Where a port reads frames to: a run of the arena, filled front to back and given back all at once. */
import { HEADROOM, MAX_FRAME } from "#fastpath/frame";

/** Octets: fifteen of the largest frames, or some thousand small ones, which then lie side by side in the cache. */
export const LANDING_SIZE = 1 << 20;
/** An Ethernet header starts 2 octets after a multiple of 16, so that the network header is on one. */
const PHASE = 2;

export class Landing {
  readonly #start: number;
  readonly #end: number;
  /** Where the next frame's Ethernet header would go. */
  #next: number;

  /** @param at arena offset, 64-aligned. @param size at least HEADROOM + MAX_FRAME and some. */
  constructor(at: number, size = LANDING_SIZE) {
    this.#start = at + HEADROOM + PHASE;
    this.#end = at + size;
    this.#next = this.#start;
  }

  /** Arena offset for the next Ethernet header, with room for any frame behind it; −1: full until {@link clear}. */
  next(): number {
    return this.#next + MAX_FRAME > this.#end ? -1 : this.#next;
  }

  /** A frame now ends at `end`: the next goes behind it. */
  took(end: number): void {
    this.#next = ((end + 15) & ~15) + HEADROOM + PHASE;
  }

  clear(): void {
    this.#next = this.#start;
  }
}
