/**
 * A virtual machine boots on a TAP and is on the network by itself: nobody has told it anything. Its network's DNS server is
 * another VM of the tenant's, dnsmasq, which the router names by DHCP.
 */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { type ChildProcess, spawn } from "node:child_process";
import { inNamespace } from "#sys/namespace";
import { Guest } from "./guest";
import { addressesAt, BLUE, fabricYaml, TestLab } from "./test-lab";

setDefaultTimeout(120_000);
const lab = new TestLab("gu");
const [g, s, d] = addressesAt(1, 0, BLUE, 3) as [string, string, string];
const MAC = "02:00:00:00:00:47";
let guest: Guest | undefined;
const processes: ChildProcess[] = [];

function start(node: string, program: string, ...words: string[]): void {
  processes.push(inNamespace(lab.namespace(node), () => spawn(program, words, { stdio: "ignore" })));
}

beforeAll(async () => {
  lab.write(
    "fabric.yaml",
    fabricYaml(1).replace("10.0.0.1 }", `10.0.0.1, dhcp: { dns: [${d}], domain: blue.example, mtu: 1400 } }`),
  );
  lab.write(
    "hv.yaml",
    `name: hv
fabric: ./fabric.yaml
role: hypervisor
prefix: "2001:db8:a1:1::/64"
vms:
  - { name: guest, network: blue/prod, address: ${g}, mac: "${MAC}", interface: guest, userData: good morning }
  - { name: s, network: blue/prod, address: ${s}, interface: s }
  - { name: d, network: blue/prod, address: ${d}, interface: d }
`,
  );
  await lab.up(`  nodes:
    hv: { kind: linux, labels: { ain-role: router, ain-config: hv.yaml } }
    s: { kind: linux, labels: { ain-role: vm, ain-address: ${s}/32, ain-gateway: 10.0.0.1 } }
    d: { kind: linux, labels: { ain-role: vm, ain-address: ${d}/32, ain-gateway: 10.0.0.1 } }
  links:
    - { endpoints: ["hv:s", "s:eth1"], mtu: 1500 }
    - { endpoints: ["hv:d", "d:eth1"], mtu: 1500 }
`);
  const words = `-k --no-resolv --no-hosts --user=root --pid-file= --listen-address=${d} --bind-interfaces --host-record=s.blue.example,${s}`;
  start("d", "dnsmasq", ...words.split(" "));
  start("s", "python3", "-m", "http.server", "80", "--directory", lab.folder);
  lab.write("word.txt", "by name\n");
  for (const [node, port] of [
    ["d", ":53 "],
    ["s", ":80 "],
  ] as const)
    await lab.until(`${node} serves`, () => lab.run(node, "ss -ltn").text.includes(port));
  expect(lab.run("hv", "ip tuntap add guest mode tap vnet_hdr").status).toBe(0);
});
afterAll(async () => {
  await guest?.end();
  for (const each of processes) each.kill("SIGKILL");
  await lab.down();
});

test("a QEMU guest gets its address by udhcpc, its user data by wget, resolves the name of another VM and reaches it, with no manual step", async () => {
  guest = new Guest({
    ...{ namespace: lab.namespace("hv"), tap: "guest", mac: MAC, folder: lab.folder },
    script: `udhcpc -i eth0 -n -q
ip -4 -o address show dev eth0
ip link show eth0
cat /etc/resolv.conf
wget -q -O - http://169.254.169.254/latest/user-data; echo
ping -c 3 ${s}
ping -c 2 s
wget -q -O - http://s.blue.example/word.txt`,
  });
  await lab.until("the guest is done", () => guest!.done, 100);
  expect(guest.output).toContain(`inet ${g}/32 `);
  expect(guest.output).toContain("mtu 1400 ");
  expect(guest.output).toContain(`nameserver ${d}`);
  expect(guest.output).toContain("domain blue.example");
  expect(guest.output).toContain("\ngood morning\n");
  expect(guest.output).toContain("3 packets transmitted, 3 packets received");
  expect(guest.output).toContain(`PING s (${s})`); // by the domain that DHCP gave
  expect(guest.output).toContain("2 packets transmitted, 2 packets received");
  expect(guest.output).toContain("\nby name\n");
  const lease = (await lab.show("hv", "dhcp")).find(({ vm }) => vm === "guest");
  expect(lease).toMatchObject({ vm: "guest", state: "bound", mac: MAC, hostname: null });
});
