/** A virtual machine boots on a TAP and is on the network by itself: nobody has told it anything. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { Guest } from "./guest";
import { addressesAt, BLUE, fabricYaml, TestLab } from "./test-lab";

setDefaultTimeout(120_000);
const lab = new TestLab("gu");
const [g, s] = addressesAt(1, 0, BLUE, 2) as [string, string];
const MAC = "02:00:00:00:00:47";
let guest: Guest | undefined;

beforeAll(async () => {
  lab.write("fabric.yaml", fabricYaml(1).replace("10.0.0.1 }", "10.0.0.1, dhcp: { dns: [10.0.0.53], mtu: 1400 } }"));
  lab.write(
    "hv.yaml",
    `name: hv
fabric: ./fabric.yaml
role: hypervisor
prefix: "2001:db8:a1:1::/64"
vms:
  - { name: guest, network: blue/prod, address: ${g}, mac: "${MAC}", interface: guest, userData: good morning }
  - { name: s, network: blue/prod, address: ${s}, interface: s }
`,
  );
  await lab.up(`  nodes:
    hv: { kind: linux, labels: { ain-role: router, ain-config: hv.yaml } }
    s: { kind: linux, labels: { ain-role: vm, ain-address: ${s}/32, ain-gateway: 10.0.0.1 } }
  links:
    - { endpoints: ["hv:s", "s:eth1"], mtu: 1500 }
`);
  expect(lab.run("hv", "ip tuntap add guest mode tap vnet_hdr").status).toBe(0);
});
afterAll(async () => {
  await guest?.end();
  await lab.down();
});

test("a QEMU guest gets its address by udhcpc, its user data by wget, and reaches another VM with no manual step", async () => {
  guest = new Guest({
    ...{ namespace: lab.namespace("hv"), tap: "guest", mac: MAC, folder: lab.folder },
    script: `udhcpc -i eth0 -n -q
ip -4 -o address show dev eth0
ip link show eth0
cat /etc/resolv.conf
wget -q -O - http://169.254.169.254/latest/user-data; echo
ping -c 3 ${s}`,
  });
  await lab.until("the guest is done", () => guest!.done, 100);
  expect(guest.output).toContain(`inet ${g}/32 `);
  expect(guest.output).toContain("mtu 1400 ");
  expect(guest.output).toContain("nameserver 10.0.0.53");
  expect(guest.output).toContain("\ngood morning\n");
  expect(guest.output).toContain("3 packets transmitted, 3 packets received");
  const lease = (await lab.show("hv", "dhcp")).find(({ vm }) => vm === "guest");
  expect(lease).toMatchObject({ vm: "guest", state: "bound", mac: MAC, hostname: null });
});
