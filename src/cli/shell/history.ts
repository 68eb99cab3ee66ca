/** Lines that were typed, in a file: `$XDG_STATE_HOME/ain/history` (XDG Base Directory Specification). */
import { appendFileSync, existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join } from "node:path";

/** Lines that are kept. */
export const MOST = 1000;

export const historyFile = (): string => {
  const { XDG_STATE_HOME } = process.env;
  return join(XDG_STATE_HOME || join(homedir(), ".local/state"), "ain/history");
};

/** Shells side by side append to it; a home that cannot be written to costs the history, not the shell. */
export class History {
  readonly #file: string;
  readonly #tell: (trouble: string) => void;
  /** The latest first. */
  #lines: string[] = [];
  #isLost = false;

  /** `tell` hears once that lines cannot be kept. */
  constructor(file: string, tell: (trouble: string) => void) {
    this.#file = file;
    this.#tell = tell;
  }

  /** What was read and has been added since, the latest first. */
  get lines(): readonly string[] {
    return this.#lines;
  }

  /** The latest first. A file that has grown is made short. */
  read(): string[] {
    this.#lines =
      this.#try(() => {
        if (!existsSync(this.#file)) return [];
        const lines = readFileSync(this.#file, "utf8")
          .split("\n")
          .filter((line) => line !== "");
        const kept = lines.slice(-MOST);
        if (lines.length > 2 * MOST) this.#replace(kept);
        return kept.reverse();
      }) ?? [];
    return [...this.#lines];
  }

  /** What is typed twice in a row is kept once; a line that begins with a space is not kept. */
  add(line: string): void {
    if (line.trim() === "" || line.startsWith(" ") || line === this.#lines[0]) return;
    this.#lines.unshift(line);
    if (this.#isLost) return;
    this.#try(() => {
      mkdirSync(dirname(this.#file), { recursive: true, mode: 0o700 });
      appendFileSync(this.#file, `${line}\n`, { mode: 0o600 });
    });
  }

  /** All or nothing: another shell may be reading. */
  #replace(lines: readonly string[]): void {
    const draft = `${this.#file}.${process.pid}`;
    writeFileSync(draft, `${lines.join("\n")}\n`, { mode: 0o600 });
    renameSync(draft, this.#file);
  }

  #try<T>(work: () => T): T | undefined {
    try {
      return work();
    } catch (error) {
      this.#isLost = true;
      this.#tell(`no history is kept: ${(error as Error).message}`);
      return undefined;
    }
  }
}
