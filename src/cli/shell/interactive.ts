/** The shell at a terminal: prompt, line editing with completion and history, `?`, Ctrl-C. */
import { createInterface, type Interface } from "node:readline";
import { PassThrough } from "node:stream";
import { FAILED, INTERRUPTED, OK } from "#cli/failure";
import { colorsFor, printError } from "#cli/output";
import { tell } from "#cli/program";
import { greeting } from "#cli/shell/greeting";
import { helpText } from "#cli/shell/help-text";
import { History, historyFile, MOST } from "#cli/shell/history";
import { CTRL_R } from "#cli/shell/history-search";
import { readLine } from "#cli/shell/line";
import { searchBackwards } from "#cli/shell/reverse-search";
import { Screen } from "#cli/shell/screen";
import type { Shell } from "#cli/shell/shell";
import { Terminal } from "#cli/shell/terminal";
import { watch } from "#cli/shell/watch";

/** Until it is ended. @returns 0. */
export async function interact(shell: Shell): Promise<number> {
  const terminal = new Terminal();
  const history = new History(historyFile(), printError);
  const keys = new PassThrough();
  const editor = createInterface({
    input: keys,
    output: process.stdout,
    terminal: true,
    history: history.read(),
    historySize: MOST,
    removeHistoryDuplicates: true,
    completer: (line: string, done: Completed) => void completeLine(shell, line).then((found) => done(null, found)),
  });
  const typing = { shell, terminal, editor, keys, history };
  const giveBack = terminal.takeKeys((pressed) => void onKeys(pressed, typing), { isRaw: true });
  terminal.write(await greeting(shell));
  try {
    for (;;) {
      editor.setPrompt(promptOf(shell));
      const line = await nextLine(editor);
      if (line === undefined) {
        terminal.write("\n");
        break;
      }
      history.add(line);
      // What is typed ahead waits in the editor's input.
      editor.pause();
      await carryOut(shell, line, terminal, keys);
      if (shell.hasEnded) break;
      editor.resume();
    }
  } finally {
    giveBack();
    editor.close();
    terminal.close();
  }
  return OK;
}

const CTRL_C = 3;

type Completed = (error: null, found: [string[], string]) => void;

function promptOf({ fleet, current }: Shell): string {
  const { cyan, bold } = colorsFor(process.stdout);
  const place = [fleet.title, current ?? ""].filter((part) => part !== "").join("/");
  return `${cyan(bold(place || "ain"))}> `;
}

/** Undefined: Ctrl-D. */
function nextLine(editor: Interface): Promise<string | undefined> {
  return new Promise((resolve) => {
    const done = (line: string | undefined): void => {
      editor.off("line", done).off("close", end).off("SIGINT", forget);
      resolve(line);
    };
    const end = (): void => done(undefined);
    const forget = (): void => {
      process.stdout.write("^C\n");
      for (const name of ["e", "u"]) editor.write(null, { ctrl: true, name }); // to its end, and away with it
      editor.prompt();
    };
    editor.once("line", done).once("close", end).on("SIGINT", forget);
    editor.prompt();
  });
}

interface Typing {
  readonly shell: Shell;
  readonly terminal: Terminal;
  readonly editor: Interface;
  readonly keys: PassThrough;
  readonly history: History;
}

/**
 * `?` asks for help, unless it is inside quotes, or in the middle of what was pasted; Ctrl-R looks for an earlier line; every
 * other key is the editor's.
 */
async function onKeys(pressed: Buffer, typing: Typing): Promise<void> {
  const { shell, terminal, editor, keys } = typing;
  const text = pressed.toString();
  const search = text.indexOf(CTRL_R);
  if (search >= 0) {
    if (search > 0) keys.write(text.slice(0, search));
    await new Promise(setImmediate); // the editor takes in what was typed before
    searchBackwards(typing, text.slice(search + 1));
    return;
  }
  if (!text.endsWith("?") || [...text].some((key) => key < " ")) {
    keys.write(pressed);
    return;
  }
  if (text !== "?") keys.write(text.slice(0, -1));
  await new Promise(setImmediate); // the editor takes in what was typed before
  const line = editor.line.slice(0, editor.cursor);
  if (readLine(line).openQuote !== "") {
    keys.write("?");
    return;
  }
  terminal.write("?\n");
  try {
    terminal.write(helpText(await shell.complete(line), line, terminal.columns));
  } catch (error) {
    tell(error);
  }
  editor.prompt(true);
}

async function completeLine(shell: Shell, line: string): Promise<[string[], string]> {
  try {
    const { from, candidates } = await shell.complete(line);
    return [candidates.map(({ text, isWhole }) => (isWhole ? `${text} ` : text)), line.slice(from)];
  } catch {
    return [[], line]; // a word before may mean several things: `?` says so
  }
}

/** One line, from its first octet to the last page of what comes of it. Never throws. */
async function carryOut(shell: Shell, line: string, terminal: Terminal, keys: PassThrough): Promise<number> {
  const ended = new AbortController();
  const end = (): void => ended.abort();
  // The kernel turns Ctrl-C into a signal meanwhile, for this process and those it starts. One that was pressed before it
  // was told so comes as a key.
  const during = (pressed: Buffer): void => {
    if (pressed.includes(CTRL_C)) end();
    else keys.write(pressed);
  };
  const giveBack = terminal.takeKeys(during, { isRaw: false });
  process.on("SIGINT", end);
  try {
    const job = shell.read(line);
    if (job === undefined) return OK;
    if (job.watch !== undefined) return await watch(shell, job, line, terminal);
    const screen = new Screen(terminal, { isPaged: job.isPaged });
    const output = screen.output(ended.signal);
    const run = (): Promise<number> => shell.run(job, job.isPaged ? output : { ...output, width: undefined });
    const status = job.asksRouters ? await run() : await terminal.lend(run);
    await screen.end();
    if (status === INTERRUPTED) terminal.write("\n");
    return status;
  } catch (error) {
    tell(error);
    return FAILED;
  } finally {
    process.off("SIGINT", end);
    giveBack();
  }
}
