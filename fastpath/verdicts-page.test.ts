import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { ENDINGS } from "#fastpath/verdicts";
import { DROPS_PAGE, dropsPage } from "#fastpath/verdicts-page";

test("docs/drops.md is what the program counts", () => {
  // Out of date? `bin/bun fastpath/verdicts-page.ts` writes it anew.
  expect(readFileSync(DROPS_PAGE, "utf8")).toBe(dropsPage());
});

test("the page has a row for every ending", () => {
  const page = dropsPage();
  expect(ENDINGS.slice(1).filter(({ name }) => !page.includes(`| \`${name}\` |`))).toEqual([]);
});
