/** iperf3 between two nodes of a lab, by the programs that the nodes have. */
import { Failure } from "#cli/failure";
import { runInNode } from "#cli/lab-program";
import type { StandingLab } from "#lab/standing";

export interface IperfWay {
  /** Nodes: the client sends to the server's address. */
  readonly client: string;
  readonly server: string;
  readonly address: string;
}

export interface IperfChoice {
  readonly seconds: number;
  /** TCP connections; undefined: UDP. */
  readonly streams?: number;
  /** UDP: octets of each datagram's payload, and bits a second to send. */
  readonly size?: number;
  readonly rate?: number;
  /** The server's port: each of several at once has its own. */
  readonly port?: number;
}

export interface IperfOutcome {
  /** What came in, of TCP's or UDP's payload. */
  readonly bitsPerSecond: number;
  /** UDP: of 1; TCP: 0. */
  readonly lost: number;
  /** TCP segments sent again. */
  readonly retransmitted: number;
}

const PORT = 5201;
/** Seconds that a server outlives its test. */
const GRACE = 15;
/** Milliseconds to connect. */
const PATIENCE = 5000;

/** Throws Failure when iperf3 does not run to its end. */
export async function iperf(lab: StandingLab, way: IperfWay, choice: IperfChoice): Promise<IperfOutcome> {
  const { seconds, port = PORT } = choice;
  const listening = Promise.withResolvers<void>();
  // In a container it is not this process's child: it ends by itself.
  const serving = ["timeout", `${seconds + GRACE}`, "iperf3", "-s", "-1", "-p", `${port}`, "--forceflush"];
  const server = runInNode(lab, way.server, serving, () => listening.resolve());
  const ended = server.then((ran) => {
    throw new Failure(`iperf3 in ${way.server} ended before it listened: ${ran.stderr.trim() || ran.stdout.trim()}`);
  });
  ended.catch(() => {}); // it ends at last
  await Promise.race([listening.promise, ended]);
  const { stdout, stderr } = await runInNode(lab, way.client, clientWords(way, choice, port));
  const outcome = readOutcome(stdout);
  if (typeof outcome === "string") {
    throw new Failure(`iperf3 from ${way.client} to ${way.server} (${way.address}): ${stderr.trim() || outcome}`);
  }
  await server;
  return outcome;
}

function clientWords({ address }: IperfWay, choice: IperfChoice, port: number): string[] {
  const { seconds, streams, size = 1400, rate = 1e9 } = choice;
  const words = ["iperf3", "-c", address, "-p", `${port}`, "-t", `${seconds}`, "-J"];
  const connect = ["--connect-timeout", `${PATIENCE}`];
  const kind = streams === undefined ? ["-u", "-b", `${rate}`, "-l", `${size}`] : ["-P", `${streams}`];
  return [...words, ...connect, ...kind];
}

interface Report {
  readonly error?: string;
  readonly end?: {
    readonly sum_received?: { readonly bits_per_second: number };
    readonly sum_sent?: { readonly retransmits?: number };
    readonly sum?: { readonly bits_per_second: number; readonly lost_percent?: number };
  };
}

/** Of iperf3's JSON; a text: why there is none. */
export function readOutcome(text: string): IperfOutcome | string {
  let report: Report;
  try {
    report = JSON.parse(text) as Report;
  } catch {
    return text.trim() || "it says nothing";
  }
  const { error, end = {} } = report;
  if (error !== undefined) return error;
  if (end.sum !== undefined) {
    const lost = (end.sum.lost_percent ?? 0) / 100;
    return { bitsPerSecond: end.sum.bits_per_second * (1 - lost), lost, retransmitted: 0 };
  }
  if (end.sum_received === undefined) return "its report has no end";
  const { bits_per_second: bitsPerSecond } = end.sum_received;
  return { bitsPerSecond, lost: 0, retransmitted: end.sum_sent?.retransmits ?? 0 };
}
