/** `ain shell` in tmux, screen by screen as a person sees it: where the cursor is, what is drawn over what, what is left. Needs root. */
import { afterAll, afterEach, beforeAll, beforeEach, expect, setDefaultTimeout, test } from "bun:test";
import { AIN, QuickstartLab } from "#cli/testing/quickstart-lab";
import { Tmux } from "#cli/testing/tmux";

setDefaultTimeout(120_000);
const lab = new QuickstartLab(`tm${process.pid}`);
let terminal: Tmux;
let terminals = 0;

beforeAll(() => lab.up());
afterAll(() => lab.down());
beforeEach(async () => {
  const env = { XDG_STATE_HOME: lab.folder, PAGER: "", TERM: "xterm-256color" };
  terminal = new Tmux(`ain-${lab.name}-${++terminals}`, [AIN, "shell", `${lab.name}/hv1`], {
    rows: 16,
    columns: 80,
    env,
  });
  await terminal.see(/hv1>$/);
});
afterEach(() => terminal.close());

const PROMPT = `${lab.name}/hv1> `;
/** The screen's last line that has something in it. */
const lastLine = (screen: string): string => screen.split("\n").at(-1)!;

/** Types a line and waits for the prompt below what comes of it. @returns that. */
async function carryOut(line: string): Promise<string> {
  terminal.type(line);
  terminal.press("Enter");
  const typed = `${PROMPT}${line}\n`;
  const screen = await terminal.see((shown) => shown.includes(typed) && lastLine(shown) === PROMPT.trimEnd());
  return screen.slice(screen.lastIndexOf(typed) + typed.length, screen.lastIndexOf("\n"));
}

test("Tab completes commands and live values in the line, and the cursor stands behind them", async () => {
  terminal.type("sho");
  terminal.press("Tab");
  await terminal.see(/hv1> show$/);
  terminal.type("vm");
  terminal.press("Tab");
  await terminal.see(/hv1> show vms$/);
  expect(terminal.cursor[0]).toBe(PROMPT.length + "show vms ".length);
  terminal.type("bl");
  terminal.press("Tab");
  await terminal.see(/hv1> show vms blue1$/);
  terminal.press("Enter");
  expect(await terminal.see(/hv1>$/)).toMatch(/VM +NETWORK[\s\S]*\nblue1 +blue\/prod/);
});

test("? lists what can come next, and the line is there again below", async () => {
  terminal.type("show ospf ");
  terminal.type("?");
  const screen = await terminal.see(/\n {2}neighbors[\s\S]*hv1> show ospf$/);
  expect(screen).toMatch(/\n {2}interfaces\n/);
  expect(terminal.cursor[0]).toBe(PROMPT.length + "show ospf ".length);
});

test("a table is as wide as the screen: no line of it is broken", async () => {
  const shown = await carryOut("show ports");
  expect(shown).toMatch(/^PORT /m);
  for (const name of ["blue1", "red1", "eth1"])
    expect(shown.split("\n").filter((line) => line.startsWith(name))).toHaveLength(1);
});

test("arrows walk through what was typed, and a line may be changed in its middle", async () => {
  expect(await carryOut("show status | count")).toMatch(/^\d+$/);
  await carryOut("show vms | head 1");
  terminal.press("Up", "Up");
  await terminal.see(/hv1> show status \| count$/);
  terminal.press("Down");
  await terminal.see(/hv1> show vms \| head 1$/);
  terminal.press("Home");
  terminal.press("Right", "Right", "Right", "Right", "Right");
  terminal.press("Delete", "Delete", "Delete");
  terminal.type("ports");
  await terminal.see(/hv1> show ports \| head 1$/);
  terminal.press("Enter");
  expect(await terminal.see(/hv1>$/)).toMatch(/show ports \| head 1\nPORT /);
});

test("Ctrl-R looks back in the prompt's own line, and leaves nothing behind", async () => {
  await carryOut("show status | count");
  await carryOut("show vms | count");
  terminal.type("sh");
  terminal.press("C-r");
  await terminal.see(/\n\(search\) `':$/);
  terminal.type("count");
  await terminal.see(/\n\(search\) `count': show vms \| count$/);
  terminal.press("C-r");
  expect(lastLine(await terminal.see(/\n\(search\) `count': show status/))).toBe(
    "(search) `count': show status | count",
  );
  terminal.type("q");
  await terminal.see(/\n\(nothing has\) `countq':$/);
  terminal.press("C-g");
  expect(await terminal.see(/hv1> sh$/)).not.toContain("search");
  expect(terminal.cursor[0]).toBe(PROMPT.length + 2);
  terminal.press("C-u", "C-r");
  terminal.type("status");
  await terminal.see(/\(search\) `status': show status \| count$/);
  terminal.press("Enter");
  expect(await terminal.see(/hv1> show status \| count\n\d+\n[\s\S]*hv1>$/)).not.toContain("search");
});

test("long output comes by the page; q ends it, and the prompt is the next line", async () => {
  terminal.type("show counters");
  terminal.press("Enter");
  const first = await terminal.see(/more \(\d+ %\)/);
  expect(first.split("\n")).toHaveLength(16);
  terminal.press("Enter"); // a line more
  await terminal.see((screen) => screen !== first && /more \(\d+ %\)/.test(screen));
  terminal.press("q");
  const left = await terminal.see(/hv1>$/);
  expect([lastLine(left), /more \(/.test(left)]).toEqual([PROMPT.trimEnd(), false]);
});

test("watch has the screen for itself, draws it anew, and gives it back", async () => {
  await carryOut("show vms | count");
  terminal.type("watch 0.2 show status");
  terminal.press("Enter");
  const one = await terminal.see(/^every 0\.2 s: watch 0\.2 show status/m);
  expect(one).toMatch(/hv1/);
  const head = one.split("\n")[0]!;
  await terminal.see(new RegExp(`^(?!${head.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")}$)every 0\\.2 s`, "m")); // a later time
  terminal.press("q");
  expect(lastLine(await terminal.see(/hv1>$/))).toBe(PROMPT.trimEnd());
});

test("Ctrl-C ends a command that goes on, or forgets a line; Ctrl-D ends the shell", async () => {
  terminal.type("trace icmp");
  terminal.press("Enter");
  await Bun.sleep(300);
  terminal.press("C-c");
  await terminal.see(/hv1>$/);
  terminal.type("never mind");
  terminal.press("C-c");
  await terminal.see(/never mind\^C\n[\s\S]*hv1>$/);
  expect(terminal.cursor[0]).toBe(PROMPT.length);
});
