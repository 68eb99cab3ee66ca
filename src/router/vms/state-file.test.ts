/** What a killed router finds again about its VMs. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type KeptVm, VmStateFile } from "#router/vms/state-file";

let directory = "";
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "ain-vms-"));
});
afterAll(() => rmSync(directory, { recursive: true }));

const VMS = new Map<string, KeptVm>([
  ["web", { state: "active", definition: { name: "web", network: "blue/prod", address: "10.0.0.2", tap: "t" } }],
  ["old", { state: "away" }],
]);

test("what was written is read again, by its owner alone", () => {
  const path = join(directory, "deep", "hv1.vms");
  new VmStateFile(path).write(VMS);
  expect(new VmStateFile(path).read()).toEqual({ vms: VMS });
  expect(statSync(path).mode & 0o777).toBe(0o600);
  expect(readdirSync(join(directory, "deep"))).toEqual(["hv1.vms"]);
});

test("a router without such VMs has no file, and one that had some has an empty one", () => {
  const path = join(directory, "none.vms");
  const file = new VmStateFile(path);
  file.write(new Map());
  expect(existsSync(path)).toBe(false);
  expect(file.read()).toEqual({ vms: new Map() });
  file.write(VMS);
  file.write(new Map());
  expect(JSON.parse(readFileSync(path, "utf8"))).toEqual({ version: 1, vms: {} });
});

test("a file that is none of ours is put aside and named, not used and not lost", () => {
  const path = join(directory, "bad.vms");
  for (const [text, why] of [
    ['{"version": 1, "vms": {"web"', "no JSON"],
    ['{"version": 2, "vms": {}}', "not what version 1 of this file says"],
    ['{"version": 1, "vms": {"web": {"state": "asleep"}}}', "not what version 1 of this file says"],
  ] as const) {
    writeFileSync(path, text);
    const { vms, trouble } = new VmStateFile(path).read();
    expect(vms.size).toBe(0);
    expect(trouble).toBe(`${path} is ${why}; it is ${path}.broken now, and VMs in it are not here`);
    expect(readFileSync(`${path}.broken`, "utf8")).toBe(text);
    expect(existsSync(path)).toBe(false);
  }
});
