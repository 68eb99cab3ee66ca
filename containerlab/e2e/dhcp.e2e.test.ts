/**
 * DHCP for VMs with real clients: busybox's udhcpc and ISC's dhclient with Debian's own scripts, each in a namespace that
 * nobody has configured. What they do to /etc and to the host name stays in mount and UTS namespaces of their own.
 */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseIpv4, parseMac } from "#base/address";
import type { DhcpView } from "#router/views";
import { inNamespace } from "#sys/namespace";
import * as arp from "#wire/arp";
import { BROADCAST, ETHERTYPE_ARP, frame } from "#wire/ethernet";
import { addressesAt, BLUE, fabricYaml, RED, TestLab } from "./test-lab";
import { Wire } from "./wire";

setDefaultTimeout(60_000);
const lab = new TestLab("dh");
const [u, s, off] = addressesAt(1, 0, BLUE, 3) as [string, string, string];
const [d] = addressesAt(1, 0, RED, 1) as [string];
const GATEWAY = "10.0.0.1";
const AIN = fileURLToPath(new URL("../../bin/ain", import.meta.url));

/** @param more in the blue network's section. */
const fabric = (more = ""): string =>
  `${fabricYaml(1)
    .replace(
      "blue: { id: 1, networks: { prod: { id: 1, prefixes: [10.0.0.0/24], gateway: 10.0.0.1 } } }",
      `blue: { id: 1, networks: { prod: { id: 1, prefixes: [10.0.0.0/24], gateway: ${GATEWAY}, dhcp: { dns: [10.0.0.53, 10.0.0.54], domain: blue.example${more} } } } }`,
    )
    .replace(
      "red: { id: 2, networks: { prod: { id: 1, prefixes: [10.0.0.0/24], gateway: 10.0.0.1 } } }",
      "red: { id: 2, networks: { prod: { id: 1, prefixes: [10.0.0.0/24], dhcp: { dns: [10.0.0.2], domain: red.example, mtu: 1400, leaseTime: 10s } } } }",
    )}mtu: 1500\n`;

const node = (hostname = "www"): string => `name: hv
fabric: ./fabric.yaml
role: hypervisor
prefix: "2001:db8:a1:1::/64"
vms:
  - { name: u, network: blue/prod, address: ${u}, interface: u, hostname: ${hostname} }
  - { name: d, network: red/prod, address: ${d}, tap: { name: tap-d, netns: ${lab.namespace("d")}, rename: eth1 } }
  - { name: s, network: blue/prod, address: ${s}, interface: s }
  - { name: off, network: blue/prod, address: ${off}, interface: off, dhcp: false }
`;

beforeAll(async () => {
  lab.write("fabric.yaml", fabric());
  lab.write("hv.yaml", node());
  await lab.up(`  nodes:
    hv: { kind: linux, labels: { ain-role: router, ain-config: hv.yaml } }
    u: { kind: linux }
    d: { kind: linux }
    off: { kind: linux }
    s: { kind: linux, labels: { ain-role: vm, ain-address: ${s}/32, ain-gateway: ${GATEWAY} } }
  links:
    - { endpoints: ["hv:u", "u:eth1"], mtu: 1500 }
    - { endpoints: ["hv:s", "s:eth1"], mtu: 1500 }
    - { endpoints: ["hv:off", "off:eth1"], mtu: 1500 }
`);
  await lab.until("d has its interface", () => lab.run("d", "ip link show eth1").status === 0);
  writeFileSync(file("udhcpc.sh"), UDHCPC_SCRIPT, { mode: 0o755 });
});
afterAll(async () => {
  for (const client of clients) await end(client);
  await lab.down();
});

const file = (name: string): string => join(lab.folder, name);

/** Debian's script does the work; what it was told is kept. */
const UDHCPC_SCRIPT = `#!/bin/sh
env > "$RECORD.$1"
exec /etc/udhcpc/default.script "$@"
`;

const clients: ChildProcess[] = [];

/** Starts a client in a node, with an /etc and a host name that are the client's alone. */
function client(of: string, words: string): ChildProcess {
  const etc = file(`etc-${of}`);
  const prepare = `[ -d ${etc} ] || { cp -a /etc ${etc} && rm -f ${etc}/resolv.conf; }; mount --bind ${etc} /etc; hostname localhost`;
  const child = inNamespace(lab.namespace(of), () =>
    spawn("unshare", ["--mount", "--uts", "sh", "-c", `${prepare}; exec ${words}`], {
      stdio: "ignore",
      env: { ...process.env, RECORD: file(`said-${of}`) },
    }),
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

const udhcpc = (more = ""): ChildProcess => client("u", `udhcpc -f -i eth1 -s ${file("udhcpc.sh")} ${more}`);
const dhclientFiles = (): string => `-lf ${file("leases")} -pf ${file("dhclient.pid")}`;
const dhclient = (more = ""): ChildProcess => client("d", `dhclient -d ${dhclientFiles()} ${more} eth1`);

const leaseOf = async (vm: string): Promise<DhcpView> => (await lab.show("hv", "dhcp")).find((l) => l.vm === vm)!;
const stateIs = (vm: string, state: string, seconds?: number): Promise<void> =>
  lab.until(`the lease of ${vm} is ${state}`, async () => (await leaseOf(vm)).state === state, seconds);
const addressesOf = (of: string): string => lab.run(of, "ip -4 -o address show dev eth1").text;
const routesOf = (of: string): string[] =>
  lab
    .run(of, "ip -4 route show")
    .text.trim()
    .split("\n")
    .map((l) => l.trim());
/** Of what udhcpc told its script at an event. */
const said = (event: string, name: string): string | undefined =>
  new RegExp(`^${name}=(.*)$`, "m").exec(readFileSync(file(`said-u.${event}`), "utf8"))?.[1];
const resolvConf = (of: string): string[] =>
  readFileSync(file(`etc-${of}/resolv.conf`), "utf8")
    .trim()
    .split("\n");
const configured = (of: string): Promise<void> =>
  lab.until(
    `${of} reaches its gateway`,
    () => lab.run(of, `ping -c 1 -W 1 ${of === "u" ? GATEWAY : "169.254.1.1"}`).status === 0,
  );

describe("udhcpc on a veth", () => {
  let running: ChildProcess;

  test("gets the VM's address, its routes, MTU, DNS servers and name (RFC 2131 §3.1), and reaches another VM", async () => {
    running = udhcpc();
    await configured("u");
    expect(addressesOf("u")).toContain(`inet ${u}/32 `);
    expect(routesOf("u")).toEqual([`default via ${GATEWAY} dev eth1 onlink`]);
    expect(lab.run("u", "ip link show eth1").text).toContain("mtu 1480 ");
    expect(resolvConf("u")).toEqual(["domain blue.example", "nameserver 10.0.0.53", "nameserver 10.0.0.54"]);
    expect([said("bound", "hostname"), said("bound", "lease"), said("bound", "serverid")]).toEqual([
      "www",
      "3600",
      GATEWAY,
    ]);
    expect(said("bound", "staticroutes")).toBe(`${GATEWAY}/32 0.0.0.0 0.0.0.0/0 ${GATEWAY}`);
    expect(lab.run("u", `ping -c 1 -W 2 ${s}`).status).toBe(0);
  });

  test("shows with its state, its MAC address and what it asked for", async () => {
    const mac = / link\/ether (\S+) /.exec(lab.run("u", "ip link show eth1").text)![1]!;
    const lease = await leaseOf("u");
    expect(lease).toMatchObject({ vm: "u", network: "blue/prod", address: u, state: "bound", mac });
    expect(lease.requested).toContain(3);
    expect(lease.expires).toBeGreaterThan(3500);
    expect(await lab.counted("hv", "u", "punt-dhcp")).toBe(2);
    expect(await leaseOf("s")).toMatchObject({
      state: "none",
      mac: null,
      lastSeen: null,
      expires: null,
      requested: [],
    });
    expect(await leaseOf("off")).toBeUndefined();
  });

  test("renews its lease from its own address (§4.3.2)", async () => {
    running.kill("SIGUSR1");
    await lab.until("it was told so", () => existsSync(file("said-u.renew")));
    expect(await lab.counted("hv", "u", "punt-dhcp")).toBe(3);
    expect((await leaseOf("u")).state).toBe("bound");
  });

  test("is told what a reload changes, without its port being touched", async () => {
    rmSync(file("said-u.renew"));
    lab.write("fabric.yaml", fabric(", mtu: 1300, leaseTime: 2h"));
    lab.write("hv.yaml", node("renamed"));
    const reload = lab.run("hv", `${AIN} reload --router ${lab.socket("hv")}`);
    expect(reload.status, reload.text).toBe(0);
    expect(reload.text).toContain("vm u: hostname www → renamed");
    expect(reload.text).toContain("dhcp mtu default → 1300, lease default → 2h");
    expect((await leaseOf("u")).state).toBe("bound");
    running.kill("SIGUSR1");
    await lab.until("it was told so", () => existsSync(file("said-u.renew")));
    expect([said("renew", "mtu"), said("renew", "hostname"), said("renew", "lease")]).toEqual([
      "1300",
      "renamed",
      "7200",
    ]);
    expect(lab.log("hv")).not.toContain("port u: removed");
  });

  test("releases its lease (§4.3.4)", async () => {
    running.kill("SIGUSR2");
    await stateIs("u", "released");
    await end(running);
  });

  test("declines an address that another says to have (§4.3.3), and gets it when it asks again in time", async () => {
    const wire = new Wire(lab.namespace("hv"), "u");
    const other = parseMac("02:00:00:00:99:99")!;
    const claim = new Uint8Array(arp.SIZE);
    const address = parseIpv4(u)!;
    const target = { targetHardware: wire.mac, targetProtocol: address };
    arp.write(claim, 0, { operation: arp.REPLY, senderHardware: other, senderProtocol: address, ...target });
    const liar = setInterval(() => wire.send(frame(BROADCAST, other, ETHERTYPE_ARP, claim)), 50);
    const declining = udhcpc("-a1000");
    try {
      await stateIs("u", "declined");
    } finally {
      clearInterval(liar);
      wire.close();
    }
    expect(lab.log("hv")).toContain(`VM u: its DHCP client says that another has the address ${u}`);
    await stateIs("u", "bound", 30);
    await end(declining);
  });
});

describe("dhclient on a TAP", () => {
  const heard = (messages: number): Promise<void> =>
    lab.until("the client was heard", async () => (await lab.counted("hv", "d", "punt-dhcp")) >= messages);
  const leases = (): string => readFileSync(file("leases"), "utf8");
  let running: ChildProcess;

  test("gets the VM's address, classless routes (RFC 3442), MTU, DNS servers and host name", async () => {
    running = dhclient();
    await configured("d");
    expect(addressesOf("d")).toContain(`inet ${d}/32 `);
    expect(routesOf("d")).toEqual(["default via 169.254.1.1 dev eth1", "169.254.1.1 dev eth1 scope link"]);
    expect(lab.run("d", "ip link show eth1").text).toContain("mtu 1400 ");
    expect(resolvConf("d")).toEqual(["domain red.example", "search red.example", "nameserver 10.0.0.2"]);
    expect(lab.run("d", `nsenter -t ${running.pid} -u hostname`).text.trim()).toBe("d");
    expect(leases()).not.toContain("option routers"); // it asked for the classless ones
    const lease = await leaseOf("d");
    expect(lease).toMatchObject({ state: "bound", hostname: "localhost" });
    expect(lease.requested).toContain(121);
  });

  test("renews its lease of ten seconds by itself (RFC 2131 §4.4.5)", async () => {
    await heard((await lab.counted("hv", "d", "punt-dhcp")) + 1);
    expect((await leaseOf("d")).state).toBe("bound");
    expect(addressesOf("d")).toContain(`inet ${d}/32 `);
    await end(running);
  });

  test("is granted the address it remembers (§4.3.2, INIT-REBOOT)", async () => {
    const before = await lab.counted("hv", "d", "punt-dhcp");
    running = dhclient();
    await heard(before + 1);
    await configured("d");
    expect(await lab.counted("hv", "d", "punt-dhcp")).toBe(before + 1); // a request, no discovery
    await end(running);
  });

  test("is refused one that it remembers wrongly, and takes the right one", async () => {
    const before = await lab.counted("hv", "d", "punt-dhcp");
    lab.run("d", "ip address flush dev eth1");
    writeFileSync(file("leases"), leases().replaceAll(`fixed-address ${d}`, "fixed-address 10.0.0.99"));
    running = dhclient();
    await heard(before + 3);
    await configured("d");
    expect(addressesOf("d")).toContain(`inet ${d}/32 `);
    expect(addressesOf("d")).not.toContain("10.0.0.99");
    expect(await lab.counted("hv", "d", "punt-dhcp")).toBe(before + 3); // refused, offered, granted
  });

  test("releases it when told to (§4.3.4)", async () => {
    const release = client("d", `dhclient -r ${dhclientFiles()} eth1`);
    await once(release, "exit");
    await stateIs("d", "released");
    expect(addressesOf("d")).not.toContain(d);
  });

  test("that is gone loses its lease in time", async () => {
    running = dhclient();
    await stateIs("d", "bound");
    await end(running);
    await stateIs("d", "expired", 20);
  });
});

test("a VM whose router is not its DHCP server gets no answer", async () => {
  const asking = client("off", `udhcpc -f -n -q -t 2 -T 1 -i eth1 -s ${file("udhcpc.sh")}`);
  const [code] = await once(asking, "exit");
  expect(code).not.toBe(0);
  expect(await lab.counted("hv", "off", "bad-source")).toBeGreaterThan(0);
});

test("ain show dhcp prints a line for each VM that is served", () => {
  const shown = lab.run("hv", `${AIN} show dhcp --router ${lab.socket("hv")}`).text.split("\n");
  expect(shown[0]).toMatch(/^VM +NETWORK +ADDRESS +STATE +EXPIRES IN +LAST SEEN +MAC +CLIENT +ASKED FOR$/);
  expect(shown.find((line) => line.startsWith("u "))).toMatch(/^u +blue\/prod +\S+ +bound +\S+/);
  expect(shown.find((line) => line.startsWith("d "))).toMatch(/ expired +- .* (localhost|d) .* 121/);
});
