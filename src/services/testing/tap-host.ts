/** For tests: Linux as a host at the other end of a TAP, alone in a network namespace. Needs root. */
import { readSync, writeSync } from "node:fs";
import { parseMac } from "#base/address";
import { closeDescriptor } from "#sys/descriptor";
import { createNamespace, deleteNamespace, inNamespace } from "#sys/namespace";
import { openTap } from "#sys/tap";

/** Of the virtio_net_hdr before each frame; all zeros: nothing to finish. */
const OFFLOAD = 10;
const PATIENCE = 5000; // milliseconds

/** The interface in the namespace, and its address there. */
export const INTERFACE = "t0";
export const LINUX_MAC = parseMac("02:aa:00:00:00:02")!;

export class TapHost {
  readonly namespace: string;
  #fd = -1;

  /** Makes the namespace; `name` and the process id are its name. */
  constructor(name: string) {
    this.namespace = `${name}${process.pid}`;
    createNamespace(this.namespace);
  }

  /** A new interface without a past; it is down. */
  async renew(): Promise<void> {
    this.#close();
    this.#fd = inNamespace(this.namespace, () => openTap({ name: INTERFACE, offload: false })).descriptors[0]!;
    await this.ip("link", "set", "lo", "up");
    await this.ip("link", "set", INTERFACE, "address", "02:aa:00:00:00:02");
  }

  end(): void {
    this.#close();
    deleteNamespace(this.namespace);
  }

  #close(): void {
    if (this.#fd >= 0) closeDescriptor(this.#fd);
    this.#fd = -1;
  }

  /** Runs `ip`; throws what it complains of. */
  async ip(...words: string[]): Promise<string> {
    const child = Bun.spawn(["ip", "-n", this.namespace, ...words], { stdout: "pipe", stderr: "pipe" });
    const [text, errors] = [await new Response(child.stdout).text(), await new Response(child.stderr).text()];
    if ((await child.exited) !== 0) throw new Error(`ip ${words.join(" ")}: ${errors}`);
    return text;
  }

  /** Starts a program in the namespace; what it writes is in `stdout`, complaints too. */
  run(...words: string[]) {
    const command = ["ip", "netns", "exec", this.namespace, "sh", "-c", 'exec "$@" 2>&1', "sh", ...words];
    return Bun.spawn(command, { stdout: "pipe", stderr: "ignore", stdin: "ignore" });
  }

  /** Starts `ping -c1`; resolves to whether it was answered. */
  async ping(address: string): Promise<boolean> {
    const child = this.run("ping", "-c1", "-W2", address);
    return (await child.exited) === 0;
  }

  send(frame: Uint8Array): void {
    const b = new Uint8Array(OFFLOAD + frame.length);
    b.set(frame, OFFLOAD);
    writeSync(this.#fd, b);
  }

  /** The next frame from Linux, if there is one. */
  receive(): Uint8Array | undefined {
    const b = new Uint8Array(2000);
    try {
      return b.slice(OFFLOAD, readSync(this.#fd, b));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "EAGAIN") return undefined;
      throw error;
    }
  }

  /** Runs `turn` for each frame and each millisecond until it says so, or throws after `patience`. */
  async until(what: string, turn: (frame?: Uint8Array) => boolean, patience = PATIENCE): Promise<void> {
    for (const end = performance.now() + patience; performance.now() < end; await Bun.sleep(1)) {
      for (let frame = this.receive(); frame; frame = this.receive()) if (turn(frame)) return;
      if (turn()) return;
    }
    throw new Error(`no ${what} within ${patience / 1000} s`);
  }
}
