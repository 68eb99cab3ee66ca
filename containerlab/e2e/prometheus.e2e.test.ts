/**
 * A real Prometheus scrapes two routers once a second while they forward: every scrape succeeds, promtool has nothing to say
 * against the answers, and what Prometheus makes of the counters is what the routers' own counters say. Runs beside others.
 */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { inNamespace } from "#sys/namespace";
import { addressesAt, BLUE, fabricYaml, hypervisorYaml, switchYaml, TestLab } from "./test-lab";

setDefaultTimeout(120_000);
const lab = new TestLab("pr");
const [A, B] = [0, 1].map((home) => addressesAt(2, home, BLUE, 1)[0]!) as [string, string];
/** Where the routers answer, by a link that is none of theirs. */
const TARGETS = ["10.9.1.1:9464", "10.9.2.1:9464"] as const;
const processes: ChildProcess[] = [];

function start(node: string, ...words: string[]): ChildProcess {
  const child = inNamespace(lab.namespace(node), () => spawn(words[0]!, words.slice(1), { stdio: "ignore" }));
  processes.push(child);
  return child;
}

beforeAll(async () => {
  const vm = (name: string, address: string) =>
    `{ name: ${name}, network: blue/prod, address: ${address}, interface: ${name} }`;
  const hypervisor = (index: number, name: string, address: string): string =>
    `${hypervisorYaml({ index, vms: [vm(name, address)] })}metrics: { listen: "0.0.0.0:9464" }\n`;
  lab.write("fabric.yaml", fabricYaml(2));
  lab.write("sw.yaml", switchYaml(2));
  lab.write("hv1.yaml", hypervisor(1, "a", A));
  lab.write("hv2.yaml", hypervisor(2, "b", B));
  lab.write(
    "prometheus.yml",
    `global: { scrape_interval: 1s, scrape_timeout: 1s }\nscrape_configs: [{ job_name: ain, static_configs: [{ targets: ${JSON.stringify(TARGETS)} }] }]\n`,
  );
  const router = (name: string) =>
    `    ${name}: { kind: linux, labels: { ain-role: router, ain-config: ${name}.yaml } }`;
  const host = (name: string, address: string) =>
    `    ${name}: { kind: linux, labels: { ain-role: vm, ain-address: ${address}/32, ain-gateway: 10.0.0.1 } }`;
  await lab.up(`  nodes:
${["sw", "hv1", "hv2"].map(router).join("\n")}
${host("a", A)}
${host("b", B)}
    prom: { kind: linux, exec: [ip address add 10.9.1.2/24 dev eth1, ip address add 10.9.2.2/24 dev eth2] }
  links:
${[1, 2].map((i) => `    - { endpoints: ["sw:eth${i}", "hv${i}:eth1"], mtu: 1500 }`).join("\n")}
${[1, 2].map((i) => `    - { endpoints: ["hv${i}:mgmt", "prom:eth${i}"], mtu: 1500 }`).join("\n")}
    - { endpoints: ["hv1:a", "a:eth1"], mtu: 1500 }
    - { endpoints: ["hv2:b", "b:eth1"], mtu: 1500 }
`);
  for (const i of [1, 2]) lab.run(`hv${i}`, `ip address add 10.9.${i}.1/24 dev mgmt`);
  await lab.until("a reaches b", () => lab.run("a", `ping -c 1 -W 1 ${B}`).status === 0, 20);
  const store = `--storage.tsdb.path=${join(lab.folder, "tsdb")}`;
  const config = `--config.file=${join(lab.folder, "prometheus.yml")}`;
  start("prom", "prometheus", config, store, "--web.listen-address=127.0.0.1:9090", "--log.level=error");
  await lab.until("Prometheus is ready", () => get("/-/ready").status === 0, 30);
  start("b", "iperf3", "-s", "-1");
});
afterAll(async () => {
  for (const child of processes) {
    if (child.exitCode !== null || child.signalCode !== null) continue;
    const ended = once(child, "exit");
    child.kill("SIGKILL");
    await ended;
  }
  await lab.down();
});

const get = (path: string) => lab.run("prom", `curl -sf -g http://127.0.0.1:9090${path}`);

interface Sample {
  readonly metric: Readonly<Record<string, string>>;
  readonly value?: readonly [number, string];
  readonly values?: readonly (readonly [number, string])[];
}

/** What Prometheus answers to an expression, at this moment. */
function query(expression: string): readonly Sample[] {
  const { status, text } = get(`/api/v1/query?query=${encodeURIComponent(expression)}`);
  expect(status, text).toBe(0);
  return (JSON.parse(text) as { data: { result: readonly Sample[] } }).data.result;
}

const numbers = (samples: readonly Sample[]): number[] => samples.map(({ value }) => Number(value![1]));

test("while 200 Mbit/s pass no scrape fails, and rates are those of the counters", async () => {
  const received = 'ain_port_receive_frames_total{port="a",instance="10.9.1.1:9464"}';
  await lab.until("both are scraped", () => numbers(query("up")).join() === "1,1", 20);
  const load = start("a", "iperf3", "-c", B, "-t", "8", "-b", "200M");
  await once(load, "exit");
  expect(load.exitCode).toBe(0);
  expect(numbers(query("min_over_time(up[8s])"))).toEqual([1, 1]);
  const [told] = query(`${received}[8s]`);
  const [first, last] = [told!.values![0]!, told!.values!.at(-1)!];
  const own = (Number(last[1]) - Number(first[1])) / (last[0] - first[0]);
  // Prometheus reaches out to the ends of its window from the samples in it.
  const [rate] = numbers(query(`rate(${received}[8s])`));
  expect(own).toBeGreaterThan(100);
  expect(rate! / own).toBeGreaterThan(0.7);
  expect(rate! / own).toBeLessThan(1.4);
});

test("when all is quiet, Prometheus has the very numbers that the routers show", async () => {
  for (const [router, port, instance] of [
    ["hv1", "a", TARGETS[0]],
    ["hv2", "b", TARGETS[1]],
  ] as const) {
    const agree = async (): Promise<boolean> => {
      const { rxFrames, txFrames } = (await lab.show(router, "ports")).find(({ name }) => name === port)!;
      const ends = `{port="${port}",instance="${instance}"}`;
      const told = ["receive", "transmit"].map((way) => numbers(query(`ain_port_${way}_frames_total${ends}`))[0]);
      return told[0] === rxFrames && told[1] === txFrames;
    };
    await lab.until(`${router}'s numbers agree`, agree, 30);
  }
});

test("promtool has nothing to say against what the routers answer", async () => {
  for (const router of ["hv1", "hv2", "sw"]) {
    const answer = await fetch("http://ain/metrics", { unix: lab.socket(router) });
    const input = await answer.text();
    const { status, stdout, stderr } = spawnSync("promtool", ["check", "metrics"], { input, encoding: "utf8" });
    expect([router, status, stdout + stderr]).toEqual([router, 0, ""]);
  }
});
