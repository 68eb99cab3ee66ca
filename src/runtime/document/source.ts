/** A YAML file read so that everything said about it later can name line and column. */
import { readFileSync } from "node:fs";
import {
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  type Pair,
  parseDocument,
  type ScalarTag,
  type YAMLError,
} from "yaml";
import type { ConfigError, Path } from "#runtime/document/config-error";

export interface Position {
  /** From 1. */
  readonly line: number;
  /** From 1. */
  readonly column: number;
}

export interface Source {
  readonly file: string;
  /** Plain JavaScript data; `undefined` for an empty file. */
  readonly value: unknown;
  /** Where `path` is written: its value, or its key; where that does not exist, what should contain it. */
  locate(path: Path, aim?: "value" | "key"): Position;
}

export type ReadResult = { readonly source: Source } | { readonly errors: ConfigError[] };

/**
 * Digits too many for a double to hold exactly stay text: a 128-bit key may happen to have no letter in it.
 */
const LONG_DIGITS: ScalarTag = {
  tag: "tag:yaml.org,2002:str",
  default: true,
  test: /^[-+.0-9eE]{17,}$/,
  resolve: (text: string) => text,
};

/**
 * Never throws: what the file system refuses becomes an error about the file.
 * @param edit changes the text before it is parsed; lines and columns are those of the changed text.
 */
export function readSource(file: string, edit = (text: string): string => text): ReadResult {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    return { errors: [unreadable(file, error)] };
  }
  return parseSource(file, edit(text));
}

export function parseSource(file: string, text: string): ReadResult {
  const lines = new LineCounter();
  const document = parseDocument(text, {
    lineCounter: lines,
    prettyErrors: false,
    merge: true,
    customTags: (tags) => [LONG_DIGITS, ...tags],
  });
  if (document.errors.length > 0) return { errors: syntaxErrors(file, document.errors, lines) };
  let value: unknown;
  try {
    value = document.toJS() ?? undefined;
  } catch (error) {
    // The one thing left that can be wrong: aliases that unfold without end (the yaml package's maxAliasCount).
    const found = error instanceof Error ? error.message : String(error);
    return { errors: [{ file, line: 1, column: 1, path: "", found, expected: "aliases that can be unfolded" }] };
  }
  return { source: { file, value, locate: (path, aim = "value") => locate(document, lines, path, aim) } };
}

function unreadable(file: string, error: unknown): ConfigError {
  const code = error instanceof Error && "code" in error ? String(error.code) : String(error);
  const words: Record<string, string> = {
    ENOENT: "no such file",
    EACCES: "a file this user may not read",
    EISDIR: "a directory",
    ENOTDIR: "a path that leads through a file",
  };
  return { file, line: 0, column: 0, path: "", found: words[code] ?? code, expected: "a readable YAML file" };
}

/** One error a line: the parser's later complaints about a line it lost its way in help nobody. */
function syntaxErrors(file: string, errors: readonly YAMLError[], lines: LineCounter): ConfigError[] {
  const byLine = new Map<number, ConfigError>();
  for (const error of errors) {
    const { line, col } = lines.linePos(error.pos[0]);
    if (byLine.has(line)) continue;
    const place = { file, line, column: col, path: "" };
    if (error.code === "DUPLICATE_KEY") {
      byLine.set(line, { ...place, found: "a key for the second time in one mapping", expected: "each key once" });
    } else if (error.code === "BLOCK_AS_IMPLICIT_KEY") {
      const hint = 'Text that ends with a colon, such as 2001:db8::, has to be in quotes: "2001:db8::"';
      byLine.set(line, { ...place, found: "a mapping inside a line", expected: "one value", hint });
    } else {
      const found = error.message.charAt(0).toLowerCase() + error.message.slice(1);
      byLine.set(line, { ...place, found: `a YAML error (${found})`, expected: "well-formed YAML" });
    }
  }
  return [...byLine.values()];
}

function locate(document: Document, lines: LineCounter, path: Path, aim: "value" | "key"): Position {
  let node = document.contents as Node | null;
  let start = node?.range?.[0] ?? 0;
  for (const [depth, step] of path.entries()) {
    const resolved = isAlias(node) ? node.resolve(document) : node;
    const last = depth === path.length - 1;
    if (isSeq(resolved) && typeof step === "number") {
      node = (resolved.items[step] as Node | undefined) ?? null;
    } else if (isMap(resolved)) {
      const pair = resolved.items.find((p) => isScalar(p.key) && String(p.key.value) === String(step));
      if (pair === undefined) break;
      if (last && aim === "key") {
        start = offsetOf(pair.key) ?? start;
        break;
      }
      node = pairValue(pair);
      start = offsetOf(pair.key) ?? start;
    } else {
      break;
    }
    if (node === null) break;
    start = node.range?.[0] ?? start;
  }
  const { line, col } = lines.linePos(start);
  return { line: Math.max(1, line), column: Math.max(1, col) };
}

const offsetOf = (node: unknown): number | undefined => (isScalar(node) ? node.range?.[0] : undefined);

/** Null for `key:` with nothing behind it, so that the key is shown. */
const pairValue = (pair: Pair): Node | null => {
  const value = pair.value as Node | null;
  return isScalar(value) && value.value === null ? null : value;
};
