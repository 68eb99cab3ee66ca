import { afterAll, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { withLock } from "#lab/lock";
import { identify, isRunning, startTimeOf, stop } from "#lab/processes";
import { LabFiles, type LabState, listLabs } from "#lab/state";

const labs = mkdtempSync(join(tmpdir(), "ain-labs-"));
afterAll(() => rmSync(labs, { recursive: true }));

const state = (name: string): LabState => ({
  version: 1,
  name,
  file: "/x.clab.yml",
  nodes: { a: { namespace: `${name}-a`, role: "plain", env: {} } },
  links: [
    [
      { node: "a", interface: "e1" },
      { node: "a", interface: "e2" },
    ],
  ],
});

describe("a lab's files", () => {
  test("keep its state, and are what a lab is listed by", () => {
    const files = new LabFiles("one", labs);
    expect(files.read()).toBeUndefined();
    files.write(state("one"));
    expect(files.read()).toEqual(state("one"));
    mkdirSync(join(labs, "empty"));
    expect(listLabs(labs)).toEqual(["one"]);
    files.remove();
    expect(listLabs(labs)).toEqual([]);
    expect(listLabs(join(labs, "none"))).toEqual([]);
  });

  test("stay below the labs' directory, whatever a lab is called", () => {
    for (const name of ["..", ".", "", "a/b", "/etc", "-x"])
      expect(() => new LabFiles(name, labs)).toThrow("no lab can be");
  });

  test("that are damaged are not guessed at", () => {
    const files = new LabFiles("bad", labs);
    files.write(state("bad"));
    writeFileSync(join(files.directory, "state.json"), '{"version": 2}');
    expect(() => files.read()).toThrow("is damaged or of another version");
  });
});

describe("a lab's lock", () => {
  test("lets one in at a time, also when the directory is removed in between", async () => {
    const files = new LabFiles("locked", labs);
    let inside = 0;
    const entries = Array.from({ length: 5 }, (_, i) =>
      withLock(files, async () => {
        expect(++inside).toBe(1);
        await Bun.sleep(1);
        if (i % 2 === 0) files.remove();
        inside--;
        return i;
      }),
    );
    expect(await Promise.all(entries)).toEqual([0, 1, 2, 3, 4]);
  });

  test("is free again when what it was held for failed", async () => {
    const files = new LabFiles("failed", labs);
    await expect(withLock(files, () => Promise.reject(new Error("no")))).rejects.toThrow("no");
    expect(await withLock(files, async () => 1)).toBe(1);
  });
});

describe("a process", () => {
  test("is named by its pid and its start, so that a pid used again is another one", () => {
    const own = identify(process.pid)!;
    expect(isRunning(own)).toBe(true);
    expect(isRunning({ ...own, startTime: own.startTime - 1 })).toBe(false);
    expect(startTimeOf(2 ** 30)).toBeUndefined();
  });

  test("that does not end when asked is made to", async () => {
    const child = Bun.spawn(["sh", "-c", "trap '' TERM; echo ready; while :; do sleep 0.01; done"], { stdout: "pipe" });
    await child.stdout.getReader().read();
    const { pid } = child;
    expect(await stop([identify(pid)!], 60)).toEqual([]);
    await child.exited;
    expect(child.signalCode).toBe("SIGKILL");
  });
});
