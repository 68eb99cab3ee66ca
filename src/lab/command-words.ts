/** Splits a command line into words as a shell's quoting does, without being a shell: no variables, no patterns. */

/**
 * `sh -c 'echo "a b"' x\ y` → `["sh", "-c", 'echo "a b"', "x y"]`. Undefined when a quote is not closed.
 */
export function commandWords(line: string): string[] | undefined {
  const words: string[] = [];
  let word: string | undefined;
  let quote = "";
  for (let i = 0; i < line.length; i++) {
    const char = line[i]!;
    const next = line[i + 1];
    if (char === quote) {
      quote = "";
    } else if (char === "\\" && escapes(quote, next)) {
      word = (word ?? "") + next;
      i++;
    } else if (quote !== "") {
      word += char;
    } else if (char === "'" || char === '"') {
      quote = char;
      word ??= "";
    } else if (/\s/.test(char)) {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else {
      word = (word ?? "") + char;
    }
  }
  if (quote !== "") return undefined;
  return word === undefined ? words : [...words, word];
}

/** A backslash is itself inside single quotes, and inside double quotes unless it protects `"`, `\` or `$`. */
function escapes(quote: string, next: string | undefined): boolean {
  if (next === undefined || quote === "'") return false;
  return quote === "" || next === '"' || next === "\\" || next === "$";
}
