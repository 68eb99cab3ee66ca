/**
 * TCP between VMs one of which is away from home, over a switch that is Linux's own forwarding: super-packets cross the fabric
 * whole, in their tunnel, as long as every interface lets them, and are cut by the kernel where one does not.
 */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { addressesAt, BLUE, fabricYaml, hypervisorYaml, TestLab } from "./test-lab";

setDefaultTimeout(90_000);
const lab = new TestLab("to");
/** Both at home at hv1, where b is not. */
const [A, B] = addressesAt(2, 0, BLUE, 2) as [string, string];
const SWITCH = "fe80::1";
const MEGABYTES = 200;

beforeAll(async () => {
  const vm = (name: string, address: string): string =>
    `{ name: ${name}, network: blue/prod, address: ${address}, interface: ${name} }`;
  const nextHops = [{ uplink: "eth1", address: SWITCH }];
  lab.write("fabric.yaml", fabricYaml(2));
  lab.write("hv1.yaml", hypervisorYaml({ index: 1, vms: [vm("a", A)], nextHops }));
  lab.write("hv2.yaml", hypervisorYaml({ index: 2, vms: [vm("b", B)], nextHops }));
  const vmNode = (address: string): string =>
    `{ kind: linux, labels: { ain-role: vm, ain-address: ${address}/32, ain-gateway: 10.0.0.1 } }`;
  await lab.up(`  nodes:
    sw: { kind: linux }
    hv1: { kind: linux, labels: { ain-role: router, ain-config: hv1.yaml } }
    hv2: { kind: linux, labels: { ain-role: router, ain-config: hv2.yaml } }
    a: ${vmNode(A)}
    b: ${vmNode(B)}
  links:
    - { endpoints: ["sw:eth1", "hv1:eth1"], mtu: 1600 }
    - { endpoints: ["sw:eth2", "hv2:eth1"], mtu: 1600 }
    - { endpoints: ["hv1:a", "a:eth1"], mtu: 1500 }
    - { endpoints: ["hv2:b", "b:eth1"], mtu: 1500 }
`);
  inSwitch(
    "sysctl -qw net.ipv6.conf.all.forwarding=1 net.ipv6.conf.eth1.disable_ipv6=0 net.ipv6.conf.eth2.disable_ipv6=0",
  );
  for (const i of [1, 2]) {
    inSwitch(`ip -6 addr add ${SWITCH}/64 dev eth${i} nodad`);
    inSwitch(`ip -6 route add 2001:db8:a1:${i}::1/128 dev eth${i}`);
    inSwitch(`ip -6 route add 2001:db8:a1:${i}::/64 via 2001:db8:a1:${i}::1`);
  }
  await lab.until("a reaches b", () => lab.run("a", `ping -c 1 -W 1 ${B}`).status === 0, 30);
  await lab.until("directly", async () => (await lab.show("hv1", "tunnels")).tunnels.length > 0, 20);
});
afterAll(() => lab.down());

function inSwitch(command: string): string {
  const { status, text } = lab.run("sw", command);
  expect([command, status, text]).toEqual([command, 0, text]);
  return text;
}

/** Octets and packets that left an interface of the switch's. */
function sentBy(device: string): { readonly bytes: number; readonly packets: number } {
  const [{ stats64 }] = JSON.parse(inSwitch(`ip -s -j link show ${device}`));
  return stats64.tx;
}

/** Sends from a to b; resolves to the octets of the average frame that the switch handed to hv2. */
async function transfer(): Promise<number> {
  const before = sentBy("eth2");
  expect(lab.run("b", "iperf3 -s -1 -D").status).toBe(0);
  await lab.until("iperf3 listens", () => lab.run("b", "ss -ltn").text.includes(":5201"));
  const { status, text } = lab.run("a", `iperf3 -c ${B} -n ${MEGABYTES}M`, 60);
  expect([status, text]).toEqual([0, expect.stringContaining("receiver")]);
  const after = sentBy("eth2");
  const [bytes, packets] = [after.bytes - before.bytes, after.packets - before.packets];
  expect(bytes).toBeGreaterThan(MEGABYTES * 1e6);
  return bytes / packets;
}

test("whole where all interfaces let them pass", async () => {
  expect(await transfer()).toBeGreaterThan(5000);
  const { tunnels } = await lab.show("hv1", "tunnels");
  expect(tunnels.map(({ packets }) => packets > (MEGABYTES * 1e6) / 1500)).toEqual([true]); // counted as segments
});

test("cut by the kernel where one does not", async () => {
  inSwitch("ethtool -K eth2 tx-gre-segmentation off tx-gre-csum-segmentation off");
  const average = await transfer();
  expect(average).toBeLessThan(1614);
  expect(average).toBeGreaterThan(1000);
});

test("cut before they leave the hypervisor, where its own interface does not", async () => {
  const { status, text } = lab.run(
    "hv1",
    "ethtool -K eth1 tx-gre-segmentation off tx-gre-csum-segmentation off tso off",
  );
  expect([status, text]).toEqual([0, text]);
  expect(await transfer()).toBeLessThan(1614);
});
