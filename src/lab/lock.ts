/** One `ain lab` at a time works on a lab. */
import { fstatSync, mkdirSync, statSync } from "node:fs";
import { LabError } from "#lab/lab-error";
import type { LabFiles } from "#lab/state";
import { closeDescriptor, lockFile } from "#sys/descriptor";
import { ENOENT, SysError } from "#sys/errno";

/** Milliseconds. */
const PATIENCE = 60_000;
const STEP = 50;

/**
 * Runs `act` while holding the lab's lock, waiting for another process to finish first. The lock ends with the process
 * that holds it, however that ends. `act` may remove the lab's directory.
 */
export async function withLock<T>(files: LabFiles, act: () => Promise<T>): Promise<T> {
  for (let waited = 0; waited <= PATIENCE; waited += STEP) {
    const fd = tryLock(files);
    if (fd !== undefined) {
      try {
        return await act();
      } finally {
        closeDescriptor(fd);
      }
    }
    await Bun.sleep(STEP);
  }
  throw new LabError(`another ain lab has been at work in ${files.directory} for a minute`);
}

function tryLock(files: LabFiles): number | undefined {
  mkdirSync(files.directory, { recursive: true });
  let fd: number | undefined;
  try {
    fd = lockFile(files.lock);
  } catch (error) {
    // The directory was just removed by a `down`: the next attempt makes it anew.
    if (error instanceof SysError && error.errno === ENOENT) return undefined;
    throw error;
  }
  if (fd === undefined || isStillThere(fd, files.lock)) return fd;
  closeDescriptor(fd);
  return undefined;
}

/** False when the lock file was removed, and perhaps made anew, between opening and locking it. */
function isStillThere(fd: number, path: string): boolean {
  const now = statSync(path, { throwIfNoEntry: false });
  return now !== undefined && now.ino === fstatSync(fd).ino;
}
