/** Server-sent events to one browser (HTML Standard §9.2), with a bound on what waits for it. */

export class BrowserStream {
  readonly body: ReadableStream<Uint8Array>;
  readonly #most: number;
  readonly #ended: () => void;
  readonly #encoder = new TextEncoder();
  #queue: Uint8Array[] = [];
  #octets = 0;
  #wake: () => void = () => {};
  #isOver = false;

  /**
   * @param ended called once, when the browser is gone or was dropped.
   * @param most octets that may wait: a browser that lets more pile up is dropped, and begins anew when it comes back.
   */
  constructor(ended: () => void, most: number) {
    this.#most = most;
    this.#ended = ended;
    this.body = new ReadableStream<Uint8Array>(
      {
        // Asked for more only when what went before has left for the socket.
        pull: async (controller) => {
          while (this.#queue.length === 0 && !this.#isOver) await this.#news();
          if (this.#isOver) return controller.error(new Error("the browser does not read"));
          for (const octets of this.#queue) controller.enqueue(octets);
          this.#queue = [];
          this.#octets = 0;
        },
        cancel: () => this.end(),
      },
      { highWaterMark: 0 },
    );
  }

  /** Octets that wait. */
  get waiting(): number {
    return this.#octets;
  }

  send(event: string, data: unknown): void {
    this.#put(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
  }

  /** A sign of life. */
  comment(text: string): void {
    this.#put(`: ${text}\n\n`);
  }

  end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#queue = [];
    this.#octets = 0;
    this.#wake();
    this.#ended();
  }

  #put(text: string): void {
    if (this.#isOver) return;
    const octets = this.#encoder.encode(text);
    // What it gets at first may be longer than all that may wait.
    if (this.#octets > 0 && this.#octets + octets.length > this.#most) {
      this.end();
      return;
    }
    this.#queue.push(octets);
    this.#octets += octets.length;
    this.#wake();
  }

  #news(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }
}
