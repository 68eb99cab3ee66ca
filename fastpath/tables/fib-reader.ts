/**
 * The forwarder's side of the forwarding table: longest prefix match in memory that the control thread changes at the
 * same time. See fib-layout.ts for the words read here.
 */
import {
  BODY,
  FIRST_BITS,
  FULL,
  keysOf,
  kindOf,
  MAX_HOPS,
  matchBitsOf,
  NODE,
  ROOT,
  SPARSE,
  sparseEntry,
  TAIL,
  VALUE,
} from "#fastpath/tables/fib-layout";

export class FibReader {
  readonly #memory: Int32Array;
  readonly #scratch = new Int32Array(4);

  /** `buffer`: {@link FibWriter.buffer}. */
  constructor(buffer: SharedArrayBuffer) {
    this.#memory = new Int32Array(buffer);
  }

  /**
   * The value of the longest route that covers the address, 1 … 2^30−1; 0 when none does. The address is the four words
   * at `words[at …]`, as they lie in a packet. Call it inside a turn only (grace.ts).
   */
  lookup(words: Int32Array, at: number): number {
    const memory = this.#memory;
    let best = 0;
    let from = 0;
    // Atomic, so that no compiler keeps the root from one lookup for the next; what hangs on it is ordered by the address.
    let entry = Atomics.load(memory, ROOT);
    for (let hop = 0; hop < MAX_HOPS && entry < 0; hop++) {
      const node = entry & NODE;
      const leaf = memory[node]! | 0;
      if (leaf !== 0) best = leaf;
      const head = memory[node + 1]! | 0;
      const keys = keysOf(head);
      const kind = kindOf(head);
      // Without a key the node is about the next octet: known before the head has arrived from memory.
      let octet = from;
      if (keys !== 0) {
        const bits = matchBitsOf(head);
        const last = at + ((bits - 1) >>> 5);
        if (((memory[node - 1]! ^ words[last]!) & FIRST_BITS[bits & 31]!) !== 0) return best & VALUE;
        for (let i = 1; i < keys; i++) if (memory[node - 1 - i] !== words[last - i]) return best & VALUE;
        if (kind === TAIL) return memory[node + BODY]! & VALUE;
        octet = bits >>> 3;
      }
      const slot = (words[at + (octet >>> 2)]! >>> ((octet & 3) << 3)) & 255;
      let place = node + BODY;
      if (kind === FULL) place += slot;
      else if (kind === SPARSE) place = sparseEntry(memory, node, head, slot);
      else break;
      entry = memory[place]! | 0;
      from = octet + 1;
    }
    return (entry > 0 ? entry : best) & VALUE;
  }

  /** The same for the 16 octets at `bytes[at …]`, wherever they lie; `lookup` is faster where they are 4-aligned. */
  lookupBytes(bytes: Uint8Array, at: number): number {
    const scratch = this.#scratch;
    for (let word = 0; word < 4; word++) {
      const i = at + 4 * word;
      scratch[word] = bytes[i]! | (bytes[i + 1]! << 8) | (bytes[i + 2]! << 16) | (bytes[i + 3]! << 24);
    }
    return this.lookup(scratch, 0);
  }
}
