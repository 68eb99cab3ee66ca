/**
 * The output of one command at many routers. Each router's is shown whole under its name, in their order. A command that
 * goes on and on is shown as it comes, each line with the router's name; JSON becomes one document, by router.
 */
import type { Output } from "#cli/shell/shell";

/** Milliseconds after a router's first output: a command that still runs then goes on and on. */
const ONGOING = 700;

interface Part {
  text: string;
  errors: string;
  hasEnded: boolean;
}

interface Manner {
  readonly isJson: boolean;
  /** The line above a router's output. */
  title(name: string): string;
}

export class Gathering {
  readonly #parts: ReadonlyMap<string, Part>;
  readonly #output: Output;
  readonly #manner: Manner;
  #isLive = false;
  #shown = 0;
  #timer: Timer | undefined;

  constructor(names: readonly string[], output: Output, manner: Manner) {
    this.#parts = new Map(names.map((name) => [name, { text: "", errors: "", hasEnded: false }]));
    this.#output = output;
    this.#manner = manner;
  }

  /** Where the router of that name writes to. */
  output(name: string): Output {
    const part = this.#parts.get(name)!;
    return {
      ...this.#output,
      write: (text) => {
        part.text += text;
        if (this.#isLive) this.#flush(name, part);
        else if (!this.#manner.isJson) this.#timer ??= setTimeout(() => this.#goLive(), ONGOING);
      },
      writeError: (text) => {
        part.errors += text;
      },
    };
  }

  ended(name: string): void {
    this.#parts.get(name)!.hasEnded = true;
    if (!this.#isLive && !this.#manner.isJson) this.#showEnded();
  }

  end(): void {
    clearTimeout(this.#timer);
    if (this.#manner.isJson) this.#showJson();
    if (this.#isLive) for (const [name, part] of this.#parts) this.#flush(name, part, true);
  }

  /** From the first on, as far as they have ended. */
  #showEnded(): void {
    const all = [...this.#parts];
    for (; all[this.#shown]?.[1].hasEnded; this.#shown++) {
      const [name, { text, errors }] = all[this.#shown]!;
      if (text === "" && errors === "") continue;
      this.#output.write(`${this.#manner.title(name)}\n${text}`);
      if (errors !== "") this.#output.writeError(errors);
    }
  }

  #goLive(): void {
    const open = [...this.#parts.values()].filter(({ hasEnded }) => !hasEnded);
    if (open.every(({ text }) => text === "")) {
      this.#timer = setTimeout(() => this.#goLive(), ONGOING); // nothing to be seen yet: some do not answer
      return;
    }
    this.#isLive = true;
    for (const [name, part] of [...this.#parts].slice(this.#shown)) this.#flush(name, part);
  }

  /** Whole lines, or all that there is. */
  #flush(name: string, part: Part, isLast = false): void {
    const end = isLast ? part.text.length : part.text.lastIndexOf("\n") + 1;
    const lines = part.text
      .slice(0, end)
      .split("\n")
      .filter((line, i, all) => i < all.length - 1 || line !== "");
    part.text = part.text.slice(end);
    for (const line of lines) this.#output.write(`${name}: ${line}\n`);
    if (part.errors !== "") this.#output.writeError(`${name}: ${part.errors}`);
    part.errors = "";
  }

  #showJson(): void {
    const found = [...this.#parts].filter(([, { text }]) => text.trim() !== "");
    this.#output.write(
      `${JSON.stringify(Object.fromEntries(found.map(([name, { text }]) => [name, parsed(text)])), null, 2)}\n`,
    );
    for (const [name, { errors }] of this.#parts) if (errors !== "") this.#output.writeError(`${name}: ${errors}`);
  }
}

/** What a filter has made of JSON may be none any more. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text.trimEnd().split("\n");
  }
}
