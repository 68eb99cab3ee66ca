/** What is on a link, as tshark reads it. */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { inNamespace } from "#sys/namespace";

export class Capture {
  readonly #child: ChildProcess;
  readonly #file: string;

  private constructor(child: ChildProcess, file: string) {
    this.#child = child;
    this.#file = file;
  }

  /** Resolves when tcpdump listens. */
  static async begin(namespace: string, name: string, file: string): Promise<Capture> {
    const words = ["-i", name, "-U", "-w", file, "ip6 proto 89"];
    const child = inNamespace(namespace, () => spawn("tcpdump", words, { stdio: ["ignore", "ignore", "pipe"] }));
    await new Promise<void>((resolve, reject) => {
      child.stderr!.on("data", (text) => /listening on/.test(String(text)) && resolve());
      child.once("error", reject);
      child.once("close", () => reject(new Error("tcpdump has ended")));
    });
    return new Capture(child, file);
  }

  async end(): Promise<void> {
    const ended = new Promise((resolve) => this.#child.once("close", resolve));
    this.#child.kill("SIGINT");
    await ended;
  }

  /** The values of a field in all packets that a filter lets through, a packet a line. */
  fields(filter: string, field: string): string[] {
    const words = ["-r", this.#file, "-Y", filter, "-T", "fields", "-e", field];
    const { stdout, status, stderr } = spawnSync("tshark", words, { encoding: "utf8", timeout: 20_000 });
    if (status !== 0) throw new Error(`tshark: ${stderr}`);
    return stdout.split("\n").filter((line) => line !== "");
  }
}
