/** What is wrong in a file an operator wrote: always where, what was found and what was expected. */

/** Keys and list indexes from the top of a document: `["vms", 2, "address"]`. */
export type Path = readonly (string | number)[];

export interface ConfigError {
  /** As the operator named it, or relative to what the operator named. */
  readonly file: string;
  /** From 1; 0 when the file could not be read at all, or is none that has lines. */
  readonly line: number;
  /** From 1, in UTF-16 units; 0 when the file could not be read at all. */
  readonly column: number;
  /** `vms[2].address`; empty for the file as a whole. */
  readonly path: string;
  readonly found: string;
  readonly expected: string;
  /** What the operator may do about it, where that can be told. */
  readonly hint?: string;
}

const PLAIN_KEY = /^[\w-]+$/;

/** `["vms", 2, "address"]` → `vms[2].address`. Keys with other characters than letters, digits, `_`, `-` are quoted. */
export function formatPath(path: Path): string {
  return path.reduce<string>((text, step) => {
    if (typeof step === "number") return `${text}[${step}]`;
    if (!PLAIN_KEY.test(step)) return `${text}[${JSON.stringify(step)}]`;
    return text === "" ? step : `${text}.${step}`;
  }, "");
}

/** One line, and the hint indented under it. */
export function formatConfigError(error: ConfigError): string {
  const place = error.line === 0 ? error.file : `${error.file}:${error.line}:${error.column}`;
  const path = error.path === "" ? "" : `${error.path}: `;
  const hint = error.hint === undefined ? "" : `\n    ${error.hint}`;
  return `${place}: ${path}found ${error.found}, expected ${error.expected}${hint}`;
}

/** In the order in which somebody repairing one file meets them. */
export const inFileOrder = (errors: readonly ConfigError[]): ConfigError[] =>
  [...errors].sort((a, b) => a.line - b.line || a.column - b.column);

const MOST_SHOWN = 60;

/** A value of a document in a few words: `"10.0.0.300"`, `a list of 3`, `nothing`. */
export function describeFound(value: unknown): string {
  if (value === undefined || value === null) return "nothing";
  if (Array.isArray(value)) return value.length === 0 ? "an empty list" : `a list of ${value.length}`;
  if (typeof value === "object") return "a mapping";
  if (typeof value !== "string") return String(value);
  return JSON.stringify(value.length > MOST_SHOWN ? `${value.slice(0, MOST_SHOWN)}…` : value);
}
