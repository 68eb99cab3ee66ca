import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { History, historyFile, MOST } from "#cli/shell/history";

let folder = "";
let told: string[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "ain-history-"));
  told = [];
});
afterEach(() => rmSync(folder, { recursive: true }));

const file = (): string => join(folder, "deep/er/history");
const history = (path = file()): History => new History(path, (trouble) => told.push(trouble));

test("lines are kept in a file that is its owner's alone, the latest first", () => {
  const one = history();
  expect(one.read()).toEqual([]);
  for (const line of ["show vms", "show vms", " secret", "", "exit"]) one.add(line);
  expect(history().read()).toEqual(["exit", "show vms"]);
  expect(statSync(file()).mode & 0o777).toBe(0o600);
});

test("shells side by side lose nothing of one another's", () => {
  const [one, other] = [history(), history()];
  one.add("a");
  other.add("b");
  one.add("c");
  expect(history().read()).toEqual(["c", "b", "a"]);
});

test("a file that has grown is made short", () => {
  history().add("first");
  writeFileSync(file(), Array.from({ length: 2 * MOST + 1 }, (_, i) => `line ${i}\n`).join(""));
  expect(history().read().length).toBe(MOST);
  expect(readFileSync(file(), "utf8").trim().split("\n").length).toBe(MOST);
});

test("where nothing can be kept, that is told once and the shell goes on", () => {
  writeFileSync(join(folder, "plain"), "");
  const one = history(join(folder, "plain/history"));
  one.add("a");
  one.add("b");
  expect(told).toEqual([expect.stringContaining("no history is kept: ")]);
});

test("the file is where the XDG Base Directory Specification has state", () => {
  const { XDG_STATE_HOME } = process.env;
  process.env.XDG_STATE_HOME = "/x";
  expect(historyFile()).toBe("/x/ain/history");
  delete process.env.XDG_STATE_HOME;
  expect(historyFile()).toMatch(/\.local\/state\/ain\/history$/);
  if (XDG_STATE_HOME !== undefined) process.env.XDG_STATE_HOME = XDG_STATE_HOME;
});
