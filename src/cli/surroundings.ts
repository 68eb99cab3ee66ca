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
export const surroundings = (): Surroundings => storage.getStore() ?? BARE;

/** Runs `work`, and whatever it starts, in these. */
export const within = <T>(these: Surroundings, work: () => T): T => storage.run(these, work);

/** The process's own. picocolors' own guess would colour a pipe of a CI system, too. */
export function processSurroundings(): Surroundings {
  const { stdout } = process;
  return { ...BARE, ...(stdout.isTTY && stdout.columns > 0 && { width: stdout.columns }) };
}

/** Where nobody has said anything: the process's streams, and no width, so that texts are the same everywhere. */
const BARE: Surroundings = {
  write: (text) => void process.stdout.write(text),
  writeError: (text) => void process.stderr.write(text),
  get isColored() {
    return wantsColors(process.stdout);
  },
  get isErrorColored() {
    return wantsColors(process.stderr);
  },
};

/** On a terminal, unless NO_COLOR is set (no-color.org). */
export function wantsColors(stream: { readonly isTTY?: boolean }): boolean {
  const { NO_COLOR, TERM } = process.env;
  return stream.isTTY === true && !NO_COLOR && TERM !== "dumb";
}
