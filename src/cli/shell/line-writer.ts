/** Cuts text into lines and has filters decide about them. */
import { type Filter, throughAll } from "#cli/shell/filters";

export class LineWriter {
  readonly #filter: Filter;
  readonly #isBare: boolean;
  readonly #out: (text: string) => void;
  #rest = "";

  /** `out` gets whole lines, with their ends; without filters whatever comes, as it comes. */
  constructor(filters: readonly Filter[], out: (text: string) => void) {
    this.#filter = throughAll(filters);
    this.#isBare = filters.length === 0;
    this.#out = out;
  }

  write(text: string): void {
    if (this.#isBare) {
      this.#out(text);
      return;
    }
    const lines = (this.#rest + text).split("\n");
    this.#rest = lines.pop()!;
    for (const line of lines) this.#put(this.#filter.line(line));
  }

  end(): void {
    if (this.#isBare) return;
    if (this.#rest !== "") this.#put(this.#filter.line(this.#rest));
    this.#rest = "";
    this.#put(this.#filter.end());
  }

  #put(lines: readonly string[]): void {
    for (const line of lines) this.#out(`${line}\n`);
  }
}
