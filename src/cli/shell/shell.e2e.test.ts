/** `ain shell` at a pseudo-terminal, with the routers of a real lab. Needs root. */
import { afterAll, afterEach, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { AIN, QuickstartLab } from "#cli/testing/quickstart-lab";
import { TypedTerminal } from "#cli/testing/typed-terminal";

setDefaultTimeout(90_000);

const NAME = `sh${process.pid}`;
const lab = new QuickstartLab(NAME);
const { folder } = lab;
const terminals: TypedTerminal[] = [];

beforeAll(() => lab.up());
afterEach(() => {
  for (const terminal of terminals.splice(0)) terminal.close();
});
afterAll(() => lab.down());

async function shell(where = NAME, env: Record<string, string> = {}): Promise<TypedTerminal> {
  const size = { rows: 24, columns: 90 };
  const terminal = new TypedTerminal([AIN, "shell", where], size, { XDG_STATE_HOME: folder, PAGER: "", ...env });
  terminals.push(terminal);
  await terminal.see(/ends\.\n[^\n]*> $/);
  return terminal;
}

const AT_LAB = new RegExp(`${NAME}> `);
const AT_HV1 = new RegExp(`${NAME}/hv1> `);

test("Tab completes commands and what the router knows; ? tells what can come next; the prompt says where one is", async () => {
  const terminal = await shell();
  await terminal.line("use hv1", AT_HV1);
  terminal.type("sho");
  await terminal.see(/sho$/);
  terminal.type("\t");
  await terminal.see(/^w $/);
  terminal.type("conn");
  await terminal.see(/conn$/);
  terminal.type("\t");
  await terminal.see(/ections $/);
  terminal.type("?");
  expect(await terminal.see(/hv1> show connections $/)).toMatch(/\n {2}blue1\n {2}red1\n {2}\[vm\] +a VM's name\n/);
  terminal.type("b");
  await terminal.see(/b$/);
  terminal.type("\t");
  await terminal.see(/lue1 $/);
  terminal.type("\r");
  await terminal.see(/PROTOCOL +STATE[\s\S]*entries in use\n[\s\S]*> $/);
  expect(await terminal.line("sho osp nei | grep -v ROUTER | count", AT_HV1)).toBe("1\n");
});

test("@ asks another router, @all each of them, under its name", async () => {
  const terminal = await shell(`${NAME}/hv1`);
  expect(await terminal.line("show status | grep hypervisor", AT_HV1)).toContain("hv1  hypervisor");
  expect(await terminal.line("@hv2 show status | grep hypervisor", AT_HV1)).toContain("hv2  hypervisor");
  const all = await terminal.line("@all show vms", AT_HV1);
  expect(all.match(/^── (\w+)/gm)).toEqual(["── sw", "── hv1", "── hv2"]);
  expect(all).toMatch(/── hv2[\s\S]*blue2/);
  expect(JSON.parse(await terminal.line("@hv1,hv2 show homes | json | count | no-more", AT_HV1))).toEqual({
    hv1: 2,
    hv2: 2,
  });
});

test("tables are as wide as the terminal", async () => {
  const terminal = await shell();
  const lines = (await terminal.line("@hv1 show ports | no-more", AT_LAB)).split("\n");
  expect(lines.some((line) => Bun.stringWidth(line) > 90)).toBe(true); // no-more shows them whole
  const fitted = (await terminal.line("@hv1 show ports", AT_LAB)).split("\n");
  expect(fitted.filter((line) => Bun.stringWidth(line) > 90)).toEqual([]);
  expect(fitted.length).toBeGreaterThan(3);
});

test("long output is shown page by page, or by $PAGER", async () => {
  const terminal = await shell();
  terminal.type("@all show counters --json\r");
  const first = await terminal.see(/more \(\d+ %\)/);
  expect(first.split("\n").length).toBeLessThanOrEqual(25);
  terminal.type("\r");
  expect((await terminal.see(/\n[\s\S]*more \(\d+ %\)/)).split("\n").length).toBe(2); // one line more
  terminal.type(" ");
  await terminal.see(/(?:.*\n){15,}[\s\S]*more \(\d+ %\)/);
  terminal.type("q");
  await terminal.see(AT_LAB);
  const other = await shell(NAME, { PAGER: "sed 's/^/paged: /'" });
  expect(await other.line("@all show counters", AT_LAB)).toMatch(/^paged: ── sw/m);
  expect(await other.line("@hv1 show homes", AT_LAB)).not.toContain("paged");
  // The pager had the terminal; the editor has it again.
  other.type("use h");
  await other.see(/use h$/);
});

test("watch draws a command's output anew and marks what differs, until q", async () => {
  const terminal = await shell(`${NAME}/hv1`);
  terminal.type("watch 0.3 show ospf interfaces | grep -v nothing\r");
  await terminal.see(/every 0\.3 s: watch[\s\S]*every 0\.3 s[\s\S]*every 0\.3 s/);
  expect(terminal.raw).toContain("\x1b[7m"); // the time until the next hello, at least
  expect(terminal.text).toContain("eth1");
  terminal.type("q");
  await terminal.see(AT_HV1);
  terminal.type("watch @all show status\r");
  await terminal.see(/every 2 s: watch @all/);
  terminal.type("\x03");
  await terminal.see(AT_HV1);
});

test("Ctrl-C ends what runs, whoever runs it, and not the shell", async () => {
  const terminal = await shell(`${NAME}/hv1`);
  terminal.type(`lab exec ${NAME} blue1 -- ping 10.0.0.14\r`);
  await terminal.see(/icmp_seq=2/);
  terminal.type("\x03");
  await terminal.see(/packets transmitted[\s\S]*hv1> $/);
  const { pid } = JSON.parse(await terminal.line("show status --json", AT_HV1)) as { pid: number };
  process.kill(pid, "SIGSTOP"); // a router that is too busy to answer
  try {
    terminal.type("show status\r");
    await terminal.see(/show status\n/);
    terminal.type("\x03");
    await terminal.see(AT_HV1);
  } finally {
    process.kill(pid, "SIGCONT");
  }
  terminal.type("not to be done\x03");
  await terminal.see(/\^C\n[\s\S]*hv1> $/);
  expect(await terminal.line("show homes | json | count", AT_HV1)).toBe("2\n");
});

test("what was typed is there again in the next shell; Ctrl-D and exit end one with 0", async () => {
  const terminal = await shell();
  await terminal.line("@hv1 show homes hv2", AT_LAB);
  terminal.type("\x04");
  expect(await terminal.exited).toBe(0);
  const next = await shell();
  next.type("\x1b[A"); // arrow up
  await next.see(/@hv1 show homes hv2$/);
  next.type("\x15exit\r");
  expect(await next.exited).toBe(0);
});

test("a mistake is told, with a guess, and the shell goes on", async () => {
  const terminal = await shell();
  expect(await terminal.line("@hv1 show portz", AT_LAB)).toContain("invalid");
  expect(await terminal.line("shwo vms", AT_LAB)).toContain("Did you mean show?");
  expect(await terminal.line("s vms", AT_LAB)).toContain('"s" may mean show, stop');
  expect(await terminal.line("show vms", AT_LAB)).toContain("say which router: @sw …, @all …, or use NAME");
  expect(await terminal.line("@hv1 show vms | nope", AT_LAB)).toContain("unknown command 'nope'");
});

test("without a terminal it is a script: lines from standard input or the command line, and an exit status", () => {
  const run = (words: readonly string[], input = "") => {
    const { status, stdout, stderr } = spawnSync(AIN, ["shell", ...words], {
      encoding: "utf8",
      input,
      timeout: 30_000,
    });
    return { status, stdout, stderr };
  };
  expect(run([NAME], "use hv1\n\n# how many?\nsho hom | json | count\n")).toEqual({
    status: 0,
    stdout: "2\n",
    stderr: "",
  });
  expect(run([`${NAME}/hv1`, "-c", "show homes | json | count", "-c", "show vms nobody"])).toEqual({
    ...{ status: 1, stdout: "2\n", stderr: "ain: no vms of nobody\n" },
  });
  expect(run([NAME, "--keep-going"], "@hv1 show vms nobody\n@hv1 show homes | json | count")).toMatchObject({
    ...{ status: 1, stdout: "2\n", stderr: expect.stringContaining("line 1 failed") },
  });
  expect(run(["no-such-lab"], "show vms").status).toBe(3);
});

test("a router that has ended is told of, and the others go on", async () => {
  const terminal = await shell();
  const { pid } = JSON.parse(await terminal.line("@hv2 show status --json", AT_LAB)) as { pid: number };
  process.kill(pid, "SIGKILL");
  const all = await terminal.line("@all show homes | json | count", AT_LAB);
  expect(all).toContain('"hv1": 2');
  expect(all).toMatch(/hv2: ain: no router answers on .*hv2\.sock: (its process is gone|ECONNRESET)/);
});

test("a shell whose terminal is gone ends, instead of waiting for it at full speed", async () => {
  const terminal = await shell();
  const alive = (): string[] =>
    spawnSync("pgrep", ["-f", `shell ${NAME}$`], { encoding: "utf8" })
      .stdout.split("\n")
      .filter(Boolean);
  expect(alive()).not.toEqual([]);
  terminals.splice(0);
  terminal.close();
  for (let i = 0; i < 100 && alive().length > 0; i++) await Bun.sleep(100);
  expect(alive()).toEqual([]);
});
