/** What commands write: coloured on a terminal, plain in a pipe and where NO_COLOR is set (no-color.org). */
import picocolors from "picocolors";

type Stream = { readonly isTTY?: boolean };

/** picocolors' own guess would colour a pipe of a CI system, too. */
export function colorsFor(stream: Stream): ReturnType<typeof picocolors.createColors> {
  const { NO_COLOR, TERM } = process.env;
  return picocolors.createColors(stream.isTTY === true && !NO_COLOR && TERM !== "dumb");
}

export function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

export function printError(text: string): void {
  process.stderr.write(`${text}\n`);
}

/** `value` as JSON on standard output, readable by people too. */
export const printJson = (value: unknown): void => print(JSON.stringify(value, null, 2));

/** `1 node`, `2 nodes`. */
export const counted = (count: number, one: string, several = `${one}s`): string =>
  `${count} ${count === 1 ? one : several}`;
