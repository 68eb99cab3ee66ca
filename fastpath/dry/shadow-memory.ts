/**
 * Shadows of tables in shared memory: a buffer of the same size, where the table's own code may write as it likes and no
 * forwarder sees it. Only what is asked for is brought in, so the rest of a shadow takes no memory.
 */

/** Octets compared and copied at once. */
const CHUNK = 1 << 16;

/** An empty shadow with the table's first words, which say how it is laid out. */
export function shadowOf(shared: SharedArrayBuffer, words: number): SharedArrayBuffer {
  const shadow = new SharedArrayBuffer(shared.byteLength);
  new Int32Array(shadow).set(new Int32Array(shared, 0, words));
  return shadow;
}

/** Makes the whole shadow what the table is now. Parts that are equal, as those that nobody ever used, are not touched. */
export function bringAll(shared: SharedArrayBuffer, shadow: SharedArrayBuffer): void {
  for (let at = 0; at < shared.byteLength; at += CHUNK) {
    const size = Math.min(CHUNK, shared.byteLength - at);
    const from = new Uint8Array(shared, at, size);
    const to = new Uint8Array(shadow, at, size);
    if (Buffer.compare(from, to) !== 0) to.set(from);
  }
}

/** Attempts at an entry that a forwarder writes at the same time. */
const TRIES = 8;

/** Copies words [at, end), which belong together while the word at `at` stays the same. */
export function bringEntry(shared: Int32Array, shadow: Int32Array, at: number, end: number): void {
  for (let i = 0; i < TRIES; i++) {
    const control = Atomics.load(shared, at);
    shadow.set(shared.subarray(at, end), at);
    shadow[at] = control;
    if (Atomics.load(shared, at) === control) return;
  }
}
