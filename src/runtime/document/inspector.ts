/**
 * Checks the parts of a document against schemas and gathers everything that is wrong, so that one run shows all of it.
 *
 * A schema's `error` text says what is expected ("a whole number 1 … 16"); what was found is read from the document.
 */
import { z } from "zod";
import { closest } from "#runtime/document/closest";
import { type ConfigError, describeFound, formatPath, inFileOrder, type Path } from "#runtime/document/config-error";
import type { Source } from "#runtime/document/source";

type Issue = z.core.$ZodIssue;

/** What a check of its own has to say about `path`. */
export interface Complaint {
  readonly found: string;
  readonly expected: string;
  readonly hint?: string;
  /** Points at the key rather than at its value. */
  readonly aim?: "value" | "key";
}

export class Inspector {
  readonly source: Source;
  /** Paths whose values must not be repeated in an error. */
  readonly #secrets: readonly (string | RegExp)[];
  readonly #errors: ConfigError[] = [];
  readonly #warnings: ConfigError[] = [];

  constructor(source: Source, secrets: readonly (string | RegExp)[] = []) {
    this.source = source;
    this.#secrets = secrets;
  }

  get errors(): ConfigError[] {
    return inFileOrder(this.#errors);
  }

  get warnings(): ConfigError[] {
    return inFileOrder(this.#warnings);
  }

  /** The value at `path` as `schema` gives it; undefined, with its errors noted, when it does not fit. */
  read<S extends z.ZodType>(schema: S, path: Path): z.output<S> | undefined {
    const value = this.valueAt(path);
    const result = schema.safeParse(value);
    if (result.success) return result.data;
    for (const issue of result.error.issues) this.#note(schema, path, issue);
    // A misspelt key of its own need not hide what the other keys say.
    const stray = result.error.issues.flatMap((i) => (i.code === "unrecognized_keys" && !i.path.length ? i.keys : []));
    if (stray.length === 0) return undefined;
    const rest = Object.entries(value as object).filter(([key]) => !stray.includes(key));
    const again = schema.safeParse(Object.fromEntries(rest));
    return again.success ? again.data : undefined;
  }

  /** The elements of the list at `path` that fit `schema`, each with its index. A list that is absent is empty. */
  readList<S extends z.ZodType>(schema: S, path: Path): { index: number; value: z.output<S> }[] {
    const list = this.valueAt(path);
    if (!Array.isArray(list)) return [];
    return list.flatMap((_, index) => {
      const value = this.read(schema, [...path, index]);
      return value === undefined ? [] : [{ index, value }];
    });
  }

  /** The entries of the mapping at `path` whose values fit `schema`. A mapping that is absent is empty. */
  readEntries<S extends z.ZodType>(schema: S, path: Path): { key: string; value: z.output<S> }[] {
    const mapping = this.valueAt(path);
    if (!isMapping(mapping)) return [];
    return Object.keys(mapping).flatMap((key) => {
      const value = this.read(schema, [...path, key]);
      return value === undefined ? [] : [{ key, value }];
    });
  }

  /** Says the same of the same place once: a schema may find one thing wrong in several ways. */
  report(path: Path, complaint: Complaint): void {
    const error = this.#place(path, complaint);
    if (!this.#errors.some((e) => e.path === error.path && e.expected === error.expected)) this.#errors.push(error);
  }

  /** Something that works but should not stay so. */
  warn(path: Path, complaint: Complaint): void {
    this.#warnings.push(this.#place(path, complaint));
  }

  /** `line 12`, for a complaint that has to mention a second place of this file. */
  lineOf(path: Path): string {
    return `line ${this.source.locate(path).line}`;
  }

  valueAt(path: Path): unknown {
    let value = this.source.value;
    for (const step of path) value = (value as Record<string | number, unknown> | undefined | null)?.[step];
    return value;
  }

  #place(path: Path, { found, expected, hint, aim }: Complaint): ConfigError {
    const place = { file: this.source.file, ...this.source.locate(path, aim), path: formatPath(path) };
    return { ...place, found, expected, ...(hint === undefined ? {} : { hint }) };
  }

  #note(schema: z.ZodType, base: Path, issue: Issue): void {
    const inner = stepsOf(issue);
    const path = [...base, ...inner];
    if (issue.code === "unrecognized_keys") {
      const known = keysAt([schema], inner);
      for (const key of issue.keys) this.report([...path, key], strayKey(key, known));
    } else if (issue.code === "invalid_union") {
      const fitting = issue.errors.filter((branch) => branch.length > 0 && !branch.some(isOfOtherType));
      if (fitting.length !== 1) this.#mismatch(path, issue.message);
      else for (const deeper of fitting[0]!) this.#note(schema, base, { ...deeper, path: [...inner, ...deeper.path] });
    } else if (issue.code === "invalid_key") {
      const expected = issue.issues[0]?.message ?? issue.message;
      this.report(path, { found: `the key ${describeFound(inner.at(-1))}`, expected, aim: "key" });
    } else {
      this.#mismatch(path, issue.message);
    }
  }

  #mismatch(path: Path, expected: string): void {
    const value = this.valueAt(path);
    const secret = value !== undefined && this.#isSecret(formatPath(path));
    this.report(path, { found: secret ? "something else (not shown, it is secret)" : describeFound(value), expected });
  }

  #isSecret(path: string): boolean {
    return this.#secrets.some((secret) => (typeof secret === "string" ? secret === path : secret.test(path)));
  }
}

export const isMapping = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** JSON paths have no symbols. */
const stepsOf = (issue: Issue): (string | number)[] => issue.path.filter((step) => typeof step !== "symbol");

/** The branch of a union was not even of the value's type, so what it says helps nobody. */
const isOfOtherType = (issue: Issue): boolean =>
  issue.path.length === 0 && (issue.code === "invalid_type" || issue.code === "invalid_value");

/** What to say of a key that is none of the known ones. */
export function strayKey(key: string, known: readonly string[]): Complaint {
  const meant = closest(key, known);
  const hint = meant === undefined ? {} : { hint: `Did you mean "${meant}"?` };
  return { found: `the unknown key "${key}"`, expected: `one of ${known.join(", ")}`, aim: "key", ...hint };
}

/** The keys that a mapping at `path` may have. */
function keysAt(schemas: readonly z.core.$ZodType[], path: Path): string[] {
  const bare = schemas.flatMap(withoutWrapping);
  const [step, ...rest] = path;
  if (step === undefined) return bare.flatMap((s) => (s instanceof z.ZodObject ? Object.keys(s.shape) : []));
  const below = bare.flatMap((s): z.core.$ZodType[] => {
    if (s instanceof z.ZodObject) return Object.hasOwn(s.shape, step) ? [s.shape[step]] : [];
    if (s instanceof z.ZodArray) return [s.element];
    return s instanceof z.ZodRecord ? [s.valueType as z.core.$ZodType] : [];
  });
  return below.length === 0 ? [] : keysAt(below, rest);
}

const WRAPPINGS = [z.ZodOptional, z.ZodDefault, z.ZodPrefault, z.ZodNullable];

function withoutWrapping(schema: z.core.$ZodType): z.core.$ZodType[] {
  if (WRAPPINGS.some((kind) => schema instanceof kind))
    return withoutWrapping((schema as z.ZodOptional<z.ZodType>).unwrap());
  if (schema instanceof z.ZodPipe) return withoutWrapping(schema.in);
  if (schema instanceof z.ZodUnion) return schema.options.flatMap(withoutWrapping);
  return [schema];
}
