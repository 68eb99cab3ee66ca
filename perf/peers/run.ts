/** One contestant's turn: its topology up, everything measured, its topology down. */
import type { Contestant, Running } from "./contestants/contestant";
import type { Figures } from "./figures";
import { measureTcp, startTcpServer } from "./measure/tcp";
import { measureRtt, measureUdpRate, startResponder } from "./measure/udp";
import { type Options, roundTrips, udpTrialSeconds } from "./options";
import { Topology } from "./topology";

/** A protocol may need its time to come up: neighbour discovery, routes. */
const REACHABLE_WAIT = 20_000; // ms

export interface Turn extends Figures {
  /** The UDP search ended because the generator could not send more, not because packets were lost. */
  readonly senderLimited: boolean;
}

export interface Watch {
  /** Hears what is being measured. */
  step(what: string): void;
  /** Hears of a topology before anything is done in it, so that a signal can close it. */
  opened(topology: Topology): void;
}

async function waitReachable(topology: Topology, running: Running): Promise<void> {
  const ping = ["ping", "-c", "1", "-W", "1", running.vmB];
  for (const deadline = Date.now() + REACHABLE_WAIT; ; await Bun.sleep(100)) {
    try {
      await topology.capture("vmA", ping);
      return;
    } catch (error) {
      const isOver = running.processes.some((process) => process.exitCode !== null) || Date.now() > deadline;
      if (isOver) throw new Error(`vmA does not reach vmB: ${lastWords(error)}`, { cause: error });
    }
  }
}

const lastWords = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** Throws when the contestant cannot be set up or does not carry traffic; leaves nothing behind in any case. */
export async function takeTurn(contestant: Contestant, options: Options, watch: Watch): Promise<Turn> {
  const vmMtu = Math.min(1500, options.mtu - contestant.overhead);
  const topology = new Topology({ fabricMtu: options.mtu, vmMtu, vmVeth: contestant.vmVeth });
  watch.opened(topology);
  try {
    watch.step("setting up");
    topology.build();
    const running = await contestant.up(topology);
    await waitReachable(topology, running);
    await startTcpServer(topology);
    await startResponder(topology);
    watch.step("idle RTT");
    const rtt = await measureRtt(topology, running, roundTrips(options));
    const tcp = await measureTcp(topology, running, options.seconds, watch.step);
    watch.step("loss-free UDP rate");
    const udp = await measureUdpRate(topology, running, udpTrialSeconds(options));
    return { ...rtt, ...tcp, udpRate: udp.rate, senderLimited: udp.senderLimited };
  } catch (error) {
    const reasons = [...(await topology.obituaries()), lastWords(error)];
    throw new Error(reasons.join("; ").replace(/\s+/g, " "), { cause: error });
  } finally {
    await topology.close();
  }
}
