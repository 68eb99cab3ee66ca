/**
 * What a router does with the machine's interfaces: one router each, put back when they are let go, captures that see what
 * is sent, losses in the kernel that show. Runs beside others.
 *
 * ```
 *   vm ── host (where the tests' routers run) ── peer
 * ```
 */
import { afterAll, afterEach, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { call } from "#cli/client";
import type { PortView, ViewName, Views } from "#router/views";
import { inNamespace } from "#sys/namespace";
import { Rtnetlink } from "#sys/rtnetlink";
import { readSysctl } from "#sys/sysctl";
import { addressesAt, BLUE, fabricYaml, TestLab } from "./test-lab";
import { Wire } from "./wire";

setDefaultTimeout(60_000);
const AIN = fileURLToPath(new URL("../../bin/ain", import.meta.url));

const lab = new TestLab("if");
const [address] = addressesAt(1, 0, BLUE, 1) as [string];
const VM = `{ name: vm, network: blue/prod, address: ${address}, interface: vm }`;
const TAP = `{ name: vm, network: blue/prod, address: ${address}, tap: own-tap }`;
const running: ChildProcess[] = [];

beforeAll(async () => {
  lab.write("fabric.yaml", fabricYaml(1));
  await lab.up(`  nodes:
    host: { kind: linux }
    peer: { kind: linux, exec: [sysctl -qw net.ipv6.conf.eth1.disable_ipv6=1] }
    vm: { kind: linux, labels: { ain-role: vm, ain-address: ${address}/32, ain-gateway: 10.0.0.1 } }
  links:
    - { endpoints: ["host:eth1", "peer:eth1"], mtu: 1500 }
    - { endpoints: ["host:vm", "vm:eth1"], mtu: 1500 }
`);
});
afterEach(async () => {
  for (const child of running.splice(0)) await end(child, "SIGTERM");
});
afterAll(() => lab.down());

interface Running {
  readonly child: ChildProcess;
  show<What extends ViewName>(what: What): Promise<Views[What]>;
  portOf(name: string): Promise<PortView>;
  attach(definition: object): Promise<unknown>;
  detach(name: string): Promise<unknown>;
  ain(words: string): { status: number | null; text: string };
}

/** Writes a node's file. Each router has a folder, and so sockets, locks and undo logs, of its own. */
const write = (name: string, vms: string, uplink = "{ interface: eth1 }"): void =>
  lab.write(
    `${name}.yaml`,
    `name: ${name}\nfabric: ./fabric.yaml\nrole: hypervisor\nprefix: "2001:db8:a1:1::/64"\nuplinks: [${uplink}]\nvms: [${vms}]\n`,
  );

async function start(name: string): Promise<Running> {
  const socket = `${lab.folder}/${name}/ain.sock`;
  const child = inNamespace(lab.namespace("host"), () =>
    spawn(AIN, ["run", `${lab.folder}/${name}.yaml`, "--socket", socket], { stdio: "ignore" }),
  );
  running.push(child);
  const show = async <What extends ViewName>(what: What) => (await call(socket, "GET", `show/${what}`)) as Views[What];
  await lab.until(`${name} answers`, () => show("status").then(Boolean, () => false));
  return {
    child,
    show,
    portOf: async (port) => (await show("ports")).find((view) => view.name === port)!,
    attach: (definition) => call(socket, "POST", "vm/attach", definition),
    detach: (vm) => call(socket, "POST", `vm/${vm}/detach`),
    ain: (words) => {
      const done = spawnSync(AIN, [...words.split(" "), "--router", socket], { encoding: "utf8" });
      return { status: done.status, text: `${done.stdout}${done.stderr}` };
    },
  };
}

function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  const { promise, resolve } = Promise.withResolvers<void>();
  child.once("exit", () => resolve());
  child.kill(signal);
  return promise;
}

const isUp = async (router: Running, port: string): Promise<boolean> => (await router.portOf(port)).state === "up";
const ipv6Disabled = (name: string): string => readSysctl(`net/ipv6/conf/${name}/disable_ipv6`, lab.namespace("host"));

for (const [title, vm] of [
  ["interface", VM],
  ["TAP", TAP],
] as const) {
  test(`a second router is told who has the ${title}, does without it, and takes over when that one is killed`, async () => {
    write("first", vm);
    write("second", vm);
    const first = await start("first");
    const second = await start("second");
    const whose = `is in use by router first, process ${(await first.show("status")).pid}: one router an interface`;
    expect((await second.portOf("eth1")).state).toBe(`interface eth1 ${whose}`);
    expect((await second.portOf("vm")).state).toContain(whose);
    expect(second.ain("show ports").text).toContain("in use by router first");
    expect([await isUp(first, "eth1"), await isUp(first, "vm")]).toEqual([true, true]);
    await end(first.child, "SIGKILL");
    await lab.until("the second has the uplink", () => isUp(second, "eth1"));
    await lab.until("the second has the VM's port", () => isUp(second, "vm"));
    // The first would put back what it had changed; but that is the second's business now.
    const again = await start("first");
    expect((await again.portOf("eth1")).state).toContain("in use by router second");
    expect(ipv6Disabled("eth1")).toBe("1");
  });
}

test("an interface that a reload lets go is as it was, and free for another router", async () => {
  write("first", VM);
  write("second", VM, "");
  const before = ipv6Disabled("vm");
  const first = await start("first");
  expect(ipv6Disabled("vm")).toBe("1");
  write("first", "");
  expect(first.ain("reload")).toMatchObject({ status: 0 });
  expect(ipv6Disabled("vm")).toBe(before);
  const second = await start("second");
  expect(await isUp(second, "vm")).toBe(true);
  await end(first.child, "SIGTERM");
  expect(ipv6Disabled("vm")).toBe("1"); // the first has nothing to put back there any more
});

test("what the kernel said of an interface before its port was opened closes no port", async () => {
  write("first", "");
  const first = await start("first");
  const netlink = new Rtnetlink(lab.namespace("host"));
  const { index } = netlink.requireLink("vm");
  try {
    for (let round = 0; round < 5; round++) {
      // The router looks at notices every 50 ms: it opens the port with these unread.
      for (const up of [true, false]) netlink.changeLink(index, { up }, "vm");
      await first.attach({ name: "vm", network: "blue/prod", address, interface: "vm" });
      for (let i = 0; i < 15; i++) {
        expect((await first.portOf("vm")).state).toBe("up");
        await Bun.sleep(10);
      }
      await first.detach("vm");
    }
  } finally {
    netlink.changeLink(index, { up: true }, "vm");
    netlink.close();
  }
});

/** What tcpdump on the router's own end of the VM's link says of the echo replies sent there while `act` goes on. */
async function repliesSeen(act: () => void): Promise<number> {
  const words = ["-l", "-n", "-Q", "out", "-i", "vm", "icmp[icmptype] == icmp-echoreply"];
  const tcpdump = inNamespace(lab.namespace("host"), () => spawn("tcpdump", words, { stdio: "pipe" }));
  const said = { out: "", err: "" };
  tcpdump.stdout.on("data", (chunk) => {
    said.out += String(chunk);
  });
  tcpdump.stderr.on("data", (chunk) => {
    said.err += String(chunk);
  });
  await lab.until("tcpdump listens", () => said.err.includes("listening on"));
  act();
  await Bun.sleep(300);
  await end(tcpdump, "SIGINT");
  return said.out.split("echo reply").length - 1;
}

test("capture: true lets tcpdump see what is sent, from one reload to the next", async () => {
  write("first", VM);
  const router = await start("first");
  for (const capture of [false, true, false]) {
    write("first", capture ? VM.replace(" }", ", capture: true }") : VM);
    expect(router.ain("reload")).toMatchObject({ status: 0 });
    await lab.until("the VM gets answers", () => lab.run("vm", "ping -c 1 -W 1 10.0.0.1").status === 0);
    const pinging = () => expect(lab.run("vm", "ping -c 3 -i 0.2 -W 1 10.0.0.1")).toMatchObject({ status: 0 });
    expect(await repliesSeen(pinging)).toBe(capture ? 3 : 0);
  }
});

/** A small frame that means nothing to the router. */
const NOISE = Uint8Array.from([2, 0x41, 0x49, 0x4e, 0, 1, 2, 0, 0, 0, 0x66, 0x66, 0x88, 0xb5, ...new Uint8Array(46)]);
const SENT = 5000; // frames; more than a ring of 2048 slots, or a TAP's queue of 1000, takes

for (const [title, vm, namespace, name] of [
  ["an interface", VM, "vm", "eth1"],
  ["a TAP in a namespace of its own", TAP, "vm", "inside"],
] as const) {
  test(`frames that the kernel had no room for are counted at ${title}`, async () => {
    const place = lab.namespace(namespace);
    write("first", vm.replace("tap: own-tap", `tap: { name: own-tap, netns: ${place}, rename: ${name} }`));
    const router = await start("first");
    expect(await isUp(router, "vm")).toBe(true);
    const before = await router.portOf("vm");
    const wire = new Wire(place, name);
    router.child.kill("SIGSTOP");
    for (let i = 0; i < SENT; i++) wire.send(NOISE);
    router.child.kill("SIGCONT");
    wire.close();
    const lost = (view: PortView): number => view.receiveDrops + view.interfaceReceiveDrops;
    const came = (view: PortView): number => view.rxFrames + lost(view);
    await lab.until("all are accounted for", async () => came(await router.portOf("vm")) - came(before) >= SENT);
    const now = await router.portOf("vm");
    expect(lost(now) - lost(before)).toBeGreaterThan(1000);
    expect(came(now) - came(before)).toBeLessThan(SENT + 50); // the VM's own kernel has a word to say now and then
    const counters = (await router.show("counters")).filter(
      (c) => c.port === "vm" && /^(kernel|interface)-/.test(c.ending),
    );
    expect(counters.reduce((sum, { frames }) => sum + frames, 0)).toBe(lost(now));
  });
}

test("frames that the kernel refuses to send are counted at the port they were for", async () => {
  const netlink = new Rtnetlink(lab.namespace("vm"));
  const { index } = netlink.requireLink("eth1");
  try {
    netlink.changeLink(index, { up: false });
    write("first", VM);
    const router = await start("first"); // asks for the VM's MAC, on a link without carrier
    await lab.until("refusals show", async () => (await router.portOf("vm")).transmitErrors > 0);
    const counters = await router.show("counters");
    expect(counters.find((c) => c.port === "vm" && c.ending === "kernel-transmit-error")?.frames).toBeGreaterThan(0);
    expect(router.ain("show ports").text).toMatch(/RX LOST +TX LOST/);
  } finally {
    netlink.changeLink(index, { up: true });
    netlink.close();
  }
});
