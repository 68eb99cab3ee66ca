/** What commands write: coloured on a terminal, plain in a pipe and where NO_COLOR is set (no-color.org). */
import picocolors from "picocolors";
import { surroundings } from "#cli/surroundings";

type Stream = { readonly isTTY?: boolean };

/** `stream`: standard error, or standard output in place of all others. */
export function colorsFor(stream: Stream): ReturnType<typeof picocolors.createColors> {
  const { isColored, isErrorColored } = surroundings();
  return picocolors.createColors(stream === process.stderr ? isErrorColored : isColored);
}

export function print(text: string): void {
  surroundings().write(`${text}\n`);
}

export function printError(text: string): void {
  surroundings().writeError(`${text}\n`);
}

/** `value` as JSON on standard output, readable by people too. */
export const printJson = (value: unknown): void => print(JSON.stringify(value, null, 2));

/** `1 node`, `2 nodes`. */
export const counted = (count: number, one: string, several = `${one}s`): string =>
  `${count} ${count === 1 ? one : several}`;
