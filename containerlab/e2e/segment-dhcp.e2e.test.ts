/** What VMs on an Ethernet segment are told by DHCP and ARP, with real clients: busybox's udhcpc and ISC's dhclient. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { inNamespace } from "#sys/namespace";
import { addressesAt, BLUE, fabricYaml, TestLab } from "./test-lab";

setDefaultTimeout(60_000);
const lab = new TestLab("sd");
const [u, d, s] = addressesAt(1, 0, BLUE, 3) as [string, string, string];
const GATEWAY = "10.0.0.1";
const METADATA = "169.254.169.254";
const file = (name: string): string => join(lab.folder, name);

const fabric = `${fabricYaml(1).replace(
  `prefixes: [10.0.0.0/24], gateway: ${GATEWAY} } } }`,
  `prefixes: [10.0.0.0/24], gateway: ${GATEWAY}, broadcast: { prefix: 10.0.0.0/24 } } } }`,
)}mtu: 1500\n`;

const node = `name: hv
fabric: ./fabric.yaml
role: hypervisor
prefix: "2001:db8:a1:1::/64"
vms:
  - { name: u, network: blue/prod, address: ${u}, interface: u }
  - { name: d, network: blue/prod, address: ${d}, tap: { name: tap-d, netns: ${lab.namespace("d")}, rename: eth1 } }
  - { name: s, network: blue/prod, address: ${s}, interface: s }
`;

const UDHCPC_SCRIPT = `#!/bin/sh
env > "$RECORD.$1"
exec /etc/udhcpc/default.script "$@"
`;

const clients: ChildProcess[] = [];

beforeAll(async () => {
  lab.write("fabric.yaml", fabric);
  lab.write("hv.yaml", node);
  await lab.up(`  nodes:
    hv: { kind: linux, labels: { ain-role: router, ain-config: hv.yaml } }
    u: { kind: linux }
    d: { kind: linux }
    s: { kind: linux, labels: { ain-role: vm, ain-address: ${s}/24, ain-gateway: ${GATEWAY} } }
  links:
    - { endpoints: ["hv:u", "u:eth1"], mtu: 1500 }
    - { endpoints: ["hv:s", "s:eth1"], mtu: 1500 }
`);
  await lab.until("d has its interface", () => lab.run("d", "ip link show eth1").status === 0);
  writeFileSync(file("udhcpc.sh"), UDHCPC_SCRIPT, { mode: 0o755 });
});
afterAll(async () => {
  for (const client of clients) {
    if (client.exitCode !== null || client.signalCode !== null) continue;
    const ended = once(client, "exit");
    client.kill("SIGKILL");
    await ended;
  }
  await lab.down();
});

/** Starts a client in a node, with an /etc and a host name that are the client's alone. */
function start(of: string, words: string): void {
  const etc = file(`etc-${of}`);
  const prepare = `cp -a /etc ${etc} && rm -f ${etc}/resolv.conf; mount --bind ${etc} /etc; hostname localhost`;
  clients.push(
    inNamespace(lab.namespace(of), () =>
      spawn("unshare", ["--mount", "--uts", "sh", "-c", `${prepare}; exec ${words}`], {
        stdio: "ignore",
        env: { ...process.env, RECORD: file(`said-${of}`) },
      }),
    ),
  );
}

const addressesOf = (of: string): string => lab.run(of, "ip -4 -o address show dev eth1").text;
const routesOf = (of: string): string =>
  lab
    .run(of, "ip -4 route show")
    .text.trim()
    .split("\n")
    .map((line) => line.trim())
    .sort()
    .join("\n");
const reaches = (of: string, whom: string): boolean => lab.run(of, `ping -c 1 -W 2 ${whom}`).status === 0;

test("udhcpc, which looks whether its address is taken first, gets the segment's mask and an ordinary router (RFC 2131 §4.4.1)", async () => {
  start("u", `udhcpc -f -a1000 -i eth1 -s ${file("udhcpc.sh")}`);
  await lab.until("u reaches its gateway", () => reaches("u", GATEWAY));
  expect(addressesOf("u")).toContain(`inet ${u}/24 brd 10.0.0.255 `);
  expect(routesOf("u")).toBe(`10.0.0.0/24 dev eth1 proto kernel scope link src ${u}\ndefault via ${GATEWAY} dev eth1`);
  expect(lab.run("u", "ip link show eth1").text).toContain("mtu 1438 ");
});

test("dhclient gets them, and the way to the metadata beside the default route (RFC 3442)", async () => {
  start("d", `dhclient -d -lf ${file("leases")} -pf ${file("dhclient.pid")} eth1`);
  await lab.until("d reaches its gateway", () => reaches("d", GATEWAY));
  expect(addressesOf("d")).toContain(`inet ${d}/24 brd 10.0.0.255 `);
  expect(routesOf("d")).toBe(
    [
      `10.0.0.0/24 dev eth1 proto kernel scope link src ${d}`,
      `${METADATA} via ${GATEWAY} dev eth1`,
      `default via ${GATEWAY} dev eth1`,
    ].join("\n"),
  );
});

test("VMs see one another as neighbours, at the router's MAC address, and their metadata", () => {
  for (const whom of [d, s]) expect([whom, reaches("u", whom)]).toEqual([whom, true]);
  expect(lab.run("u", `ip neigh show ${s}`).text).toContain("lladdr 02:41:49:4e:00:01");
  for (const of of ["u", "d"]) {
    const asked = lab.run(of, `curl -s -m 5 http://${METADATA}/latest/meta-data/hostname`);
    expect([of, asked.text.trim()]).toEqual([of, of]);
  }
});

test("a VM may take an address that no VM has, and is told of one that another has (RFC 5227 §2.1.1)", () => {
  const arping = (address: string) => lab.run("u", `busybox arping -D -q -c 2 -w 2 -I eth1 ${address}`).status;
  expect([arping("10.0.0.200"), arping(s), arping(GATEWAY)]).toEqual([0, 1, 1]);
});
