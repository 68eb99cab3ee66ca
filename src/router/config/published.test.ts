import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { publishedSchemas, schemaFile } from "#router/config/published";

test.each(Object.entries(publishedSchemas()))("schema/%s is what the program checks against", (name, text) => {
  // Out of date? `bin/bun src/router/config/published.ts` writes it anew.
  expect(JSON.parse(readFileSync(schemaFile(name), "utf8"))).toEqual(JSON.parse(text));
});
