/** Labs of real namespaces. Needs root. Everything it makes is named after this process. */
import { afterAll, afterEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { labDown } from "#lab/down";
import { isRunning } from "#lab/processes";
import { LabFiles } from "#lab/state";
import { labStatus } from "#lab/status";
import { loadTopology } from "#lab/topology";
import { labUp } from "#lab/up";
import { createNamespace, deleteNamespace, listNamespaces } from "#sys/namespace";

setDefaultTimeout(30_000);

const AIN = fileURLToPath(new URL("../../bin/ain", import.meta.url));
const BUN = fileURLToPath(new URL("../../bin/bun", import.meta.url));
const NAME = `labe2e${process.pid}`;
const directory = mkdtempSync(join(tmpdir(), "ain-lab-"));

const PAIR = `
  nodes:
    a: {exec: [ip addr add 192.0.2.1/24 dev eth1, "sh -c 'echo ran >> ran; sleep 1000 &'"]}
    b: {labels: {ain-role: vm, ain-address: 192.0.2.2/32, ain-gateway: 192.0.2.1, ain-mac: 02:00:00:00:00:02, ain-mtu: 1400}}
  links: [{endpoints: ["a:eth1", "b:eth1"]}]
`;

interface Lab {
  readonly name: string;
  readonly file: string;
  readonly files: LabFiles;
}

const labs = new Map<string, Lab>();

/** Writes a lab's file; the lab is taken down after the test. */
function lab(suffix: string, topology: string): Lab {
  const name = NAME + suffix;
  const file = join(directory, `${name}.clab.yml`);
  writeFileSync(file, `name: ${name}\ntopology:\n  defaults: {kind: linux}${topology}`);
  const made = { name, file, files: new LabFiles(name) };
  labs.set(name, made);
  return made;
}

async function up({ file, files }: Lab, { ain = AIN, patience = 5000 } = {}): Promise<string[]> {
  const result = loadTopology(file, {});
  if (!result.ok) throw new Error(JSON.stringify(result.errors));
  const steps: string[] = [];
  await labUp(result.topology, { files, ain, patience, say: (step) => steps.push(step) });
  return steps;
}

/** Runs `ain lab …` to its end. */
function ain(...words: string[]) {
  const { status, stdout, stderr } = spawnSync(AIN, ["lab", ...words], { encoding: "utf8", timeout: 30_000 });
  return { status, stdout, stderr };
}

const inNode = ({ name }: Lab, node: string, command: string) => ain("exec", name, node, "--", "sh", "-c", command);
const namespacesOf = ({ name }: Lab): string[] => listNamespaces().filter((n) => n.startsWith(`${name}-`));

afterEach(async () => {
  for (const { files } of labs.values()) await labDown(files);
  labs.clear();
});

afterAll(() => rmSync(directory, { recursive: true, force: true }));

describe("a lab", () => {
  test("is namespaces with links between them, where commands run as if typed there", async () => {
    const pair = lab("p", PAIR);
    await up(pair);
    expect(namespacesOf(pair)).toEqual([`${pair.name}-a`, `${pair.name}-b`]);
    expect(inNode(pair, "a", "ping -c1 -W2 192.0.2.2").status).toBe(0);
    const { status, stdout, stderr } = inNode(pair, "b", "ip -br addr show eth1; ip route; cat; echo no >&2; exit 7");
    expect({ status, stderr }).toEqual({ status: 7, stderr: "no\n" });
    expect(stdout).toMatch(/eth1@\S+ +UP +192\.0\.2\.2\/32/);
    expect(stdout).toMatch(/default via 192\.0\.2\.1 dev eth1 .*onlink/);
    expect(inNode(pair, "b", "ip link show eth1").stdout).toMatch(/mtu 1400[\s\S]*02:00:00:00:00:02/);
    expect(inNode(pair, "a", "echo $AIN_LAB $AIN_NODE").stdout).toBe(`${pair.name} a\n`);
    expect(ain("exec", pair.name, "a", "no-such-command").status).toBe(127);
    expect(ain("exec", pair.name, "z", "true")).toMatchObject({
      status: 1,
      stderr: expect.stringContaining("has no node z"),
    });
  });

  test("leaves nothing behind: no process, namespace, interface or file", async () => {
    const pair = lab("p", PAIR);
    await up(pair);
    const sleeper = Number(inNode(pair, "a", "pidof sleep").stdout);
    expect(await labDown(pair.files)).toEqual({ nodes: 2, processes: 1 });
    expect(namespacesOf(pair)).toEqual([]);
    expect(existsSync(pair.files.directory)).toBe(false);
    expect(existsSync(`/proc/${sleeper}/ns/net`)).toBe(false);
    expect(await labDown(pair.files)).toBeUndefined();
  });

  test("brought up again is left alone, and repaired where it was damaged", async () => {
    rmSync(join(directory, "ran"), { force: true });
    const pair = lab("p", PAIR);
    await up(pair);
    expect(await up(pair)).toEqual([]);
    inNode(pair, "a", "ip link del eth1");
    expect(inNode(pair, "b", "ip addr add 192.0.2.9/32 dev lo; ip link show eth1").status).not.toBe(0);
    await up(pair);
    expect(inNode(pair, "b", "ip -br addr").stdout).toMatch(/eth1@\S+ +UP +192\.0\.2\.2\/32/);
    deleteNamespace(`${pair.name}-b`);
    expect(await up(pair)).toEqual([`remove b`, `make ${pair.name}-b`]);
    expect(inNode(pair, "b", "ip -br addr").stdout).toContain("192.0.2.2/32");
    // Commands belong to the making of a node; a's was made once.
    expect(readFileSync(join(directory, "ran"), "utf8")).toBe("ran\n");
  });

  test("follows its file: links and nodes that are new, gone or different", async () => {
    await up(
      lab("c", `\n  nodes: {a: , b: , c: }\n  links: [{endpoints: ["a:e1", "b:e1"]}, {endpoints: ["b:e2", "c:e1"]}]\n`),
    );
    const changed = lab(
      "c",
      `\n  nodes: {a: , b: {sysctls: {net.ipv4.ip_forward: 1}}, d: }
  links: [{endpoints: ["a:e1", "b:e1"], mtu: 1400}, {endpoints: ["b:e2", "d:e1"]}]\n`,
    );
    expect(await up(changed)).toEqual(["remove the link b:e2 – c:e1", "remove c", `make ${changed.name}-d`]);
    expect(namespacesOf(changed).map((n) => n.slice(-1))).toEqual(["a", "b", "d"]);
    expect(inNode(changed, "b", "cat /proc/sys/net/ipv4/ip_forward; ip -o link").stdout).toMatch(
      /^1\n[\s\S]*e1@.*mtu 1400[\s\S]*e2@/,
    );
    const { nodes } = await labStatus(changed.files, changed.files.read()!);
    expect(nodes.map((n) => [n.name, n.state, n.interfaces.map((i) => i.name)])).toEqual([
      ["a", "up", ["e1"]],
      ["b", "up", ["e1", "e2"]],
      ["d", "up", ["e1"]],
    ]);
  });

  test("stands beside others that look the same", async () => {
    const [one, other] = [lab("x", PAIR), lab("y", PAIR)];
    await Promise.all([up(one), up(other)]);
    expect(inNode(one, "b", "ping -c1 -W2 192.0.2.1").status).toBe(0);
    await labDown(one.files);
    expect(inNode(other, "b", "ping -c1 -W2 192.0.2.1").status).toBe(0);
    expect(ain("list").stdout).toContain(other.name);
    expect(ain("list").stdout).not.toContain(one.name);
  });

  test("does not take over a namespace that it did not make", async () => {
    const pair = lab("f", PAIR);
    const foreign = `${pair.name}-b`;
    createNamespace(foreign);
    try {
      await expect(up(pair)).rejects.toThrow(`the network namespace ${foreign} exists and is not this lab's`);
      await labDown(pair.files);
      expect(namespacesOf(pair)).toEqual([foreign]);
    } finally {
      deleteNamespace(foreign);
    }
  });

  test("is built once when two build it at the same time", async () => {
    rmSync(join(directory, "ran"), { force: true });
    const pair = lab("r", PAIR);
    const both = [1, 2].map(() => spawn(AIN, ["lab", "up", pair.file], { stdio: "ignore" }));
    const ends = await Promise.all(both.map((child) => new Promise((resolve) => child.once("exit", resolve))));
    expect(ends).toEqual([0, 0]);
    expect(readFileSync(join(directory, "ran"), "utf8")).toBe("ran\n");
    expect(inNode(pair, "b", "ping -c1 -W2 192.0.2.1").status).toBe(0);
  });

  test("whose building was killed is taken down whole", async () => {
    const slow = lab("k", `\n  nodes: {a: , b: {exec: [sleep 1000]}}\n  links: [{endpoints: ["a:e1", "b:e1"]}]\n`);
    const builder = spawn(AIN, ["lab", "up", slow.file], { stdio: "ignore" });
    const ended = new Promise((resolve) => builder.once("exit", resolve));
    for (let i = 0; i < 200 && inNode(slow, "b", "pidof sleep").status !== 0; i++) await Bun.sleep(20);
    builder.kill("SIGKILL");
    await ended;
    expect(namespacesOf(slow)).toHaveLength(2);
    expect(ain("down", slow.file)).toMatchObject({
      status: 0,
      stdout: expect.stringContaining("2 nodes, 1 process removed"),
    });
    expect(namespacesOf(slow)).toEqual([]);
    expect(existsSync(slow.files.directory)).toBe(false);
  });

  test("says which command failed, with what it printed", async () => {
    const bad = lab("e", `\n  nodes: {a: {exec: ["sh -c 'echo out of luck; exit 3'"]}}\n`);
    await expect(up(bad)).rejects.toThrow(/^a: "sh -c echo out of luck; exit 3" ended with 3\n {4}out of luck\n/);
    const stuck = lab("s", `\n  nodes: {a: {exec: [sleep 1000]}}\n`);
    await expect(up(stuck, { patience: 200 })).rejects.toThrow('a: "sleep 1000" was ended by SIGKILL');
    const missing = lab("m", `\n  nodes: {a: {exec: [no-such-command]}}\n`);
    await expect(up(missing)).rejects.toThrow('a: "no-such-command" could not be started');
  });
});

describe("a router of a lab", () => {
  const ROUTER = `\n  nodes: {r: {labels: {ain-role: router, ain-config: r.yaml}, env: {MODE: answer}}}\n`;

  /** Stands in for `ain`: it listens on the socket it is given, or does what MODE says. */
  function standIn(): string {
    const path = join(directory, "stand-in");
    const program = `
      console.log("started as", ...process.argv.slice(1));
      if (process.env.MODE === "fail") { console.error("no such uplink"); process.exit(1); }
      if (process.env.MODE === "answer") Bun.listen({ unix: process.argv.at(-1), socket: { data() {} } });
      else setInterval(() => {}, 1000);`;
    writeFileSync(`${path}.ts`, program);
    writeFileSync(path, `#!/bin/sh\nexec ${BUN} ${path}.ts "$@"\n`, { mode: 0o755 });
    writeFileSync(join(directory, "r.yaml"), "");
    return path;
  }

  test("is started with its file and its socket, and is ready when it answers", async () => {
    const ain = standIn();
    const one = lab("q", ROUTER);
    expect(await up(one, { ain })).toEqual([`make ${one.name}-r`, "start the router r"]);
    expect(readFileSync(one.files.log("r"), "utf8")).toContain(
      `run ${join(directory, "r.yaml")} --socket ${one.files.socket("r")}`,
    );
    const router = one.files.read()!.nodes.r!.process!;
    expect((await labStatus(one.files, one.files.read()!)).nodes[0]).toMatchObject({ state: "up", pid: router.pid });
    expect(await up(one, { ain })).toEqual([]);
    process.kill(router.pid, "SIGKILL");
    while (isRunning(router)) await Bun.sleep(5);
    expect((await labStatus(one.files, one.files.read()!)).nodes[0]?.state).toContain("ended, see");
    expect(await up(one, { ain })).toEqual(["start the router r"]);
    const again = one.files.read()!.nodes.r!.process!;
    await labDown(one.files);
    expect(isRunning(again)).toBe(false);
  });

  test("that ends, or does not answer, is an error with the end of its log", async () => {
    const ain = standIn();
    const failing = lab("w", ROUTER.replace("MODE: answer", "MODE: fail"));
    await expect(up(failing, { ain })).rejects.toThrow(/^r: the router ended while starting\n[\s\S]*no such uplink/);
    const silent = lab("v", ROUTER.replace("MODE: answer", "MODE: silent"));
    await expect(up(silent, { ain, patience: 500 })).rejects.toThrow(
      "r: the router does not answer on its socket after 0.5 s",
    );
  });
});
