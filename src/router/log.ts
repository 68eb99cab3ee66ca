/** The router's log: one line an event on standard error, with time and level; the same line at most once a second. */

export type Level = "debug" | "info" | "warn" | "error";

const LEVELS: readonly Level[] = ["debug", "info", "warn", "error"];
const QUIET = 1000; // milliseconds

export class Log {
  private readonly least: number;
  private readonly write: (line: string) => void;
  private readonly last = new Map<string, number>();

  constructor(least: Level = "info", write: (line: string) => void = (line) => process.stderr.write(`${line}\n`)) {
    this.least = LEVELS.indexOf(least);
    this.write = write;
  }

  debug = (text: string): void => this.log("debug", text);
  info = (text: string): void => this.log("info", text);
  warn = (text: string): void => this.log("warn", text);
  error = (text: string): void => this.log("error", text);

  private log(level: Level, text: string): void {
    if (LEVELS.indexOf(level) < this.least) return;
    const now = Date.now();
    if (now - (this.last.get(text) ?? -QUIET) < QUIET) return;
    if (this.last.size > 1000) this.last.clear();
    this.last.set(text, now);
    this.write(`${new Date(now).toISOString()} ${level} ${text}`);
  }
}
