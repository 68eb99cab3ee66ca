import { afterAll, expect, test } from "bun:test";
import { spawn, spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { clearLeftovers, isNamedAfter } from "./leftovers.mjs";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
/** Of a process that has ended. */
const { pid } = spawnSync("true");
const [theirs, another] = [`left${pid}-vm`, `left${pid}1-vm`];

const namespaces = (): string[] =>
  spawnSync("ip", ["netns", "list"], { encoding: "utf8" })
    .stdout.split("\n")
    .map((line) => line.split(" ")[0]!);

afterAll(() => {
  for (const name of [theirs, another]) spawnSync("ip", ["netns", "delete", name]);
});

test("names hold the process id as a number of its own", () => {
  expect(["e2e12", "e2e12-sw", "ain-oracle-12"].map((name) => isNamedAfter(name, 12))).toEqual([true, true, true]);
  expect(["e2e123", "e2e312-sw", ""].map((name) => isNamedAfter(name, 12))).toEqual([false, false, false]);
});

test("namespaces of a process that is gone go with all that runs in them; others stay", async () => {
  for (const name of [theirs, another]) expect(spawnSync("ip", ["netns", "add", name]).status).toBe(0);
  const daemon = spawn("ip", ["netns", "exec", theirs, "sleep", "1000"], { stdio: "ignore" });
  const ended = new Promise((resolve) => daemon.once("exit", (_, signal) => resolve(signal)));
  while (spawnSync("ip", ["netns", "pids", theirs], { encoding: "utf8" }).stdout === "") await Bun.sleep(20);
  expect(clearLeftovers(ROOT, pid)).toEqual([`namespace ${theirs}`]);
  expect(await ended).toBe("SIGKILL");
  expect(namespaces()).not.toContain(theirs);
  expect(namespaces()).toContain(another);
  expect(clearLeftovers(ROOT, pid)).toEqual([]);
});
