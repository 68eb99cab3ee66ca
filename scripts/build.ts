/**
 * `npm run build [-- FILE]`: makes the single-file executable `ain`, dist/ain unless told otherwise. It carries Bun, its
 * threads' programs, and the files that it reads while it runs (src/runtime/program.ts lists both), and needs nothing of
 * this folder nor of the network.
 */
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, renameSync, rmSync, statSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { FOLDERS, THREADS } from "#runtime/program";

const ROOT = join(import.meta.dir, "..");
const MEBIBYTE = 2 ** 20;

const outfile = resolve(process.argv[2] ?? join(ROOT, "dist/ain"));
mkdirSync(dirname(outfile), { recursive: true });
// Source maps are inside; Bun leaves copies beside what it makes.
const workshop = mkdtempSync(join(dirname(outfile), ".build-"));
process.once("exit", () => rmSync(workshop, { recursive: true, force: true }));
const made = join(workshop, basename(outfile));
const words = [
  ...["build", "--compile", "--root", ".", "src/main.ts", ...THREADS],
  ...FOLDERS.flatMap((folder) => ["--asset", folder]),
  // Parsed ahead of time: a command answers in a third of the time. Reports of defects name files, lines and functions.
  ...["--bytecode", "--format=esm", "--sourcemap", "--keep-names"],
  // A router shall not take settings from whatever folder it is started in.
  ...["--no-compile-autoload-dotenv", "--no-compile-autoload-bunfig"],
  ...["--outfile", made],
];
const { status } = spawnSync(process.execPath, words, { cwd: ROOT, stdio: ["ignore", "ignore", "inherit"] });
if (status !== 0) process.exit(status ?? 1);
renameSync(made, outfile); // one that is running stays whole
console.log(`${outfile}: ${(statSync(outfile).size / MEBIBYTE).toFixed(0)} MiB`);
