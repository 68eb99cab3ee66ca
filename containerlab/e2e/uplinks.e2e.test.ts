/**
 * Fabric links: two of them shared by flows, one that fails, neighbours that change and fall silent, and what the routers
 * say of themselves to plain IPv6 hosts. Runs beside others.
 *
 * ```
 *   a ── hv1 ══ sw1, sw2 ══ hv2 ── b        x ── sw1 ── y (1400 octets)
 * ```
 */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { formatIpv6, linkLocalFromMac, parseMac } from "#base/address";
import { inNamespace } from "#sys/namespace";
import { Rtnetlink } from "#sys/rtnetlink";
import { addressesAt, BLUE, fabricYaml, hypervisorYaml, TestLab } from "./test-lab";

setDefaultTimeout(60_000);
const BUN = fileURLToPath(new URL("../../bin/bun", import.meta.url));
const FLOWS = fileURLToPath(new URL("flows.ts", import.meta.url));

const lab = new TestLab("up");
const [a] = addressesAt(2, 0, BLUE, 1) as [string];
const [b] = addressesAt(2, 1, BLUE, 1) as [string];
const SW1 = "2001:db8:a1:ff::1";
const SW2 = "2001:db8:a1:ff::2";
const X = "2001:db8:a1:fc::2";
const Y = "2001:db8:a1:fd::2";

const switchFile = (name: string, address: string, more = "", routes = ""): string => `name: ${name}
fabric: ./fabric.yaml
role: switch
address: "${address}"
uplinks: [{ interface: eth1 }, { interface: eth2 }${more}]
routes:
  - { to: "2001:db8:a1:1::/64", via: [{ uplink: eth1, nextHop: "2001:db8:a1:1::1" }] }
  - { to: "2001:db8:a1:2::/64", via: [{ uplink: eth2, nextHop: "2001:db8:a1:2::1" }] }
${routes}`;

beforeAll(async () => {
  lab.write("fabric.yaml", fabricYaml(2));
  const hosts = `  - { to: "2001:db8:a1:fc::/64", via: [{ uplink: eth3, nextHop: "${X}" }] }
  - { to: "2001:db8:a1:fd::/64", via: [{ uplink: eth4, nextHop: "${Y}" }] }
`;
  lab.write("sw1.yaml", switchFile("sw1", SW1, ", { interface: eth3 }, { interface: eth4 }", hosts));
  lab.write("sw2.yaml", switchFile("sw2", SW2));
  for (const [index, vm, address] of [
    [1, "a", a],
    [2, "b", b],
  ] as const) {
    const nextHops = [
      { uplink: "eth1", address: SW1 },
      { uplink: "eth2", address: SW2 },
    ];
    const vms = [`{ name: ${vm}, network: blue/prod, address: ${address}, interface: ${vm} }`];
    const toHosts = `routes:\n  - { to: "2001:db8:a1:fc::/63", via: [{ uplink: eth1, nextHop: "${SW1}" }] }`;
    const file = hypervisorYaml({ index, vms, uplinks: ["eth1", "eth2"], nextHops });
    lab.write(`hv${index}.yaml`, file.replace("routes:", toHosts));
  }
  const router = (name: string): string =>
    `    ${name}: { kind: linux, labels: { ain-role: router, ain-config: ${name}.yaml } }`;
  const vm = (name: string, address: string): string =>
    `    ${name}: { kind: linux, labels: { ain-role: vm, ain-address: ${address}/32, ain-gateway: 10.0.0.1 } }`;
  const host = (name: string, address: string): string => `    ${name}:
      kind: linux
      exec:
        - ip address add ${address}/64 dev eth1 nodad
        - ip route add ${SW1} dev eth1
        - ip route add default via ${SW1} dev eth1`;
  await lab.up(`  nodes:
${["sw1", "sw2", "hv1", "hv2"].map(router).join("\n")}
${vm("a", a)}
${vm("b", b)}
${host("x", X)}
${host("y", Y)}
  links:
    - { endpoints: ["sw1:eth1", "hv1:eth1"], mtu: 1500 }
    - { endpoints: ["sw2:eth1", "hv1:eth2"], mtu: 1500 }
    - { endpoints: ["sw1:eth2", "hv2:eth1"], mtu: 1500 }
    - { endpoints: ["sw2:eth2", "hv2:eth2"], mtu: 1500 }
    - { endpoints: ["sw1:eth3", "x:eth1"], mtu: 1500 }
    - { endpoints: ["sw1:eth4", "y:eth1"], mtu: 1400 }
    - { endpoints: ["hv1:a", "a:eth1"], mtu: 1500 }
    - { endpoints: ["hv2:b", "b:eth1"], mtu: 1500 }
`);
  await lab.until("a reaches b", () => lab.run("a", `ping -c 1 -W 1 ${b}`).status === 0);
  await lab.until("x reaches y", () => lab.run("x", `ping -c 1 -W 1 ${Y}`).status === 0);
});
afterAll(() => {
  if (process.env.KEEPLOG) for (const n of ["sw1", "sw2", "hv1", "hv2"]) console.log(n, lab.log(n));
  return lab.down();
});

/** How many of `count` UDP flows from a to b are answered within a second. */
function flowsAnswered(count: number): number {
  const { status, text } = lab.run("a", `${BUN} ${FLOWS} ask ${b} 7007 ${count}`);
  expect(status, text).toBe(0);
  return Number(text.trim());
}

async function whileEchoing<T>(act: () => T | Promise<T>): Promise<T> {
  const echo = inNamespace(lab.namespace("b"), () => spawn(BUN, [FLOWS, "echo", "7007"], { stdio: "ignore" }));
  try {
    await lab.until("b listens on port 7007", () => lab.run("b", "ss -lun").text.includes(":7007"));
    return await act();
  } finally {
    echo.kill();
  }
}

const portOf = async (node: string, name: string) =>
  (await lab.show(node, "ports")).find((port) => port.name === name)!;

function changeLink(node: string, name: string, settings: Parameters<Rtnetlink["changeLink"]>[1]): void {
  const netlink = new Rtnetlink(lab.namespace(node));
  netlink.changeLink(netlink.requireLink(name).index, settings);
  netlink.close();
}

describe("two uplinks", () => {
  test("share the flows, both ways, and every flow is answered", async () => {
    const before = await Promise.all(["eth1", "eth2"].map((name) => portOf("hv1", name)));
    expect(await whileEchoing(() => flowsAnswered(64))).toBe(64);
    for (const { name, txFrames, rxFrames } of before) {
      const now = await portOf("hv1", name);
      // 64 flows of 20 datagrams; one way in a thousand million would get fewer than 8 flows.
      expect(now.txFrames - txFrames, `${name} sent`).toBeGreaterThan(8 * 20);
      expect(now.rxFrames - rxFrames, `${name} received`).toBeGreaterThan(8 * 20);
    }
  });

  test("one without carrier: its flows take the other at once; back, both carry again", async () => {
    await whileEchoing(async () => {
      changeLink("sw2", "eth1", { up: false });
      await lab.until("hv1 refuses none, and those are answered whose way back is not over the dead link", async () => {
        const failed = await lab.counted("hv1", "a", "neighbor-failed");
        const answered = flowsAnswered(64);
        return answered > 8 && answered < 64 && (await lab.counted("hv1", "a", "neighbor-failed")) === failed;
      });
      changeLink("sw2", "eth1", { up: true });
      await lab.until("all flows are answered", () => flowsAnswered(64) === 64);
    });
  });
});

describe("a neighbour", () => {
  const stateOf = async (address: string) => (await lab.show("sw1", "neighbors")).find((n) => n.address === address);
  const NEW = "02:00:00:00:aa:01";

  test("that gets a new MAC address and says so is found there at once (RFC 4861 §7.2.3)", async () => {
    changeLink("y", "eth1", { mac: parseMac(NEW)! });
    expect(lab.run("y", `ping -c 1 -W 1 ${SW1}`)).toMatchObject({ status: 0 }); // asks for sw1's MAC, and names its own
    expect((await stateOf(Y))?.mac).toBe(NEW);
    expect(lab.run("x", `ping -c 1 -W 1 ${Y}`)).toMatchObject({ status: 0 });
  });

  test("that falls silent is probed, given up, and refused for (RFC 4861 §7.3.3, RFC 4443 §3.1)", async () => {
    // Learnt from what it said of itself: not known to be reachable, so that probing begins 5 s after first use.
    changeLink("y", "eth1", { mac: parseMac("02:00:00:00:aa:02")! });
    expect(lab.run("y", `ping -c 1 -W 1 ${SW1}`)).toMatchObject({ status: 0 });
    lab.run("y", `ip address delete ${Y}/64 dev eth1`);
    const { text } = lab.run("x", `ping -c 150 -i 0.1 -W 1 ${Y}`, 30);
    expect(text).toContain("Address unreachable");
    expect((await stateOf(Y))?.mac ?? null).toBeNull();
    expect(await lab.counted("sw1", "eth3", "neighbor-failed")).toBeGreaterThan(0);
    lab.run("y", `ip address add ${Y}/64 dev eth1 nodad`);
    await lab.until("y is found again", () => lab.run("x", `ping -c 1 -W 1 ${Y}`).status === 0);
  });
});

describe("a router's own address", () => {
  test("answers an IPv6 host's ping: by its link-local address, next door, and two routers away", async () => {
    const mac = parseMac((await portOf("sw1", "eth3")).mac!)!;
    const linkLocal = `${formatIpv6(linkLocalFromMac(mac))}%eth1`;
    for (const address of [linkLocal, SW1, "2001:db8:a1:1::1", "2001:db8:a1:2::1"])
      for (const size of [0, 56, 1452])
        expect(lab.run("x", `ping -c 1 -W 2 -s ${size} ${address}`), address).toMatchObject({ status: 0 });
    // All routers on the link (RFC 4291 §2.7.1): this one.
    expect(lab.run("x", "ping -c 1 -W 2 ff02::2%eth1")).toMatchObject({ status: 0 });
  });

  test("shows in an IPv6 traceroute, by UDP and by ICMP", () => {
    for (const kind of ["", "-I "]) {
      const { text } = lab.run("x", `traceroute -6 -n -q 1 -w 2 ${kind}2001:db8:a1:2::1`);
      const hops = [...text.matchAll(/^ *\d+ +(\S+)/gm)].map((match) => match[1]);
      expect(hops, text).toEqual([SW1, "2001:db8:a1:2::1"]);
    }
  });

  test("is the source of Packet Too Big, with the MTU of the narrower link (RFC 4443 §3.2)", () => {
    expect(lab.run("x", `ping -c 1 -W 2 -M do -s 1352 ${Y}`)).toMatchObject({ status: 0 });
    const { text } = lab.run("x", `ping -c 1 -W 2 -M do -s 1353 ${Y}`);
    expect(text).toMatch(/From 2001:db8:a1:ff::1 icmp_seq=1 Packet too big: mtu=1400/);
    expect(lab.run("x", `ping -c 2 -W 2 -s 4000 ${Y}`).text).toContain("bytes from");
  });

  test("refuses TCP at once: nothing listens (RFC 4443 §3.1)", () => {
    const { text } = lab.run("x", `curl -sv --connect-timeout 3 http://[${SW1}]/`);
    expect(text).toMatch(/refused|reset/i);
  });

  test("is of no use for reaching VMs: an infrastructure address may only send them errors (paper §2.4)", async () => {
    const vm = (await lab.show("hv1", "vms"))[0]!;
    expect(lab.run("x", `ping -c 2 -i 0.2 -W 1 ${vm.networkAddress}`).status).toBe(1);
    const refused = await Promise.all(
      ["eth1", "eth2"].map((port) => lab.counted("hv1", port, "infrastructure-source")),
    );
    expect(refused[0]! + refused[1]!).toBe(2);
  });
});

test("nothing that ran here complained of a defect", () => {
  for (const node of ["sw1", "sw2", "hv1", "hv2"]) expect(lab.log(node)).not.toContain("defect");
});
