/** Reads a recording line by line, however large the file is. */
import { closeSync, openSync, readSync } from "node:fs";
import { faultOf } from "#runtime/recording/json-fault";
import { fromLine } from "#runtime/recording/line";

/** The file is no recording, or damaged: the message is for the operator as it is. */
export class RecordingError extends Error {
  override readonly name = "RecordingError";
}

export interface RecordedLine {
  /** From 1. */
  readonly line: number;
  readonly value: unknown;
}

const CHUNK = 1 << 20; // octets

/**
 * The lines' values. A last line without its end is what a killed process leaves: it is passed over, and `truncated` is
 * told its number. Throws RecordingError for any other line that is no JSON, naming line and column, and for a file that
 * cannot be read.
 */
export function* readRecording(file: string, truncated: (line: number) => void): IterableIterator<RecordedLine> {
  let number = 0;
  for (const { text, isWhole } of linesOf(file)) {
    number++;
    const value = parsed(text);
    if (value !== undefined) yield { line: number, value };
    else if (isWhole) throw damaged(file, number, text);
    else truncated(number);
  }
}

/** Undefined: it is none. */
function parsed(text: string): unknown {
  try {
    return fromLine(text);
  } catch {
    return undefined;
  }
}

function damaged(file: string, line: number, text: string): RecordingError {
  const at = faultOf(text);
  if (at < 0) return new RecordingError(`${file}:${line}: octets that are no hexadecimal digits`);
  const found = at === text.length ? "the line's end" : JSON.stringify(text.slice(at, at + 20));
  return new RecordingError(`${file}:${line}:${at + 1}: found ${found}, expected JSON: the recording is damaged`);
}

function* linesOf(file: string): IterableIterator<{ readonly text: string; readonly isWhole: boolean }> {
  const descriptor = opened(file);
  try {
    const decoder = new TextDecoder();
    const chunk = new Uint8Array(CHUNK);
    let rest = "";
    for (;;) {
      const count = readSync(descriptor, chunk);
      if (count === 0) break;
      const parts = (rest + decoder.decode(chunk.subarray(0, count), { stream: true })).split("\n");
      rest = parts.pop()!;
      for (const text of parts) yield { text, isWhole: true };
    }
    rest += decoder.decode();
    if (rest !== "") yield { text: rest, isWhole: false };
  } finally {
    closeSync(descriptor);
  }
}

function opened(file: string): number {
  try {
    return openSync(file, "r");
  } catch (error) {
    throw new RecordingError(`${file}: ${error instanceof Error ? error.message : String(error)}`);
  }
}
