/** How often this router has started, as its heartbeats tell (RFC 5847 §3.4): kept in a file beside the undo log. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";

/**
 * Counts up and returns the counter, 32 bits. Where no file says more it begins with the time, in seconds, so that a lost
 * file does not bring back what peers have heard before.
 */
export function countRestart(file: string, unixMillis: number): number {
  const least = Math.floor(unixMillis / 1000) >>> 0;
  const before = existsSync(file) ? Number.parseInt(readFileSync(file, "utf8"), 10) : Number.NaN;
  const counter = Number.isSafeInteger(before) && before >= 0 ? (before + 1) >>> 0 : least;
  writeFileSync(file, `${counter}\n`);
  return counter;
}
