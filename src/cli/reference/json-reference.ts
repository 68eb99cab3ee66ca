/** schema/json.schema.json and docs/json.md: what commands print with `--json`. */
import { fileURLToPath } from "node:url";
import { anchor, code, madeFrom, table } from "#cli/reference/markdown";
import { type Schema, schemasOf, type TypeSchemas } from "#cli/reference/type-schema";

const path = (url: string): string => fileURLToPath(new URL(url, import.meta.url));

/** Of {@link JsonOutputs}, as the type checker has it: takes seconds. */
export const jsonSchemas = (): Promise<TypeSchemas> =>
  schemasOf({ tsconfig: path("./tsconfig.json"), file: path("../json-outputs.ts"), name: "JsonOutputs" });

export const jsonSchemaText = ({ properties, $defs }: TypeSchemas): string => {
  const head = {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    title: "What AIN's commands print with --json: #/properties/<command>",
  };
  return `${JSON.stringify({ ...head, properties, $defs }, null, 2)}\n`;
};

const INTRODUCTION = `# JSON

Every command that shows something takes \`--json\`, and prints one JSON document then; in \`ain shell\` \`| json\` does the
same, and \`@all … | json\` makes one object of it, by router. The API answers \`GET /v1/show/…\` and \`/v1/vm…\` with the same
documents.

**Stable** means: a field keeps its name, its type and its unit. There may be new fields, and new values of a text that
tells a state, so programs leave alone what they do not know. Addresses, prefixes and MAC addresses are text. Counters count
from the router's start. The JSON Schema is [schema/json.schema.json](../schema/json.schema.json): a command's is
\`#/properties/<command>\`.`;

/** Markdown. */
export function jsonPage({ properties, $defs }: TypeSchemas): string {
  const commands = Object.entries(properties).map(([name, schema]) => [
    code(`ain ${name}`),
    typeText(schema),
    schema.description ?? "",
  ]);
  const types = Object.entries($defs).flatMap(([name, schema]) => [
    `### ${name}`,
    ...(schema.description === undefined ? [] : [schema.description]),
    ...fields(schema),
  ]);
  return `${[
    madeFrom("src/cli/json-outputs.ts and the types that it names"),
    INTRODUCTION,
    "## Commands",
    table(["command", "prints", ""], commands),
    "## Types",
    "A field marked with ? may be absent.",
    ...types,
  ].join("\n\n")}\n`;
}

function fields({ properties = {}, required = [], additionalProperties }: Schema): string[] {
  const rows = Object.entries(properties).map(([name, schema]) => [
    `${code(name)}${required.includes(name) ? "" : " ?"}`,
    typeText(schema),
    schema.description ?? "",
  ]);
  const others = typeof additionalProperties === "object" ? [["any key", typeText(additionalProperties), ""]] : [];
  return rows.length + others.length === 0 ? [] : [table(["field", "type", "meaning"], [...rows, ...others])];
}

/** `[PortView](#portview)[]`, `number or null`, `{type: number, code?: number}`. */
function typeText(schema: Schema): string {
  const { $ref, type, enum: values, anyOf, items, properties, additionalProperties } = schema;
  if ($ref !== undefined) return link($ref.slice("#/$defs/".length));
  if (values !== undefined) return values.map((value) => code(JSON.stringify(value))).join(", ");
  if (Object.hasOwn(schema, "const")) return code(JSON.stringify(schema.const));
  if (anyOf !== undefined) return anyOf.map(typeText).join(" or ");
  if (items !== undefined) return `list of ${typeText(items)}`;
  if (properties !== undefined) return objectText(schema);
  if (typeof additionalProperties === "object") return `object of ${typeText(additionalProperties)}`;
  return type === undefined ? "anything" : [type].flat().map(plural).join(" or ");
}

const plural = (type: string): string => (type === "string" ? "text" : type);
const link = (name: string): string => `[${name}](#${anchor(name)})`;

function objectText({ properties = {}, required = [] }: Schema): string {
  const parts = Object.entries(properties).map(
    ([name, schema]) => `${code(name)}${required.includes(name) ? "" : "?"}: ${typeText(schema)}`,
  );
  return `{ ${parts.join(", ")} }`;
}
