import { afterAll, beforeEach, expect, test } from "bun:test";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { LineFile } from "#router/flows/line-file";

const root = mkdtempSync(join(tmpdir(), "ain-lines-"));
afterAll(() => rmSync(root, { recursive: true }));

let folder = "";
let troubles: string[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(root, "x"));
  troubles = [];
});

const open = (limit: number, keep = 2, most?: number): LineFile =>
  new LineFile({
    ...{ file: join(folder, "flows"), limit, keep, trouble: (why) => void troubles.push(why) },
    ...(most !== undefined && { most }),
  });
const read = (name = "flows"): string => readFileSync(join(folder, name), "utf8");

test("lines are appended, to what is there too, and the file is its owner's", () => {
  for (const line of ["one", "two"]) {
    const file = open(1000);
    file.write(line);
    file.close();
  }
  expect(read()).toBe("one\ntwo\n");
  expect(statSync(join(folder, "flows")).mode & 0o777).toBe(0o600);
});

test("lines go out at the end of the event loop's turn", async () => {
  const file = open(1000);
  file.write("one");
  expect(existsSync(join(folder, "flows"))).toBeFalse();
  await Bun.sleep(1);
  expect(read()).toBe("one\n");
  file.close();
});

test("a full file is kept under another name, so many of them, and no line is cut or lost", () => {
  const file = open(100, 2);
  for (let i = 0; i < 100; i++) {
    file.write(`line ${i}`.padEnd(9, "-"));
    if (i % 7 === 0) file.flush();
  }
  file.close();
  expect(readdirSync(folder).sort()).toEqual(expect.arrayContaining(["flows.1", "flows.2"]));
  const all = ["flows.2", "flows.1", "flows"]
    .filter((name) => existsSync(join(folder, name)))
    .map((name) => read(name));
  for (const text of all) expect(text.length).toBeLessThanOrEqual(110);
  const lines = all.join("").trimEnd().split("\n");
  expect(lines.at(-1)).toBe("line 99--");
  const first = Number.parseInt(lines[0]!.slice(5), 10);
  expect(lines).toEqual(Array.from({ length: 100 - first }, (_, i) => `line ${first + i}`.padEnd(9, "-")));
  expect([file.lost, troubles]).toEqual([0, []]);
});

test("a line longer than the limit has a file of its own", () => {
  const file = open(10);
  file.write("x".repeat(50));
  file.write("y");
  file.close();
  expect([read("flows.1").length, read()]).toEqual([51, "y\n"]);
});

test("where it cannot be written lines are lost and counted, which is told, and later it goes on", () => {
  mkdirSync(join(folder, "flows"));
  const file = open(1000);
  for (let i = 0; i < 3; i++) file.write("one");
  file.flush();
  file.write("two"); // it rests
  expect(file.lost).toBe(4);
  expect(troubles).toHaveLength(1);
  expect(troubles[0]).toContain("EISDIR");
  file.close();
});

test("what may wait for the turn's end is bounded", () => {
  const file = open(1e6, 2, 100);
  for (let i = 0; i < 100; i++) file.write("123456789");
  file.close();
  expect([read().length, file.lost]).toEqual([100, 90]);
});
