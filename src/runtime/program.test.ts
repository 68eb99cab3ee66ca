/** What the single-file executable needs: nothing is looked for beside the source but by way of src/runtime/program.ts. */
import { expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { Glob } from "bun";
import { ainProgram, FOLDERS, folderOnDisk, isSingleFile, THREADS, threadProgram } from "#runtime/program";

const ROOT = join(import.meta.dir, "../..");

/** They look for files of the repository: programs for developers, and what only tests and measurements start. */
const DEVELOPERS = [
  "fastpath/translation/golden/frames.ts",
  "fastpath/translation/golden/write.ts",
  "fastpath/tunnel-golden/captures.ts",
  "fastpath/tunnel-golden/write.ts",
  "fastpath/verdicts-page.ts",
  "src/cli/reference/json-reference.ts",
  "src/cli/reference/write.ts",
  "src/cli/shell/child.ts", // knows the single file itself
  "src/lab/probe/child.ts",
  "src/lab/qemu/initramfs.ts",
  "src/router/config/published.ts",
  "src/router/metrics/dashboard.ts",
  "src/router/metrics/metrics-page.ts",
  "src/runtime/program.ts",
];

test("no part of the program finds a file by where its own source is: the single file would not have it", async () => {
  const finders: string[] = [];
  for (const file of new Glob("{src,fastpath,ospf,bfd,pmip}/**/*.ts").scanSync(ROOT)) {
    if (file.includes(".test.") || file.includes("/testing/") || file.includes("/conformance/")) continue;
    const text = await Bun.file(join(ROOT, file)).text();
    if (/import\.meta\.(url|dir|path|file)\b|__dirname|__filename/.test(text)) finders.push(file);
  }
  expect(finders.filter((file) => !DEVELOPERS.includes(file))).toEqual([]);
});

test("what the build puts into the single file is there in the source tree, and found there", () => {
  expect(isSingleFile).toBe(false);
  for (const path of [...THREADS, ...FOLDERS]) expect(existsSync(join(ROOT, path))).toBe(true);
  expect(threadProgram(THREADS[0])).toBe(join(ROOT, THREADS[0]));
  expect(ainProgram()).toBe(join(ROOT, "bin/ain"));
  const never = () => expect.unreachable("a source tree needs no copy");
  expect(folderOnDisk(FOLDERS[0], never)).toBe(join(ROOT, FOLDERS[0]));
});
