/**
 * JSON Schemas of TypeScript's types, as its own type checker resolves them: so they cannot drift from the code. For tests
 * and for the pages that are made of them; nothing that is shipped imports this.
 */
import {
  API,
  type Checker,
  type Project,
  SignatureKind,
  SymbolFlags,
  type Type,
  TypeFlags,
  type TypeReference,
  type Symbol as TypeSymbol,
} from "typescript/unstable/async";

/** What of JSON Schema (draft 2020-12) is made here. */
export interface Schema {
  readonly $ref?: string;
  readonly type?: string | readonly string[];
  readonly description?: string;
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly anyOf?: readonly Schema[];
  readonly items?: Schema;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: Schema | boolean;
}

export interface TypeSchemas {
  /** Of each property of the type. */
  readonly properties: Readonly<Record<string, Schema>>;
  /** Of types with a name, that the others refer to as `#/$defs/…`. */
  readonly $defs: Readonly<Record<string, Schema>>;
}

/**
 * @param project `file`: path of a module in it, `name`: an interface or type of objects that it exports. Throws Error for what has no schema,
 * as a function.
 */
export async function schemasOf(project: {
  readonly tsconfig: string;
  readonly file: string;
  readonly name: string;
}): Promise<TypeSchemas> {
  const api = new API({ cwd: project.tsconfig.replace(/\/[^/]*$/, "") });
  try {
    const snapshot = await api.updateSnapshot({ openProjects: [project.tsconfig] });
    const opened = snapshot.getProject(project.tsconfig);
    if (opened === undefined) throw new Error(`${project.tsconfig} is no project`);
    return await new SchemaMaker(opened).propertiesOf(await exportedType(opened, project));
  } finally {
    await api.close();
  }
}

async function exportedType(
  { program, checker }: Project,
  { file, name }: { readonly file: string; readonly name: string },
): Promise<Type> {
  const source = await program.getSourceFile(file);
  const module = source && (await checker.getSymbolAtLocation(source));
  const symbol = module && (await checker.getMemberInModuleExports(module, name));
  if (symbol === undefined) throw new Error(`${file} exports no ${name}`);
  return checker.getDeclaredTypeOfSymbol(symbol);
}

/** Asks the checker one question after the other, so that definitions are the same ones each time. */
class SchemaMaker {
  readonly #checker: Checker;
  readonly #defs: Record<string, Schema> = {};
  /** Type's id → its name among the definitions. */
  readonly #names = new Map<number, string>();

  constructor({ checker }: Project) {
    this.#checker = checker;
  }

  async propertiesOf(type: Type): Promise<TypeSchemas> {
    const { properties = {} } = await this.#object(type, "");
    return { properties: sorted(properties), $defs: sorted(this.#defs) };
  }

  /** `place` tells where a type is that has no schema. */
  async #schema(type: Type, place: string): Promise<Schema> {
    if (type.isUnionType()) return this.#union(await type.getTypes(), place);
    if (type.flags & (TypeFlags.Any | TypeFlags.Unknown)) return {};
    if (type.isLiteralType()) return { const: type.value };
    for (const [flag, name] of PLAIN) if (type.flags & flag) return { type: name };
    if (await this.#checker.isTupleType(type)) throw new Error(`${place}: tuples have no schema here`);
    if (await this.#checker.isArrayType(type)) {
      const [element] = await this.#checker.getTypeArguments(type as TypeReference);
      return { type: "array", items: await this.#schema(element!, `${place}[]`) };
    }
    if (type.isObjectType() || type.isIntersectionType()) return this.#named(type, place);
    throw new Error(`${place}: ${await this.#checker.typeToString(type)} has no schema`);
  }

  async #union(types: readonly Type[], place: string): Promise<Schema> {
    const parts: Schema[] = [];
    for (const type of types) if (!(type.flags & TypeFlags.Undefined)) parts.push(await this.#schema(type, place));
    const isConstant = (part: Schema): boolean => Object.hasOwn(part, "const");
    const constants = parts.filter(isConstant).map((part) => part.const);
    const isBoolean = constants.includes(true) && constants.includes(false);
    const values = constants.filter((value) => !isBoolean || typeof value !== "boolean").sort();
    const all: Schema[] = [
      ...(values.length > 0 ? [{ type: typeof values[0], enum: values }] : []),
      ...(isBoolean ? [{ type: "boolean" }] : []),
      ...parts.filter((part) => !isConstant(part)),
    ];
    if (all.length === 1) return all[0]!;
    const isNull = (part: Schema): boolean => part.type === "null";
    const sorted = [...all.filter((part) => !isNull(part)), ...all.filter(isNull)];
    const plain = sorted.flatMap((part) => (Object.keys(part).join() === "type" ? [part.type as string] : []));
    return plain.length === sorted.length ? { type: plain } : { anyOf: sorted };
  }

  /** Those that a module of ours gives a name become definitions. */
  async #named(type: Type, place: string): Promise<Schema> {
    const symbol = (await type.getAliasSymbol()) ?? (await type.getSymbol());
    const name = symbol?.name;
    if (name === undefined || /[^\w$]|^__/.test(name) || LIBRARYS.includes(name)) return this.#object(type, place);
    if (!this.#names.has(type.id)) {
      if (Object.hasOwn(this.#defs, name)) throw new Error(`${place}: two types are called ${name}`);
      this.#names.set(type.id, name);
      this.#defs[name] = {}; // it may refer to itself
      this.#defs[name] = { ...(await this.#described(symbol!)), ...(await this.#object(type, name)) };
    }
    return { $ref: `#/$defs/${name}` };
  }

  async #object(type: Type, place: string): Promise<Schema> {
    const checker = this.#checker;
    if ((await checker.getSignaturesOfType(type, SignatureKind.Call)).length > 0)
      throw new Error(`${place}: a function has no schema`);
    const properties: Record<string, Schema> = {};
    const required: string[] = [];
    for (const member of await checker.getPropertiesOfType(type)) {
      const { name } = member;
      properties[name] = await this.#property(member, `${place}.${name}`);
      if (!(member.flags & SymbolFlags.Optional)) required.push(name);
    }
    const [index] = await checker.getIndexInfosOfType(type);
    return {
      type: "object",
      ...(Object.keys(properties).length > 0 && { properties }),
      ...(required.length > 0 && { required }),
      ...(index !== undefined && { additionalProperties: await this.#schema(index.valueType, `${place}.*`) }),
    };
  }

  async #property(member: TypeSymbol, place: string): Promise<Schema> {
    const type = await this.#checker.getTypeOfSymbol(member);
    if (type === undefined) throw new Error(`${place}: its type is unknown`);
    return { ...(await this.#schema(type, place)), ...(await this.#described(member)) };
  }

  async #described(symbol: TypeSymbol): Promise<Schema> {
    const description = (await symbol.getDocumentationComment(this.#checker)).replaceAll(/\s+/g, " ").trim();
    return description === "" ? {} : { description };
  }
}

const sorted = (schemas: Readonly<Record<string, Schema>>): Readonly<Record<string, Schema>> =>
  Object.fromEntries(Object.entries(schemas).sort(([a], [b]) => (a < b ? -1 : 1)));

const PLAIN = [
  [TypeFlags.String, "string"],
  [TypeFlags.Number, "number"],
  [TypeFlags.Boolean, "boolean"],
  [TypeFlags.Null, "null"],
] as const;

/** Types that TypeScript's library makes of others. */
const LIBRARYS = ["Readonly", "Record", "Omit", "Pick", "Partial", "Required"];
