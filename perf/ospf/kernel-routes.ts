/** When routes came into the kernel's table, as the kernel tells it. */
import { closeSync, openSync, readSync } from "node:fs";
import { join } from "node:path";
import type { World } from "./world";

const BLOCK = 1 << 20; // octets read at once
/** Milliseconds without a notice after which the table itself is looked at: notices may have been lost. */
const QUIET = 3000;

export class KernelRoutes {
  readonly #world: World;
  readonly #child: Bun.Subprocess;
  readonly #fd: number;
  readonly #block = Buffer.alloc(BLOCK);
  readonly #seen = new Set<string>();
  /** Of the last new prefix. */
  #lastAt = 0;
  /** When something was read last, or the table looked at; milliseconds of the performance clock. */
  #lookedAt = performance.now();
  /** The beginning of a line whose end is not there yet. */
  #rest = "";

  constructor(world: World, folder: string) {
    const file = join(folder, "routes.log");
    this.#world = world;
    this.#child = world.daemon("router", file, ..."ip -6 -o -ts -rcvbuf 134217728 monitor route".split(" "));
    this.#fd = openSync(file, "a+");
  }

  /**
   * Unix milliseconds at which the last of so many came; undefined: not all have. Each is counted once. Where the kernel had more
   * notices than it has room for (net.core.rmem_max), it is the last that was told of.
   */
  cameAt(expected: number): number | undefined {
    while (this.#seen.size < expected && this.#readMore());
    return this.#seen.size < expected && !this.#areThere(expected) ? undefined : this.#lastAt;
  }

  /** Without notices: all are in the table, and for some time none has come. */
  #areThere(expected: number): boolean {
    const now = performance.now();
    if (this.#seen.size === 0 || now - this.#lookedAt < QUIET) return false;
    this.#lookedAt = now;
    const count = Number(this.#world.exec("router", "sh", "-c", "ip -6 route show | grep -c ^2001:db8:"));
    if (count < expected) return false;
    console.error(`${expected - this.#seen.size} of the kernel's ${expected} notices of routes were lost`);
    return true;
  }

  /** False: there is no more. */
  #readMore(): boolean {
    const length = readSync(this.#fd, this.#block);
    const lines = (this.#rest + this.#block.toString("latin1", 0, length)).split("\n");
    this.#rest = lines.pop()!;
    if (length > 0) this.#lookedAt = performance.now();
    for (const line of lines) {
      const [, time, prefix] = /^\[(\S+)\] (2001:db8:\S+) /.exec(line) ?? [];
      if (prefix === undefined || this.#seen.has(prefix)) continue;
      this.#seen.add(prefix);
      this.#lastAt = Date.parse(time!);
    }
    return length > 0;
  }

  async stop(): Promise<void> {
    closeSync(this.#fd);
    await this.#world.end(this.#child);
  }
}
