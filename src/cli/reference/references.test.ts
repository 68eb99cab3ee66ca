import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { program } from "#cli/program";
import { referenceFile, references } from "#cli/reference/write";
import { leaves } from "#cli/shell/tree";

// Asking the type checker takes seconds: once for all tests.
const made = references();

for (const path of ["docs/cli.md", "docs/config-reference.md", "docs/json.md", "schema/json.schema.json"]) {
  test(`${path} is what the program says`, async () => {
    // Out of date? `bin/bun src/cli/reference/write.ts` writes it anew.
    const [kept, now] = [readFileSync(referenceFile(path), "utf8"), (await made)[path]!];
    if (path.endsWith(".json")) expect(JSON.parse(kept)).toEqual(JSON.parse(now));
    else expect(kept).toBe(now);
  });
}

test("every command that prints JSON has a schema", async () => {
  const { properties } = JSON.parse((await made)["schema/json.schema.json"]!) as {
    properties: Record<string, unknown>;
  };
  const schemas = Object.keys(properties);
  const withJson = leaves(program()).filter(({ command }) => command.options.some(({ long }) => long === "--json"));
  const missing = withJson.flatMap(({ path, command }) => {
    const name = path.join(" ");
    const choices = command.registeredArguments[0]?.argChoices;
    const names = choices === undefined ? [name] : choices.map((choice) => `${name} ${choice}`);
    return names.filter((each) => !schemas.includes(each) && each !== NOTHING);
  });
  expect(missing).toEqual([]);
});

/** It prints nothing, with `--json` or without. */
const NOTHING = "vm detach";
