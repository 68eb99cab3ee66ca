/**
 * `npm run perf:bfd`: does BFD at 100 ms × 3 hold while everything else is busy? A router's control thread, forwarder and BFD
 * thread in one process, its neighbor's BFD thread in another, on a veth pair. Under load two processes spin, the
 * control thread computes and makes garbage, and the neighbor floods the forwarder. What counts is the time from each of
 * the router's packets to the next, by the kernel's clock at the neighbor.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { formatIpv6, linkLocalFromMac, parseIpv6, parseMac } from "#base/address";
import { put16 } from "#base/bytes";
import { C_ENDINGS, portCounters } from "#fastpath/counters";
import { openPacketPort } from "#fastpath/ports/packet";
import { createBindingTable } from "#fastpath/tables/bindings";
import { createConnectionTable } from "#fastpath/tables/connection-layout";
import { createFragmentTable } from "#fastpath/tables/fragments";
import { buildSnapshot } from "#fastpath/tables/snapshot";
import { createTunnelTable } from "#fastpath/tables/tunnels";
import { NO_ROUTE } from "#fastpath/verdicts";
import type { BfdSession } from "#router/bfd/bfd-session";
import { BfdThread } from "#router/bfd/bfd-thread";
import type { BfdStatusView } from "#router/bfd/bfd-view";
import { Forwarders } from "#router/forwarders";
import { Log } from "#router/log";
import { Routing } from "#router/routing";
import { Arena } from "#sys/memory";
import { createNamespace, deleteNamespace, inNamespace, openNamespace } from "#sys/namespace";
import { Rtnetlink } from "#sys/rtnetlink";
import type { Scheduling } from "#sys/scheduling";
import { writeSysctl } from "#sys/sysctl";
import { openXdpTransmit, XdpTransmit } from "#sys/xdp-transmit";
import { ETHERTYPE_IPV6, frame } from "#wire/ethernet";
import * as ipv6 from "#wire/ipv6";
import { readPcap } from "#wire/pcap";
import { PROTOCOL_UDP } from "#wire/protocol";

const INTERFACE = "up0";
const MTU = 1500;
const ROUTER_MAC = parseMac("02:bf:d0:00:00:01")!;
const NEIGHBOR_MAC = parseMac("02:bf:d0:00:00:02")!;
const ROUTER = linkLocalFromMac(ROUTER_MAC);
const NEIGHBOR = linkLocalFromMac(NEIGHBOR_MAC);
const TIMERS = { desiredMinTx: 100, requiredMinRx: 100, multiplier: 3 };
const routerEnd = { port: 0, local: ROUTER, remote: NEIGHBOR, localMac: ROUTER_MAC, remoteMac: NEIGHBOR_MAC };
const neighborEnd = { port: 0, local: NEIGHBOR, remote: ROUTER, localMac: NEIGHBOR_MAC, remoteMac: ROUTER_MAC };
const SETTLE = 3000; // milliseconds before the measurement begins
const BUN = join(import.meta.dir, "../bin/bun");
const silent = new Log("error");

const sessionOf = (end: typeof routerEnd): BfdSession => ({ ...end, ...TIMERS, interface: INTERFACE });

// ---- the neighbor's process: its BFD thread, and the flood ----

/** Runs until its standard input ends, then writes its status as a line of JSON. */
async function neighbor(namespace: string): Promise<void> {
  const bfd = await BfdThread.start(silent, { namespace });
  bfd.add(sessionOf(neighborEnd));
  await new Promise((resolve) => process.stdin.once("end", resolve).resume());
  process.stdout.write(`${JSON.stringify(await bfd.status())}\n`);
  await bfd.stop();
}

/** As fast as it can, until it is killed: transit packets of 256 flows that the router has no route for. */
function flood(namespace: string): void {
  const arena = Arena.map(64 << 20);
  const port = inNamespace(namespace, () => new XdpTransmit(arena, openXdpTransmit(arena, indexOf(), INTERFACE)));
  const [flows, slot, length] = [256, 128, 64];
  const start = arena.allocate(flows * slot);
  for (let i = 0; i < flows; i++) arena.bytes.set(transitFrame(length, i), start + i * slot);
  for (;;) {
    for (let i = 0; i < flows; i++) port.add(start + i * slot, start + i * slot + length, -1, 0);
    port.flush();
  }
}

function transitFrame(length: number, flow: number): Uint8Array {
  const packet = new Uint8Array(length - 14);
  const [source, destination] = [parseIpv6("2001:db8:1::1")!, parseIpv6("2001:db8:2::1")!];
  const payloadLength = packet.length - ipv6.SIZE;
  ipv6.write(packet, 0, { payloadLength, nextHeader: PROTOCOL_UDP, hopLimit: 64, source, destination });
  put16(packet, ipv6.SIZE, 1024 + flow);
  put16(packet, ipv6.SIZE + 2, 9);
  put16(packet, ipv6.SIZE + 4, payloadLength);
  put16(packet, ipv6.SIZE + 6, 0xffff); // transit does not look
  return frame(ROUTER_MAC, NEIGHBOR_MAC, ETHERTYPE_IPV6, packet);
}

function indexOf(): number {
  const netlink = new Rtnetlink();
  const { index } = netlink.requireLink(INTERFACE);
  netlink.close();
  return index;
}

// ---- the router's process ----

/** Computes and makes garbage for a while, as a full SPF over a large database would. */
function work(millis: number): number {
  let keep: Map<number, Uint8Array>[] = [];
  const end = performance.now() + millis;
  while (performance.now() < end) {
    const map = new Map<number, Uint8Array>();
    for (let j = 0; j < 1000; j++) map.set(j, new Uint8Array(64));
    keep.push(map);
    if (keep.length > 200) keep = [];
  }
  return keep.length;
}

/** One forwarder with one uplink, exclusive as the router's own are. */
class Router {
  readonly #forwarders: Forwarders;

  static async start(namespace: string): Promise<Router> {
    const arena = Arena.map();
    const turns = new SharedArrayBuffer(4);
    const { fib, groups } = new Routing(1, new Int32Array(turns));
    const connections = createConnectionTable({ entries: 1024, owners: 1, quota: 1024, key: new Int32Array(2) });
    const fragments = createFragmentTable(8, new Int32Array(2));
    const moved = {
      bindings: createBindingTable({ entries: 8, key: new Int32Array(2) }),
      tunnels: createTunnelTable(8),
    };
    const shared = { turns, fib: fib.buffer, groups: groups.buffer, connections, fragments, ...moved };
    const forwarders = await Forwarders.start(arena, { count: 1, cacheEntries: 4096, ...shared }, NOTHING_HAPPENS);
    const settings = { index: 0, interfaceName: INTERFACE, mtu: MTU, offload: true, exclusive: true };
    const port = inNamespace(namespace, () => openPacketPort(arena, { ...settings, interfaceIndex: indexOf() }));
    await forwarders.addPort([port]);
    await forwarders.adopt(
      buildSnapshot({
        ports: [{ index: 0, kind: "uplink", mac: ROUTER_MAC, mtu: MTU, offload: true }],
        ...{ vms: [], networks: [], homes: [], fabric: [], key: new Uint8Array(16) },
        ...{ own: [ROUTER], routerAddress: ROUTER },
        rules: { out: new Int32Array(1), in: new Int32Array(1), outHits: new Int32Array(0), inHits: new Int32Array(0) },
      }),
    );
    return new Router(forwarders);
  }

  private constructor(forwarders: Forwarders) {
    this.#forwarders = forwarders;
  }

  /** Frames of the flood that it has seen to. */
  get handled(): number {
    return this.#forwarders.counters[0]![portCounters(0) + C_ENDINGS + NO_ROUTE]!;
  }

  stop(): Promise<void> {
    return this.#forwarders.stop();
  }
}

const NOTHING_HAPPENS = {
  punted: () => {},
  portFailed: (index: number, errno: number) => console.error(`port ${index} failed: ${errno}`),
  defect: (text: string) => console.error(text),
  died: (reason: string) => console.error(reason),
};

interface Round {
  readonly load: boolean;
  readonly scheduling: Scheduling;
}

interface Outcome {
  readonly round: Round;
  /** Milliseconds between the router's packets, sorted. */
  readonly gaps: readonly number[];
  readonly router: BfdStatusView;
  readonly neighbor: BfdStatusView;
  /** Frames a second. */
  readonly flood: number;
}

class Bench {
  readonly #router = `ain-bfd-r${process.pid}`;
  readonly #neighbor = `ain-bfd-n${process.pid}`;
  readonly #folder = mkdtempSync(join(tmpdir(), "ain-bfd-"));
  readonly #children = new Set<ChildProcess>();

  up(): void {
    for (const name of [this.#router, this.#neighbor]) createNamespace(name);
    const here = new Rtnetlink(this.#router);
    here.addVeth({ name: INTERFACE, peerName: "far" });
    here.changeLink(here.requireLink(INTERFACE).index, { mac: ROUTER_MAC }, INTERFACE);
    const namespaceFd = openNamespace(this.#neighbor);
    here.changeLink(here.requireLink("far").index, { namespaceFd, name: INTERFACE, mac: NEIGHBOR_MAC }, "far");
    here.close();
    for (const name of [this.#router, this.#neighbor]) {
      writeSysctl(`net/ipv6/conf/${INTERFACE}/disable_ipv6`, 1, name);
      const links = new Rtnetlink(name);
      links.changeLink(links.requireLink(INTERFACE).index, { up: true }, INTERFACE);
      links.close();
    }
  }

  async down(): Promise<void> {
    await Promise.all([...this.#children].map((child) => this.#end(child)));
    for (const name of [this.#router, this.#neighbor]) deleteNamespace(name);
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async measure(round: Round, seconds: number): Promise<Outcome> {
    const router = await Router.start(this.#router);
    const bfd = await BfdThread.start(silent, { namespace: this.#router, scheduling: round.scheduling });
    const peer = this.#spawn(BUN, import.meta.path, "--neighbor", this.#neighbor);
    bfd.add(sessionOf(routerEnd));
    const load = round.load ? this.#load() : [];
    await Bun.sleep(SETTLE);
    const file = join(this.#folder, "packets.pcap");
    const capture = await this.#capture(file);
    const before = router.handled;
    const started = performance.now();
    await this.#spend(seconds * 1000, round.load);
    const rate = ((router.handled - before) / (performance.now() - started)) * 1000;
    await this.#end(capture);
    const status = await bfd.status();
    const answer = await this.#answerOf(peer);
    await Promise.all(load.map((child) => this.#end(child)));
    await bfd.stop();
    await router.stop();
    return { round, gaps: gapsIn(file), router: status, neighbor: answer, flood: rate };
  }

  #load(): ChildProcess[] {
    const spin = () => this.#spawn("sh", "-c", "while :; do :; done");
    return [spin(), spin(), this.#spawn(BUN, import.meta.path, "--flood", this.#neighbor)];
  }

  /** The control thread: idle, or at work nine tenths of the time. */
  async #spend(millis: number, busy: boolean): Promise<void> {
    for (const end = performance.now() + millis; performance.now() < end; await Bun.sleep(100)) if (busy) work(900);
  }

  #spawn(...[command, ...words]: [string, ...string[]]): ChildProcess {
    const child = spawn(command, words, { stdio: ["pipe", "pipe", "inherit"] });
    this.#children.add(child);
    return child;
  }

  async #end(child: ChildProcess): Promise<void> {
    this.#children.delete(child);
    if (child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((resolve) => child.once("exit", resolve));
    child.kill();
    await ended;
  }

  async #answerOf(child: ChildProcess): Promise<BfdStatusView> {
    let text = "";
    child.stdout!.on("data", (chunk) => {
      text += String(chunk);
    });
    const ended = new Promise((resolve) => child.once("close", resolve));
    child.stdin!.end();
    await ended;
    this.#children.delete(child);
    return JSON.parse(text) as BfdStatusView;
  }

  /** The kernel stamps the packets: that tcpdump has to wait for its turn does not matter. */
  async #capture(file: string): Promise<ChildProcess> {
    const filter = `udp port 3784 and ip6 src ${formatIpv6(ROUTER)}`;
    const words = ["netns", "exec", this.#neighbor, "tcpdump", "-i", INTERFACE, "-U", "-w", file, filter];
    const child = spawn("ip", words, { stdio: ["ignore", "ignore", "pipe"] });
    this.#children.add(child);
    await new Promise((resolve) => child.stderr.once("data", resolve));
    return child;
  }
}

function gapsIn(file: string): number[] {
  const times = readPcap(readFileSync(file)).frames.map(({ seconds, nanos }) => seconds * 1000 + nanos / 1e6);
  return times
    .slice(1)
    .map((time, i) => time - times[i]!)
    .sort((a, b) => a - b);
}

function row({ round, gaps, router, neighbor, flood }: Outcome): string {
  const at = (part: number): string => gaps[Math.min(gaps.length - 1, Math.floor(part * gaps.length))]!.toFixed(1);
  const flaps = (view: BfdStatusView): number => view.sessions[0]!.flaps;
  const cells = [
    round.load ? "busy" : "idle",
    router.scheduling,
    gaps.length + 1,
    ...[at(0.5), at(0.99), at(1), router.longestDelay.toFixed(1)],
    `${flaps(router)} / ${flaps(neighbor)}`,
    round.load ? (flood / 1000).toFixed(0) : "–",
  ];
  return `| ${cells.join(" | ")} |`;
}

async function main(seconds: number): Promise<void> {
  const heading = ["machine", "BFD thread", "packets", "median gap", "99 %", "longest", "latest wake-up"];
  const headings = [...heading, "flaps here / there", "flood, k frames/s"];
  console.log(`| ${headings.join(" | ")} |\n|${headings.map(() => "---|").join("")}`);
  const bench = new Bench();
  try {
    bench.up();
    for (const round of ROUNDS) console.log(row(await bench.measure(round, seconds)));
  } finally {
    await bench.down();
  }
  console.log("\nTimes in milliseconds. A gap of 300 is a flap; jitter makes 75 to 100 of each.");
}

const ROUNDS: readonly Round[] = [
  { load: false, scheduling: "real-time" },
  { load: true, scheduling: "real-time" },
  { load: true, scheduling: "preferred" },
  { load: true, scheduling: "ordinary" },
];

const [mode, argument] = process.argv.slice(2);
if (mode === "--neighbor") await neighbor(argument!);
else if (mode === "--flood") flood(argument!);
else await main(mode === "--seconds" ? Number(argument) : 60);
process.exit(0); // the arena's threads and sockets go with the process
