/**
 * IPv6 addresses that tenants bring (design "IPv6 hosts, (b) tenant-owned"): of no home prefix, the same ones at two tenants,
 * reached by tunnels alone, and kept over a move.
 *
 * ```
 *   m: blue 2001:db8:7::a ──┬── hv1 ── sw ── hv2 ──┬── p: blue 2001:db8:7::b
 *   r: red  2001:db8:7::a ──┘                      └── s: red  2001:db8:7::b
 * ```
 */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { inNamespace } from "#sys/namespace";
import { moveUnderTraffic, twoHypervisors } from "./mobility/two";
import { fabricYaml, hypervisorYaml, switchYaml, TestLab } from "./test-lab";

setDefaultTimeout(60_000);
const lab = new TestLab("tn");
const AIN = fileURLToPath(new URL("../../bin/ain", import.meta.url));
const A = "2001:db8:7::a";
const B = "2001:db8:7::b";
const FREE = "2001:db8:7::77";

beforeAll(async () => {
  const vm = (name: string, tenant: string, address: string) =>
    `{ name: ${name}, network: ${tenant}/prod, ipv6: "${address}", interface: ${name} }`;
  const owned = `gateway: 10.0.0.1, tenantPrefixes: ["2001:db8:7::/64"]`;
  lab.write("fabric.yaml", fabricYaml(2).replaceAll("gateway: 10.0.0.1", owned));
  lab.write("sw.yaml", switchYaml(2));
  lab.write("hv1.yaml", hypervisorYaml({ index: 1, vms: [vm("m", "blue", A), vm("r", "red", A)] }));
  lab.write("hv2.yaml", hypervisorYaml({ index: 2, vms: [vm("p", "blue", B), vm("s", "red", B)] }));
  await lab.up(
    twoHypervisors({
      ...{ address: `${A}/128`, mtu: 1500 },
      stay: [
        { name: "r", at: "hv1", address: `${A}/128` },
        { name: "p", at: "hv2", address: `${B}/128` },
        { name: "s", at: "hv2", address: `${B}/128` },
      ],
    }),
  );
  lab.run("m", "sysctl -qw net.ipv6.conf.wire.disable_ipv6=1"); // the lab's bridge is no host
  for (const name of ["m", "r", "p", "s"]) lab.run(name, "ip -6 route replace default via fe80::1 dev eth1");
  await lab.until("each reaches its own", allReach);
});
afterAll(() => lab.down());

const reaches = (from: string, to: string): boolean => lab.run(from, `ping -6 -c 1 -W 1 ${to}`).status === 0;
/** As `ain home` computes it. */
function homeOf(tenant: string, address: string): string {
  const words = ["home", address, "-n", `${tenant}/prod`, "-f", join(lab.folder, "fabric.yaml"), "--json"];
  const { stdout, stderr } = spawnSync(AIN, words, { encoding: "utf8" });
  const found = /2001:db8:a1:(\d)::/.exec(stdout);
  if (found === null) throw new Error(`no home in ${stdout}${stderr}`);
  return `hv${found[1]}`;
}

const allReach = (): boolean => reaches("m", B) && reaches("r", B) && reaches("p", A) && reaches("s", A);
/** Echo requests that a VM's kernel has seen. */
const asked = (vm: string): number =>
  Number(/Icmp6InEchos\s+(\d+)/.exec(lab.run(vm, "cat /proc/net/snmp6").text)?.[1] ?? Number.NaN);

test("two tenants use the same addresses at the same hypervisors, and each reaches its own", () => {
  const before = [asked("p"), asked("s")];
  expect(lab.run("m", `ping -6 -c 5 -i 0.05 -W 1 ${B}`).text).toContain("5 received");
  expect([asked("p"), asked("s")]).toEqual([before[0]! + 5, before[1]!]);
  expect(lab.run("r", `ping -6 -c 5 -i 0.05 -W 1 ${B}`).text).toContain("5 received");
  expect([asked("p"), asked("s")]).toEqual([before[0]! + 5, before[1]! + 5]);
});

test("they are bound at the homes that the hash of tags and address names, and go by tunnels", async () => {
  const { shares } = await lab.show("hv1", "tunnels");
  expect(shares.direct).toBeGreaterThan(10);
  // Who is at home needs no registration; of four addresses at two hypervisors each is either at home or registered.
  const registered = async (node: string): Promise<string[]> =>
    (await lab.show(node, "bindings")).bindings.flatMap(({ role, network, address }) =>
      role === "attached" ? [`${network} ${address}`] : [],
    );
  const away = (node: "hv1" | "hv2", vms: readonly (readonly [tenant: string, address: string])[]): string[] =>
    vms.flatMap(([tenant, address]) => (homeOf(tenant, address) === node ? [] : [`${tenant}/prod ${address}`]));
  expect((await registered("hv1")).sort()).toEqual(
    away("hv1", [
      ["blue", A],
      ["red", A],
    ]).sort(),
  );
  expect((await registered("hv2")).sort()).toEqual(
    away("hv2", [
      ["blue", B],
      ["red", B],
    ]).sort(),
  );
});

test("what is too large for the tunnel is told exactly: 1500 − 48 pass", () => {
  expect(lab.run("m", `ping -6 -M do -c 1 -W 1 -s ${1452 - 48} ${B}`).status).toBe(0);
  const { text } = lab.run("m", `ping -6 -M do -c 2 -i 0.2 -W 1 -s ${1453 - 48} ${B}`);
  expect(text).toMatch(/mtu[= :]*1452/i);
});

test("nobody's address is unreachable, and a VM cannot take another's", async () => {
  expect(lab.run("m", `ping -6 -c 1 -W 2 ${FREE}`).status).not.toBe(0);
  lab.run("r", `ip -6 addr add ${FREE}/128 dev eth1 nodad`);
  const before = await lab.counted("hv1", "r", "spoofed-source");
  expect(lab.run("r", `ping -6 -c 1 -W 1 -I ${FREE} ${B}`).status).not.toBe(0);
  expect(await lab.counted("hv1", "r", "spoofed-source")).toBeGreaterThan(before);
  lab.run("r", `ip -6 addr del ${FREE}/128 dev eth1`);
});

test("a TCP stream passes both ways", async () => {
  const server = inNamespace(lab.namespace("p"), () => spawn("iperf3", ["-s", "-1"], { stdio: "ignore" }));
  await lab.until("the server listens", () => lab.run("p", "ss -ltn").text.includes(":5201"));
  const { status, text } = lab.run("m", `iperf3 -6 -c ${B} -t 2 --bidir -J`, 30);
  expect(status, text).toBe(0);
  if (server.exitCode === null) await once(server, "exit");
});

test("a VM keeps the address when it moves, under 1000 datagrams a second, and the other tenant's stays what it was", async () => {
  const addresses = { m: A, p: B };
  for (const report of await moveUnderTraffic(lab, { addresses, rate: 1000, to: ["hv2", "hv1"] }))
    expect(report).toMatchObject({ lost: 0, duplicated: 0, strays: 0 });
  await lab.until("each reaches its own", allReach);
});
