/** A connection table of which a forwarder's code sees, and changes, no more than a copy: of the two sets of each packet. */
import { bringEntry, shadowOf } from "#fastpath/dry/shadow-memory";
import { ENTRY_WORDS, H_WORDS, TAG_WORDS, WAYS } from "#fastpath/tables/connection-layout";
import { Connections } from "#fastpath/tables/connections";

export class ShadowConnections extends Connections {
  readonly #shared: Int32Array;
  /** First slots of the sets that are here since the last {@link begin}. */
  readonly #here = new Set<number>();

  /** `shared`: of createConnectionTable. */
  constructor(shared: SharedArrayBuffer) {
    super(shadowOf(shared, H_WORDS));
    this.#shared = new Int32Array(shared);
  }

  /** The table as it is now: what was done to the copies is forgotten. */
  begin(): void {
    const { words, places } = this.entries;
    words.set(this.#shared.subarray(0, places.tags)); // header and owners
    this.#here.clear();
  }

  override hash(): void {
    super.hash();
    this.#bring(this.first);
    this.#bring(this.second);
  }

  #bring(slot: number): void {
    if (this.#here.has(slot)) return;
    this.#here.add(slot);
    const { words, places } = this.entries;
    const tags = places.tags + slot / 2;
    words.set(this.#shared.subarray(tags, tags + TAG_WORDS), tags);
    for (let i = slot; i < slot + WAYS; i++) {
      const at = places.entries + i * ENTRY_WORDS;
      bringEntry(this.#shared, words, at, at + ENTRY_WORDS);
    }
  }
}
