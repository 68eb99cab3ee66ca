/** docs/config-reference.md: every key of fabric.yaml and node.yaml, from the schemas that read them. */
import { code, madeFrom, table } from "#cli/reference/markdown";
import { publishedSchemas } from "#router/config/published";

/** What of the published schemas is told. */
interface ConfigSchema {
  readonly type?: string;
  readonly description?: string;
  readonly default?: unknown;
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly anyOf?: readonly ConfigSchema[];
  readonly items?: ConfigSchema;
  readonly properties?: Readonly<Record<string, ConfigSchema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: ConfigSchema | boolean;
}

const INTRODUCTION = `# Every key of the configuration

All keys of \`fabric.yaml\` and \`node.yaml\`; what they are for, with examples, is in [configuration.md](configuration.md) and
the pages that it names. Keys in bold must be there. A \`*\` in a path stands for a name or an id, \`[]\` for each element of a
list. Times are written as in \`50ms\`, \`10s\`, \`1h\`. Editors complete and check by the JSON Schemas in
[schema/](../schema).`;

/** Markdown. */
export function configPage(): string {
  const schemas = publishedSchemas();
  const page = (name: string): string[] => sections("", JSON.parse(schemas[`${name}.schema.json`]!) as ConfigSchema);
  return `${[
    madeFrom("the schemas in src/router/config"),
    INTRODUCTION,
    "## fabric.yaml",
    ...page("fabric"),
    "## node.yaml",
    ...page("node"),
  ].join("\n\n")}\n`;
}

/** The mapping at `path`, and those inside it. */
function sections(path: string, schema: ConfigSchema): string[] {
  const { properties = {}, required = [] } = schema;
  const rows = Object.entries(properties).map(([key, value]) => [
    required.includes(key) ? `**${code(key)}**` : code(key),
    valueText(value),
    value.default === undefined || isObject(value.default) ? "" : code(JSON.stringify(value.default)),
    meaning(value),
  ]);
  const inside = Object.entries(properties).flatMap(([key, value]) =>
    below(path === "" ? key : `${path}.${key}`, value),
  );
  return [...(path === "" ? [] : [`### ${path}`]), table(["key", "value", "default", "meaning"], rows), ...inside];
}

/** Mappings that a value is, or that are in it: of several that have the same keys one. */
function below(path: string, schema: ConfigSchema): string[] {
  if (schema.anyOf !== undefined) {
    const found = schema.anyOf.map((one) => below(path, one)).filter((each) => each.length > 0);
    return found[0] ?? [];
  }
  if (schema.items !== undefined) return below(`${path}[]`, schema.items);
  if (schema.properties !== undefined) return sections(path, schema);
  return typeof schema.additionalProperties === "object" ? below(`${path}.*`, schema.additionalProperties) : [];
}

const isObject = (value: unknown): boolean => typeof value === "object" && value !== null;

/** Its own, or that of the elements of a list. */
const meaning = ({ description, items }: ConfigSchema): string =>
  description ?? (items?.description === undefined ? "" : `each: ${items.description}`);

function valueText(schema: ConfigSchema): string {
  const { type, anyOf, items, properties, enum: values, minimum, maximum, additionalProperties } = schema;
  if (anyOf !== undefined) {
    const texts = anyOf.filter((one) => one.type !== "null").map(valueText);
    return [...new Set(texts)].join(", or ");
  }
  if (Object.hasOwn(schema, "const")) return code(JSON.stringify(schema.const));
  if (values !== undefined) return values.map((value) => code(String(value))).join(", ");
  if (items !== undefined) return `list of ${valueText(items)}`;
  if (properties !== undefined) return "mapping";
  if (typeof additionalProperties === "object") return `mapping of ${valueText(additionalProperties)}`;
  if (type === "boolean") return "`true`, `false`";
  if (type === "string") return "text";
  return minimum === undefined || maximum === undefined ? (type ?? "anything") : `${minimum} … ${maximum}`;
}
