/** Tables and headings of Markdown pages that are made from code. */

/** Said at the top of such a page. `from`: what it is made of. */
export const madeFrom = (from: string): string =>
  `<!-- Made from ${from} by \`bin/bun src/cli/reference/write.ts\`; a test checks that it is current. -->`;

/** A table; cells may be of several lines. */
export const table = (heading: readonly string[], rows: readonly (readonly string[])[]): string =>
  [heading, heading.map(() => "---"), ...rows.map((row) => row.map(cell))]
    .map((row) => `| ${row.join(" | ")} |`)
    .join("\n");

const cell = (text: string): string => text.replaceAll("|", "\\|").replaceAll("\n", " ");

export const code = (text: string): string => `\`${text}\``;

/** As GitHub makes an anchor of a heading. */
export const anchor = (heading: string): string =>
  heading
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}\s_-]/gu, "")
    .replaceAll(" ", "-");
