/**
 * Rows of text in aligned columns, as wide as they need to be, or as the terminal that reads them is: then the last column
 * is wrapped if it is text, and the widest others are cut with an ellipsis.
 */
import { surroundings } from "#cli/surroundings";

type Side = "left" | "right";

/** Between columns. */
const GAP = 2;
/** What is left of a column of text that has to give way: a MAC address, an IPv4 address with its port. */
const NARROWEST = 17;
/** A last column is worth wrapping from here on. */
const WRAPPABLE = 20;

/** `align[i]` "right" for numbers. Trailing spaces are left out; an empty table is its heading alone. */
export function columns(
  heading: readonly string[],
  rows: readonly (readonly string[])[],
  align: readonly Side[] = [],
): string {
  const all = [heading, ...rows];
  const widths = heading.map((_, i) => Math.max(...all.map((row) => Bun.stringWidth(row[i] ?? ""))));
  const { width } = surroundings();
  const plain = all.map((row) => lineOf(row, widths, align));
  if (width === undefined || plain.every((line) => Bun.stringWidth(line) <= width)) return plain.join("\n");
  const fitted = fit(widths, align, width);
  return all.flatMap((row) => linesOf(row, fitted, align).map((line) => cut(line, width))).join("\n");
}

const lineOf = (row: readonly string[], widths: readonly number[], align: readonly Side[]): string =>
  widths
    .map((width, i) => pad(row[i] ?? "", width, align[i] ?? "left"))
    .join(" ".repeat(GAP))
    .trimEnd();

/** Several where the last column is wrapped. */
function linesOf(row: readonly string[], widths: readonly number[], align: readonly Side[]): string[] {
  const last = widths.length - 1;
  const text = row[last] ?? "";
  const cells = widths.slice(0, -1).map((width, i) => cut(row[i] ?? "", width));
  const isWrapped = align[last] !== "right" && Bun.stringWidth(text) > widths[last]!;
  const parts = isWrapped ? Bun.wrapAnsi(text, widths[last]!, { hard: true }).split("\n") : [text];
  return parts.map((part, i) => lineOf(i === 0 ? [...cells, part] : [...cells.map(() => ""), part], widths, align));
}

/** The widths, made less until they fit; numbers keep theirs. They may still be too wide: then lines are cut. */
function fit(widths: readonly number[], align: readonly Side[], width: number): number[] {
  const fitted = [...widths];
  const last = widths.length - 1;
  const excess = (): number => fitted.reduce((sum, each) => sum + each, GAP * last) - width;
  if (align[last] !== "right") fitted[last] = Math.min(fitted[last]!, Math.max(WRAPPABLE, fitted[last]! - excess()));
  while (excess() > 0) {
    const widest = widestOf(fitted, align);
    if (widest === undefined) break;
    fitted[widest] = fitted[widest]! - 1;
  }
  return fitted;
}

/** The widest column of text that can still give way. */
function widestOf(widths: readonly number[], align: readonly Side[]): number | undefined {
  const texts = widths.flatMap((width, i) => (align[i] !== "right" && width > NARROWEST ? [i] : []));
  return texts.length === 0 ? undefined : texts.reduce((most, i) => (widths[i]! > widths[most]! ? i : most));
}

const cut = (text: string, width: number): string =>
  Bun.stringWidth(text) <= width ? text : Bun.sliceAnsi(text, 0, width, "…").trimEnd();

function pad(text: string, width: number, side: Side): string {
  const space = " ".repeat(Math.max(0, width - Bun.stringWidth(text)));
  return side === "left" ? text + space : space + text;
}
