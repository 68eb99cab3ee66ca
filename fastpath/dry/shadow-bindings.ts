/** As shadow-connections.ts, of the binding table. */
import { bringEntry, shadowOf } from "#fastpath/dry/shadow-memory";
import { BINDING_ENTRY_WORDS, BINDING_HEADER_WORDS, Bindings } from "#fastpath/tables/bindings";
import { WAYS } from "#fastpath/tables/connection-layout";

export class ShadowBindings extends Bindings {
  readonly #shared: Int32Array;
  readonly #here = new Set<number>();

  /** `shared`: of createBindingTable. */
  constructor(shared: SharedArrayBuffer) {
    super(shadowOf(shared, BINDING_HEADER_WORDS));
    this.#shared = new Int32Array(shared);
  }

  /** The table as it is now. */
  begin(): void {
    this.#here.clear();
  }

  /** Nothing is remembered: an entry may be another's since. */
  override recall(): number {
    return this.find();
  }

  protected override hash(): void {
    super.hash();
    this.#bring(this.first);
    this.#bring(this.second);
  }

  #bring(slot: number): void {
    if (this.#here.has(slot)) return;
    this.#here.add(slot);
    const tags = this.tags + slot;
    this.words.set(this.#shared.subarray(tags, tags + WAYS), tags);
    for (let entry = slot + 1; entry <= slot + WAYS; entry++)
      bringEntry(this.#shared, this.words, this.at(entry), this.at(entry) + BINDING_ENTRY_WORDS);
  }
}
