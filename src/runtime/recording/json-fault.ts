/** Where a text stops being JSON (RFC 8259), which the engine's own parser does not tell. */

const LITERAL = /true|false|null/y;
const NUMBER = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?/y;
/** All control characters end a string's run: they have to be escaped (§7). */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const STRING = /"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*/y;
const SPACE = /[ \t\n\r]*/y;

/** Offset of the first character that cannot be part of JSON, the text's length when its end is missing; −1: it is JSON. */
export function faultOf(text: string): number {
  const scan = new Scan(text);
  const whole = scan.value() && scan.atEnd();
  return whole ? -1 : scan.at;
}

class Scan {
  at = 0;
  private readonly text: string;

  constructor(text: string) {
    this.text = text;
  }

  value(): boolean {
    this.take(SPACE);
    switch (this.text[this.at]) {
      case "{":
        return this.members("}", () => this.string() && this.token(":") && this.value());
      case "[":
        return this.members("]", () => this.value());
      case '"':
        return this.string();
      default:
        return this.take(LITERAL) || this.take(NUMBER);
    }
  }

  atEnd(): boolean {
    this.take(SPACE);
    return this.at === this.text.length;
  }

  private members(close: string, member: () => boolean): boolean {
    this.at++;
    if (this.token(close)) return true;
    while (member()) {
      if (this.token(close)) return true;
      if (!this.token(",")) return false;
    }
    return false;
  }

  private string(): boolean {
    this.take(SPACE);
    return this.take(STRING) && this.character('"');
  }

  private token(character: string): boolean {
    this.take(SPACE);
    return this.character(character);
  }

  private character(wanted: string): boolean {
    if (this.text[this.at] !== wanted) return false;
    this.at++;
    return true;
  }

  private take(pattern: RegExp): boolean {
    pattern.lastIndex = this.at;
    if (!pattern.test(this.text)) return false;
    this.at = pattern.lastIndex;
    return true;
  }
}
