/**
 * Broadcasts and multicasts on an Ethernet segment over three hypervisors: DHCP of a VM's, discovery, groups that VMs join,
 * copies counted on the fabric's links, moves, storms, spoofers, and the loss of a rendezvous (paper §2.2).
 */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseIpv4, parseIpv6, parseMac } from "#base/address";
import { build4, build6, counting, framed, together } from "#fastpath/testing/packet";
import type { SegmentsView, SegmentView } from "#router/broadcast/views";
import type { VmDetailView } from "#router/vms/views";
import { FRAME_SLOT, FrameBatch } from "#sys/frame-batch";
import { inNamespace } from "#sys/namespace";
import { BROADCAST, ETHERTYPE_BRIDGED } from "#wire/ethernet";
import { write as writeGre } from "#wire/gre";
import {
  A,
  B,
  BLUES,
  build,
  C,
  D,
  FABRIC_MTU,
  GATEWAY,
  LAN,
  Listener,
  MACS,
  REDS,
  S,
  sendFrom,
} from "./broadcast/world";
import { api, move } from "./mobility/world";
import { TestLab } from "./test-lab";
import { Wire } from "./wire";

setDefaultTimeout(90_000);
const lab = new TestLab("bc");
const AIN = fileURLToPath(new URL("../../bin/ain", import.meta.url));
const PORT = 7100;
const RATE = 1000;
const ALL = "255.255.255.255";
const GROUP = "239.1.2.3";
const GROUP_6 = "ff15::1234";
/** Hypervisors, by the number of their uplink's interface at the switch. */
const HYPERVISORS = [1, 2, 3, 4] as const;
/** What comes in at a hypervisor's uplink, from the switch. */
const uplinks: Wire[] = [];
const processes: ChildProcess[] = [];

beforeAll(async () => {
  await build(lab, RATE);
  for (const i of HYPERVISORS) uplinks.push(new Wire(lab.namespace(`hv${i}`)));
  for (const i of [1, 2, 3]) await lab.until(`hv${i} knows the others`, async () => (await membersAt(i)).length === 2);
  // Neighbors in the fabric know one another from now on.
  for (const [of, whom] of [
    ["s", B],
    ["b", C],
    ["c", S],
    ["rb", C],
  ] as const)
    await lab.until(`${of} reaches ${whom}`, () => lab.run(of, `ping -c 1 -W 1 ${whom}`).status === 0);
});
afterAll(async () => {
  for (const wire of uplinks) wire.close();
  for (const each of processes) await end(each);
  await lab.down();
});

async function end(process: ChildProcess): Promise<void> {
  if (process.exitCode !== null || process.signalCode !== null) return;
  const ended = once(process, "exit");
  process.kill("SIGKILL");
  await ended;
}

const segmentAt = async (hv: number, network = "blue/lan"): Promise<SegmentView | undefined> =>
  ((await lab.show(`hv${hv}`, "segments")) as SegmentsView).segments.find((each) => each.network === network);
const membersAt = async (hv: number) => (await segmentAt(hv))?.here?.members ?? [];
/** `hv1` … by the address of a member. */
const placeOf = (address: string): string => `hv${/a1:(\d)::1$/.exec(address)?.[1]}`;

/** Frames of segments that came in at each uplink since the last look: the key and sender of each. */
function bridged(): { readonly key: number; readonly from: string; readonly text: string }[][] {
  return uplinks.map((wire) =>
    wire.take().flatMap((frame) => {
      const isBridged = frame[12] === 0x86 && frame[20] === 47 && frame[56] === 0x65 && frame[57] === 0x58;
      if (!isBridged) return [];
      const key = new DataView(frame.buffer, frame.byteOffset).getUint32(58);
      return [{ key, from: `hv${frame[29]}`, text: new TextDecoder().decode(frame.slice(62)) }];
    }),
  );
}

/** How many of a test's own datagrams came in at each hypervisor. */
const copies = (text: string): number[] =>
  bridged().map((frames) => frames.filter((each) => each.text.includes(text)).length);

/** What each VM hears while something is done. */
async function heardBy(
  names: readonly string[],
  groups: Readonly<Record<string, readonly string[]>>,
  act: () => Promise<void>,
): Promise<Record<string, readonly (readonly [string, string])[]>> {
  const listeners = await Promise.all(names.map((name) => Listener.start(lab, name, PORT, ...(groups[name] ?? []))));
  await act();
  const heard = await Promise.all(listeners.map((listener) => listener.stop()));
  return Object.fromEntries(names.map((name, i) => [name, heard[i]!]));
}

async function reload(fabric: string): Promise<void> {
  lab.write("fabric.yaml", fabric);
  for (const node of ["sw", "hv1", "hv2", "hv3", "hv4"]) {
    const done = spawnSync(AIN, ["reload", "--router", lab.socket(node)], { encoding: "utf8" });
    expect([node, done.status, done.stderr]).toEqual([node, 0, ""]);
  }
}

const UDHCPC_SCRIPT = `#!/bin/sh
[ "$1" = bound ] || exit 0
ip address add "$ip/$mask" dev "$interface"
ip route add default via "$router" dev "$interface"
`;

describe("a DHCP server in a VM", () => {
  test("serves a client at another hypervisor, by its broadcasts (RFC 2131 §4.1)", async () => {
    const words = `--no-daemon --conf-file=/dev/null --port=0 --no-ping --interface=eth1 --bind-interfaces --dhcp-leasefile=${join(lab.folder, "leases")} --dhcp-range=10.0.0.0,static --dhcp-host=${MACS.d},${D} --dhcp-option=3,${GATEWAY}`;
    const server = inNamespace(lab.namespace("s"), () => spawn("dnsmasq", words.split(" "), { stdio: "ignore" }));
    processes.push(server);
    writeFileSync(join(lab.folder, "udhcpc.sh"), UDHCPC_SCRIPT, { mode: 0o755 });
    const asked = lab.run("d", `udhcpc -f -q -n -t 10 -T 1 -i eth1 -s ${join(lab.folder, "udhcpc.sh")}`);
    expect(asked).toMatchObject({ status: 0 });
    expect(lab.run("d", "ip -4 -o address show dev eth1").text).toContain(`inet ${D}/24 `);
    await lab.until("d reaches its server", () => lab.run("d", `ping -c 1 -W 1 ${S}`).status === 0);
    expect(lab.run("d", `ping -c 1 -W 1 ${C}`).status).toBe(0);
  });

  test("renews a lease, whose packets are to one alone", async () => {
    const client = inNamespace(lab.namespace("d"), () =>
      spawn("udhcpc", ["-f", "-i", "eth1", "-s", "/bin/true"], { stdio: ["ignore", "ignore", "pipe"] }),
    );
    processes.push(client);
    let said = "";
    client.stderr!.on("data", (data) => {
      said += data;
    });
    await lab.until("it has a lease", () => said.includes(`lease of ${D} obtained`));
    client.kill("SIGUSR1");
    await lab.until("it has it anew", () => said.split(`lease of ${D} obtained`).length > 2);
    await end(client);
  });
});

describe("a broadcast", () => {
  test.each([ALL, "10.0.0.255"])(
    "to %s reaches each VM of the segment once, and nobody of another tenant's",
    async (to) => {
      const text = `hello-${to}`;
      bridged();
      const heard = await heardBy([...BLUES, ...REDS], {}, () =>
        sendFrom(lab, "b", { to, port: PORT, count: 20, rate: 200, text }),
      );
      const whole = Array.from({ length: 20 }, (_, i) => [`${text} ${i}`, B]);
      const own = heard.b!.length; // its own kernel's
      expect(own === 0 || own === 20).toBe(true);
      for (const name of ["s", "a", "c", "d"]) expect([name, heard[name]]).toEqual([name, whole] as never);
      for (const name of REDS) expect([name, heard[name]]).toEqual([name, []]);
      // By the links: one copy to each other hypervisor with members, none elsewhere or back.
      expect(copies(text)).toEqual([20, 0, 20, 0]);
    },
  );

  test("of the other tenant's, from the same address, reaches its own alone", async () => {
    bridged();
    const heard = await heardBy([...BLUES, ...REDS], {}, () =>
      sendFrom(lab, "rb", { to: ALL, port: PORT, count: 10, rate: 200, text: "red" }),
    );
    expect(heard.rc!.length).toBe(10);
    for (const name of BLUES) expect([name, heard[name]]).toEqual([name, []]);
    expect(copies("red")).toEqual([0, 0, 10, 0]);
  });

  test("is asked and answered: a discovery finds every VM", async () => {
    const answers = await heardBy(["b"], {}, async () => {
      const heard = await heardBy(["s", "a", "c"], {}, () =>
        sendFrom(lab, "b", { to: ALL, port: PORT, count: 1, rate: 1, text: "who is there?" }),
      );
      for (const [name, [question]] of Object.entries(heard))
        await sendFrom(lab, name, { to: question![1], port: PORT, count: 1, rate: 1, text: `here is ${name}` });
    });
    const found = answers.b!.filter(([text]) => text.startsWith("here"));
    expect(found.map(([, from]) => from).sort()).toEqual([S, A, C].sort());
  });
});

describe("a multicast", () => {
  test("reaches who has joined it (RFC 3376, RFC 3810), and the hypervisors of those alone", async () => {
    const sent: Record<string, number[]> = {};
    const groups = { c: [GROUP, GROUP_6], s: [GROUP] };
    const isSettled = async (): Promise<boolean> => {
      const members = await membersAt(2);
      const of = (hv: string) => members.find((each) => placeOf(each.address) === hv)?.groups ?? "all";
      return (
        of("hv3").includes(GROUP) && of("hv3").includes(GROUP_6) && of("hv1").includes(GROUP) && of("hv1") !== "all"
      );
    };
    const heard = await heardBy(["s", "a", "b", "c", "d"], groups, async () => {
      await lab.until("hv2 knows who listens", isSettled, 20);
      for (const [text, to] of [
        ["four", GROUP],
        ["six", GROUP_6],
      ] as const) {
        bridged();
        await sendFrom(lab, "b", { to, port: PORT, count: 20, rate: 200, text });
        await Bun.sleep(200);
        sent[text] = copies(text);
      }
    });
    expect(sent).toEqual({ four: [20, 0, 20, 0], six: [0, 0, 20, 0] });
    const count = (name: string, text: string) => heard[name]!.filter(([each]) => each.startsWith(text)).length;
    expect([count("s", "four"), count("c", "four"), count("c", "six")]).toEqual([20, 20, 20]);
    for (const name of ["a", "d"]) expect([name, heard[name]]).toEqual([name, []]);
    expect(count("s", "six")).toBe(0);
  });

  test("that nobody listens to any more is not sent", async () => {
    await lab.until("they have left", async () =>
      (await membersAt(2)).every(({ groups }) => groups !== "all" && !groups.includes(GROUP)),
    );
    bridged();
    await sendFrom(lab, "b", { to: GROUP, port: PORT, count: 10, rate: 200, text: "gone" });
    await Bun.sleep(200);
    expect(copies("gone")).toEqual([0, 0, 0, 0]);
    expect(await lab.counted("hv2", "b", "unheard")).toBeGreaterThanOrEqual(10);
  });
});

const broadcast = (ipv4: string, mac: string, data = counting(32)): Uint8Array =>
  framed(
    build4({
      source: parseIpv4(ipv4)!,
      destination: parseIpv4(ALL)!,
      upper: { kind: "udp", destination: PORT, data },
      dontFragment: true,
    }),
    BROADCAST,
    parseMac(mac)!,
  );

describe("what must not be", () => {
  const uplinkFrame = (from: number, inner: Uint8Array, source = from): Uint8Array => {
    const header = new Uint8Array(8);
    writeGre(header, 0, { protocolType: ETHERTYPE_BRIDGED, key: LAN });
    const packet = build6({
      ...{ source: parseIpv6(`2001:db8:a1:${source}::1`)!, destination: parseIpv6("2001:db8:a1:1::1")! },
      ...{ hopLimit: 64, upper: { kind: "raw", protocol: 47, data: together(header, inner) } },
    });
    const [mac] = /([0-9a-f]{2}:){5}[0-9a-f]{2}/.exec(
      lab.run("sw", `ip -o link show eth${from}`).text.split("link/ether")[1]!,
    )!;
    return framed(packet, parseMac(mac)!, uplinks[from - 1]!.mac);
  };
  /** Sends once, and expects the ending to be counted once, and nobody to hear it. */
  async function refused(hv: number, port: string, ending: string, act: () => void): Promise<void> {
    const before = await lab.counted(`hv${hv}`, port, ending);
    const heard = await heardBy(["s", "a", "c"], {}, async () => {
      act();
      await lab.until(`${ending} is counted`, async () => (await lab.counted(`hv${hv}`, port, ending)) > before);
    });
    expect(await lab.counted(`hv${hv}`, port, ending)).toBe(before + 1);
    expect(heard).toEqual({ s: [], a: [], c: [] });
  }

  test.each<[string, string, number, () => Uint8Array]>([
    [
      "from a hypervisor without VMs of the segment",
      "broadcast-stranger",
      4,
      () => uplinkFrame(4, broadcast(B, MACS.b!)),
    ],
    ["from outside of the segment", "broadcast-spoofed", 2, () => uplinkFrame(2, broadcast("10.0.1.9", MACS.b!))],
    ["from a group's MAC address", "broadcast-spoofed", 2, () => uplinkFrame(2, broadcast(B, "03:00:00:00:0b:03"))],
    ["from a VM that is here", "broadcast-echo", 2, () => uplinkFrame(2, broadcast(S, MACS.s!))],
    [
      "that is for one alone",
      "broadcast-unfit",
      2,
      () =>
        uplinkFrame(
          2,
          framed(
            build4({ source: parseIpv4(B)!, destination: parseIpv4(S)!, upper: { kind: "udp" } }),
            parseMac(MACS.s!)!,
            parseMac(MACS.b!)!,
          ),
        ),
    ],
    [
      "from a VM's address",
      "tunnel-source",
      2,
      () => uplinkFrame(2, broadcast(B, MACS.b!)).map((octet, i) => (i === 33 ? 9 : octet)),
    ],
    [
      "of a segment that no VM here is on",
      "broadcast-stray",
      2,
      () => uplinkFrame(2, broadcast(B, MACS.b!)).map((octet, i) => (i === 61 ? 0x77 : octet)),
    ],
  ])("a frame in a tunnel %s: %s", async (_title, ending, from, frame) => {
    await refused(1, "eth1", ending, () => expect(uplinks[from - 1]!.send(frame())).toBe(true));
  });

  test.each<[string, string, () => Uint8Array]>([
    ["under another's MAC address", "spoofed-mac", () => broadcast(B, MACS.c!)],
    ["under another's address", "spoofed-source", () => broadcast(S, MACS.b!)],
    [
      "larger than the tunnels take, and not to be cut",
      "oversized-broadcast",
      () => broadcast(B, MACS.b!, counting(FABRIC_MTU - 62 - 28 + 1)),
    ],
  ])("a VM's frame %s: %s", async (_title, ending, frame) => {
    await refused(2, "b", ending, () => lab.send("b", [frame()]));
  });

  test("larger than the tunnels take, and to be cut: it comes as it was sent", async () => {
    const data = counting(FABRIC_MTU - 62 - 28 + 1).map((octet) => 97 + (octet % 26));
    const packet = build4({
      source: parseIpv4(B)!,
      destination: parseIpv4(ALL)!,
      identification: 99,
      upper: { kind: "udp", destination: PORT, data },
    });
    const heard = await heardBy(["s", "c"], {}, async () => {
      lab.send("b", [framed(packet, BROADCAST, parseMac(MACS.b!)!)]);
      await Bun.sleep(100);
    });
    for (const name of ["s", "c"])
      expect(heard[name]!.map(([text]) => text)).toEqual([new TextDecoder().decode(data.slice(0, 64))]);
  });
});

test("a VM that moves during a stream of 100 broadcasts a second loses at most five, hears none twice, and is heard", async () => {
  const count = 900;
  const hops = ["hv2", "hv3", "hv1"];
  const windows: [from: number, until: number][] = [];
  const heard = await heardBy(["a", "s", "c"], {}, async () => {
    const began = performance.now();
    const streams = [
      sendFrom(lab, "b", { to: ALL, port: PORT, count, rate: 100, text: "in" }),
      sendFrom(lab, "a", { to: ALL, port: PORT, count, rate: 100, text: "out" }),
    ];
    await Bun.sleep(1000);
    for (const to of hops) {
      // Numbers of what was sent around the move, the half of a second for a sender to begin included.
      const from = Math.max(0, (performance.now() - began - 700) / 10);
      await move(lab, "a", to);
      await Bun.sleep(1500);
      windows.push([from, (performance.now() - began - 700) / 10]);
    }
    await Promise.all(streams);
  });
  const report = (name: string, text: string) => {
    const own = heard[name]!.filter(([each]) => each.startsWith(`${text} `)).map(([each]) =>
      Number(each.split(" ")[1]),
    );
    const came = new Set(own);
    const missing = Array.from({ length: count }, (_, i) => i).filter((i) => !came.has(i));
    const lost = windows.map(([from, until]) => missing.filter((i) => i >= from && i < until).length);
    return { lost, others: missing.length - lost.reduce((sum, n) => sum + n, 0), twice: own.length - came.size };
  };
  const toIt = report("a", "in");
  const fromIt = [report("s", "out"), report("c", "out")];
  console.log(`moves at 100 broadcasts a second: to it ${JSON.stringify(toIt)}, from it ${JSON.stringify(fromIt)}`);
  for (const { lost, others, twice } of [toIt, ...fromIt]) {
    expect([Math.max(...lost) <= 5, others, twice]).toEqual([true, 0, 0]);
  }
  for (const name of ["s", "c"]) expect(report(name, "in")).toEqual({ lost: [0, 0, 0], others: 0, twice: 0 });
});

test("a storm of one VM's is limited, and other tenants' traffic goes on", async () => {
  const server = inNamespace(lab.namespace("rc"), () => spawn("iperf3", ["-s"], { stdio: "ignore" }));
  processes.push(server);
  await Bun.sleep(300);
  const before = await lab.counted("hv1", "s", "broadcast-limited");
  const refused = await lab.counted("hv1", "s", "kernel-group-limit");
  // What sending costs the machine by itself, without a router, is measured too.
  const frame = broadcast(S, MACS.s!, counting(STORM_LENGTH - 42));
  const storms = { calm: undefined, aside: storm(frame, "o", "lo"), storm: storm(frame, "s", "eth1") };
  const rates: number[] = [];
  const found: Record<keyof typeof storms, number[]> = { calm: [], aside: [], storm: [] };
  for (let round = 0; round < 3; round++) {
    for (const kind of ["calm", "aside", "storm"] as const) {
      const [throughput, rate] = await measure(storms[kind]);
      found[kind].push(throughput / 1e6);
      if (kind === "storm") rates.push(rate);
    }
  }
  for (const each of Object.values(storms)) each?.close();
  await end(server);
  const [calm, aside, stormy] = [found.calm, found.aside, found.storm].map(median) as [number, number, number];
  console.log(
    `a storm of ${Math.round(median(rates))} broadcasts a second: another tenant's TCP ${Math.round(stormy)} Mbit/s, ` +
      `${(stormy / calm).toFixed(2)} of ${Math.round(calm)} without, ${(stormy / aside).toFixed(2)} of ${Math.round(aside)} with as many sent aside`,
  );
  // The kernel lets through little more than the segment carries, and that is limited further.
  expect((await lab.counted("hv1", "s", "broadcast-limited")) - before).toBeGreaterThan(0);
  expect((await lab.counted("hv1", "s", "kernel-group-limit")) - refused).toBeGreaterThan(10_000);
});

/** Frames a second, as near as may be. */
const STORM = 100_000;
const STORM_BATCH = 100;
const STORM_LENGTH = 62;

/** A batch of the frame, to be sent from an interface of a node as often as one likes. */
function storm(frame: Uint8Array, node: string, device: string): FrameBatch {
  const batch = inNamespace(lab.namespace(node), () => new FrameBatch(device, STORM_BATCH));
  for (let slot = 0; slot < STORM_BATCH; slot++) batch.frames.set(frame, slot * FRAME_SLOT);
  return batch;
}

const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1]!;

/** TCP of red's for two seconds, bit/s, while `storm` is sent; and how many frames a second that was. */
async function measure(storm: FrameBatch | undefined): Promise<[throughput: number, rate: number]> {
  await Bun.sleep(500); // the server has seen the end of the one before
  const child = inNamespace(lab.namespace("rb"), () =>
    spawn("iperf3", ["-c", C, "-t", "2", "-J"], { stdio: ["ignore", "pipe", "ignore"] }),
  );
  let [out, offered, sent, isOver] = ["", 0, 0, false];
  child.stdout!.on("data", (data) => {
    out += data;
  });
  const ended = once(child, "close").finally(() => {
    isOver = true;
  });
  const began = performance.now();
  while (!isOver) {
    const due = ((performance.now() - began) * STORM) / 1000;
    for (; storm !== undefined && offered < due; offered += STORM_BATCH) sent += storm.send(STORM_BATCH, STORM_LENGTH);
    await Bun.sleep(5);
  }
  await ended;
  const { end: result, error } = JSON.parse(out) as {
    readonly end: { readonly sum_received?: { readonly bits_per_second: number } };
    readonly error?: string;
  };
  if (result.sum_received === undefined) throw new Error(`iperf3: ${error}`);
  return [result.sum_received.bits_per_second, (sent * 1000) / (performance.now() - began)];
}

test("one packet to the segment's group, which the switch multiplies, does for all where that is wanted", async () => {
  const before = readFileSync(join(lab.folder, "fabric.yaml"), "utf8");
  await reload(before.replaceAll("rate: ", "replicate: multicast, rate: "));
  const isReady = async (): Promise<boolean> => {
    const here = await Promise.all([1, 2, 3].map(async (i) => (await segmentAt(i))?.here?.replication));
    const { routes } = (await lab.show("sw", "segments")) as SegmentsView;
    return here.every((each) => each?.now === "multicast" && each.listens) && routes.length >= 3;
  };
  await lab.until("hypervisors send to the group, and the switch knows who listens", isReady, 30);
  const sent = new Wire(lab.namespace("sw"), "eth2");
  bridged();
  const heard = await heardBy([...BLUES, ...REDS], {}, async () => {
    sent.take();
    await sendFrom(lab, "b", { to: ALL, port: PORT, count: 20, rate: 200, text: "to the group" });
    await Bun.sleep(200);
  });
  for (const name of ["s", "a", "c", "d"]) expect([name, heard[name]!.length]).toEqual([name, 20]);
  for (const name of REDS) expect([name, heard[name]]).toEqual([name, []]);
  expect(copies("to the group")).toEqual([20, 0, 20, 0]);
  const own = sent.take().filter((frame) => new TextDecoder().decode(frame).includes("to the group"));
  expect(own.map((frame) => [frame[0], frame[38]])).toEqual(Array(20).fill([0x33, 0xff]));
  sent.close();
  expect(await lab.counted("sw", "eth2", "replicated")).toBeGreaterThanOrEqual(20);
  await reload(before);
  await lab.until("copies are sent again", async () => (await segmentAt(2))?.here?.replication.now === "unicast");
});

test("where ARP is flooded VMs answer one another, and their frames to one another are routed all the same", async () => {
  const before = readFileSync(join(lab.folder, "fabric.yaml"), "utf8");
  await reload(before.replaceAll("rate: ", "arp: flood, rate: "));
  const macOf = (whom: string): string => lab.run("b", `ip neighbour show ${whom} dev eth1`).text;
  try {
    for (const [name, address] of [
      ["s", S],
      ["c", C],
      ["a", A],
    ] as const) {
      lab.run("b", `ip neighbour flush ${address} dev eth1`);
      expect([name, lab.run("b", `ping -c 2 -i 0.2 -W 2 ${address}`).status]).toEqual([name, 0]);
      expect(macOf(address)).toContain(`lladdr ${MACS[name]}`);
    }
    lab.run("b", `ip neighbour flush ${GATEWAY} dev eth1`);
    expect(lab.run("b", `ping -c 1 -W 2 ${GATEWAY}`).status).toBe(0);
    expect(macOf(GATEWAY)).toContain("lladdr 02:41:49:4e:00:01");
    // Who is asked for is nobody's: an address that is free (RFC 5227).
    expect(lab.run("b", "busybox arping -D -q -c 2 -w 2 -I eth1 10.0.0.200").status).toBe(0);
    expect(lab.run("b", `busybox arping -D -q -c 2 -w 2 -I eth1 ${C}`).status).toBe(1);
  } finally {
    await reload(before);
  }
});

test("without one rendezvous broadcasts go on, and the other tells of a new member", async () => {
  const rendezvous = await Promise.all(
    HYPERVISORS.map(async (i) =>
      (await segmentAt(i))?.registered === null || (await segmentAt(i)) === undefined ? [] : [i],
    ),
  );
  expect(rendezvous.flat()).toEqual([2, 4]);
  process.kill((await lab.show("hv4", "status")).pid, "SIGKILL");
  const heard = await heardBy(["s", "c"], {}, () =>
    sendFrom(lab, "b", { to: ALL, port: PORT, count: 20, rate: 100, text: "on" }),
  );
  for (const name of ["s", "c"]) expect([name, heard[name]!.length]).toEqual([name, 20]);
  // A hypervisor that leaves, and comes anew: of that the second one alone can tell.
  const knowsHv3 = async (): Promise<boolean> => (await membersAt(1)).some(({ address }) => placeOf(address) === "hv3");
  const { definition } = await api<VmDetailView>(lab, "hv3", "GET", "vm/c");
  await api(lab, "hv3", "POST", "vm/c/detach");
  await lab.until("hv1 knows that hv3 has left", async () => !(await knowsHv3()), 20);
  await api(lab, "hv3", "POST", "vm/attach", definition);
  await lab.until("hv1 knows hv3 again", knowsHv3, 20);
  const anew = await heardBy(["c"], {}, () =>
    sendFrom(lab, "s", { to: ALL, port: PORT, count: 20, rate: 100, text: "anew" }),
  );
  expect(anew.c!.length).toBe(20);
});
