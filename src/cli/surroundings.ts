/**
 * What a command runs in: where its output goes, how wide that is, which router it means, when it is to end. A command
 * typed at an operating system's shell has the process's own; `ain shell` gives each of its commands others.
 */
import { AsyncLocalStorage } from "node:async_hooks";

export interface Surroundings {
  /** Takes text for standard output, and for standard error. */
  write(text: string): void;
  writeError(text: string): void;
  readonly isColored: boolean;
  readonly isErrorColored: boolean;
  /** Columns of the terminal that reads the output; undefined: nobody's, tables are as wide as they need to be. */
  readonly width?: number | undefined;
  /** API socket of the router that is meant where none is named. */
  readonly socket?: string | undefined;
  /** Routers that can be named beside those of /run/ain: name → API socket. */
  readonly routers?: ReadonlyMap<string, string> | undefined;
  /** Aborted when the operator wants the command to end. */
  readonly signal?: AbortSignal | undefined;
}

const storage = new AsyncLocalStorage<Surroundings>();

/** Of the command that asks. */
export const surroundings = (): Surroundings => storage.getStore() ?? streams();

/** Runs `work`, and whatever it starts, in these. */
export const within = <T>(these: Surroundings, work: () => T): T => storage.run(these, work);

/** The process's own, or as whoever started it passes its output on to a terminal. */
export function processSurroundings(): Surroundings {
  const { stdout, env } = process;
  const hint = /^(\d+) (plain|colored)$/.exec(env[TERMINAL] ?? "");
  if (!stdout.isTTY && hint !== null) {
    const isColored = hint[2] === "colored";
    return { ...streams(), isColored, isErrorColored: isColored, width: Number(hint[1]) };
  }
  return { ...streams(), ...(stdout.isTTY && stdout.columns > 0 && { width: stdout.columns }) };
}

/** Environment for a process of `ain` whose output will be read as that of these surroundings. */
export const terminalHint = ({ width, isColored }: Surroundings): Readonly<Record<string, string>> =>
  width === undefined ? {} : { [TERMINAL]: `${width} ${isColored ? "colored" : "plain"}` };

/** Name of the variable: columns, and whether there may be colours. */
const TERMINAL = "AIN_TERMINAL";

/** No width, so that texts are the same everywhere. Looked at anew each time: tests replace the process's streams. */
const streams = (): Surroundings => ({
  write: (text) => void process.stdout.write(text),
  writeError: (text) => void process.stderr.write(text),
  isColored: wantsColors(process.stdout),
  isErrorColored: wantsColors(process.stderr),
});

/** On a terminal, unless NO_COLOR is set (no-color.org). */
export function wantsColors(stream: { readonly isTTY?: boolean }): boolean {
  const { NO_COLOR, TERM } = process.env;
  return stream.isTTY === true && !NO_COLOR && TERM !== "dumb";
}
