/** The operator's terminal: who gets the keys that are pressed, and whether the kernel edits lines (cooked) or not (raw). */

import { isatty } from "node:tty";

export type KeyHandler = (keys: Buffer) => void;

/** Rows and columns where a terminal does not say. */
const ROWS = 24;
const COLUMNS = 80;

/** Milliseconds between looks at whether the terminal is still there, and the status (as of SIGHUP) when it is not. */
const LOOK = 500;
const HUNG_UP = 129;

export class Terminal {
  readonly #lookout: Timer;
  #handler: KeyHandler = () => {};
  #isRaw = false;

  /** Begins to read keys. */
  constructor() {
    process.stdin.on("data", (keys: Buffer) => this.#handler(keys));
    // Nobody is told when a terminal goes that controls no session: Bun would wait for it for ever, and at full speed.
    this.#lookout = setInterval(() => {
      if (!isatty(process.stdin.fd)) process.exit(HUNG_UP);
    }, LOOK);
  }

  get rows(): number {
    return process.stdout.rows || ROWS;
  }

  get columns(): number {
    return process.stdout.columns || COLUMNS;
  }

  write(text: string): void {
    process.stdout.write(text);
  }

  /** @returns what gives them back to whom they went before. */
  takeKeys(handler: KeyHandler, { isRaw }: { readonly isRaw: boolean }): () => void {
    const before = { handler: this.#handler, isRaw: this.#isRaw };
    this.#set(handler, isRaw);
    return () => this.#set(before.handler, before.isRaw);
  }

  /** Waits for one press of a key: its octets as text. */
  key(): Promise<string> {
    return new Promise((resolve) => {
      const giveBack = this.takeKeys(
        (keys) => {
          giveBack();
          resolve(keys.toString());
        },
        { isRaw: true },
      );
    });
  }

  /** Another program has the terminal meanwhile. */
  async lend<T>(work: () => Promise<T>): Promise<T> {
    const { stdin } = process;
    if (this.#isRaw) stdin.setRawMode(false);
    stdin.pause();
    try {
      return await work();
    } finally {
      stdin.resume();
      if (this.#isRaw) stdin.setRawMode(true);
    }
  }

  close(): void {
    clearInterval(this.#lookout);
    if (this.#isRaw) process.stdin.setRawMode(false);
    process.stdin.removeAllListeners("data").pause();
  }

  #set(handler: KeyHandler, isRaw: boolean): void {
    this.#handler = handler;
    if (isRaw !== this.#isRaw) process.stdin.setRawMode(isRaw);
    this.#isRaw = isRaw;
  }
}
