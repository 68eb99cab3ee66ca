/**
 * The JSON Schemas of the two configuration files, for editors. Run as a program it writes them to schema/:
 * `bin/bun src/router/config/published.ts`.
 */
import { spawnSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { z } from "zod";
import { fabricDocument } from "#router/config/fabric-schema";
import { nodeDocument } from "#router/config/node-schema";

const DIRECTORY = new URL("../../../schema/", import.meta.url);

const publish = (schema: z.ZodType, title: string): string =>
  `${JSON.stringify({ title, ...z.toJSONSchema(schema, { io: "input", target: "draft-7" }) }, null, 2)}\n`;

/** File name → its text. */
export const publishedSchemas = (): Record<string, string> => ({
  "fabric.schema.json": publish(fabricDocument, "AIN fabric.yaml"),
  "node.schema.json": publish(nodeDocument, "AIN node.yaml"),
});

/** Where the schema of that name is kept in the repository. */
export const schemaFile = (name: string): URL => new URL(name, DIRECTORY);

if (import.meta.main) {
  mkdirSync(DIRECTORY, { recursive: true });
  for (const [name, text] of Object.entries(publishedSchemas())) writeFileSync(schemaFile(name), text);
  const biome = fileURLToPath(new URL("../../../node_modules/.bin/biome", import.meta.url));
  spawnSync(biome, ["format", "--write", fileURLToPath(DIRECTORY)], { stdio: "inherit" });
}
