/** Ctrl-R at a terminal: the search stands where the prompt was, and what it finds becomes the editor's line. */
import type { Interface } from "node:readline";
import type { PassThrough } from "node:stream";
import { keysOf, NO_SEARCH, pressed, searchText } from "#cli/shell/history-search";
import type { Terminal } from "#cli/shell/terminal";

export interface Searching {
  readonly terminal: Terminal;
  readonly editor: Interface;
  /** The editor's. */
  readonly keys: PassThrough;
  readonly history: { readonly lines: readonly string[] };
}

/** @param typed what came behind Ctrl-R in one piece. */
export function searchBackwards({ terminal, editor, keys, history }: Searching, typed: string): void {
  const { cursor } = editor;
  editor.write(null, { ctrl: true, name: "a" }); // so that a line of several rows is drawn anew from its first
  let search = NO_SEARCH;
  const draw = (): void => {
    const text = searchText(search, history.lines);
    terminal.write(`\r\x1b[J${[...text].slice(0, terminal.columns - 1).join("")}`);
  };
  const end = (): void => {
    giveBack();
    terminal.write("\r\x1b[J");
    editor.prompt(true);
  };
  const press = (text: string): void => {
    const left = keysOf(text);
    for (let key = left.shift(); key !== undefined; key = left.shift()) {
      const step = pressed(history.lines, search, key);
      if (step.type === "go on") {
        search = step.search;
        continue;
      }
      end();
      if (step.type === "leave") toColumn(editor, cursor);
      else replaceLine(editor, step.line);
      keys.write((step.type === "take" ? step.keys : "") + left.join(""));
      return;
    }
    draw();
  };
  const giveBack = terminal.takeKeys((octets) => press(octets.toString()), { isRaw: true });
  press(typed);
}

function replaceLine(editor: Interface, line: string): void {
  if (line === "") return;
  for (const name of ["e", "u"]) editor.write(null, { ctrl: true, name }); // to its end, and away with it
  editor.write(line);
}

/** From the line's beginning. */
function toColumn(editor: Interface, column: number): void {
  for (let i = 0; i < column; i++) editor.write(null, { name: "right" });
}
