/** The two streams of a failover test, one each way, and what is known of each of their packets when they end. */
import { type ChildProcess, spawn } from "node:child_process";
import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { monotonicNanos } from "#sys/clock";
import { inNamespace } from "#sys/namespace";
import type { TestLab } from "../test-lab";
import type { Packet } from "./account";
import type { Observer } from "./observer";
import { NOT_SENT } from "./stream";

const BUN = fileURLToPath(new URL("../../../bin/bun", import.meta.url));
const SENDER = fileURLToPath(new URL("sender.ts", import.meta.url));

export interface Stream {
  /** Node that sends, and the one that receives, whose names are also the observer's places. */
  readonly from: string;
  readonly to: string;
  readonly address: string;
  readonly firstPort: number;
  readonly flows: number;
}

export interface TrafficOptions {
  readonly lab: TestLab;
  readonly observer: Observer;
  readonly streams: readonly Stream[];
  /** Of the observer, on the way. */
  readonly places: readonly string[];
}

/** Milliseconds, comparable with the times of packets. */
export const now = (): number => monotonicNanos() / 1e6;

export class Traffic {
  readonly #options: TrafficOptions;
  readonly #senders: { readonly child: ChildProcess; readonly file: string; readonly stream: Stream }[] = [];
  #since = 0;

  private constructor(options: TrafficOptions) {
    this.#options = options;
  }

  /** Resolves when all flows of both streams arrive. */
  static async start(options: TrafficOptions): Promise<Traffic> {
    const { lab, observer, streams } = options;
    observer.forget();
    const traffic = new Traffic(options);
    for (const stream of streams) {
      const file = join(lab.folder, `${stream.from}.times`);
      const words = [SENDER, stream.address, String(stream.firstPort), String(stream.flows), file];
      const child = inNamespace(lab.namespace(stream.from), () => spawn(BUN, words, { stdio: "inherit" }));
      traffic.#senders.push({ child, file, stream });
    }
    try {
      await lab.until("all flows arrive", () => {
        observer.look();
        return streams.every((stream) => flowsSeen(observer, stream) === stream.flows);
      });
      await Bun.sleep(300);
    } catch (error) {
      await traffic.#end();
      throw error;
    }
    traffic.#since = now();
    return traffic;
  }

  /** Ends both; the packets of each stream since it had begun in full, in their order. */
  async stop(): Promise<Map<Stream, Packet[]>> {
    await this.#end();
    await Bun.sleep(200); // for what is still on its way
    const { observer } = this.#options;
    observer.look();
    const packets = new Map<Stream, Packet[]>();
    for (const { file, stream } of this.#senders) {
      const octets = readFileSync(file);
      rmSync(file);
      const times = new Float64Array(octets.buffer, octets.byteOffset, octets.byteLength / 8);
      packets.set(
        stream,
        [...times].flatMap((at, n) => (at === NOT_SENT || at < this.#since ? [] : [this.#packet(stream, n, at)])),
      );
    }
    return packets;
  }

  #packet({ firstPort, flows, to }: Stream, n: number, at: number): Packet {
    const { observer, places } = this.#options;
    const seen = (place: string): number => observer.timesSeen(place, firstPort, n);
    return {
      n,
      at,
      flow: n % flows,
      arrivals: seen(to),
      places: places.filter((place) => seen(place) > 0),
      rounds: Math.max(...places.map(seen)),
    };
  }

  async #end(): Promise<void> {
    const running = this.#senders.filter(({ child }) => child.exitCode === null && child.signalCode === null);
    const ended = running.map(({ child }) => new Promise<void>((done) => child.once("exit", () => done())));
    for (const { child } of running) child.kill("SIGTERM");
    await Promise.all(ended);
  }
}

function flowsSeen(observer: Observer, { to, firstPort, flows }: Stream): number {
  const seen = new Set<number>();
  for (let n = 0; n < 500 * flows; n++) if (observer.timesSeen(to, firstPort, n) > 0) seen.add(n % flows);
  return seen.size;
}
