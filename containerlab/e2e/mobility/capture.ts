/** What of a prober's datagrams passes a link of the fabric: which, when, and whether in a tunnel. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { PROBE_HEAD, readProbe } from "#lab/probe/flows";
import { inNamespace } from "#sys/namespace";
import * as ethernet from "#wire/ethernet";
import * as ipv6 from "#wire/ipv6";
import { readPcap } from "#wire/pcap";
import { PROTOCOL_GRE, PROTOCOL_UDP } from "#wire/protocol";
import * as udp from "#wire/udp";

export interface Sighting {
  /** Milliseconds since the Unix epoch. */
  readonly at: number;
  readonly flow: number;
  readonly number: number;
  readonly tunnelled: boolean;
  /** Sender and receiver of the packet on the link, as hex. */
  readonly source: string;
  readonly destination: string;
}

const GRE_WITH_KEY = 8; // octets
const SNAPSHOT = 300; // octets of each frame

export class LinkCapture {
  readonly #process: ChildProcess;
  readonly #file: string;

  private constructor(process: ChildProcess, file: string) {
    this.#process = process;
    this.#file = file;
  }

  /** Resolves when it captures. @param file path for what it captures. */
  static async start(namespace: string, name: string, file: string): Promise<LinkCapture> {
    const words = ["-n", "-U", "--immediate-mode", "-i", name, "-s", `${SNAPSHOT}`, "-B", "8192", "-w", file, "ip6"];
    const child = inNamespace(namespace, () => spawn("tcpdump", words, { stdio: ["ignore", "ignore", "pipe"] }));
    await once(child.stderr, "data");
    return new LinkCapture(child, file);
  }

  /** Probers' datagrams only, in the order in which they passed. */
  async stop(): Promise<Sighting[]> {
    await Bun.sleep(200); // the kernel hands over what it has at most this late
    const ended = once(this.#process, "exit");
    this.#process.kill("SIGINT");
    await ended;
    return readPcap(readFileSync(this.#file)).frames.flatMap(({ seconds, nanos, octets }) => {
      const seen = readFrame(octets);
      return seen === undefined ? [] : [{ at: seconds * 1000 + nanos / 1e6, ...seen }];
    });
  }
}

function readFrame(frame: Uint8Array): Omit<Sighting, "at"> | undefined {
  const outer = ethernet.SIZE;
  if (frame.length < outer + ipv6.SIZE || ethernet.etherType(frame, 0) !== ethernet.ETHERTYPE_IPV6) return undefined;
  const tunnelled = ipv6.nextHeader(frame, outer) === PROTOCOL_GRE;
  const inner = tunnelled ? outer + ipv6.SIZE + GRE_WITH_KEY : outer;
  const payload = inner + ipv6.SIZE + udp.SIZE;
  if (frame.length < payload + PROBE_HEAD || ipv6.nextHeader(frame, inner) !== PROTOCOL_UDP) return undefined;
  const probe = readProbe(Buffer.from(frame.subarray(payload)));
  if (probe === undefined) return undefined;
  const [source, destination] = [ipv6.source(frame, outer), ipv6.destination(frame, outer)];
  return { ...probe, tunnelled, source: hex(source), destination: hex(destination) };
}

const hex = (octets: Uint8Array): string => Buffer.from(octets).toString("hex");
