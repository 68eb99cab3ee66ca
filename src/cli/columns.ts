/** Rows of text in aligned columns, as wide as they need to be. */

/** `align[i]` "right" for numbers. Trailing spaces are left out; an empty table is its heading alone. */
export function columns(
  heading: readonly string[],
  rows: readonly (readonly string[])[],
  align: readonly ("left" | "right")[] = [],
): string {
  const all = [heading, ...rows];
  const widths = heading.map((_, i) => Math.max(...all.map((row) => Bun.stringWidth(row[i] ?? ""))));
  return all
    .map((row) =>
      widths
        .map((width, i) => pad(row[i] ?? "", width, align[i] ?? "left"))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}

function pad(text: string, width: number, side: "left" | "right"): string {
  const space = " ".repeat(Math.max(0, width - Bun.stringWidth(text)));
  return side === "left" ? text + space : space + text;
}
