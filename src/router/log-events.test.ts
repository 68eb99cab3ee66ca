import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { LOG_EVENTS } from "#router/log-events";

test("docs/watching.md has every event of the log, with what it means", () => {
  const page = readFileSync(new URL("../../docs/watching.md", import.meta.url), "utf8");
  const rows = Object.entries(LOG_EVENTS).map(([name, meaning]) => `| \`${name}\` | ${meaning} |`);
  expect(page).toContain(`| event | what |\n|---|---|\n${rows.join("\n")}\n\n`);
});
