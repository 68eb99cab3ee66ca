/** `ain lab check` and `ain lab iperf` at a lab of namespaces; containerlab.e2e.test.ts has them at containers. Needs root. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { LabCheckJson } from "#cli/commands/lab/check";

setDefaultTimeout(60_000);
const ROOT = join(import.meta.dir, "../..");
const NAME = `lc${process.pid}`;
const folder = mkdtempSync(join(tmpdir(), "ain-lab-check-"));
const file = join(folder, "quickstart.clab.yml");

function lab(...words: string[]) {
  const env = { ...process.env, NO_COLOR: "1" };
  const { status, stdout, stderr } = spawnSync(join(ROOT, "bin/ain"), ["lab", ...words], { encoding: "utf8", env });
  return { status, stdout, stderr };
}

beforeAll(() => {
  cpSync(join(ROOT, "containerlab/quickstart"), folder, { recursive: true });
  writeFileSync(file, readFileSync(file, "utf8").replace(/^name: .*$/m, `name: ${NAME}`));
  expect(lab("up", file)).toMatchObject({ status: 0, stderr: "" });
});
afterAll(() => {
  lab("down", NAME);
  rmSync(folder, { recursive: true, force: true });
});

test("a lab that is well is told of router by router and VM by VM", () => {
  const { status, stdout, stderr } = lab("check", file);
  expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  expect(stdout).toMatch(/^sw +AIN +2 of 2$/m);
  expect(stdout).toMatch(/^blue1 +blue\/prod +blue2 +blue1 +blue2$/m);
  expect(stdout).toMatch(/^red1 +red\/prod +red1 +red2 +red2$/m);
});

test("iperf3 between its VMs is a table, or JSON", () => {
  const { status, stdout, stderr } = lab("iperf", NAME, "--seconds", "1", "--streams", "2", "--rate", "100");
  expect({ status, stderr }).toEqual({ status: 0, stderr: "blue1 → blue2 …\nall at once …\n" });
  expect(stdout).toMatch(/^GBIT\/S +BETWEEN +TCP +2 × TCP +UDP, 0\.1 SENT +LOST\nblue1 → blue2 +hv1 – hv2 /);
  const rows = JSON.parse(lab("iperf", NAME, "--seconds", "1", "--json").stdout) as { way: string; tcp: number }[];
  expect(rows.map(({ way, tcp }) => [way, tcp > 0])).toEqual([
    ["blue1 → blue2", true],
    ["2 pairs at once", true],
  ]);
  expect(lab("iperf", NAME, "--moves")).toMatchObject({
    ...{ status: 1, stderr: expect.stringContaining("no VM of this lab moves (ain-moves in its topology)") },
  });
});

test("a lab that is not well fails the check, which says what is wrong", () => {
  expect(lab("exec", NAME, "sw", "--", "ip", "link", "set", "eth2", "down").status).toBe(0);
  const { status, stdout, stderr } = lab("check", NAME, "--json", "--timeout", "1");
  expect(status).toBe(1);
  expect(stderr).toMatch(/^ain: 2 routers without all neighbors, 4 answers missing, 4 pings without an answer\n$/);
  const found = JSON.parse(stdout) as LabCheckJson;
  expect(found.ok).toBe(false);
  expect(found.routers.map(({ name, full, expected }) => [name, full, expected])).toEqual([
    ["sw", 1, 2],
    ["hv1", 1, 1],
    ["hv2", 0, 1],
  ]);
  expect(found.vms.find(({ name }) => name === "blue1")).toMatchObject({
    ...{ answers: { "10.0.0.2": "blue1", "10.0.0.14": null }, pinged: "blue2", pingOk: false },
  });
  expect(lab("check", "no-such-lab")).toMatchObject({ status: 1, stderr: expect.stringContaining("no lab") });
});
