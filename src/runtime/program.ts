/**
 * The program's own files: a source tree that bin/ain starts, or the single file that `npm run build` makes of it, which
 * carries them inside (Bun mounts them at /$bunfs/root and nobody but this process sees them).
 */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const INSIDE = "/$bunfs/root";
const ROOT = fileURLToPath(new URL("../..", import.meta.url));

/** True in the executable that `npm run build` makes. */
export const isSingleFile: boolean = import.meta.path.startsWith(`${INSIDE}/`);

/** Programs that run on threads of their own, by their path from the repository's root: the build adds each to the file. */
export const THREADS = [
  "fastpath/worker.ts",
  "src/router/bfd/bfd-worker.ts",
  "src/router/metadata/metadata-worker.ts",
] as const;

/** Folders that are read while the program runs, likewise; inside they go by their last names. */
export const FOLDERS = ["containerlab/quickstart", "containerlab/pod-fabric", "containerlab/mobility"] as const;

/** What `new Worker` takes for one of them. */
export const threadProgram = (path: (typeof THREADS)[number]): string =>
  isSingleFile ? join(INSIDE, path.replace(/\.ts$/, ".js")) : join(ROOT, path);

/** Path of the program `ain` itself, to start it again as another process. */
export const ainProgram = (): string => (isSingleFile ? process.execPath : join(ROOT, "bin/ain"));

/**
 * Where other programs, and other processes' working directories, find one of the folders: in the source tree as it is, of
 * the single file a copy in `scratch`, which the caller makes and removes.
 */
export function folderOnDisk(path: (typeof FOLDERS)[number], scratch: () => string): string {
  if (!isSingleFile) return join(ROOT, path);
  const [from, to] = [join(INSIDE, basename(path)), join(scratch(), path)];
  for (const entry of readdirSync(from, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const file = join(entry.parentPath, entry.name);
    const copy = join(to, file.slice(from.length));
    mkdirSync(dirname(copy), { recursive: true });
    // fabric.yaml has a key in it.
    writeFileSync(copy, readFileSync(file), { mode: 0o600 });
  }
  return to;
}
