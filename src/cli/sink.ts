/** Octets that a command writes to a file, or to standard output. */
import { createWriteStream } from "node:fs";
import { DENIED, Failure } from "#cli/failure";

export interface Sink {
  /** Written so far. */
  readonly octets: number;
  /** Waits while whoever reads has no room. */
  write(octets: Uint8Array): Promise<void>;
  end(): Promise<void>;
}

/** `file`: "-" is standard output. A file is its owner's alone. Writing throws Failure. */
export function openSink(file: string): Sink {
  const stream = file === "-" ? process.stdout : createWriteStream(file, { mode: 0o600 });
  const failed = new Promise<never>((_, reject) => {
    stream.once("error", (error) => reject(new Failure(`${file}: ${error.message}`, DENIED)));
  });
  failed.catch(() => {});
  let octets = 0;
  const done = (act: (told: (error?: Error | null) => void) => void): Promise<void> =>
    Promise.race([new Promise<void>((resolve) => act(() => resolve())), failed]);
  return {
    get octets() {
      return octets;
    },
    write: (piece) => {
      octets += piece.length;
      return done((told) => void stream.write(piece, told));
    },
    end: () => (file === "-" ? Promise.resolve() : done((told) => void stream.end(told))),
  };
}
