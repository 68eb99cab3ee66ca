/** Reload, ports that come and go, kills and restarts, spoofers and rubbish, while the other VMs' traffic goes on. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseIpv4, parseMac } from "#base/address";
import { put16, put32 } from "#base/bytes";
import { finish, sum } from "#base/checksum";
import { nextBelow, nextOctets, seeded } from "#base/random";
import { inNamespace } from "#sys/namespace";
import { Rtnetlink } from "#sys/rtnetlink";
import { readSysctl } from "#sys/sysctl";
import { addressesAt, BLUE, fabricYaml, hypervisorYaml, RED, switchYaml, TestLab } from "./test-lab";

setDefaultTimeout(60_000);
const AIN = fileURLToPath(new URL("../../bin/ain", import.meta.url));
const GATEWAY_MAC = parseMac("02:41:49:4e:00:01")!;
const SEED = Number(process.env.SEED ?? 20261124);

const lab = new TestLab("lc");
const [a, late, other] = addressesAt(2, 0, BLUE, 3) as [string, string, string];
const [b] = addressesAt(2, 1, BLUE, 1) as [string];
const red = addressesAt(2, 0, RED, 1)[0]!;

const VM_A = `{ name: a, network: blue/prod, address: ${a}, interface: a }`;
const VM_LATE = `{ name: late, network: blue/prod, address: ${late}, interface: late }`;
const VM_RED = `{ name: red, network: red/prod, address: ${red}, interface: red }`;
const hv1 = (...vms: string[]): string => hypervisorYaml({ index: 1, vms });

beforeAll(async () => {
  lab.write("fabric.yaml", fabricYaml(2));
  lab.write("sw.yaml", switchYaml(2));
  lab.write("hv1.yaml", hv1(VM_A, VM_RED));
  lab.write(
    "hv2.yaml",
    hypervisorYaml({ index: 2, vms: [`{ name: b, network: blue/prod, address: ${b}, interface: b }`] }),
  );
  const vm = (name: string, address: string): string =>
    `    ${name}: { kind: linux, labels: { ain-role: vm, ain-address: ${address}/32, ain-gateway: 10.0.0.1 } }`;
  await lab.up(`  nodes:
    sw: { kind: linux, labels: { ain-role: router, ain-config: sw.yaml } }
    hv1: { kind: linux, labels: { ain-role: router, ain-config: hv1.yaml } }
    hv2: { kind: linux, labels: { ain-role: router, ain-config: hv2.yaml } }
${vm("a", a)}
${vm("late", late)}
${vm("red", red)}
${vm("b", b)}
  links:
    - { endpoints: ["sw:eth1", "hv1:eth1"], mtu: 1500 }
    - { endpoints: ["sw:eth2", "hv2:eth1"], mtu: 1500 }
    - { endpoints: ["hv1:a", "a:eth1"], mtu: 1500 }
    - { endpoints: ["hv1:late", "late:eth1"], mtu: 1500 }
    - { endpoints: ["hv1:red", "red:eth1"], mtu: 1500 }
    - { endpoints: ["hv2:b", "b:eth1"], mtu: 1500 }
`);
  await lab.until("a reaches b", () => lab.run("a", `ping -c 1 -W 1 ${b}`).status === 0);
});
afterAll(() => lab.down());

/** `ain …` about hv1. */
function ain(words: string): { status: number | null; text: string } {
  const done = spawnSync(AIN, [...words.split(" "), "--router", lab.socket("hv1")], {
    encoding: "utf8",
    timeout: 20_000,
  });
  return { status: done.status, text: `${done.stdout}${done.stderr}` };
}

/** 500 pings a second from a to b while `act` runs; how many got no answer. */
async function lossWhile(act: () => Promise<void> | void): Promise<number> {
  const ping = inNamespace(lab.namespace("a"), () =>
    spawn("ping", ["-i", "0.002", "-c", "1000", "-q", b], { stdio: ["ignore", "pipe", "ignore"] }),
  );
  let text = "";
  ping.stdout.on("data", (chunk) => {
    text += String(chunk);
  });
  const ended = new Promise((resolve) => ping.once("close", resolve));
  await Bun.sleep(300);
  await act();
  await ended;
  const [, sent, received] = /(\d+) packets transmitted, (\d+) received/.exec(text) ?? [];
  expect(Number(sent)).toBe(1000);
  return Number(sent) - Number(received);
}

describe("reload", () => {
  test("adds and removes a VM and a route; the others lose no packet", async () => {
    const lost = await lossWhile(() => {
      lab.write(
        "hv1.yaml",
        hv1(VM_A, VM_RED, VM_LATE).replace("vms:", '  - { to: "2001:db8:a1:77::/64", discard: true }\nvms:'),
      );
      const { status, text } = ain("reload");
      expect(text).toContain("+ vm late");
      expect(text).toContain("+ route 2001:db8:a1:77::/64");
      expect(status).toBe(0);
    });
    expect(lost).toBe(0);
    await lab.until("the new VM is reached", () => lab.run("b", `ping -c 1 -W 1 ${late}`).status === 0);
    expect((await lab.show("hv1", "routes")).map((route) => route.prefix)).toContain("2001:db8:a1:77::/64");
    const lostAgain = await lossWhile(() => {
      lab.write("hv1.yaml", hv1(VM_A, VM_RED));
      expect(ain("reload").text).toContain("- vm late");
    });
    expect(lostAgain).toBe(0);
    expect(lab.run("b", `ping -c 1 -W 1 ${late}`).text).toContain("Host Unreachable");
    expect(ain("reload").text).toContain("nothing differs");
  });

  test("a bad file changes nothing and says where it is wrong", async () => {
    const before = await lab.show("hv1", "vms");
    lab.write("hv1.yaml", hv1(VM_A, VM_RED, "{ name: x, network: blue/prod, address: 10.0.0.999, interface: x }"));
    const { status, text } = ain("reload");
    expect(status).toBe(2);
    expect(text).toContain("vms[2].address");
    expect(text).toContain("10.0.0.999");
    expect(text).toMatch(/hv1\.yaml:\d+:\d+/);
    lab.write("hv1.yaml", hv1(VM_A, `{ name: twin, network: blue/prod, address: ${a}, interface: twin }`));
    expect(ain("reload").status).toBe(2);
    expect(await lab.show("hv1", "vms")).toEqual(before);
    lab.write("hv1.yaml", hv1(VM_A, VM_RED));
  });

  test("a change that needs a restart is refused with the reason", () => {
    lab.write("hv1.yaml", hv1(VM_A, VM_RED).replace("role: hypervisor", "role: hypervisor\nforwarders: 2"));
    const { status, text } = ain("reload");
    expect([status, text.includes("needs a restart")]).toEqual([2, true]);
    lab.write("hv1.yaml", hv1(VM_A, VM_RED));
  });
});

describe("ports", () => {
  const stateOf = async (name: string): Promise<string> =>
    (await lab.show("hv1", "ports")).find((port) => port.name === name)?.state ?? "no such port";

  test("an interface that does not exist shows as such and is taken up when it appears, vanishes and comes back", async () => {
    lab.write(
      "hv1.yaml",
      hv1(VM_A, VM_RED, `{ name: ghost, network: blue/prod, address: ${other}, interface: ghost }`),
    );
    expect(ain("reload").status).toBe(0);
    expect(await stateOf("ghost")).toContain("No such device");
    const netlink = new Rtnetlink(lab.namespace("hv1"));
    try {
      for (let round = 0; round < 2; round++) {
        netlink.addVeth({ name: "ghost", peerName: "ghostpeer" });
        await lab.until("the port is up", async () => (await stateOf("ghost")) === "up");
        netlink.deleteLink(netlink.requireLink("ghost").index);
        await lab.until("the port is gone", async () => (await stateOf("ghost")) !== "up");
      }
    } finally {
      netlink.close();
    }
    lab.write("hv1.yaml", hv1(VM_A, VM_RED));
    expect(ain("reload").status).toBe(0);
  });

  test("an uplink that goes down and comes up carries again by itself", async () => {
    const netlink = new Rtnetlink(lab.namespace("hv1"));
    try {
      const link = netlink.requireLink("eth1");
      netlink.changeLink(link.index, { up: false });
      await lab.until("the uplink shows as down", async () => (await stateOf("eth1")) !== "up");
      expect(lab.run("a", `ping -c 1 -W 1 ${b}`).status).not.toBe(0);
      netlink.changeLink(link.index, { up: true });
      await lab.until("a reaches b", () => lab.run("a", `ping -c 1 -W 1 ${b}`).status === 0);
    } finally {
      netlink.close();
    }
  });
});

/** An IPv4 packet in a frame from `mac`, with a right header checksum. */
function packet(mac: Uint8Array, source: string, destination: string): Uint8Array {
  const f = new Uint8Array(14 + 28);
  f.set(GATEWAY_MAC, 0);
  f.set(mac, 6);
  put16(f, 12, 0x0800);
  put32(f, 14, 0x4500_001c);
  put32(f, 22, (64 << 24) | (17 << 16));
  f.set(parseIpv4(source)!, 26);
  f.set(parseIpv4(destination)!, 30);
  put16(f, 24, finish(sum(f, 14, 20)));
  put16(f, 36, 9);
  put16(f, 38, 8);
  return f;
}

const macOf = (node: string): Uint8Array => {
  const netlink = new Rtnetlink(lab.namespace(node));
  const { mac } = netlink.requireLink("eth1");
  netlink.close();
  return mac;
};

describe("a hostile VM", () => {
  test("does not get past with another's address or MAC, and is not answered", async () => {
    const mac = macOf("a");
    const before = {
      source: await lab.counted("hv1", "a", "spoofed-source"),
      mac: await lab.counted("hv1", "a", "spoofed-mac"),
      sent: (await lab.show("hv1", "ports")).find((port) => port.name === "a")!.txFrames,
    };
    lab.send(
      "a",
      Array.from({ length: 10 }, () => packet(mac, "10.0.0.77", b)),
    );
    lab.send(
      "a",
      Array.from({ length: 10 }, () => packet(parseMac("02:00:00:00:66:66")!, a, b)),
    );
    await lab.until("all are counted", async () => {
      const source = await lab.counted("hv1", "a", "spoofed-source");
      const macs = await lab.counted("hv1", "a", "spoofed-mac");
      return source - before.source === 10 && macs - before.mac === 10;
    });
    const { txFrames } = (await lab.show("hv1", "ports")).find((port) => port.name === "a")!;
    expect(txFrames - before.sent).toBeLessThan(3); // no answers; an ARP request of the gateway's may come
  });

  test("sends rubbish for a while: the router lives, the others' pings go on, every frame is counted", async () => {
    const r = seeded(SEED);
    const mac = macOf("red");
    const before = (await lab.show("hv1", "ports")).find((port) => port.name === "red")!.rxFrames;
    const frames = Array.from({ length: 20_000 }, () => {
      const frame = nextBelow(r, 4) === 0 ? nextOctets(r, 14 + nextBelow(r, 200)) : packet(mac, red, b);
      for (let flips = nextBelow(r, 4); flips > 0; flips--) frame[nextBelow(r, frame.length)] = nextBelow(r, 256);
      return nextBelow(r, 8) === 0 ? frame.subarray(0, 14 + nextBelow(r, frame.length - 13)) : frame;
    });
    const lost = await lossWhile(() => lab.send("red", frames));
    expect(lost, `SEED=${SEED}`).toBeLessThan(10);
    const ports = await lab.show("hv1", "ports");
    const port = ports.find(({ name }) => name === "red")!;
    expect(port.rxFrames - before).toBeGreaterThan(5000);
    const counters = await lab.show("hv1", "counters");
    const ended = counters.filter((c) => c.port === "red").reduce((total, c) => total + c.frames, 0);
    expect(ended).toBeGreaterThanOrEqual(port.rxFrames);
    expect(counters.some((c) => c.ending === "internal")).toBe(false);
  });
});

describe("start and end", () => {
  /** A router on its own in the namespace of VM `late`, which none uses. */
  const start = (...words: string[]): ChildProcess =>
    inNamespace(lab.namespace("late"), () =>
      spawn(AIN, ["run", `${lab.folder}/own.yaml`, ...words], { stdio: "pipe" }),
    );
  const ready = async (socket: string): Promise<void> =>
    lab.until("the router answers", () => spawnSync(AIN, ["show", "status", "--router", socket]).status === 0);
  const gone = (child: ChildProcess): Promise<number | null> =>
    child.exitCode !== null ? Promise.resolve(child.exitCode) : new Promise((resolve) => child.once("exit", resolve));
  const disabled = (): string => readSysctl("net/ipv6/conf/eth1/disable_ipv6", lab.namespace("late"));

  test("kill -9 leaves nothing that the next start minds, and SIGTERM puts everything back", async () => {
    const socket = `${lab.folder}/own.sock`;
    const tap = "{ name: own-tap }";
    lab.write(
      "own.yaml",
      `name: own\nfabric: ./fabric.yaml\nrole: hypervisor\nprefix: "2001:db8:a1:1::/64"\nuplinks: [{ interface: eth1 }]\nvms:\n  - { name: t, network: blue/prod, address: ${other}, tap: ${tap} }\n`,
    );
    const before = disabled();
    const first = start("--socket", socket);
    await ready(socket);
    expect(disabled()).toBe("1");
    first.kill("SIGKILL");
    await gone(first);
    expect(existsSync(socket)).toBe(true);
    const second = start("--socket", socket);
    await ready(socket);
    const twin = start("--socket", `${lab.folder}/twin.sock`);
    let complaint = "";
    twin.stderr?.on("data", (chunk) => {
      complaint += String(chunk);
    });
    expect(await gone(twin)).toBe(1);
    expect(complaint).toContain("runs already");
    const began = performance.now();
    second.kill("SIGTERM");
    expect(await gone(second)).toBe(0);
    expect(performance.now() - began).toBeLessThan(1500);
    expect(existsSync(socket)).toBe(false);
    expect(disabled()).toBe(before);
    const netlink = new Rtnetlink(lab.namespace("late"));
    expect(netlink.link("own-tap")).toBeUndefined();
    netlink.close();
  });

  test("without root it says so in one line", () => {
    // Copied where everybody may read it: the checkout may lie in root's own folders.
    const { status, stderr } = spawnSync("setpriv", ["--reuid=65534", "--clear-groups", "true"], { encoding: "utf8" });
    expect(status, stderr).toBe(0);
    const code = `process.geteuid = () => 65534; process.argv.splice(1, process.argv.length, "ain", "run", "${lab.folder}/own.yaml"); await import("${fileURLToPath(new URL("../../src/main.ts", import.meta.url))}");`;
    const run = spawnSync(fileURLToPath(new URL("../../bin/bun", import.meta.url)), ["-e", code], { encoding: "utf8" });
    expect(run.status).toBe(5);
    expect(run.stderr.trim().split("\n").at(-1)).toContain("run it as root");
  });

  test("without /dev/net/tun a TAP port says what is missing", async () => {
    const socket = `${lab.folder}/notun.sock`;
    const script = `mount -t tmpfs none /dev/net && exec ip netns exec ${lab.namespace("late")} ${AIN} run ${lab.folder}/own.yaml --socket ${socket}`;
    const child = spawn("unshare", ["-m", "sh", "-c", script], { stdio: "ignore" });
    try {
      await ready(socket);
      const { stdout } = spawnSync(AIN, ["show", "ports", "--router", socket], { encoding: "utf8" });
      expect(stdout).toContain("/dev/net/tun");
    } finally {
      child.kill("SIGTERM");
      await gone(child);
    }
  });
});

test("nothing that ran here complained of a defect", () => {
  for (const node of ["sw", "hv1", "hv2"]) expect(lab.log(node)).not.toContain("defect");
});
