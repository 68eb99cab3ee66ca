/**
 * Work in pieces: a computation over a large database must not hold up hellos. It is a generator that yields after
 * each piece; in between, databases may change. An iterator over them goes on with what is there then: what it has
 * passed is not seen again, and whoever changes a database asks for another computation anyway.
 */
export type Work<T> = Generator<void, T, void>;

/** Elementary steps (an LSA, a link, a prefix, a vertex) in a piece: some hundred microseconds at most. */
export const PIECE = 1024;

/** `while (…) { …; if (pace.step(n)) yield; }` */
export class Pace {
  #steps = 0;

  /** `steps` were done. True: a piece is complete. */
  step(steps: number): boolean {
    this.#steps += steps;
    if (this.#steps < PIECE) return false;
    this.#steps = 0;
    return true;
  }
}
