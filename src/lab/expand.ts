/** Environment variables in a topology file, as containerlab writes them (a part of the shell's syntax). */

type Environment = Readonly<Record<string, string | undefined>>;

const NAME = /^[A-Za-z_]\w*/;
const FORM = /^([A-Za-z_]\w*)(?:(:?[-=+])([\s\S]*))?$/;

/**
 * Replaces `$NAME`, `${NAME}`, `${NAME:-other}` (also `-`, `=`, `:=`: other when unset, with a colon also when empty),
 * `${NAME+other}` and `${NAME:+other}` (other when set, with a colon and not empty); `$$` is a plain `$`. A variable
 * that is not set becomes nothing. Whatever is no such form stays as it is.
 */
export function expandVariables(text: string, environment: Environment): string {
  let out = "";
  let at = 0;
  for (let dollar = text.indexOf("$"); dollar !== -1; dollar = text.indexOf("$", at)) {
    out += text.slice(at, dollar);
    const { value, length } = expandAt(text.slice(dollar), environment);
    out += value;
    at = dollar + length;
  }
  return out + text.slice(at);
}

/** @param text begins with `$`. @returns what stands for its first `length` characters. */
function expandAt(text: string, environment: Environment): { value: string; length: number } {
  if (text.startsWith("$$")) return { value: "$", length: 2 };
  const name = NAME.exec(text.slice(1))?.[0];
  if (name !== undefined) return { value: environment[name] ?? "", length: 1 + name.length };
  const end = closingBrace(text);
  const form = end === -1 ? null : FORM.exec(text.slice(2, end));
  if (form === null) return { value: "$", length: 1 };
  return { value: substitute(form, environment), length: end + 1 };
}

function substitute([, name, operator, word]: RegExpExecArray, environment: Environment): string {
  const value = environment[name!];
  if (operator === undefined) return value ?? "";
  const isSet = operator.startsWith(":") ? value !== undefined && value !== "" : value !== undefined;
  const other = (): string => expandVariables(word!, environment);
  if (operator.endsWith("+")) return isSet ? other() : "";
  return isSet ? value! : other();
}

/** Index of the brace that closes `${`, over braces nested inside; −1 when there is none. */
function closingBrace(text: string): number {
  let depth = 0;
  for (let i = 1; i < text.length; i++) {
    if (text[i] === "{") depth++;
    if (text[i] === "}" && --depth === 0) return i;
    if (depth === 0) return -1;
  }
  return -1;
}
