/**
 * Every way that a frame can end is brought about in a test: by one hostile frame at a real router (hostile.e2e.test.ts, which
 * also has `ain why` predict each), or as NOT_BY_ONE_FRAME says, where it says why and by which tests. A new ending without
 * either fails here.
 */
import { expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { ENDINGS } from "#fastpath/verdicts";
import { NOT_BY_ONE_FRAME } from "./hostile-cases";
import { FROM_FABRIC, UNREACHABLE_FROM_FABRIC } from "./hostile-fabric-cases";
import { ABOUT_SEGMENT, FROM_SEGMENT, UNHEARD } from "./hostile-segment-cases";
import { FROM_VM, UNREACHABLE_FROM_VM } from "./hostile-vm-cases";
import { FROM_VM6, UNREACHABLE_FROM_VM6 } from "./hostile-vm6-cases";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const NAMES = ENDINGS.slice(1).map(({ name }) => name);
const ALONE = [UNHEARD, UNREACHABLE_FROM_VM, UNREACHABLE_FROM_VM6, UNREACHABLE_FROM_FABRIC];
const TRIED = new Set(
  [...FROM_VM, ...FROM_VM6, ...FROM_FABRIC, ...FROM_SEGMENT, ...ABOUT_SEGMENT, ...ALONE].flatMap(
    ({ ending, also = {} }) => [ending, ...Object.keys(also)],
  ),
);

/** Text of each test, by its name without folders. */
const TESTS = new Map(
  ["fastpath", "src", "ospf", "containerlab"].flatMap((folder) =>
    readdirSync(join(ROOT, folder), { recursive: true, encoding: "utf8" })
      .filter((path) => path.endsWith(".test.ts"))
      .map((path): [string, string] => [basename(path), readFileSync(join(ROOT, folder, path), "utf8")]),
  ),
);

test("every ending there is has a frame that brings it about, or a reason why none can", () => {
  expect(NAMES.filter((name) => !TRIED.has(name) && NOT_BY_ONE_FRAME[name] === undefined)).toEqual([]);
  expect(Object.keys(NOT_BY_ONE_FRAME).filter((name) => TRIED.has(name) || !NAMES.includes(name))).toEqual([]);
});

test("the tests that bring about what no frame can do exist, and one of them names it, or what the reason has in backticks", () => {
  const unnamed = Object.entries(NOT_BY_ONE_FRAME).filter(([name, reason]) => {
    const files = [...reason.matchAll(/[\w.-]+\.test\.ts/g)].map(([file]) => file);
    for (const file of files) expect([name, file, TESTS.has(file)]).toEqual([name, file, true]);
    const words = [name, name.toUpperCase().replaceAll("-", "_"), /`(.*)`/.exec(reason)?.[1] ?? name];
    const isNamed = files.some((file) => words.some((each) => TESTS.get(file)!.includes(each)));
    return !reason.startsWith("tested with") && name !== "internal" && !isNamed;
  });
  expect(unnamed).toEqual([]);
});
