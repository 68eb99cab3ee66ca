/**
 * The router's log: one line an event on standard error, as text for people or as JSON for programs. The same line is written once a
 * second at most, and lines of one event name two hundred times; what was held back is told.
 */
import type { LogEvent } from "#router/log-events";

export type Level = "debug" | "info" | "warn" | "error";
export type LogFormat = "text" | "json";

const LEVELS: readonly Level[] = ["debug", "info", "warn", "error"];
/** Milliseconds in which a line is written once. */
const QUIET = 1000;
/** Lines of one event, of all texts, in that time. */
const MOST_EACH = 200;
/** Texts remembered at once. */
const MOST_TEXTS = 1000;

/** What a line is about, beside its text: of JSON, keys of their own. */
export interface LogFields {
  readonly port?: string;
  readonly vm?: string;
  readonly tenant?: string;
}

interface Line extends LogFields {
  readonly level: Level;
  readonly event: LogEvent;
  readonly message: string;
}

interface Recent {
  readonly line: Line;
  readonly until: number;
  held: number;
}

export interface LogOptions {
  readonly format?: LogFormat;
}

export class Log {
  /** Lines written, by level. */
  readonly written = new Map<Level, number>(LEVELS.map((level) => [level, 0]));
  /** Lines held back. */
  heldBack = 0;
  private readonly least: number;
  private readonly write: (line: string) => void;
  private readonly format: LogFormat;
  /** By level and text, the oldest first. */
  private readonly recent = new Map<string, Recent>();
  private readonly counts = new Map<LogEvent, { since: number; lines: number; held: number }>();
  private timer: Timer | undefined;

  constructor(
    least: Level = "info",
    write: (line: string) => void = (line) => process.stderr.write(`${line}\n`),
    { format = "text" }: LogOptions = {},
  ) {
    this.least = LEVELS.indexOf(least);
    this.write = write;
    this.format = format;
  }

  debug = (message: string, event: LogEvent, fields: LogFields = {}): void =>
    this.log({ level: "debug", event, message, ...fields });
  info = (message: string, event: LogEvent, fields: LogFields = {}): void =>
    this.log({ level: "info", event, message, ...fields });
  warn = (message: string, event: LogEvent, fields: LogFields = {}): void =>
    this.log({ level: "warn", event, message, ...fields });
  error = (message: string, event: LogEvent, fields: LogFields = {}): void =>
    this.log({ level: "error", event, message, ...fields });

  private log(line: Line): void {
    if (LEVELS.indexOf(line.level) < this.least) return;
    const now = Date.now();
    this.tellHeld(now);
    const key = `${line.level} ${line.message}`;
    const before = this.recent.get(key);
    if (before !== undefined) {
      before.held++;
      this.heldBack++;
      this.timer ??= this.later();
      return;
    }
    if (!this.mayPass(line.event, now)) return;
    if (this.recent.size >= MOST_TEXTS) this.forgetOldest(now);
    this.recent.set(key, { line, until: now + QUIET, held: 0 });
    this.put(line, now);
  }

  /** Lines of one event in a second. */
  private mayPass(event: LogEvent, now: number): boolean {
    const count = this.counts.get(event);
    if (count === undefined || now - count.since >= QUIET) {
      this.counts.set(event, { since: now, lines: 1, held: 0 });
      return true;
    }
    count.lines++;
    if (count.lines <= MOST_EACH) return true;
    count.held++;
    this.heldBack++;
    this.timer ??= this.later();
    return false;
  }

  private later(): Timer {
    const timer = setTimeout(() => {
      this.timer = undefined;
      this.tellHeld(Date.now());
    }, QUIET);
    timer.unref();
    return timer;
  }

  /** Says how many lines were kept back whose second is over. */
  private tellHeld(now: number): void {
    for (const [key, { line, until, held }] of this.recent) {
      if (until > now) break;
      this.recent.delete(key);
      if (held > 0) this.put(line, now, held);
    }
    for (const [event, { since, held }] of this.counts) {
      if (now - since < QUIET) continue;
      this.counts.delete(event);
      if (held > 0) this.put({ level: "warn", event, message: `${event}: too many lines in a second` }, now, held);
    }
  }

  private forgetOldest(now: number): void {
    const [key, { line, held }] = this.recent.entries().next().value!;
    this.recent.delete(key);
    if (held > 0) this.put(line, now, held);
  }

  /** `held`: such lines that were not written. */
  private put(line: Line, now: number, held = 0): void {
    const { level, event, message, ...fields } = line;
    this.written.set(level, this.written.get(level)! + 1);
    const time = new Date(now).toISOString();
    if (this.format === "json")
      this.write(JSON.stringify({ time, level, event, message, ...fields, ...(held > 0 && { heldBack: held }) }));
    else this.write(`${time} ${level} ${message}${held > 0 ? ` (${held} more held back)` : ""}`);
  }
}
