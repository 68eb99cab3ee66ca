/**
 * The topologies deployed by the real containerlab, in Docker's containers. Needs both (containerlab/setup.sh); without them
 * it says loudly that nothing was deployed.
 */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { LabCheckJson } from "#cli/commands/lab/check";
import type { LabIperfJson } from "#cli/commands/lab/iperf";
import { listNamespaces } from "#sys/namespace";

setDefaultTimeout(150_000);
const ROOT = join(import.meta.dir, "../..");
const AIN = join(ROOT, "bin/ain");
/** Of the images that this test builds: others of that name stay as they are. */
const TAG = `e2e${process.pid}`;

interface Ran {
  readonly status: number | null;
  readonly stdout: string;
  readonly text: string;
}

function run(program: string, ...words: string[]): Ran {
  const env = { ...process.env, CLAB_VERSION_CHECK: "disable" };
  const { status, stdout, stderr, error } = spawnSync(program, words, { encoding: "utf8", env, timeout: 140_000 });
  return { status, stdout: stdout ?? "", text: `${stdout ?? ""}${stderr ?? ""}${error?.message ?? ""}` };
}

/** Runs it, and throws unless it ends well. @returns its standard output. */
function must(program: string, ...words: string[]): string {
  const { status, stdout, text } = run(program, ...words);
  if (status !== 0) throw new Error(`${program} ${words.join(" ")}: status ${status}\n${text}`);
  return stdout;
}

const lines = (text: string): string[] => text.split("\n").filter(Boolean);

const missing = run(join(ROOT, "containerlab/setup.sh"), "--check");
if (missing.status !== 0) {
  console.warn(
    `\n>>> NOT RUN: no topology was deployed with containerlab:\n${missing.text.replaceAll(/^/gm, ">>>   ")}\n` +
      ">>> containerlab/setup.sh makes a machine ready for it.\n",
  );
  test("setup.sh --check names what a deployment lacks here", () => {
    expect(missing.text).toMatch(/setup\.sh: .*(missing|no Docker daemon answers)/);
  });
} else {
  describeDeployments();
}

function describeDeployments(): void {
  beforeAll(() => void must(join(ROOT, "containerlab/image/build.sh"), TAG), 280_000);
  afterAll(() => {
    run("docker", "image", "rm", "-f", ...["ain", "ain-vm", "ain-frr"].map((name) => `${name}:${TAG}`));
  });
  describe("quickstart by containerlab", () => deployment("quickstart", quickstart));
  describe("pod-fabric by containerlab, FRR playing its switches", () => deployment("pod-fabric", podFabric));
  describe("mobility by containerlab", () => deployment("mobility", mobility));
  describe("a router's container with the least capabilities", leastCapabilities);
}

interface Deployed {
  readonly name: string;
  /** What Docker calls a node's container. */
  readonly container: (node: string) => string;
  readonly routers: readonly string[];
}

/** What a machine has that a deployment may leave behind. */
const traces = () => ({
  containers: lines(must("docker", "ps", "-aq")).sort(),
  networks: lines(must("docker", "network", "ls", "-q")).sort(),
  namespaces: listNamespaces().filter((name) => name.startsWith("clab-")),
  links: readdirSync("/sys/class/net").filter((name) => /^(br-|clab|veth)/.test(name)),
  hosts: readFileSync("/etc/hosts", "utf8"),
});

/** Deploys one under a name of its own, has it tested, destroys it, and looks whether anything is left. */
function deployment(topology: string, tests: (deployed: Deployed) => void): void {
  const name = `${topology.replaceAll("-", "")}${process.pid}`;
  const folder = mkdtempSync(join(tmpdir(), "ain-clab-"));
  const file = join(folder, `${topology}.clab.yml`);
  const routers: string[] = [];
  const container = (node: string): string => `clab-${name}-${node}`;
  let before: ReturnType<typeof traces>;

  beforeAll(() => {
    before = traces();
    cpSync(join(ROOT, "containerlab", topology), folder, { recursive: true });
    const text = readFileSync(file, "utf8").replace(/^name: .*$/m, `name: ${name}`);
    writeFileSync(file, text.replaceAll(/(ain(-vm|-frr)?):latest/g, `$1:${TAG}`));
    must("containerlab", "deploy", "-t", file);
    const all = lines(must("docker", "ps", "--format", "{{.Names}}", "--filter", `label=containerlab=${name}`));
    routers.push(...all.filter((one) => run("docker", "exec", one, "which", "ain", "vtysh").stdout !== ""));
  });
  afterAll(() => {
    run("containerlab", "destroy", "-t", file, "--cleanup");
    rmSync(folder, { recursive: true, force: true });
  });

  test("every router gets healthy, and the lab does what it is there for", () => {
    const { status, stdout, text } = run(AIN, "lab", "check", name, "--json");
    expect({ status, text: status === 0 ? "" : text }).toEqual({ status: 0, text: "" });
    const found = JSON.parse(stdout) as LabCheckJson;
    expect(found).toMatchObject({ made: "containers", ok: true });
    expect(found.routers.length).toBe(routers.length);
    for (let waited = 0; waited < 60; waited++) {
      const states = routers.map((one) => must("docker", "inspect", "-f", "{{.State.Health.Status}}", one).trim());
      if (states.every((state) => state === "healthy")) return;
      Bun.sleepSync(500);
    }
    throw new Error(`not healthy: ${must("docker", "ps", "-a")}`);
  });

  tests({ name, container, routers });

  test("destroyed, it leaves no container, network, namespace, link or line in /etc/hosts", () => {
    must("containerlab", "destroy", "-t", file, "--cleanup");
    expect(traces()).toEqual(before);
    expect(existsSync(join(folder, `clab-${name}`))).toBe(false);
  });
}

/** The rows of `ain lab iperf`. */
function measured(name: string, ...options: string[]): readonly LabIperfJson[] {
  return JSON.parse(must(AIN, "lab", "iperf", name, "--seconds", "1", "--json", ...options)) as LabIperfJson[];
}

function quickstart({ name, container }: Deployed): void {
  test("iperf3 prints a table", () => {
    const table = must(AIN, "lab", "iperf", name, "--seconds", "1");
    expect(table).toMatch(
      /^GBIT\/S +BETWEEN +TCP +8 × TCP +UDP, 0\.5 SENT +LOST\nblue1 → blue2 +hv1 – hv2 +\d+\.\d\d /,
    );
    expect(table).toMatch(/^2 pairs at once +\d+\.\d\d$/m);
  });

  test("commands run in nodes by ain as by docker", () => {
    expect(must("docker", "exec", container("hv1"), "ain", "show", "vms")).toMatch(/^blue1 +blue\/prod/m);
    expect(must(AIN, "lab", "exec", name, "hv1", "--", "ain", "show", "vms")).toMatch(/^blue1 +blue\/prod/m);
    expect(run(AIN, "lab", "exec", name, "blue1", "--", "sh", "-c", "exit 7").status).toBe(7);
  });

  test("the first process takes away what ends orphaned", () => {
    must("docker", "exec", container("hv1"), "sh", "-c", "(sleep 0.2 &) ; exit 0");
    Bun.sleepSync(600);
    // Children of the first process; what Docker itself has started is Docker's to wait for.
    const children = 'for status in /proc/[0-9]*/status; do grep -q "^PPid:.1$" $status && cat $status; done; true';
    expect(must("docker", "exec", container("hv1"), "sh", "-c", children)).not.toContain("zombie");
  });

  test("told to stop, a router puts back what it changed, says so and ends with 0", () => {
    must("docker", "stop", "--time", "10", container("hv2"));
    expect(must("docker", "inspect", "-f", "{{.State.ExitCode}}", container("hv2")).trim()).toBe("0");
    expect(run("docker", "logs", container("hv2")).text).toMatch(/stopping: SIGTERM\r?\n$/);
    // It has taken its LSAs back: nobody has a route to it any more.
    const routes = must(AIN, "lab", "exec", name, "sw", "--", "ain", "show", "ospf", "routes", "--json");
    expect((JSON.parse(routes) as { prefix: string }[]).map(({ prefix }) => prefix)).not.toContain(
      "2001:db8:a1:2::/64",
    );
  });
}

function podFabric({ name, container }: Deployed): void {
  test("FRR plays the switches, and hypervisors have two ways to the other PoD", () => {
    const found = JSON.parse(must(AIN, "lab", "check", name, "--json")) as LabCheckJson;
    expect(found.routers.filter(({ player }) => player === "FRR").length).toBe(10);
    const routes = must("docker", "exec", container("hv11"), "ain", "show", "ospf", "routes", "--json");
    const byDefault = (JSON.parse(routes) as { prefix: string; nextHops: unknown[] }[]).find(
      ({ prefix }) => prefix === "::/0",
    );
    expect(byDefault?.nextHops.length).toBe(2);
  });

  test("iperf3 gets through within a PoD and across", () => {
    const rows = measured(name);
    expect(rows.map(({ between }) => between)).toEqual(["hv11 – hv12", "hv11 – hv21", "hv11 – hv22", ""]);
    for (const { tcp } of rows) expect(tcp).toBeGreaterThan(0);
  });
}

function mobility({ name }: Deployed): void {
  test("a VM moves to another hypervisor and back, and TCP reaches it by the tunnel as well", () => {
    const rows = measured(name, "--moves");
    const away = rows.find(({ between }) => between.endsWith("by tunnel"))!;
    expect(away).toMatchObject({ way: "blue2 → blue1", between: "hv3 – hv2, by tunnel" });
    // What only retransmission gets through is a thousand times less.
    expect(away.tcp).toBeGreaterThan(rows[0]!.tcp / 100);
    expect(run(AIN, "lab", "check", name).status).toBe(0);
  });
}

function leastCapabilities(): void {
  const name = `ain-${TAG}`;
  const folder = mkdtempSync(join(tmpdir(), "ain-caps-"));
  const LEAST = ["NET_ADMIN", "NET_RAW", "SYS_ADMIN", "NET_BIND_SERVICE"];
  const outer = [0, 1].map((i) => `ac${i}x${process.pid}`.slice(0, 15));

  /** A container's namespace outlasts it for a moment. */
  function clear(): void {
    run("docker", "rm", "-f", name);
    for (const link of outer) if (existsSync(`/sys/class/net/${link}`)) run("ip", "link", "del", link);
  }

  /** Its ports, by name, once the container has had its interfaces for a moment. */
  function portsWith(capabilities: readonly string[]): Record<string, string> {
    clear();
    const allowed = capabilities.flatMap((one) => ["--cap-add", one]);
    const limits = ["--network", "none", "--cap-drop", "ALL", ...allowed, "--security-opt", "apparmor=unconfined"];
    const files = ["--device", "/dev/net/tun", "-v", `${folder}:/etc/ain:ro`];
    must("docker", "run", "-d", "--name", name, ...limits, ...files, `ain:${TAG}`, "run", "/etc/ain/hv1.yaml");
    const pid = must("docker", "inspect", "-f", "{{.State.Pid}}", name).trim();
    for (const [i, inner] of ["eth1", "blue1"].entries()) {
      must("ip", "link", "add", outer[i]!, "type", "veth", "peer", "name", inner, "netns", pid);
      must("ip", "link", "set", outer[i]!, "up");
    }
    let ports: { name: string; state: string; trouble?: string }[] = [];
    for (let waited = 0; waited < 40; waited++) {
      const { status, stdout } = run("docker", "exec", name, "ain", "show", "ports", "--json");
      if (status === 0) ports = JSON.parse(stdout);
      if (ports.length > 0 && !ports.some(({ state }) => state.includes("No such device"))) break;
      Bun.sleepSync(250);
    }
    return Object.fromEntries(ports.map((port) => [port.name, port.state]));
  }

  beforeAll(() => {
    cpSync(join(ROOT, "containerlab/quickstart"), folder, { recursive: true });
    const file = join(folder, "hv1.yaml");
    writeFileSync(file, readFileSync(file, "utf8").replace(/^ {2}- \{ name: red1.*\n/m, ""));
  });
  afterAll(() => {
    clear();
    rmSync(folder, { recursive: true, force: true });
  });

  test("all its ports are up, the metadata service's too", () => {
    expect(portsWith(LEAST)).toEqual({ eth1: "up", blue1: "up", metadata: "up" });
    expect(run("docker", "logs", name).text).not.toMatch(/ error /);
  });

  test("without SYS_ADMIN it runs, and its ports say what was refused", () => {
    const ports = portsWith(LEAST.filter((one) => one !== "SYS_ADMIN"));
    expect(ports.eth1).toContain("EPERM");
  });
}
