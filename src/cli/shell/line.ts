/**
 * Takes a line of the shell apart: `COMMAND… [| FILTER…]…`, with quotes and backslashes as a shell has them, and no more
 * of a shell: no variables, no patterns. `#` begins a comment.
 */

export interface Word {
  /** Without its quotes. */
  readonly text: string;
  /** Where it is in the line, quotes included. */
  readonly start: number;
  readonly end: number;
  /** It has quotes or backslashes: no option, no sign. */
  readonly isQuoted: boolean;
}

export interface Line {
  /** The command, then each filter; none is left out, also when it has no words. */
  readonly stages: readonly (readonly Word[])[];
  /** A quote that is not closed; "": none. */
  readonly openQuote: string;
}

export function readLine(line: string): Line {
  const stages: Word[][] = [[]];
  let word: { text: string; start: number; isQuoted: boolean } | undefined;
  let quote = "";
  const finish = (end: number): void => {
    if (word !== undefined) stages.at(-1)!.push({ ...word, end });
    word = undefined;
  };
  for (let i = 0; i < line.length; i++) {
    const char = line[i]!;
    const next = line[i + 1];
    if (quote === "" && /\s/.test(char)) {
      finish(i);
      continue;
    }
    if (quote === "" && char === "|") {
      finish(i);
      stages.push([]);
      continue;
    }
    if (quote === "" && char === "#" && word === undefined) return { stages, openQuote: "" };
    word ??= { text: "", start: i, isQuoted: false };
    if (char === quote) quote = "";
    else if (quote === "" && (char === "'" || char === '"')) {
      quote = char;
      word.isQuoted = true;
    } else if (char === "\\" && isEscaping(quote, next)) {
      word.text += next;
      word.isQuoted = true;
      i++;
    } else word.text += char;
  }
  finish(line.length);
  return { stages, openQuote: quote };
}

/** A backslash is itself inside single quotes, and inside double quotes unless it protects `"` or `\`. */
function isEscaping(quote: string, next: string | undefined): boolean {
  if (next === undefined || quote === "'") return false;
  return quote === "" || next === '"' || next === "\\";
}

/** As it has to be typed. */
export const quoted = (text: string): string =>
  /^[^\s'"\\|#]+$/.test(text) ? text : text.includes("'") ? `"${text.replace(/["\\]/g, "\\$&")}"` : `'${text}'`;
