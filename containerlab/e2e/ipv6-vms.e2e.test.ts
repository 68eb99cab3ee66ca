/**
 * VMs with IPv6 addresses, Linux's own stack in each: what router advertisements and DHCPv6 give them, whom they reach,
 * how much, what they are told of it, and what no VM can do.
 *
 * ```
 *   d: blue, both kinds, dhclient ──┐
 *   e: blue, IPv6, dhcpcd, a TAP ───┤ hv1 ──1500── sw ──1400── hv2 ─── b: blue, IPv6, dhclient
 *   r: red, IPv6, by hand ──────────┘
 * ```
 * Runs beside others.
 */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { DhcpView } from "#router/views";
import { inNamespace } from "#sys/namespace";
import { addressesAt, BLUE, fabricYaml, hypervisorYaml, switchYaml, TestLab } from "./test-lab";

setDefaultTimeout(120_000);
const lab = new TestLab("v6");
const AIN = fileURLToPath(new URL("../../bin/ain", import.meta.url));
const [d4] = addressesAt(2, 0, BLUE, 1) as [string];
const [b4] = addressesAt(2, 1, BLUE, 1) as [string];
const D = ["2001:db8:a1:1:0:401:0:2", "2001:db8:a1:1:0:401:0:3"] as const;
const E = "2001:db8:a1:1:0:401:0:4";
const R = "2001:db8:a1:1:0:801:0:2";
const B = "2001:db8:a1:2:0:401:0:2";

const fabric = (more = ""): string =>
  fabricYaml(2).replace(
    "gateway: 10.0.0.1 } } }\n  red",
    `gateway: 10.0.0.1, dhcp: { dns: [10.0.0.53, "2001:db8::53"], domain: blue.example, leaseTime: 20s }${more} } } }\n  red`,
  );

const VMS = {
  d: `{ name: d, network: blue/prod, address: ${d4}, ipv6: ["${D[0]}", "${D[1]}"], interface: d }`,
  e: `{ name: e, network: blue/prod, ipv6: "${E}", tap: { name: tap-e, netns: ${lab.namespace("e")}, rename: eth1 } }`,
  r: `{ name: r, network: red/prod, ipv6: "${R}", interface: r }`,
};
const hv1 = (vms: readonly (keyof typeof VMS)[]): string =>
  hypervisorYaml({ index: 1, vms: vms.map((name) => VMS[name]) });
const ALL = ["d", "e", "r"] as const;

beforeAll(async () => {
  lab.write("fabric.yaml", fabric());
  lab.write("sw.yaml", switchYaml(2));
  lab.write("hv1.yaml", hv1(ALL));
  const b = `{ name: b, network: blue/prod, ipv6: "${B}", interface: b }`;
  lab.write("hv2.yaml", hypervisorYaml({ index: 2, vms: [b] }));
  await lab.up(`  nodes:
    sw: { kind: linux, labels: { ain-role: router, ain-config: sw.yaml } }
    hv1: { kind: linux, labels: { ain-role: router, ain-config: hv1.yaml } }
    hv2: { kind: linux, labels: { ain-role: router, ain-config: hv2.yaml } }
    d: { kind: linux, labels: { ain-role: vm, ain-address: ${d4}/32, ain-gateway: 10.0.0.1 } }
    e: { kind: linux }
    r: { kind: linux, labels: { ain-role: vm, ain-address: "${R}/128" } }
    b: { kind: linux }
  links:
    - { endpoints: ["sw:eth1", "hv1:eth1"], mtu: 1500 }
    - { endpoints: ["sw:eth2", "hv2:eth1"], mtu: 1400 }
    - { endpoints: ["hv1:d", "d:eth1"], mtu: 1500 }
    - { endpoints: ["hv1:r", "r:eth1"], mtu: 1500 }
    - { endpoints: ["hv2:b", "b:eth1"], mtu: 1500 }
`);
  // It gives up where there is no link-local address yet that is known to be nobody else's.
  const isReady = (of: string): boolean => {
    const text = lab.run(of, "ip -6 address show dev eth1 scope link").text;
    return text.includes("fe80::") && !text.includes("tentative");
  };
  await lab.until("link-local addresses", () => ["d", "b"].every(isReady));
  dhclient("d");
  dhclient("b");
  await lab.until("e has its interface", () => lab.run("e", "ip link show eth1").status === 0);
});
afterAll(async () => {
  for (const client of clients) await end(client);
  await lab.down();
});

const file = (name: string): string => join(lab.folder, name);
const clients: ChildProcess[] = [];

/** Starts a client in a node, with an /etc, /run and /var/lib that are its own. */
function client(of: string, words: string): ChildProcess {
  const etc = file(`etc-${of}`);
  const prepare = [
    `[ -d ${etc} ] || { cp -a /etc ${etc} && rm -f ${etc}/resolv.conf; }`,
    `mount --bind ${etc} /etc`,
    ...["/run", "/var/lib"].map((path) => `mount -t tmpfs none ${path}`),
    "mkdir -p /var/lib/dhcp /var/lib/dhcpcd",
  ].join("; ");
  const child = inNamespace(lab.namespace(of), () =>
    spawn("unshare", ["--mount", "--uts", "sh", "-c", `${prepare}; exec ${words}`], { stdio: "ignore" }),
  );
  clients.push(child);
  return child;
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, "exit");
  child.kill("SIGKILL");
  await ended;
}

const dhclient = (of: string): ChildProcess =>
  client(of, `dhclient -6 -d -lf ${file(`leases-${of}`)} -pf ${file(`pid-${of}`)} eth1`);

const ping = (of: string, to: string, more = ""): boolean =>
  lab.run(of, `ping -6 -c 1 -W 1 ${more} ${to}`.replaceAll(/ +/g, " ")).status === 0;
const addressesOf = (of: string): string => lab.run(of, "ip -6 -o address show dev eth1 scope global").text;
const defaultOf = (of: string): string => lab.run(of, "ip -6 route show default").text;
const leasesOf = async (node: string, vm: string): Promise<DhcpView[]> =>
  (await lab.show(node, "dhcp")).filter((lease) => lease.vm === vm && lease.address.includes(":"));
/** Until it has the address, and knows that nobody else has. */
const has = (of: string, address: string): Promise<void> =>
  lab.until(
    `${of} has ${address}`,
    () => {
      const text = addressesOf(of);
      return text.includes(`${address}/`) && !text.includes("tentative");
    },
    40,
  );

describe("a VM gets", () => {
  test("its default route and MTU by router advertisement, its addresses by DHCPv6 (dhclient on a veth)", async () => {
    for (const address of D) await has("d", address);
    await lab.until("its route", () => defaultOf("d").includes("via fe80::1"));
    expect(addressesOf("d")).toMatch(new RegExp(`inet6 ${D[0]}/128 .*valid_lft (1\\d|20)sec`));
    expect(defaultOf("d")).toMatch(/proto ra .*hoplimit 64/);
    expect(lab.run("d", "sysctl -n net.ipv6.conf.eth1.mtu").text.trim()).toBe("1500");
    expect(readFileSync(file("etc-d/resolv.conf"), "utf8")).toContain("nameserver 2001:db8::53");
  });

  test("the same by dhcpcd, which reads the advertisements itself (on a TAP, IPv6 only)", async () => {
    writeFileSync(file("dhcpcd.conf"), "duid\nipv6only\noption domain_name_servers\nia_na\n");
    client("e", `dhcpcd -6 -B -f ${file("dhcpcd.conf")} -c /bin/true eth1`);
    await has("e", E);
    await lab.until("its route", () => defaultOf("e").includes("via fe80::1"), 40);
  });

  test("and is shown with its addresses, its leases and the one MAC address that it has", async () => {
    const vms = await lab.show("hv1", "vms");
    const mac = / link\/ether (\S+) /.exec(lab.run("d", "ip link show eth1").text)![1]!;
    expect(vms.find(({ name }) => name === "d")).toMatchObject({ address: d4, ipv6: [...D], mac });
    expect(vms.find(({ name }) => name === "e")).toMatchObject({ address: null, networkAddress: null, ipv6: [E] });
    const leases = await leasesOf("hv1", "d");
    expect(leases.map(({ address, state }) => [address, state])).toEqual(D.map((address) => [address, "bound"]));
    expect(await leasesOf("hv2", "b")).toMatchObject([{ address: B, state: "bound" }]);
    const neighbors = (await lab.show("hv1", "neighbors")).filter(({ port }) => port === "d");
    expect(neighbors.map(({ address }) => address)).toEqual([d4, ...D]);
    expect(new Set(neighbors.map((each) => `${each.mac} ${each.state}`))).toEqual(new Set([`${mac} learnt`]));
    const table = (what: string) => lab.run("hv1", `${AIN} show ${what} --router ${lab.socket("hv1")}`).text;
    for (const what of ["vms", "dhcp", "neighbors"])
      for (const each of [d4, ...D, E]) {
        if (what !== "dhcp" || each !== d4) expect(table(what)).toContain(each);
      }
  });

  test("its addresses again in time: leases of 20 s are renewed (RFC 8415 §18.2.4)", async () => {
    const before = await lab.counted("hv1", "d", "punt-dhcp");
    await lab.until("it asked again", async () => (await lab.counted("hv1", "d", "punt-dhcp")) >= before + 2, 40);
    expect((await leasesOf("hv1", "d")).every(({ state }) => state === "bound")).toBe(true);
    for (const address of D) expect(addressesOf("d")).toContain(address);
  });
});

describe("a VM reaches", () => {
  test("its gateway, the VM next door, and those of its network elsewhere, from each of its addresses", async () => {
    await has("b", B);
    await lab.until("b has its route", () => defaultOf("b").includes("via fe80::1"));
    expect(ping("d", "fe80::1%eth1")).toBe(true);
    for (const source of D) {
      await lab.until("next door answers", () => ping("d", E, `-I ${source}`));
      await lab.until("elsewhere answers", () => ping("d", B, `-I ${source}`));
    }
    expect([ping("e", B), ping("b", D[1]), ping("b", E)]).toEqual([true, true, true]);
  });

  test("others by IPv4 with the other of its addresses, as ever", () => {
    expect(lab.run("d", "ping -c 1 -W 1 10.0.0.1").status).toBe(0);
  });

  for (const [title, from, to, address] of [
    ["elsewhere", "d", "b", B],
    ["back", "b", "d", D[0]],
    ["from a TAP", "e", "b", B],
    ["next door", "e", "d", D[1]],
  ] as const) {
    test(`so much of TCP and UDP: ${title}`, () => {
      const tcp = iperf(from, to, address);
      expect(tcp.mbits, tcp.text).toBeGreaterThan(5);
      const { text } = iperf(from, to, address, "-u -b 20M -l 1000");
      const lost = Number(/\(([\d.]+)%\)\s+receiver/.exec(text)?.[1] ?? 100);
      expect(lost, text).toBeLessThan(20); // of a machine that others use too
    });
  }
});

function iperf(from: string, to: string, address: string, options = ""): { mbits: number; text: string } {
  // From the address that it was asked at: of several it would take any.
  const words = ["-6", "-s", "-1", "-B", address];
  const listener = inNamespace(lab.namespace(to), () => spawn("iperf3", words, { stdio: "ignore" }));
  try {
    const ask = `iperf3 -6 -c ${address} -t 2 -f m --connect-timeout 3000 ${options}`.trim();
    let { text } = lab.run(from, ask, 15);
    // The server takes its time to listen; it serves the first who comes.
    for (let tries = 0; tries < 20 && text.includes("unable to connect"); tries++) {
      lab.run(from, "sleep 0.3");
      ({ text } = lab.run(from, ask, 15));
    }
    const line = text.split("\n").findLast((l) => /receiver/.test(l)) ?? "";
    return { mbits: Number(/([\d.]+) Mbits\/sec/.exec(line)?.[1] ?? 0), text };
  } finally {
    listener.kill();
  }
}

describe("a VM is told", () => {
  test("by the switch what the narrow link takes, and goes by it (RFC 8201)", () => {
    lab.run("d", "ip -6 route flush cache");
    expect(ping("d", B, "-s 1352 -M do")).toBe(true); // 1400 octets
    expect(lab.run("d", `ping -6 -c 1 -W 2 -s 1353 -M do ${B}`).text).toContain("Packet too big: mtu=1400");
    expect(lab.run("d", `ip -6 route get ${B}`).text).toContain("mtu 1400");
    expect(ping("d", B, "-s 4000 -M dont")).toBe(true); // in fragments
    expect(ping("d", E, "-s 4000 -M dont")).toBe(true);
  });

  test("each router on the way, by its own address (RFC 4443 §2.2)", () => {
    for (const kind of ["", "-I ", "-T "]) {
      const { text } = lab.run("d", `traceroute -6 -n -q 1 -w 2 ${kind}${B}`);
      const hops = text
        .split("\n")
        .slice(1)
        .map((line) => line.trim().split(/\s+/)[1]);
      expect(hops.filter(Boolean)).toEqual(["2001:db8:a1:1::1", "2001:db8:a1:ff::1", "2001:db8:a1:2::1", B]);
    }
  });

  test("that there is nobody, or no way: another tenant, an IPv4 VM, another network, an address that no VM has", () => {
    const said = (to: string): string => lab.run("d", `ping -6 -c 1 -W 2 ${to}`).text;
    expect(said(R)).toContain("Destination unreachable: No route");
    expect(said("2001:db8:a1:2:0:801:0:9")).toContain("Destination unreachable: No route");
    expect(said("2001:4860:4860::8888")).toContain("Destination unreachable: No route");
    expect(said(`2001:db8:a1:2:0:401:${hexOf(b4)}`)).toContain("Destination unreachable: Address unreachable");
    expect(said("2001:db8:a1:2:0:401:0:99")).toContain("Destination unreachable: Address unreachable");
    expect(said("2001:db8:a1:1:0:401:0:99")).toContain("Destination unreachable: Address unreachable");
  });

  test("nothing at all of another tenant's VM, which has its own addresses and way", async () => {
    await lab.until("r has its route", () => defaultOf("r").includes("via fe80::1"));
    expect(ping("r", "fe80::1%eth1")).toBe(true);
    expect([ping("r", D[0]), ping("r", B)]).toEqual([false, false]);
    expect(await lab.counted("hv1", "r", "no-network-route")).toBeGreaterThanOrEqual(2);
  });
});

const hexOf = (ipv4: string): string => {
  const [a, b, c, e] = ipv4.split(".").map((part) => Number(part).toString(16).padStart(2, "0"));
  return `${a}${b}:${c}${e}`;
};

describe("no VM can", () => {
  test("send as another, next door or elsewhere: it is counted and reaches nobody", async () => {
    const before = await lab.counted("hv1", "d", "spoofed-source");
    for (const address of [E, R, B, "2001:db8:a1:1::1"]) {
      lab.run("d", `ip -6 address add ${address}/128 dev lo nodad`);
      expect(ping("d", address === B ? E : B, `-I ${address}`)).toBe(false);
      lab.run("d", `ip -6 address del ${address}/128 dev lo`);
    }
    expect((await lab.counted("hv1", "d", "spoofed-source")) - before).toBeGreaterThanOrEqual(4);
  });

  test("have another's address on its link: who looks for duplicates finds one (RFC 4862 §5.4)", async () => {
    lab.run("d", `ip -6 address add ${B}/128 dev eth1`);
    await lab.until("it is a duplicate", () => lab.run("d", "ip -6 address show dev eth1 dadfailed").text.includes(B));
    lab.run("d", `ip -6 address del ${B}/128 dev eth1`);
  });
});

describe("a reload", () => {
  const reload = (): void => {
    const { status, text } = lab.run("hv1", `${AIN} reload --router ${lab.socket("hv1")}`);
    expect(status, text).toBe(0);
  };

  test("that switches router advertisements off takes the way by the gateway back at once, and on again gives it", async () => {
    lab.write("fabric.yaml", fabric(", ra: false"));
    reload();
    await lab.until("no route", () => defaultOf("d") === "");
    expect(lab.log("hv1")).not.toContain("port d: removed");
    lab.write("fabric.yaml", fabric());
    reload();
    await lab.until("a route", () => defaultOf("d").includes("via fe80::1"));
    await lab.until("b is reached", () => ping("d", B));
  });

  test("that takes a VM away says so on its link (RFC 4861 §6.2.5); one that brings it back is heard", async () => {
    lab.write("hv1.yaml", hv1(["d", "e"]));
    reload();
    await lab.until("r has no route", () => defaultOf("r") === "");
    lab.write("hv1.yaml", hv1(ALL));
    reload();
    await lab.until("r has one", () => defaultOf("r").includes("via fe80::1"));
  });
});

test("a restart of the router leaves a VM its way: it is not told that there is none", async () => {
  const { pid } = await lab.show("hv1", "status");
  expect(pid).toBeGreaterThan(0);
  const monitor = inNamespace(lab.namespace("r"), () =>
    spawn("ip", ["-6", "monitor", "route"], { stdio: ["ignore", "pipe", "ignore"] }),
  );
  let seen = "";
  monitor.stdout.setEncoding("utf8").on("data", (text: string) => {
    seen += text;
  });
  process.kill(pid, "SIGTERM");
  await lab.until("it ended", () => {
    try {
      process.kill(pid, 0);
      return false;
    } catch {
      return true;
    }
  });
  expect(defaultOf("r")).toContain("via fe80::1");
  monitor.kill();
  expect(seen).not.toContain("Deleted default");
});
