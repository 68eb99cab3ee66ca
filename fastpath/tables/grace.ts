/**
 * When may memory that a forwarder could still be reading be used again? After every forwarder has ended the turn it
 * was in when the memory was unpublished (read-copy-update: McKenney and Slingwine, 1998).
 *
 * Each forwarder owns one word of `turns`: odd inside a turn, even outside (asleep in poll, not started, gone). It reads
 * shared tables inside turns only and keeps nothing it read from one turn to the next.
 */

/** Forwarder: before the turn's first look into a shared table. */
export function enterTurn(turns: Int32Array, forwarder: number): void {
  Atomics.add(turns, forwarder, 1);
}

/** Forwarder: after the turn's last look into a shared table. */
export function leaveTurn(turns: Int32Array, forwarder: number): void {
  Atomics.add(turns, forwarder, 1);
}

/** Control: a forwarder that died inside a turn will never end it; say so in its place. */
export function abandonTurn(turns: Int32Array, forwarder: number): void {
  if (Atomics.load(turns, forwarder) & 1) Atomics.add(turns, forwarder, 1);
}

/**
 * The writer's list of what was unpublished. Two generations are enough: what waits for the turns that were under way when
 * they were last looked at, and what was retired since.
 */
export class Grace {
  readonly #turns: Int32Array;
  /** Forwarders that were inside a turn, and their counters then. */
  readonly #busy: number[] = [];
  readonly #seen: Int32Array;
  #waiting: number[] = [];
  #next: number[] = [];

  /** `turns`: one word for each forwarder there can be, on shared memory. Empty: nobody reads, nothing waits. */
  constructor(turns: Int32Array = new Int32Array(0)) {
    this.#turns = turns;
    this.#seen = new Int32Array(turns.length);
  }

  /** Things retired and not yet handed back. */
  get pending(): number {
    return this.#waiting.length + this.#next.length;
  }

  /** `thing` (a block's or a record's index) is no longer reachable for a turn that begins now. */
  retire(thing: number): void {
    this.#next.push(thing);
  }

  /**
   * Calls `free` for each thing that no forwarder can be reading any more; `free` must not retire. Costs a load for each
   * forwarder: call it before each change.
   */
  reclaim(free: (thing: number) => void): void {
    if (this.#waiting.length === 0) this.#begin();
    while (this.#waiting.length > 0 && this.#passed()) {
      for (const thing of this.#waiting) free(thing);
      this.#waiting.length = 0;
      this.#begin();
    }
  }

  /** What was retired until now waits for the turns that are under way now. */
  #begin(): void {
    if (this.#next.length === 0) return;
    [this.#waiting, this.#next] = [this.#next, this.#waiting];
    this.#busy.length = 0;
    for (let i = 0; i < this.#turns.length; i++) {
      this.#seen[i] = Atomics.load(this.#turns, i);
      if (this.#seen[i]! & 1) this.#busy.push(i);
    }
  }

  #passed(): boolean {
    return this.#busy.every((i) => Atomics.load(this.#turns, i) !== this.#seen[i]);
  }
}
