/**
 * `npm run perf:micro`: what one core makes of the pipeline alone, over memory ports, and what the tables cost.
 * Medians of interleaved runs; nothing is asserted.
 */
import { heapStats } from "bun:jsc";
import { jump } from "#base/jump";
import { nextBelow, seeded } from "#base/random";
import { siphash24, siphashKey } from "#base/siphash";
import { columns } from "#cli/columns";
import { Frame } from "#fastpath/frame";
import type { Port } from "#fastpath/ports/port";
import { build6, framed } from "#fastpath/testing/packet";
import { fromMember, PEER as PEER_OF_SEGMENT, segments, toAll } from "#fastpath/testing/segment-world";
import { udp4, udpBack } from "#fastpath/testing/small-packets";
import {
  addressesAt,
  BLUE,
  KEY,
  NEXT_HOP_MAC,
  RED,
  REMOTE_IPV4,
  SmallRouter,
  type SmallRouterOptions,
  UPLINK_MAC,
  VM_A,
  VM_B,
  VM_G,
} from "#fastpath/testing/small-router";
import { AWAY, AWAY_IPV4, PEER, tunnelFrame } from "#fastpath/testing/tunnel-packets";

import { measureConnections } from "./connections";
import { measureFib } from "./fib";
import { measureNat } from "./nat";
import { measureRules } from "./rules";

const SLOT = 256; // octets
const FIRST = 4096; // arena offset
/** Frames that come at once: what a forwarder takes from a busy port. */
const BURST = 64;
const PACKETS = 1 << 20;
const ROUNDS = 7;

/** Takes every frame and does nothing with it. */
class Sink implements Port {
  readonly tunnels = false;
  readonly fd = -1;
  readonly offload = true;
  readonly failure = 0;
  readonly transmitErrors = 0;
  readonly index: number;
  taken = 0;
  constructor(index: number) {
    this.index = index;
  }
  receiveDrops = (): number => 0;
  receive = (): number => 0;
  transmit(_: Frame): boolean {
    this.taken++;
    return true;
  }
  flush(): void {}
  release(): void {}
  close(): void {}
}

interface Case {
  readonly name: string;
  readonly port: number;
  readonly packet: Uint8Array;
  /** Offset of the ports in the packet: what they are makes the flow. */
  readonly flowAt: number;
  readonly flows: number;
  readonly cacheEntries: number;
  /** True: a packet's flow is chosen at random, so that the processor cannot foresee it. Default: one after the other. */
  readonly isAtRandom?: boolean;
  readonly options?: SmallRouterOptions;
  /** What control knows of who has moved. */
  readonly setUp?: (router: SmallRouter) => void;
}

const out = udp4(VM_A, REMOTE_IPV4, 22);
const back = udpBack(out);
const next = udp4(VM_A, VM_B.ipv4, 22);
const upper = { kind: "udp", source: 0, destination: 7, data: new Uint8Array(22) } as const;
const wrapped = tunnelFrame(build6({ source: PEER, destination: VM_G.address, upper }), { key: BLUE });
const MILLION = 1_000_000;
/** An IPv4 address of red's, to which a rule lets blue. */
const R = addressesAt(1, RED, 9)[8]!;
const toRed = udp4(VM_A, R, 22);
const grouped = (n: number): string => n.toLocaleString("en").replaceAll(",", " ");
const strayed = framed(build6({ source: PEER, destination: AWAY, upper }), UPLINK_MAC, NEXT_HOP_MAC);
/** Frames to groups: more than any run sends. */
const ENDLESS = 1e9;
/** Blue's packets to red: by a rule with state, or one without. */
const ruled = (stateful: boolean): SmallRouterOptions => {
  const network = (tags: number) => ({ tags, host: 0, length: 32 });
  const ends = { source: [network(BLUE)], destination: [network(RED)] };
  const rule = { name: "out", priority: 10, action: "allow", stateful, log: false, ...ends } as const;
  return {
    rules: [{ owner: undefined, rule }],
    routes: [{ prefix: { address: R, length: 32 }, tags: RED }],
    connections: MILLION,
  };
};
/** `records`: in the flow cache. */
const many = (flows: number, records: number, stateful: boolean): Case => ({
  name: `VM → fabric, ${grouped(flows)} flows at random${stateful ? ", stateful" : ""}, ${grouped(records)} records`,
  ...{ port: 1, packet: toRed, flowAt: 34, flows, cacheEntries: records, isAtRandom: true, options: ruled(stateful) },
});
const moved = (address: Uint8Array) => (router: SmallRouter) => void router.bind(BLUE, address);
const CASES: readonly Case[] = [
  { name: "VM → fabric, established", port: 1, packet: out, flowAt: 34, flows: 256, cacheEntries: 65536 },
  { name: "fabric → VM, established", port: 0, packet: back, flowAt: 54, flows: 256, cacheEntries: 65536 },
  { name: "VM → next-door VM, established", port: 1, packet: next, flowAt: 34, flows: 256, cacheEntries: 65536 },
  {
    ...{ name: "VM → tunnel, established", port: 1, packet: out, flowAt: 34, flows: 256, cacheEntries: 65536 },
    setUp: moved(REMOTE_IPV4),
  },
  { name: "tunnel → VM, established", port: 0, packet: wrapped, flowAt: 102, flows: 256, cacheEntries: 65536 },
  {
    ...{ name: "fabric → tunnel (home)", port: 0, packet: strayed, flowAt: 54, flows: 256, cacheEntries: 65536 },
    setUp: moved(AWAY_IPV4),
  },
  { name: "VM → fabric, 16 384 flows", port: 1, packet: out, flowAt: 34, flows: 16384, cacheEntries: 65536 },
  many(65536, 65536, false),
  many(65536, 65536, true),
  many(65536, 1 << 18, true),
  many(MILLION, 1 << 18, true),
  many(MILLION, 1 << 20, false),
  many(MILLION, 1 << 20, true),
  { name: "VM → fabric, first packets", port: 1, packet: out, flowAt: 34, flows: 2 ** 30, cacheEntries: 65536 },
  { name: "fabric → VM, first packets", port: 0, packet: back, flowAt: 54, flows: 2 ** 30, cacheEntries: 65536 },
  { name: "VM → fabric, no flow cache", port: 1, packet: out, flowAt: 34, flows: 256, cacheEntries: 0 },
  {
    ...{
      name: "VM → segment: 2 VMs, 2 tunnels",
      port: 1,
      packet: toAll(),
      flowAt: 34,
      flows: 256,
      cacheEntries: 65536,
    },
    setUp: (router) => router.adopt({ segments: segments({ rate: ENDLESS, burst: ENDLESS }) }),
  },
  {
    ...{
      name: "tunnel → segment: 3 VMs",
      port: 0,
      packet: fromMember(toAll(PEER_OF_SEGMENT)),
      flowAt: 106,
      flows: 256,
    },
    ...{ cacheEntries: 65536, setUp: (router: SmallRouter) => router.adopt({ segments: segments() }) },
  },
];

/** Endings that these may have. */
const RIGHT: readonly string[] = ["to-fabric", "to-vm", "hairpin", "transit", "flooded"];

class Bench {
  readonly name: string;
  private readonly router: SmallRouter;
  private readonly frames = Array.from({ length: BURST }, () => new Frame());
  private readonly master: Int32Array;
  private readonly words: Int32Array;
  private readonly of: Case;
  private flow = 0;
  /** Flows to come, until all have begun one after the other. */
  private order: Int32Array | undefined;
  private next = 0;

  constructor(of: Case) {
    this.name = of.name;
    this.of = of;
    this.router = new SmallRouter({ cacheEntries: of.cacheEntries, ...of.options });
    of.setUp?.(this.router);
    for (let i = 0; i < 9; i++) this.router.engine.ports[i] = new Sink(i);
    const master = new Uint8Array((2 + of.packet.length + 3) & ~3);
    master.set(of.packet, 2); // the network header is 4-aligned, as ports guarantee
    this.master = new Int32Array(master.buffer);
    this.words = new Int32Array(this.router.bytes.buffer);
  }

  /** Until the compiler has seen it, and all flows have begun, if there is an end to them. */
  warmUp(): void {
    const { flows, isAtRandom = false } = this.of;
    this.run(Math.max(300_000, isAtRandom ? flows : 0));
    if (!isAtRandom) return;
    const random = seeded(flows);
    this.order = Int32Array.from({ length: PACKETS }, () => nextBelow(random, flows));
    this.run(300_000);
  }

  /** In bursts: lays each packet anew (the copy is part of the figure), runs it, counts on. */
  run(packets: number): void {
    const { engine } = this.router;
    for (let done = 0; done < packets; done += BURST) {
      for (let k = 0; k < BURST; k++) this.lay(this.frames[k]!, FIRST + k * SLOT + 128);
      engine.readAhead(this.frames, BURST);
      for (let k = 0; k < BURST; k++) engine.receive(this.frames[k]!);
      engine.flush();
      engine.scratch.reset();
    }
    engine.cacheTick();
  }

  private lay(f: Frame, at: number): void {
    const { master, words, of } = this;
    const w = at >> 2;
    for (let k = 0; k < master.length; k++) words[w + k] = master[k]!;
    words[w + ((2 + of.flowAt) >> 2)] = this.nextFlow();
    f.at = at + 2;
    f.end = at + 2 + of.packet.length;
    f.port = of.port;
    f.partial = false;
    f.gsoType = 0;
  }

  private nextFlow(): number {
    if (this.order === undefined) {
      this.flow = this.flow + 1 === this.of.flows ? 0 : this.flow + 1;
      return this.flow;
    }
    this.next = (this.next + 1) & (PACKETS - 1);
    return this.order[this.next]!;
  }

  /** Nanoseconds a packet. */
  measure(): number {
    const start = Bun.nanoseconds();
    this.run(PACKETS);
    return (Bun.nanoseconds() - start) / PACKETS;
  }

  check(): void {
    const endings = this.router.endings(this.of.port);
    const wrong = Object.keys(endings).filter((name) => !RIGHT.includes(name));
    if (wrong.length > 0) throw new Error(`${this.name}: ${JSON.stringify(endings)}`);
  }
}

const median = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[values.length >> 1]!;

export function measurePipeline(): void {
  const benches = CASES.map((of) => new Bench(of));
  for (const bench of benches) bench.warmUp();
  Bun.gc(true);
  const before = heapStats().heapSize;
  const times = benches.map(() => [] as number[]);
  for (let round = 0; round < ROUNDS; round++) {
    benches.forEach((bench, i) => {
      times[i]!.push(bench.measure());
    });
  }
  Bun.gc(true);
  const grown = heapStats().heapSize - before;
  for (const bench of benches) bench.check();
  const rows = benches.map((bench, i) => {
    const ns = median(times[i]!);
    return [
      bench.name,
      ns.toFixed(0),
      (1000 / ns).toFixed(2),
      Math.min(...times[i]!).toFixed(0),
      Math.max(...times[i]!).toFixed(0),
    ];
  });
  const packets = benches.length * ROUNDS * PACKETS;
  process.stdout.write(
    `pipeline over memory ports, one core, 64-octet frames in bursts of ${BURST}, median of ${ROUNDS} × ${PACKETS} packets\n\n`,
  );
  process.stdout.write(
    `${columns(["", "ns/packet", "M packets/s", "least", "most"], rows, ["left", "right", "right", "right", "right"])}\n\n`,
  );
  process.stdout.write(`heap growth over ${packets / 1e6} M packets: ${(grown / 1024).toFixed(0)} KiB\n`);
}

/** Nanoseconds to find the home of an address among `homes`: SipHash, then the jump hash. */
function homeCost(homes: number): number {
  const key = siphashKey(KEY);
  const hash = new Int32Array(2);
  const count = 200_000;
  let used = 0;
  const times = Array.from({ length: ROUNDS }, () => {
    const start = Bun.nanoseconds();
    for (let i = 0; i < count; i++) {
      siphash24(key, 0x01040000, i, hash);
      used += jump(hash[1]!, hash[0]!, homes);
    }
    return (Bun.nanoseconds() - start) / count;
  });
  if (used < 0) throw new Error("an index below 0");
  return median(times);
}

function measureHomes(): void {
  const rows = [1, 64, 4096, 262_144].map((homes) => [`${homes}`, homeCost(homes).toFixed(0)]);
  process.stdout.write(`\nhome of an address\n\n${columns(["homes", "ns"], rows, ["right", "right"])}\n\n`);
}

if (import.meta.main) {
  measurePipeline();
  measureHomes();
  measureFib();
  process.stdout.write("\n");
  measureConnections();
  measureNat();
  measureRules();
}
