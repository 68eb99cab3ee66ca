/** What `?` shows: what can come next, with what it means. */
import type { Completion } from "#cli/shell/completion";

/** @param width columns of the terminal. */
export function helpText({ candidates, expected }: Completion, line: string, width: number): string {
  const rows = [
    ...candidates.map(({ text, description }) => [text, firstSentence(description)] as const),
    ...expected.map(({ name, description }) => [name, firstSentence(description)] as const),
  ];
  if (rows.length === 0) return line.trim() === "" ? "" : "  nothing that is known here\n";
  const longest = Math.min(32, Math.max(...rows.map(([name]) => Bun.stringWidth(name))));
  return rows
    .map(([name, meaning]) => `  ${name.padEnd(longest)}  ${meaning}`.trimEnd())
    .map((text) => `${Bun.sliceAnsi(text, 0, width, "…")}\n`)
    .join("");
}

/** The rest is for `help`. */
const firstSentence = (text: string): string => text.split(". ")[0]!;
