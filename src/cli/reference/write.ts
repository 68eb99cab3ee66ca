/** The pages and schemas that are made from code; run as a program it writes them anew: `bin/bun src/cli/reference/write.ts`. */
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { cliPage } from "#cli/reference/cli-page";
import { configPage } from "#cli/reference/config-page";
import { jsonPage, jsonSchemas, jsonSchemaText } from "#cli/reference/json-reference";

const ROOT = new URL("../../../", import.meta.url);

/** Path in the repository → text. */
export async function references(): Promise<Readonly<Record<string, string>>> {
  const schemas = await jsonSchemas();
  return {
    "docs/cli.md": cliPage(),
    "docs/config-reference.md": configPage(),
    "docs/json.md": jsonPage(schemas),
    "schema/json.schema.json": jsonSchemaText(schemas),
  };
}

export const referenceFile = (path: string): URL => new URL(path, ROOT);

if (import.meta.main) {
  for (const [path, text] of Object.entries(await references())) writeFileSync(referenceFile(path), text);
  const biome = fileURLToPath(new URL("node_modules/.bin/biome", ROOT));
  spawnSync(biome, ["format", "--write", fileURLToPath(new URL("schema", ROOT))], { stdio: "inherit" });
}
