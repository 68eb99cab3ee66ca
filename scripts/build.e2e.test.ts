/** The single-file executable as `npm run build` makes it: where there is no source tree it does all that bin/ain does. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { chmodSync, cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { listNamespaces } from "#sys/namespace";
import packageJson from "../package.json";

setDefaultTimeout(90_000);
const ROOT = join(import.meta.dir, "..");
/** The executable is alone in a folder, and runs in another. */
const home = mkdtempSync(join(tmpdir(), "ain-build-"));
const elsewhere = mkdtempSync(join(tmpdir(), "ain-elsewhere-"));
const AIN = join(home, "ain");
const LAB = `single${process.pid}`;

function run(program: string, ...words: string[]) {
  // Nothing of this repository's on the PATH, no Bun of anybody's.
  const env = { PATH: "/usr/sbin:/usr/bin:/sbin:/bin", HOME: home };
  const { status, stdout, stderr } = spawnSync(program, words, { cwd: elsewhere, env, encoding: "utf8" });
  return { status, text: stdout + stderr };
}
const ain = (...words: string[]) => run(AIN, ...words);
const inNode = (node: string, ...words: string[]) => ain("lab", "exec", LAB, node, "--", ...words);

beforeAll(() => {
  const built = run(join(ROOT, "bin/bun"), join(ROOT, "scripts/build.ts"), AIN);
  if (built.status !== 0) throw new Error(built.text);
  cpSync(join(ROOT, "containerlab/quickstart"), join(elsewhere, "quickstart"), { recursive: true });
  chmodSync(join(elsewhere, "quickstart/fabric.yaml"), 0o600);
  const topology = readFileSync(join(elsewhere, "quickstart/quickstart.clab.yml"), "utf8");
  writeFileSync(join(elsewhere, "quickstart/lab.clab.yml"), topology.replace(/^name: .*$/m, `name: ${LAB}`));
  // Bun would take both for its own.
  writeFileSync(join(elsewhere, "bunfig.toml"), 'preload = ["./not-there.ts"]\n');
  writeFileSync(join(elsewhere, ".env"), "AIN_SOCKET=/not/there.sock\n");
});

afterAll(() => {
  ain("lab", "down", LAB);
  expect(listNamespaces().filter((one) => one.startsWith(`${LAB}-`))).toEqual([]);
  for (const folder of [home, elsewhere]) rmSync(folder, { recursive: true, force: true });
});

test("the build leaves one file, which knows its version", () => {
  expect(readdirSync(home)).toEqual(["ain"]);
  expect(ain("--version")).toEqual({ status: 0, text: `${packageJson.version}\n` });
});

test("files are checked, and what is wrong is named", () => {
  expect(ain("check", "quickstart/hv1.yaml")).toMatchObject({ status: 0 });
  writeFileSync(join(elsewhere, "wrong.yaml"), "name: hv1\nfabric: ./quickstart/fabric.yaml\nrole: bridge\n");
  const { status, text } = ain("check", "wrong.yaml");
  expect({ status, text }).toEqual({ status: 2, text: expect.stringContaining("wrong.yaml:3:7: role:") });
});

test("routers of a lab, each a process of the executable, forward between VMs by OSPF's routes", () => {
  expect(ain("lab", "up", "quickstart/lab.clab.yml")).toMatchObject({ status: 0 });
  // blue1 to blue2: forwarder threads, OSPF, translation; BFD's thread has its session with the switch.
  const ping = inNode(
    "blue1",
    "sh",
    "-c",
    "for i in $(seq 100); do ping -c1 -W1 10.0.0.14 && exit; sleep 0.1; done; exit 1",
  );
  expect(ping).toMatchObject({ status: 0 });
  expect(ping.text).toContain("1 received");
  const bfd = inNode("hv1", AIN, "show", "bfd");
  expect(bfd).toEqual({ status: 0, text: expect.stringMatching(/\bUp\b/) });
  const vms = inNode("hv1", AIN, "show", "vms", "--json");
  expect((JSON.parse(vms.text) as { name: string }[]).map(({ name }) => name)).toContain("blue1");
});

test("`ain shell` starts commands of its own", () => {
  const words = ["shell", LAB, "-c", "@hv1 show status"];
  const { status, text } = ain(...words);
  expect({ status, text }).toEqual({ status: 0, text: expect.stringContaining("hypervisor") });
});

test("a router told to stop ends in peace, and its lab goes without a trace", async () => {
  const hv2 = (): string => /^hv2 .*$/m.exec(ain("lab", "status", LAB).text)![0];
  expect(hv2()).toContain(" up ");
  expect(inNode("hv2", AIN, "stop")).toMatchObject({ status: 0 });
  for (let waited = 0; waited < 100 && hv2().includes(" up "); waited++) await Bun.sleep(50);
  expect(hv2()).not.toContain(" up ");
  const log = readFileSync(`/run/ain/labs/${LAB}/hv2.log`, "utf8");
  expect(log).toContain("stopping: ain stop");
  expect(log).not.toMatch(/defect|error/);
  expect(ain("lab", "down", LAB)).toMatchObject({ status: 0 });
  expect(existsSync(`/run/ain/labs/${LAB}`)).toBe(false);
});

test("a demo finds its files inside, and leaves none", () => {
  const { status, text } = ain("demo");
  expect({ status, text }).toEqual({ status: 0, text: expect.stringContaining("the addresses do not mix") });
  expect(readdirSync(tmpdir()).filter((name) => name.startsWith("ain-demo-"))).toEqual([]);
});
