/**
 * Order of reads of shared memory where a writer may be at work: what was read before keep() is neither read again after
 * it, nor was anything that comes after it in the program read before.
 *
 * Not a load of the shared word by Atomics: Bun makes a locked operation of it, which takes the cache line away from other
 * forwarders that read it.
 */

/** x86-64 keeps loads in order by itself (Intel SDM volume 3, §9.2.2: TSO). */
const LOADS_IN_ORDER: boolean = process.arch === "x64";

export class LoadOrder {
  /** Our own, but the compiler cannot know: past a store to it nothing is kept that was read from an Int32Array. */
  readonly #word = new Int32Array(1);

  keep(): void {
    if (LOADS_IN_ORDER) this.#word[0] = 1;
    else Atomics.add(this.#word, 0, 1);
  }

  /**
   * Stores a word that others read before they trust what this thread stored earlier. What it reads next may be read before
   * they can see the word: x86-64 keeps stores in order, and what comes later need not wait until they are over.
   */
  publish(words: Int32Array, at: number, value: number): void {
    this.keep();
    if (LOADS_IN_ORDER) words[at] = value;
    else Atomics.store(words, at, value);
  }
}
