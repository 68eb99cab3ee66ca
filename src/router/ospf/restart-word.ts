/** What a router that is to run again soon leaves for its next run: until when its neighbors wait. */
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import type { Millis } from "#base/time";

/** `until`: Unix milliseconds. */
export function leaveRestartWord(file: string, routerId: number, until: number): void {
  writeFileSync(file, JSON.stringify({ routerId, until }));
}

/**
 * Milliseconds that neighbors still wait; undefined: they do not. The word is good once, for the same router, and only if
 * it says no more than `period`: a clock may have been set meanwhile.
 */
export function takeRestartWord(file: string, routerId: number, period: Millis): Millis | undefined {
  if (!existsSync(file)) return undefined;
  const word = parsed(readFileSync(file, "utf8"));
  rmSync(file, { force: true });
  const left = (word?.until ?? 0) - Date.now();
  return word?.routerId === routerId && left > 0 && left <= period ? left : undefined;
}

/** Undefined for what is no such word: a run that was killed while it wrote. */
function parsed(text: string): { readonly routerId: unknown; readonly until: number } | undefined {
  try {
    const { routerId, until } = JSON.parse(text) as { routerId: unknown; until: unknown };
    return typeof until === "number" ? { routerId, until } : undefined;
  } catch {
    return undefined;
  }
}
