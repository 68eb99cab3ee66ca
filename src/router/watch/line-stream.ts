/**
 * An answer without an end: what is put in goes to whoever reads it, what is put in at once together, since a piece costs both
 * ends more than its octets do. A reader that stops reading loses what comes, and costs no more memory than {@link ROOM}; one
 * that is gone ends it.
 */

/** Octets that may wait for the reader, unless told otherwise. */
const ROOM = 4 << 20;
/** Octets of room that are as good as none: more than any piece has. */
const FULL = 1 << 17;

export class LineStream {
  readonly readable: ReadableStream<Uint8Array>;
  /** Pieces that found no room. */
  lost = 0;
  #controller: ReadableStreamDefaultController<Uint8Array> | undefined;
  readonly #ended: () => void;
  /** Put in, and not on its way yet. */
  #pieces: Uint8Array[] = [];
  #octets = 0;

  /** `ended`: nobody reads any more. `signal`: aborted when the reader is gone. */
  constructor(signal: AbortSignal, ended: () => void, room: number = ROOM) {
    this.#ended = ended;
    this.readable = new ReadableStream<Uint8Array>(
      {
        start: (controller) => {
          this.#controller = controller;
        },
        cancel: () => this.#end(),
      },
      { highWaterMark: room, size: (piece) => piece?.byteLength ?? 0 },
    );
    signal.addEventListener("abort", () => this.close());
  }

  /** False: whoever puts much had better wait, and spare himself the making. */
  get hasRoom(): boolean {
    return this.#room >= FULL;
  }

  /** False: there was no room for it. */
  put(octets: Uint8Array): boolean {
    if (this.#controller === undefined) return false;
    if (this.#room < octets.length) {
      this.lost++;
      return false;
    }
    if (this.#pieces.length === 0) queueMicrotask(() => this.#flush());
    this.#pieces.push(octets);
    this.#octets += octets.length;
    return true;
  }

  close(): void {
    this.#flush();
    const controller = this.#controller;
    this.#end();
    try {
      controller?.close();
    } catch {
      // The reader has closed it already.
    }
  }

  get #room(): number {
    return (this.#controller?.desiredSize ?? 0) - this.#octets;
  }

  #flush(): void {
    if (this.#pieces.length > 0) this.#controller?.enqueue(Buffer.concat(this.#pieces));
    this.#pieces = [];
    this.#octets = 0;
  }

  #end(): void {
    if (this.#controller === undefined) return;
    this.#controller = undefined;
    this.#ended();
  }
}
