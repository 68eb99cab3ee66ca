/**
 * By flow, the entry of the connection table that its last packet belonged to. So a packet whose flow the flow cache has
 * forgotten may find its connection without searching, and it can be read ahead (read-ahead.ts). A hint takes 4 octets where a
 * record of the flow cache takes 128: there are as many as the table has entries.
 *
 * It is a hint and no more: flows share them, connections end. Who follows one asks the entry for its key, state and time
 * as who has searched for it does (ConnectionFinder.findAt). Each forwarder has its own.
 */
export class ConnectionHints {
  readonly #entries: Int32Array;
  readonly #mask: number;

  /** `slots`: of the connection table, ≥ 1. */
  constructor(slots: number) {
    const size = 2 ** Math.ceil(Math.log2(slots));
    this.#entries = new Int32Array(size);
    this.#mask = size - 1;
  }

  /** Where the hint of flows with this hash is. */
  slotOf(flowHash: number): number {
    return flowHash & this.#mask;
  }

  /** The entry, which the connection table has or had; 0: no hint. */
  at(slot: number): number {
    return this.#entries[slot]!;
  }

  put(slot: number, entry: number): void {
    this.#entries[slot] = entry;
  }
}
