/** Ctrl-R: the latest line that has what is typed in it; again for an earlier one. What a key does to a search, as a function. */

const ESCAPE = "\x1b";
const BACKSPACE: readonly string[] = ["\x7f", "\b"];
export const CTRL_R = "\x12";
const CTRL_C = "\x03";
const CTRL_G = "\x07";
const CTRL_U = "\x15";

export interface Search {
  /** What is looked for. */
  readonly text: string;
  /** Index in the history of the line that has it, the latest being 0; −1: none has. */
  readonly at: number;
}

export const NO_SEARCH: Search = { text: "", at: -1 };

/** `go on`: another search; `take`: the line is the editor's, and the keys that ended it too; `leave`: all as it was before. */
export type SearchStep =
  | { readonly type: "go on"; readonly search: Search }
  | { readonly type: "take"; readonly line: string; readonly keys: string }
  | { readonly type: "leave" };

/**
 * @param history the latest first.
 * @param key one key, or an escape sequence.
 */
export function pressed(history: readonly string[], search: Search, key: string): SearchStep {
  const { text, at } = search;
  if (key === CTRL_R) return { type: "go on", search: text === "" ? search : earlier(history, search) };
  if (key === CTRL_G || key === CTRL_C) return { type: "leave" };
  if (key === CTRL_U) return { type: "go on", search: NO_SEARCH };
  if (BACKSPACE.includes(key)) return { type: "go on", search: latest(history, [...text].slice(0, -1).join("")) };
  if (key >= " " && !key.startsWith(ESCAPE)) return { type: "go on", search: onwards(history, search, text + key) };
  // Enter carries it out, arrows move in it; escape alone means nothing to the editor.
  return { type: "take", line: history[at] ?? "", keys: key === ESCAPE ? "" : key };
}

/** What is shown in place of the prompt. */
export const searchText = ({ text, at }: Search, history: readonly string[]): string =>
  `(${at < 0 && text !== "" ? "nothing has" : "search"}) \`${text}': ${history[at] ?? ""}`;

const latest = (history: readonly string[], text: string): Search => ({
  text,
  at: text === "" ? -1 : history.findIndex((line) => line.includes(text)),
});

/** The line that was found, if it has the longer text too, or an earlier one. */
function onwards(history: readonly string[], { at }: Search, text: string): Search {
  return { text, at: history.findIndex((line, i) => i >= Math.max(0, at) && line.includes(text)) };
}

/** The last one stays where there is none before. */
function earlier(history: readonly string[], { text, at }: Search): Search {
  const found = history.findIndex((line, i) => i > at && line.includes(text));
  return { text, at: found < 0 ? at : found };
}

/** Keys of what came in one piece: escape sequences whole (ECMA-48 §5.4), anything else a character at a time. */
export const keysOf = (text: string): string[] =>
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the escape character is what sequences begin with
  [...text.matchAll(/\x1b(?:\[[0-?]*[ -/]*[@-~]|O.)?|[\s\S]/gu)].map(([key]) => key);
