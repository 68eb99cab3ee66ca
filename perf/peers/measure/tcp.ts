/** TCP throughput by iperf3, and what the one stream costs in CPU time. */
import type { Running } from "../contestants/contestant";
import type { Topology } from "../topology";
import { cpuTime } from "./cpu";

const PORT = 5201;
const LISTEN_WAIT = 5000; // ms
const CONNECT_WAIT = 3000; // ms
/** Seconds beyond the test's own before it counts as hung. */
const PATIENCE = 15;

interface Sum {
  readonly bits_per_second: number;
  readonly bytes: number;
}

interface Report {
  readonly error?: string;
  readonly end: { readonly sum_received: Sum; readonly sum_received_bidir_reverse?: Sum };
}

export async function startTcpServer(topology: Topology): Promise<void> {
  topology.daemon("vmB", ["iperf3", "--server", "--port", `${PORT}`]);
  const isListening = () => topology.exec("vmB", ["ss", "-Hltn", `sport = :${PORT}`]) !== "";
  for (const deadline = Date.now() + LISTEN_WAIT; !isListening(); await Bun.sleep(20)) {
    if (Date.now() > deadline) throw new Error("iperf3 does not listen");
  }
}

async function iperf(topology: Topology, to: string, seconds: number, ...options: string[]): Promise<Report> {
  const client = ["iperf3", "--json", "--client", to, "--port", `${PORT}`, "--time", `${seconds}`, ...options];
  const command = ["timeout", `${seconds + PATIENCE}`, ...client, "--connect-timeout", `${CONNECT_WAIT}`];
  return JSON.parse(await topology.capture("vmA", command)) as Report;
}

const gigabits = (sum: Sum | undefined): number => (sum?.bits_per_second ?? 0) / 1e9;

export interface TcpFigures {
  readonly oneStream: number;
  readonly fourStreams: number;
  readonly bothWays: number;
  readonly cpuPerGbit: number;
  readonly ownCpuPerGbit: number;
}

/** From vmA to vmB. Each of the three runs takes `seconds`; `step` hears which one begins. */
export async function measureTcp(
  topology: Topology,
  running: Running,
  seconds: number,
  step: (what: string) => void,
): Promise<TcpFigures> {
  const pids = running.processes.map((process) => process.pid);
  step("one stream");
  const before = cpuTime(pids);
  const one = (await iperf(topology, running.vmB, seconds)).end;
  const after = cpuTime(pids);
  const gbits = (one.sum_received.bytes * 8) / 1e9;
  step("four streams");
  const four = (await iperf(topology, running.vmB, seconds, "--parallel", "4")).end;
  step("both ways");
  const both = (await iperf(topology, running.vmB, seconds, "--bidir")).end;
  return {
    oneStream: gigabits(one.sum_received),
    fourStreams: gigabits(four.sum_received),
    bothWays: gigabits(both.sum_received) + gigabits(both.sum_received_bidir_reverse),
    cpuPerGbit: (after.machine - before.machine) / gbits,
    ownCpuPerGbit: (after.processes - before.processes) / gbits,
  };
}
