import { expect, test } from "bun:test";
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { heldNames, holdName, LONGEST_NAME } from "#sys/abstract-name";
import { closeDescriptor } from "#sys/descriptor";

const BUN = fileURLToPath(new URL("../../bin/bun", import.meta.url));
const MODULE = fileURLToPath(new URL("abstract-name.ts", import.meta.url));
const unique = `ain test of process ${process.pid}`;

test("a name has one holder at a time, and is listed while it has", () => {
  const fd = holdName(unique)!;
  expect(holdName(unique)).toBeUndefined();
  expect(heldNames().filter((name) => name.startsWith(unique))).toEqual([unique]);
  closeDescriptor(fd);
  expect(heldNames()).not.toContain(unique);
  const again = holdName(unique)!;
  expect(again).toBeGreaterThan(0);
  closeDescriptor(again);
});

test("a name ends with its holder's process, killed or not", async () => {
  const code = `const { holdName } = await import(${JSON.stringify(MODULE)}); console.log(holdName(${JSON.stringify(unique)})); setInterval(() => {}, 1000);`;
  const child = spawn(BUN, ["-e", code], { stdio: ["ignore", "pipe", "inherit"] });
  try {
    const said = await new Promise<string>((resolve) => child.stdout.once("data", (chunk) => resolve(String(chunk))));
    expect(Number(said)).toBeGreaterThan(0);
    expect(holdName(unique)).toBeUndefined();
  } finally {
    child.kill("SIGKILL");
    await new Promise((resolve) => child.once("exit", resolve));
  }
  const fd = holdName(unique);
  expect(fd).toBeGreaterThan(0);
  closeDescriptor(fd!);
});

test("names are 1 to 107 printable characters", () => {
  for (const name of ["", "x".repeat(LONGEST_NAME + 1), "a\nb", "ä"]) expect(() => holdName(name)).toThrow(RangeError);
  const longest = unique.padEnd(LONGEST_NAME, ".");
  const fd = holdName(longest)!;
  expect(heldNames()).toContain(longest);
  closeDescriptor(fd);
});
