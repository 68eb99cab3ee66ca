/**
 * `npm run perf:trace`: what watching costs traffic. VM to VM over two hypervisors as perf:peers has them, the same two routers
 * all the time; in each round every way of watching has its turn, in another order. Prints medians of the rounds, and of the
 * rounds' own ratios to nothing watched; nothing is asserted.
 *
 * Beside the traffic a ping of a fixed rate runs in every turn: what a trace of `icmp` then tells is some 1 % of the frames.
 *
 * `--rounds N` (default 5), `--seconds S` (default 3, of a TCP run), `--only TEXT` (ways that have it in their title, and nothing).
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { call } from "#cli/client";
import { columns } from "#cli/columns";
import { readTraceFile } from "#cli/why/trace-file";
import { openTrace } from "#cli/why/trace-stream";
import type { PortView } from "#router/views";
import type { TraceLine } from "#router/watch/views";
import { ainVeth } from "./peers/contestants/ain";
import type { Running } from "./peers/contestants/contestant";
import { startTcpServer } from "./peers/measure/tcp";
import { measureUdpRate, startResponder } from "./peers/measure/udp";
import { removeLeftovers, Topology } from "./peers/topology";

const { values } = parseArgs({
  options: {
    only: { type: "string" },
    rounds: { type: "string", default: "5" },
    seconds: { type: "string", default: "3" },
  },
});
const ROUNDS = Number(values.rounds);
const SECONDS = Number(values.seconds);
/** Seconds of one trial of the UDP search. */
const TRIAL = 0.5;
/**
 * Pings of a fixed pace: how many at once, milliseconds from one of each to its next. 250 a second beside some 40 000
 * super-packets and acknowledgements, 2000 beside some 250 000 datagrams. With less than a millisecond ping sends as soon as it is answered.
 */
const PING = { tcp: { count: 1, millis: 4 }, udp: { count: 2, millis: 1 } } as const;

interface Way {
  readonly title: string;
  /** Undefined: nothing is traced. */
  readonly trace?: { readonly filter: string; readonly rate: number };
  /** "file": `ain trace -w`, as an operator runs it, has both routers' packets. "objects": this process makes TracedPackets of all. */
  readonly reader?: "file" | "objects";
  readonly logsFlows?: boolean;
}

const ONE_PERCENT = { filter: "icmp", rate: 10_000 };
const ALL: readonly Way[] = [
  { title: "nothing" },
  { title: "nothing, once more" }, // how far two measurements of the same lie apart
  { title: "a trace that matches nothing", trace: { filter: "host 192.0.2.77", rate: 100 }, reader: "file" },
  { title: "a trace that matches 1 %, to a file", trace: ONE_PERCENT, reader: "file" },
  { title: "a trace that matches 1 %, as objects", trace: ONE_PERCENT, reader: "objects" },
  { title: "a trace of everything, 100 a second told", trace: { filter: "", rate: 100 }, reader: "file" },
  { title: "the log of flows", logsFlows: true },
];

const WAYS = ALL.filter(({ title }, i) => i === 0 || title.includes(values.only ?? ""));

interface Figures {
  /** Gbit/s. */
  readonly tcp: number;
  /** Thousands of 64-octet frames a second, at most 0.1 % lost. */
  readonly udp: number;
  /** Of the frames that came in at hvA's VM during the TCP run, how many were told of, %. */
  readonly told: number;
  /** Packets that both routers told of while UDP ran, a second. */
  readonly toldRate: number;
  /** Meanwhile of one CPU, %: the routers' control threads together, and the reader. */
  readonly control: number;
  readonly reader: number;
}

const socketOf = (topology: Topology, router: string): string => join(topology.directory, `${router}.sock`);
const ROUTERS = ["hvA", "hvB"] as const;
const AIN = join(import.meta.dir, "../bin/ain");

interface Watching {
  /** Of the process that reads; undefined: nobody does. */
  readonly pid: number | undefined;
  /** What was told of. */
  stop(): Promise<readonly Told[]>;
}

interface Told {
  /** Seconds since 1970. */
  readonly time: number;
  readonly port: string;
}

async function watch(topology: Topology, { trace, reader }: Way): Promise<Watching> {
  if (trace === undefined) return { pid: undefined, stop: async () => [] };
  return reader === "file" ? watchToFile(topology, trace) : watchHere(topology, trace);
}

async function watchHere(topology: Topology, trace: NonNullable<Way["trace"]>): Promise<Watching> {
  const controller = new AbortController();
  const told: Told[] = [];
  for (const router of ROUTERS) {
    const bunches = await openTrace(socketOf(topology, router), trace, controller.signal);
    void (async () => {
      for await (const bunch of bunches) told.push(...toldIn(bunch));
    })();
  }
  return {
    pid: process.pid,
    stop: async () => {
      controller.abort();
      return told;
    },
  };
}

const toldIn = (lines: readonly TraceLine[]): Told[] =>
  lines.flatMap((line) => (line.type === "packet" ? [{ time: line.time, port: line.port }] : []));

async function watchToFile(topology: Topology, { filter, rate }: NonNullable<Way["trace"]>): Promise<Watching> {
  const file = join(topology.directory, "trace");
  const routers = ROUTERS.map((each) => socketOf(topology, each));
  const words = [...filter.split(" ").filter(Boolean), "--rate", `${rate}`, "--router", ...routers];
  const child = Bun.spawn([AIN, "trace", ...words, "-w", file], { stdin: "ignore", stdout: "ignore", stderr: "pipe" });
  await child.stderr.getReader().read(); // it says so when it watches
  return {
    pid: child.pid,
    stop: async () => {
      child.kill("SIGINT");
      if ((await child.exited) !== 0) throw new Error(`ain trace -w ended with ${child.exitCode}`);
      const told: Told[] = [];
      for await (const bunch of readTraceFile(file, () => {})) told.push(...toldIn(bunch.map(({ line }) => line)));
      return told;
    },
  };
}

/** Frames that came in from a VM. */
async function framesOf(topology: Topology): Promise<number> {
  const ports = (await call(socketOf(topology, "hvA"), "GET", "show/ports")) as readonly PortView[];
  return ports.find(({ kind }) => kind === "vm")!.rxFrames;
}

async function tcpRate(topology: Topology, to: string): Promise<number> {
  const command = ["iperf3", "--json", "--client", to, "--port", "5201", "--time", `${SECONDS}`];
  const report = JSON.parse(await topology.capture("vmA", ["timeout", `${SECONDS + 15}`, ...command])) as {
    end: { sum_received: { bits_per_second: number } };
  };
  return report.end.sum_received.bits_per_second / 1e9;
}

/** With pings that go on meanwhile. */
async function besidePing<T>(
  topology: Topology,
  to: string,
  { count, millis }: { readonly count: number; readonly millis: number },
  work: () => Promise<T>,
): Promise<T> {
  const command = ["ping", "-q", "-i", `${millis / 1000}`, to];
  const pings = Array.from({ length: count }, () => topology.daemon("vmA", command));
  try {
    return await work();
  } finally {
    for (const ping of pings) ping.kill();
    await Promise.all(pings.map(({ exited }) => exited));
  }
}

async function measure(topology: Topology, running: Running, way: Way): Promise<Figures> {
  await logFlows(topology, way.logsFlows === true);
  const watching = await watch(topology, way);
  let told: readonly Told[] = [];
  const { tcp, frames, tcpEnd, udp, used } = await (async () => {
    try {
      const before = await framesOf(topology);
      const tcp = await besidePing(topology, running.vmB, PING.tcp, () => tcpRate(topology, running.vmB));
      const frames = (await framesOf(topology)) - before;
      const tcpEnd = Date.now() / 1000;
      const begun = usage(running, watching);
      const search = await besidePing(topology, running.vmB, PING.udp, () => measureUdpRate(topology, running, TRIAL));
      return { tcp, frames, tcpEnd, udp: search.rate / 1000, used: usedSince(begun, usage(running, watching)) };
    } finally {
      told = await watching.stop();
    }
  })();
  const during = told.filter(({ time }) => time > used.from && time <= used.to).length;
  const ofTcp = told.filter(({ time, port }) => time <= tcpEnd && port === "vmA").length;
  const { control, reader } = used;
  return { tcp, told: (100 * ofTcp) / frames, udp, toldRate: during / (used.to - used.from), control, reader };
}

interface Usage {
  /** Seconds since 1970. */
  readonly at: number;
  /** Seconds of CPU time. */
  readonly control: number;
  readonly reader: number;
}

const usage = ({ processes }: Running, { pid }: Watching): Usage => ({
  at: Date.now() / 1000,
  control: processes.reduce((sum, each) => sum + cpuSeconds(`/proc/${each.pid}/task/${each.pid}/stat`), 0),
  reader: pid === undefined ? 0 : cpuSeconds(`/proc/${pid}/stat`),
});

const usedSince = (begun: Usage, now: Usage): { from: number; to: number; control: number; reader: number } => ({
  ...{ from: begun.at, to: now.at },
  control: (100 * (now.control - begun.control)) / (now.at - begun.at),
  reader: (100 * (now.reader - begun.reader)) / (now.at - begun.at),
});

/** proc_pid_stat(5): user and system time, in ticks of 10 ms. */
function cpuSeconds(path: string): number {
  const text = readFileSync(path, "utf8");
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

/** By a reload, which the routers do while they run. */
async function logFlows(topology: Topology, on: boolean): Promise<void> {
  const path = join(topology.directory, "fabric.yaml");
  const now = readFileSync(path, "utf8");
  const wanted = now
    .replace(" flowLog: { sample: 100 },", "")
    .replace("perf: { id: 1,", on ? "perf: { id: 1, flowLog: { sample: 100 }," : "perf: { id: 1,");
  if (wanted === now) return;
  writeFileSync(path, wanted);
  for (const each of ROUTERS) await call(socketOf(topology, each), "POST", "reload");
}

const median = (numbers: readonly number[]): number => [...numbers].sort((a, b) => a - b)[numbers.length >> 1]!;

function table(figures: ReadonlyMap<Way, readonly Figures[]>): string {
  const base = figures.get(WAYS[0]!)!;
  const of = (way: Way, what: (each: Figures) => number): string[] => {
    const own = figures.get(way)!.map(what);
    const ratios = own.map((figure, round) => figure / what(base[round]!));
    return [median(own).toPrecision(3), `${(100 * median(ratios)).toFixed(1)} %`];
  };
  return columns(
    [
      "WATCHED",
      "TCP, Gbit/s",
      "RATIO",
      "TOLD, %",
      "UDP 64 OCTETS, kpackets/s",
      "RATIO",
      "TOLD/s",
      "CONTROL, %",
      "READER, %",
    ],
    WAYS.map((way) => [
      way.title,
      ...of(way, ({ tcp }) => tcp),
      way.trace === undefined ? "-" : median(figures.get(way)!.map(({ told }) => told)).toFixed(2),
      ...of(way, ({ udp }) => udp),
      way.trace === undefined ? "-" : median(figures.get(way)!.map(({ toldRate }) => toldRate)).toFixed(0),
      median(figures.get(way)!.map(({ control }) => control)).toFixed(1),
      way.trace === undefined ? "-" : median(figures.get(way)!.map(({ reader }) => reader)).toFixed(1),
    ]),
    ["left", ...Array.from({ length: 8 }, () => "right" as const)],
  );
}

if (process.getuid?.() !== 0) {
  console.error("perf:trace makes network namespaces: please run it as root");
  process.exit(1);
}
removeLeftovers();
const topology = new Topology({ fabricMtu: 1500, vmMtu: 1500, vmVeth: true });
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.on(signal, async () => {
    await topology.close();
    process.exit(130);
  });
}
try {
  topology.build();
  const running = await ainVeth.up(topology);
  for (let i = 0; ; i++) {
    try {
      await topology.capture("vmA", ["ping", "-c", "1", "-W", "1", running.vmB]);
      break;
    } catch (error) {
      if (i === 20) throw error;
    }
  }
  await startTcpServer(topology);
  await startResponder(topology);
  await tcpRate(topology, running.vmB); // the forwarders' code is compiled by then
  const figures = new Map<Way, Figures[]>(WAYS.map((way) => [way, []]));
  for (let round = 0; round < ROUNDS; round++) {
    for (let i = 0; i < WAYS.length; i++) {
      const way = WAYS[(i + round) % WAYS.length]!;
      const measured = await measure(topology, running, way);
      figures.get(way)!.push(measured);
      const { tcp, udp, told, toldRate, control, reader } = measured;
      console.log(
        `round ${round + 1}, ${way.title}: ${tcp.toFixed(2)} Gbit/s, ${told.toFixed(2)} % told; ` +
          `${udp.toFixed(0)} kpackets/s, ${toldRate.toFixed(0)}/s told, control ${control.toFixed(1)} %, reader ${reader.toFixed(1)} %`,
      );
    }
  }
  console.log(`\n${table(figures)}`);
} finally {
  await topology.close();
}
