/** FRR as a lab's router. Needs root and Debian's frr. Everything it makes is named after this process. */
import { afterAll, afterEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { labDown } from "#lab/down";
import { isRunning } from "#lab/processes";
import { LabFiles, type ProcessIdentity } from "#lab/state";
import { labStatus } from "#lab/status";
import { loadTopology } from "#lab/topology";
import { labUp } from "#lab/up";
import { listNamespaces } from "#sys/namespace";

setDefaultTimeout(30_000);
const AIN = fileURLToPath(new URL("../../bin/ain", import.meta.url));
const name = `labfrr${process.pid}`;
const folder = mkdtempSync(join(tmpdir(), "ain-frr-"));
const file = join(folder, "lab.clab.yml");
const files = new LabFiles(name);

const CONFIG = `ipv6 route 2001:db8:dead::/48 blackhole
interface eth1
 ipv6 ospf6 area 0.0.0.0
exit
`;

function write(config: string): void {
  const node = (n: string): string => `{kind: linux, labels: {ain-role: router, ain-router: frr, ain-frr: ${n}.conf}}`;
  writeFileSync(join(folder, "a.conf"), config);
  writeFileSync(join(folder, "b.conf"), CONFIG);
  const links = `  links: [{endpoints: ["a:eth1", "b:eth1"]}]\n`;
  writeFileSync(file, `name: ${name}\ntopology:\n  nodes:\n    a: ${node("a")}\n    b: ${node("b")}\n${links}`);
}

async function up(): Promise<string[]> {
  const result = loadTopology(file, {});
  if (!result.ok) throw new Error(JSON.stringify(result.errors));
  const steps: string[] = [];
  await labUp(result.topology, { files, ain: AIN, patience: 10_000, say: (step) => steps.push(step) });
  return steps;
}

const daemonsOf = (node: string): ProcessIdentity[] => files.read()!.nodes[node]!.daemons!;
const here = (path: string): string[] => (existsSync(path) ? readdirSync(path) : []);

afterEach(() => labDown(files));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe("FRR in a lab", () => {
  test("runs once for each node, takes its file, and leaves the machine's own folders alone", async () => {
    const before = [here("/run/frr"), here("/var/tmp/frr"), here("/etc/frr")];
    write(CONFIG);
    expect(await up()).toEqual([`make ${name}-a`, `make ${name}-b`, "start FRR in a", "start FRR in b"]);
    expect(await up()).toEqual([]);
    const words = ["lab", "exec", name, "a", "--", "sh", "-c", `vtysh --vty_socket "$AIN_FRR" -c 'show ipv6 route'`];
    expect(spawnSync(AIN, words, { encoding: "utf8" }).stdout).toMatch(/2001:db8:dead::\/48 .*blackhole/);
    expect((await labStatus(files, files.read()!)).nodes).toMatchObject([
      { name: "a", role: "frr", state: "up" },
      { name: "b", role: "frr", state: "up" },
    ]);
    const daemons = [...daemonsOf("a"), ...daemonsOf("b")];
    expect(await labDown(files)).toEqual({ nodes: 2, processes: 8 });
    expect(daemons.filter(isRunning)).toEqual([]);
    expect([here("/run/frr"), here("/var/tmp/frr"), here("/etc/frr")]).toEqual(before);
    expect(existsSync(files.directory)).toBe(false);
  });

  test("is started anew, all of it, when one daemon has ended", async () => {
    write(CONFIG);
    await up();
    const first = daemonsOf("a");
    process.kill(first.at(-1)!.pid, "SIGKILL");
    while (isRunning(first.at(-1)!)) await Bun.sleep(5);
    expect((await labStatus(files, files.read()!)).nodes[0]?.state).toContain("a daemon ended, see");
    expect(await up()).toEqual(["start FRR in a"]);
    expect(first.filter(isRunning)).toEqual([]);
    expect(daemonsOf("a").every(isRunning)).toBe(true);
  });

  test("that refuses a line of its file says which, and starts again with a better one", async () => {
    write(`${CONFIG}ipv6 nonsense 2001:db8::/32\n`);
    await expect(up()).rejects.toThrow(/^a: "vtysh [\s\S]*ended with 2[\s\S]*line 5: % Unknown command.*ipv6 nonsense/);
    write(CONFIG);
    await up();
    expect((await labStatus(files, files.read()!)).nodes.map(({ state }) => state)).toEqual(["up", "up"]);
    expect(await labDown(files)).toEqual({ nodes: 2, processes: 8 });
  });

  test("whose start was killed is taken down whole", async () => {
    write(CONFIG);
    const builder = spawn(AIN, ["lab", "up", file], { stdio: "ignore" });
    const ended = new Promise((resolve) => builder.once("exit", resolve));
    const begun = join(files.frrSockets("a"), "ospf6d.pid");
    for (let i = 0; i < 500 && !existsSync(begun); i++) await Bun.sleep(5);
    const pid = Number(readFileSync(begun, "utf8"));
    builder.kill("SIGKILL");
    await ended;
    expect(spawnSync(AIN, ["lab", "down", name], { encoding: "utf8" })).toMatchObject({ status: 0 });
    expect(existsSync(`/proc/${pid}/ns/net`)).toBe(false);
    expect(listNamespaces().filter((one) => one.startsWith(`${name}-`))).toEqual([]);
    expect(existsSync(files.directory)).toBe(false);
  });
});
