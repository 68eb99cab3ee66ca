/**
 * `npm run perf:trace`: what watching costs traffic. VM to VM over two hypervisors as perf:peers has them, the same two routers
 * all the time; in each round every way of watching has its turn, in another order. Prints medians of the rounds, and of the
 * rounds' own ratios to nothing watched; nothing is asserted.
 *
 * Beside the traffic a ping of a fixed rate runs in every turn: what a trace of `icmp` then tells is some 1 % of the frames.
 *
 * `--rounds N` (default 5), `--seconds S` (default 3, of a TCP run).
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { call } from "#cli/client";
import { columns } from "#cli/columns";
import { jsonLines, openStream } from "#cli/streams";
import type { PortView } from "#router/views";
import type { TraceLine } from "#router/watch/views";
import { ainVeth } from "./peers/contestants/ain";
import type { Running } from "./peers/contestants/contestant";
import { startTcpServer } from "./peers/measure/tcp";
import { measureUdpRate, startResponder } from "./peers/measure/udp";
import { removeLeftovers, Topology } from "./peers/topology";

const { values } = parseArgs({
  options: { rounds: { type: "string", default: "5" }, seconds: { type: "string", default: "3" } },
});
const ROUNDS = Number(values.rounds);
const SECONDS = Number(values.seconds);
/** Seconds of one trial of the UDP search. */
const TRIAL = 0.5;
/** Seconds between two pings: 220 a second beside some 40 000 super-packets and acknowledgements, 2500 beside some 250 000 datagrams. */
const PING = { tcp: 0.0045, udp: 0.0004 } as const;

interface Way {
  readonly title: string;
  /** Undefined: nothing is traced. */
  readonly trace?: { readonly filter: string; readonly rate: number };
  readonly logsFlows?: boolean;
}

const WAYS: readonly Way[] = [
  { title: "nothing" },
  { title: "nothing, once more" }, // how far two measurements of the same lie apart
  { title: "a trace that matches nothing", trace: { filter: "host 192.0.2.77", rate: 100 } },
  { title: "a trace that matches 1 %", trace: { filter: "icmp", rate: 10_000 } },
  { title: "a trace of everything, 100 a second told", trace: { filter: "", rate: 100 } },
  { title: "the log of flows", logsFlows: true },
];

interface Figures {
  /** Gbit/s. */
  readonly tcp: number;
  /** Thousands of 64-octet frames a second, at most 0.1 % lost. */
  readonly udp: number;
  /** Of the frames that came in at hvA's VM during the TCP run, how many were told of, %. */
  readonly told: number;
}

const socketOf = (topology: Topology, router: string): string => join(topology.directory, `${router}.sock`);
const ROUTERS = ["hvA", "hvB"] as const;

/** Reads what both routers tell, and throws it away. */
class Watching {
  readonly #controller = new AbortController();
  told = 0;

  static async start(topology: Topology, { trace }: Way): Promise<Watching> {
    const watching = new Watching();
    if (trace !== undefined)
      await Promise.all(ROUTERS.map((each) => watching.#follow(socketOf(topology, each), trace)));
    return watching;
  }

  async #follow(socket: string, request: NonNullable<Way["trace"]>): Promise<void> {
    const { signal } = this.#controller;
    const lines = jsonLines<TraceLine>(await openStream(socket, "trace", request, signal), signal);
    await lines.next();
    void (async () => {
      for await (const line of lines) if (line.type === "packet" && line.port === "vmA") this.told++;
    })();
  }

  stop(): void {
    this.#controller.abort();
  }
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

/** With a ping that goes on meanwhile. */
async function besidePing<T>(topology: Topology, to: string, interval: number, work: () => Promise<T>): Promise<T> {
  const ping = topology.daemon("vmA", ["ping", "-q", "-i", `${interval}`, to]);
  try {
    return await work();
  } finally {
    ping.kill();
    await ping.exited;
  }
}

async function measure(topology: Topology, running: Running, way: Way): Promise<Figures> {
  await logFlows(topology, way.logsFlows === true);
  const watching = await Watching.start(topology, way);
  try {
    const before = await framesOf(topology);
    const tcp = await besidePing(topology, running.vmB, PING.tcp, () => tcpRate(topology, running.vmB));
    const told = (100 * watching.told) / ((await framesOf(topology)) - before);
    const search = await besidePing(topology, running.vmB, PING.udp, () => measureUdpRate(topology, running, TRIAL));
    return { tcp, told, udp: search.rate / 1000 };
  } finally {
    watching.stop();
  }
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
    ["WATCHED", "TCP, Gbit/s", "RATIO", "UDP 64 OCTETS, kpackets/s", "RATIO", "TOLD, %"],
    WAYS.map((way) => [
      way.title,
      ...of(way, ({ tcp }) => tcp),
      ...of(way, ({ udp }) => udp),
      way.trace === undefined ? "-" : median(figures.get(way)!.map(({ told }) => told)).toFixed(2),
    ]),
    ["left", "right", "right", "right", "right", "right"],
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
      const { tcp, udp, told } = measured;
      console.log(
        `round ${round + 1}, ${way.title}: ${tcp.toFixed(2)} Gbit/s, ${udp.toFixed(0)} kpackets/s, ${told.toFixed(2)} % told`,
      );
    }
  }
  console.log(`\n${table(figures)}`);
} finally {
  await topology.close();
}
