/** UDP: the loss-free rate of smallest frames and the idle round-trip time, by our own generator and responder. */
import { join } from "node:path";
import type { Running } from "../contestants/contestant";
import { quantile } from "../figures";
import type { Topology } from "../topology";
import type { LossFree } from "../traffic/search";

const PROGRAMS = join(import.meta.dir, "../traffic");

/** Runs until the topology ends; returns once it listens. */
export async function startResponder(topology: Topology): Promise<void> {
  const responder = topology.talker("vmB", [process.execPath, join(PROGRAMS, "responder.ts")]);
  const { value } = await responder.stdout.getReader().read();
  if (value === undefined) throw new Error("the UDP responder did not start");
}

/** The MAC address that vmA's frames to `destination` go to. The path must have carried a packet before. */
function nextHopMac(topology: Topology, destination: string): string {
  const [route] = JSON.parse(topology.exec("vmA", ["ip", "-json", "route", "get", destination]));
  const nextHop = route?.gateway ?? destination;
  const neighbours = JSON.parse(topology.exec("vmA", ["ip", "-json", "neighbor", "show", "dev", "eth0"]));
  for (const { dst, lladdr } of neighbours) if (dst === nextHop && lladdr !== undefined) return lladdr;
  throw new Error(`vmA knows no MAC address for ${nextHop}`);
}

/** @param seconds length of one trial; the search takes about ten. */
export async function measureUdpRate(topology: Topology, running: Running, seconds: number): Promise<LossFree> {
  const mac = nextHopMac(topology, running.vmB);
  const command = [process.execPath, join(PROGRAMS, "udp-rate.ts"), running.vmA, running.vmB, mac, `${seconds}`];
  return JSON.parse(await topology.capture("vmA", command));
}

/** @param count round trips, 200 a second. */
export async function measureRtt(
  topology: Topology,
  running: Running,
  count: number,
): Promise<{ rttMedian: number; rtt99: number }> {
  const command = [process.execPath, join(PROGRAMS, "udp-rtt.ts"), running.vmB, `${count}`];
  const { micros }: { micros: number[] } = JSON.parse(await topology.capture("vmA", command));
  return { rttMedian: quantile(micros, 0.5), rtt99: quantile(micros, 0.99) };
}
