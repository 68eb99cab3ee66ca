/**
 * A file of lines that does not grow without end: full, it becomes `FILE.1`, that `FILE.2`, and the oldest goes. What is written in one turn of the
 * event loop goes out at its end. A disk that is full costs lines, which are counted, and is tried again.
 */
import { closeSync, existsSync, fstatSync, openSync, renameSync, unlinkSync, writeSync } from "node:fs";
import type { Millis } from "#base/time";

export interface LineFileOptions {
  readonly file: string;
  /** Octets. */
  readonly limit: number;
  /** Files beside the present one. */
  readonly keep: number;
  /** Cannot be written, in words; not for each line. */
  readonly trouble: (why: string) => void;
  /** Octets that may wait for the turn's end. Default 8 MiB. */
  readonly most?: number;
}

/** After a failure, until the next attempt. */
const REST: Millis = 5000;

export class LineFile {
  /** Lines that found no room. */
  lost = 0;
  readonly #options: Required<LineFileOptions>;
  #descriptor: number | undefined;
  #size = 0;
  #pending: string[] = [];
  #pendingOctets = 0;
  #scheduled: Timer | undefined;
  #restUntil: Millis = 0;

  constructor(options: LineFileOptions) {
    this.#options = { most: 8 * 2 ** 20, ...options };
  }

  /** `line`: without its end. */
  write(line: string): void {
    const octets = Buffer.byteLength(line) + 1;
    if (this.#pendingOctets + octets > this.#options.most || performance.now() < this.#restUntil) {
      this.lost++;
      return;
    }
    this.#pending.push(line);
    this.#pendingOctets += octets;
    this.#scheduled ??= setTimeout(() => this.flush(), 0);
  }

  /** What is pending, now. */
  flush(): void {
    clearTimeout(this.#scheduled);
    this.#scheduled = undefined;
    const lines = this.#pending;
    this.#pending = [];
    this.#pendingOctets = 0;
    try {
      for (let from = 0; from < lines.length; ) from = this.#writeFrom(lines, from);
    } catch (error) {
      this.lost += lines.length; // some of them may be there
      this.#restUntil = performance.now() + REST;
      this.#options.trouble(`${this.#options.file}: ${error instanceof Error ? error.message : String(error)}`);
      this.#close();
    }
  }

  close(): void {
    this.flush();
    this.#close();
  }

  /** As many as the file has room for, at least one; returns the index of the next. */
  #writeFrom(lines: readonly string[], from: number): number {
    const descriptor = this.#open();
    let to = from;
    let text = "";
    do text += `${lines[to++]}\n`;
    while (to < lines.length && this.#size + text.length + lines[to]!.length < this.#options.limit);
    const octets = Buffer.from(text);
    for (let at = 0; at < octets.length; ) at += writeSync(descriptor, octets, at);
    this.#size += octets.length;
    if (this.#size >= this.#options.limit || (to < lines.length && this.#size > 0)) this.#rotate();
    return to;
  }

  #open(): number {
    if (this.#descriptor === undefined) {
      this.#descriptor = openSync(this.#options.file, "a", 0o600);
      this.#size = fstatSync(this.#descriptor).size;
      if (this.#size >= this.#options.limit) {
        this.#rotate();
        return this.#open();
      }
    }
    return this.#descriptor;
  }

  #rotate(): void {
    this.#close();
    const { file, keep } = this.#options;
    if (existsSync(`${file}.${keep}`)) unlinkSync(`${file}.${keep}`);
    for (let i = keep - 1; i >= 1; i--) if (existsSync(`${file}.${i}`)) renameSync(`${file}.${i}`, `${file}.${i + 1}`);
    renameSync(file, `${file}.1`);
  }

  #close(): void {
    if (this.#descriptor !== undefined) closeSync(this.#descriptor);
    this.#descriptor = undefined;
  }
}
