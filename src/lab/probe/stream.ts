/** A TCP stream whose octets come back, and what became of them (streamer.ts). */
import { ProbeChild } from "#lab/probe/child";

export interface StreamReport {
  /** Octets. */
  readonly sent: number;
  readonly echoed: number;
  /** What came back is what was sent, octet by octet. */
  readonly intact: boolean;
  /** Longest time in which nothing came back, milliseconds. */
  readonly longestStall: number;
  /** Why the connection ended before it was told to. */
  readonly ended?: string;
}

export interface StreamSettings {
  /** Where the connection comes from. */
  readonly namespace: string;
  /** Somebody who sends back what he gets. */
  readonly address: string;
  readonly port: number;
  /** Octets a second. */
  readonly rate: number;
}

export class Stream {
  readonly #child: ProbeChild;

  private constructor(child: ProbeChild) {
    this.#child = child;
  }

  /** Resolves once it is connected. */
  static async start({ namespace, address, port, rate }: StreamSettings): Promise<Stream> {
    return new Stream(await ProbeChild.start("streamer.ts", ["send", address, `${port}`, `${rate}`], namespace));
  }

  /** Waits for what is still on its way, a few seconds at most. */
  stop(): Promise<StreamReport> {
    return this.#child.finish<StreamReport>();
  }

  kill(): Promise<void> {
    return this.#child.kill();
  }
}

/** Somebody in a namespace who sends back what he gets on a TCP port, until it is killed. */
export const startEcho = (namespace: string, port: number): Promise<ProbeChild> =>
  ProbeChild.start("streamer.ts", ["echo", `${port}`], namespace);
