/** `watch`: a command's output, drawn anew every few seconds, what differs from before in reverse video. */
import type { Job } from "#cli/shell/job";
import type { Shell } from "#cli/shell/shell";
import type { Terminal } from "#cli/shell/terminal";
import { wantsColors } from "#cli/surroundings";

const ENTER = "\x1b[?1049h\x1b[?25l"; // the alternate screen, without a cursor
const LEAVE = "\x1b[?25h\x1b[?1049l";
const HOME = "\x1b[H";
const CLEAR_LINE = "\x1b[K";
const CLEAR_BELOW = "\x1b[J";
const ENDING = ["q", "Q", "\x03", "\x1b"]; // the last two: Ctrl-C and escape

/** Until the operator has seen enough. @returns the exit status of the last run. */
export async function watch(shell: Shell, job: Job, line: string, terminal: Terminal): Promise<number> {
  const ended = new AbortController();
  const giveBack = terminal.takeKeys(
    (keys) => {
      if (ENDING.includes(keys.toString())) ended.abort();
    },
    { isRaw: true },
  );
  terminal.write(ENTER);
  let before: string[] | undefined;
  let status = 0;
  try {
    while (!ended.signal.aborted) {
      const looked = await look(shell, job, terminal.columns, ended.signal);
      if (ended.signal.aborted) break;
      status = looked.status;
      terminal.write(frame(heading(job, line), looked.lines, before, terminal));
      before = looked.lines;
      await pause(job.watch! * 1000, ended.signal);
    }
  } finally {
    terminal.write(LEAVE);
    giveBack();
  }
  return status;
}

const heading = (job: Job, line: string): string =>
  `every ${job.watch} s: ${line.trim()}    ${new Date().toTimeString().slice(0, 8)}    q ends`;

async function look(
  shell: Shell,
  job: Job,
  width: number,
  signal: AbortSignal,
): Promise<{ status: number; lines: string[] }> {
  let text = "";
  const write = (more: string): void => {
    text += more;
  };
  const output = { write, writeError: write, isColored: false, isErrorColored: false, width, signal };
  const status = await shell.run(job, output);
  return { status, lines: text.replace(/\n$/, "").split("\n") };
}

function frame(heading: string, lines: string[], before: string[] | undefined, { rows, columns }: Terminal): string {
  const isCut = lines.length > rows - 2;
  const shown = isCut ? [...lines.slice(0, rows - 3), `… ${lines.length - rows + 3} lines more`] : lines;
  const isMarked = before !== undefined && wantsColors(process.stdout);
  const drawn = shown.map((line, i) => {
    const cut = Bun.sliceAnsi(line, 0, columns, "…");
    return isMarked && line === lines[i] ? marked(cut, before[i] ?? "") : cut;
  });
  const all = [Bun.sliceAnsi(heading, 0, columns, "…"), "", ...drawn];
  return `${HOME}${all.map((line) => `${line}${CLEAR_LINE}`).join("\r\n")}${CLEAR_BELOW}`;
}

/** The words of `line` that are others than those of `before` at the same place, in reverse video. */
export function marked(line: string, before: string): string {
  const old = before.split(/\s+/);
  let index = line.startsWith(" ") ? 0 : -1;
  return line.replace(/\S+/g, (word) => (word === old[++index] ? word : `\x1b[7m${word}\x1b[27m`));
}

function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      clearTimeout(timer);
      signal.removeEventListener("abort", end);
      resolve();
    };
    const timer = setTimeout(end, milliseconds);
    signal.addEventListener("abort", end);
  });
}
