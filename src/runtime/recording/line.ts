/**
 * One line of a recording: JSON, in which octets are `{"$hex": "fe80…"}` and numbers that JSON lacks
 * `{"$number": "Infinity"}`. What goes in comes out equal, or does not go in: TypeError.
 */
import { fromHex } from "#base/bytes";

type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

const HEX = "$hex";
const NUMBER = "$number";

/** Without the line's end. Throws TypeError for what is no plain data: a Map, a function, a key that begins with `$`. */
export const toLine = (value: unknown): string => JSON.stringify(encoded(value));

/** Throws SyntaxError when the text is no JSON, or what has to be octets is none. {@link faultOf} tells where. */
export const fromLine = (text: string): unknown => JSON.parse(text, (_, value: unknown) => decoded(value));

function encoded(value: unknown): Json {
  if (value === null || typeof value === "boolean" || typeof value === "string") return value;
  if (typeof value === "number")
    return isPlainNumber(value) ? value : { [NUMBER]: Object.is(value, -0) ? "-0" : `${value}` };
  if (value instanceof Uint8Array) return { [HEX]: Buffer.from(value).toString("hex") };
  if (Array.isArray(value)) return value.map(encoded);
  if (typeof value === "object" && isPlain(value)) return encodedObject(value);
  throw new TypeError(`a recording holds plain data, not ${describe(value)}`);
}

const isPlainNumber = (value: number): boolean => Number.isFinite(value) && !Object.is(value, -0);

function encodedObject(value: object): Json {
  const result = Object.create(null) as { [key: string]: Json }; // so that __proto__ is a key like others
  for (const [key, inner] of Object.entries(value)) {
    if (key.startsWith("$")) throw new TypeError(`a key of a recording does not begin with $: ${key}`);
    if (inner !== undefined) result[key] = encoded(inner);
  }
  return result;
}

function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

const describe = (value: unknown): string =>
  typeof value === "object" && value !== null ? `a ${value.constructor.name}` : `${typeof value}`;

function decoded(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (HEX in value) return octetsOf(value[HEX]);
  return NUMBER in value ? Number(value[NUMBER]) : value;
}

function octetsOf(text: unknown): Uint8Array {
  const octets = typeof text === "string" ? fromHex(text) : undefined;
  if (octets === undefined) throw new SyntaxError(`${HEX} without an even number of hexadecimal digits`);
  return octets;
}
