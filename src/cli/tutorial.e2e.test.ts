/** docs/tutorial.md, carried out as it is written. Needs root. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { labDown } from "#lab/down";
import { LabFiles } from "#lab/state";

setDefaultTimeout(60_000);

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
/** In place of the page's `first`, which somebody may have at work. */
const LAB = `first${process.pid}`;
const folder = mkdtempSync(join(tmpdir(), "ain-tutorial-"));
const page = readFileSync(join(ROOT, "docs/tutorial.md"), "utf8");

/** What routers take to find one another on a busy machine, milliseconds. */
const PATIENCE = 40_000;

beforeAll(() => {
  process.umask(0o077);
});
afterAll(async () => {
  await labDown(new LabFiles(LAB));
  rmSync(folder, { recursive: true, force: true });
});

interface Step {
  /** `$ …` or `first> …`. */
  readonly typed: string;
  readonly expected: readonly string[];
}

function stepsOf(block: string): Step[] {
  const steps: { typed: string; expected: string[] }[] = [];
  for (const line of block.split("\n")) {
    if (/^(?:\$|first>) /.test(line)) steps.push({ typed: line, expected: [] });
    else steps.at(-1)!.expected.push(line);
  }
  return steps;
}

const ours = (text: string): string => text.replaceAll(/\bfirst\b/g, LAB);

function carryOut(typed: string): { status: number | null; lines: string[] } {
  const [program, ...words] = typed.startsWith("$")
    ? ["sh", "-c", ours(typed.slice(2))]
    : ["ain", "shell", LAB, "-c", typed.slice("first> ".length)];
  const env = { ...process.env, PATH: `${join(ROOT, "bin")}:${process.env.PATH}` };
  const done = spawnSync(program!, words, { cwd: folder, env, encoding: "utf8", timeout: 30_000 });
  return { status: done.status, lines: `${done.stdout}${done.stderr}`.split("\n") };
}

/** Alike from run to run: without times, counts, MACs and what is made of them, and however wide a table is. */
function alike(line: string): string {
  return ours(line)
    .replaceAll(/\b[0-9a-f]{2}(?::[0-9a-f]{2}){5}\b/g, "MAC")
    .replaceAll(/fe80::[0-9a-f:]+/g, "LINKLOCAL")
    .split(/[\s─]+/)
    .map((word) => (/\d\.\d+\.\d|:/.test(word) ? word : word.replaceAll(/\d[\d.]*/g, "#")))
    .join(" ")
    .trim();
}

/** The first of the expected lines that is not among those that came, in order; undefined: all are. */
function missing(expected: readonly string[], lines: readonly string[]): string | undefined {
  const came = lines.map(alike);
  let at = 0;
  return expected.find((line) => {
    if (/^\s*(?:…|\(exit status \d+\))?$/.test(line)) return false;
    const found = came.indexOf(alike(line), at);
    at = found + 1;
    return found === -1;
  });
}

for (const [, kind, block] of page.matchAll(/^```(yaml|console)\n([\s\S]*?)\n```$/gm)) {
  if (kind === "yaml") {
    const [, file, added] = /^# ([\w.]+)(, added)?\n/.exec(block!)!;
    test(`the file ${file}${added ?? ""}`, () => {
      const write = added === undefined ? writeFileSync : appendFileSync;
      write(join(folder, ours(file!)), `${block!.replace("name: first", `name: ${LAB}`)}\n`);
    });
  } else {
    for (const { typed, expected } of stepsOf(block!)) {
      test(typed, () => {
        const status = Number(/\(exit status (\d+)\)/.exec(expected.join("\n"))?.[1] ?? 0);
        const late = performance.now() + PATIENCE;
        let done = carryOut(typed);
        while ((done.status !== status || missing(expected, done.lines) !== undefined) && performance.now() < late)
          done = carryOut(typed);
        const lacking = missing(expected, done.lines);
        expect({ status: done.status, lacking, lines: lacking === undefined ? [] : done.lines }).toEqual({
          ...{ status, lacking: undefined, lines: [] },
        });
      });
    }
  }
}
