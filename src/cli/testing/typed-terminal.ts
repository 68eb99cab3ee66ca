/** A program at a pseudo-terminal, as a person sits at it: types, and waits for what is to be seen. */

/** Milliseconds that what is waited for may take on a busy machine. */
const PATIENCE = 20_000;

interface Size {
  readonly rows: number;
  readonly columns: number;
}

export class TypedTerminal {
  readonly exited: Promise<number>;
  /** All that was written since the last thing that was typed, escape sequences included. */
  #written = "";
  readonly #terminal: Bun.Terminal;
  #heard: () => void = () => {};

  constructor(command: string[], { rows, columns }: Size, env: Readonly<Record<string, string>>) {
    this.#terminal = new Bun.Terminal({
      ...{ rows, cols: columns },
      data: (_, octets) => {
        this.#written += Buffer.from(octets).toString();
        this.#heard();
      },
    });
    // Without a session of its own the terminal would not be its controlling one, and Ctrl-C no signal.
    const child = Bun.spawn(["setsid", "--ctty", ...command], {
      terminal: this.#terminal,
      env: { ...process.env, TERM: "xterm-256color", ...env },
    });
    this.exited = child.exited;
  }

  /** As it was written, escape sequences included. */
  get raw(): string {
    return this.#written;
  }

  /** What a person can read of it, by lines. */
  get text(): string {
    return Bun.stripANSI(this.#written).replaceAll("\r", "");
  }

  /** Keys in one press, or pasted. */
  type(keys: string): void {
    this.#written = "";
    this.#terminal.write(keys);
  }

  /** Waits until it can be read; throws Error with what there is instead. @returns the text. */
  async see(expected: RegExp): Promise<string> {
    const late = AbortSignal.timeout(PATIENCE);
    while (!expected.test(this.text)) {
      if (late.aborted) throw new Error(`waited for ${expected}, found:\n${JSON.stringify(this.text)}`);
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#heard = resolve;
      late.addEventListener("abort", () => resolve(), { once: true });
      await promise;
    }
    return this.text;
  }

  /** Types a line and waits for the prompt after what comes of it. @returns what was between. */
  async line(text: string, prompt: RegExp): Promise<string> {
    this.type(`${text}\r`);
    const seen = await this.see(new RegExp(`\\n[\\s\\S]*${prompt.source}$`));
    return seen.slice(seen.indexOf("\n") + 1, seen.lastIndexOf("\n") + 1);
  }

  close(): void {
    this.#terminal.close();
  }
}
