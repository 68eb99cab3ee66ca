/** Shows what a command writes: as it comes when it goes on and on, page by page when it is long. */
import { spawn } from "node:child_process";
import type { Output } from "#cli/shell/shell";
import type { Terminal } from "#cli/shell/terminal";
import { wantsColors } from "#cli/surroundings";

/** Milliseconds after its first output: a command that still runs then is shown as it comes. */
const ONGOING = 150;

export class Screen {
  readonly #terminal: Terminal;
  readonly #isPaged: boolean;
  #kept = "";
  #isLive: boolean;
  #timer: Timer | undefined;

  constructor(terminal: Terminal, { isPaged }: { readonly isPaged: boolean }) {
    this.#terminal = terminal;
    this.#isPaged = isPaged;
    this.#isLive = !isPaged;
  }

  output(signal: AbortSignal): Output {
    const write = (text: string): void => this.#write(text);
    const isColored = wantsColors(process.stdout);
    return {
      ...{ write, writeError: write, isColored, isErrorColored: isColored, signal },
      width: this.#terminal.columns,
    };
  }

  #write(text: string): void {
    if (this.#isLive) {
      this.#terminal.write(text);
      return;
    }
    this.#kept += text;
    this.#timer ??= setTimeout(() => this.#goLive(), ONGOING);
  }

  #goLive(): void {
    this.#isLive = true;
    this.#terminal.write(this.#kept);
    this.#kept = "";
  }

  /** The command has ended. Returns when the operator has seen enough. */
  async end(): Promise<void> {
    clearTimeout(this.#timer);
    if (this.#isLive) return;
    const lines = this.#kept.split("\n");
    const rows = lines.reduce(
      (sum, line) => sum + Math.max(1, Math.ceil(Bun.stringWidth(line) / this.#terminal.columns)),
      0,
    );
    if (!this.#isPaged || rows <= this.#terminal.rows) this.#terminal.write(this.#kept);
    else if (process.env.PAGER) await this.#throughPager(process.env.PAGER);
    else await this.#pageByPage(this.#kept.replace(/\n$/, "").split("\n"));
  }

  /** As `man` and `git` call it. */
  #throughPager(pager: string): Promise<void> {
    return this.#terminal.lend(
      () =>
        new Promise((resolve) => {
          const env = { ...process.env, LESS: process.env.LESS ?? "FRX" };
          const child = spawn("sh", ["-c", pager], { env, stdio: ["pipe", "inherit", "inherit"] });
          child.stdin.on("error", () => {}); // it was quit before it had read everything
          child.stdin.end(this.#kept);
          child.once("close", () => resolve());
        }),
    );
  }

  async #pageByPage(lines: readonly string[]): Promise<void> {
    let shown = 0;
    let more = this.#terminal.rows - 1;
    while (more > 0) {
      const page = fitting(lines.slice(shown), more, this.#terminal.columns);
      this.#terminal.write(page.map((line) => `${line}\n`).join(""));
      shown += page.length;
      if (shown >= lines.length) return;
      more = await this.#ask(shown, lines.length);
    }
  }

  /** How many rows to go on for; 0: enough. */
  async #ask(shown: number, all: number): Promise<number> {
    const percent = Math.floor((100 * shown) / all);
    // Who sees the question may answer at once: the terminal listens before it is there.
    let pressed = this.#terminal.key();
    this.#terminal.write(`\x1b[7m more (${percent} %)  space: page, enter: line, a: all, q: end \x1b[27m`);
    try {
      for (;;) {
        const rows = KEYS[await pressed]?.(this.#terminal.rows);
        if (rows !== undefined) return rows;
        pressed = this.#terminal.key();
      }
    } finally {
      this.#terminal.write("\r\x1b[K");
    }
  }
}

const page = (rows: number): number => rows - 1;
const line = (): number => 1;
const end = (): number => 0;
const KEYS: Readonly<Record<string, (rows: number) => number>> = {
  " ": page,
  f: page,
  "\x1b[6~": page, // page down
  "\r": line,
  "\n": line,
  j: line,
  "\x1b[B": line, // arrow down
  a: () => Number.POSITIVE_INFINITY,
  q: end,
  Q: end,
  "\x03": end, // Ctrl-C
  "\x1b": end, // escape
};

/** The first lines that take no more than so many rows; at least one. */
function fitting(lines: readonly string[], rows: number, columns: number): readonly string[] {
  let left = rows;
  const end = lines.findIndex((line) => {
    left -= Math.max(1, Math.ceil(Bun.stringWidth(line) / columns));
    return left < 0;
  });
  return lines.slice(0, end === -1 ? lines.length : Math.max(1, end));
}
