/** A virtual machine with both kinds of addresses boots on a TAP: IPv6's way is advertised to it, IPv4 it asks for. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { Guest } from "./guest";
import { addressesAt, BLUE, fabricYaml, TestLab } from "./test-lab";

setDefaultTimeout(120_000);
const lab = new TestLab("g6");
const [g4] = addressesAt(1, 0, BLUE, 1) as [string];
const G = "2001:db8:a1:1:0:401:0:47";
const S = "2001:db8:a1:1:0:401:0:2";
const MAC = "02:00:00:00:00:47";
let guest: Guest | undefined;

beforeAll(async () => {
  lab.write("fabric.yaml", fabricYaml(1).replace("10.0.0.1 }", "10.0.0.1, dhcp: { mtu: 1400 } }"));
  lab.write(
    "hv.yaml",
    `name: hv
fabric: ./fabric.yaml
role: hypervisor
prefix: "2001:db8:a1:1::/64"
vms:
  - { name: guest, network: blue/prod, address: ${g4}, ipv6: "${G}", mac: "${MAC}", interface: guest }
  - { name: s, network: blue/prod, ipv6: "${S}", interface: s }
`,
  );
  await lab.up(`  nodes:
    hv: { kind: linux, labels: { ain-role: router, ain-config: hv.yaml } }
    s: { kind: linux, labels: { ain-role: vm, ain-address: "${S}/128" } }
  links:
    - { endpoints: ["hv:s", "s:eth1"], mtu: 1500 }
`);
  expect(lab.run("hv", "ip tuntap add guest mode tap vnet_hdr").status).toBe(0);
  await lab.until("s has its route", () => lab.run("s", "ip -6 route show default").text.includes("fe80::1"));
});
afterAll(async () => {
  await guest?.end();
  await lab.down();
});

test("a QEMU guest takes way and MTU from the advertisement (RFC 4861 §6.3.4), and reaches another VM by IPv6", async () => {
  guest = new Guest({
    ...{ namespace: lab.namespace("hv"), tap: "guest", mac: MAC, folder: lab.folder },
    script: `ip link set eth0 up
ip -6 address add ${G}/128 dev eth0
for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
  ip -6 route show default | grep -q fe80::1 && break
  sleep 1
done
udhcpc -i eth0 -n -q
ip -6 route show default
cat /proc/sys/net/ipv6/conf/eth0/mtu
ping -c 1 10.0.0.1
ping -6 -c 3 ${S}`,
  });
  await lab.until("the guest is done", () => guest!.done, 100);
  expect(guest.output).toContain("default via fe80::1 dev eth0");
  expect(guest.output).toContain("\n1400\n");
  expect(guest.output).toContain("1 packets transmitted, 1 packets received");
  expect(guest.output).toContain("3 packets transmitted, 3 packets received");
});
