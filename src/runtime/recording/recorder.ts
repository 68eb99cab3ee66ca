/**
 * Writes what a core is told to a file, a line an event, so that it can be replayed (reader.ts). What was told in one
 * turn of the event loop is written at its end: a killed process loses at most the last line's end.
 */
import { closeSync, existsSync, openSync, renameSync, writeSync } from "node:fs";
import { toLine } from "#runtime/recording/line";

export interface RecorderOptions {
  readonly file: string;
  /** Octets; a recording without its beginning is worth nothing, so the last events are what is left out. */
  readonly limit: number;
  /** The recording has ended by itself: it is full, or the disk is. */
  readonly ended: (why: string) => void;
}

export class Recorder {
  private readonly options: RecorderOptions;
  private descriptor: number | undefined;
  private pending: string[] = [];
  private scheduled: Timer | undefined;
  private room: number;

  /** An earlier recording of that name becomes `FILE.1`. The file is its owner's alone. Throws Error: it cannot be made. */
  static create(options: RecorderOptions): Recorder {
    const { file } = options;
    if (existsSync(file)) renameSync(file, `${file}.1`);
    return new Recorder(options, openSync(file, "wx", 0o600));
  }

  /** `descriptor`: of the open file, the recorder's from now on. */
  constructor(options: RecorderOptions, descriptor: number) {
    this.options = options;
    this.descriptor = descriptor;
    this.room = options.limit;
  }

  /** False once it has ended. */
  get isOpen(): boolean {
    return this.descriptor !== undefined;
  }

  /** Plain data only: see line.ts. */
  write(value: unknown): void {
    if (this.descriptor === undefined) return;
    const line = `${toLine(value)}\n`;
    this.room -= Buffer.byteLength(line);
    if (this.room < 0) {
      this.end(`${this.options.file} is full (${this.options.limit} octets)`);
      return;
    }
    this.pending.push(line);
    this.scheduled ??= setTimeout(() => this.flush(), 0);
  }

  /** What is pending, now. */
  flush(): void {
    clearTimeout(this.scheduled);
    this.scheduled = undefined;
    const text = this.pending.join("");
    this.pending = [];
    if (this.descriptor === undefined || text === "") return;
    try {
      writeWhole(this.descriptor, Buffer.from(text));
    } catch (error) {
      this.end(`${this.options.file}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }

  close(): void {
    this.flush();
    if (this.descriptor !== undefined) closeSync(this.descriptor);
    this.descriptor = undefined;
  }

  private end(why: string): void {
    if (this.descriptor === undefined) return;
    const { descriptor } = this;
    this.flush();
    this.descriptor = undefined;
    closeSync(descriptor);
    this.options.ended(why);
  }
}

function writeWhole(descriptor: number, octets: Uint8Array): void {
  for (let at = 0; at < octets.length; ) at += writeSync(descriptor, octets, at);
}
