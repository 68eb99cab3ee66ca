/** The page is served as it is written, in JavaScript; its types are in comments, and checked as strictly as all others. */
import { expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../../../", import.meta.url));

test("the page's scripts are right by their types", () => {
  const { stdout, status, error } = spawnSync(`${ROOT}node_modules/.bin/tsc`, ["--noEmit", "-p", "src/web/page"], {
    ...{ cwd: ROOT, encoding: "utf8", timeout: 60_000 },
  });
  expect(error?.message ?? stdout).toBe("");
  expect(status).toBe(0);
}, 60_000);
