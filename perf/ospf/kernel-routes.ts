/** When routes came into the kernel's table, as the kernel tells it. */
import { closeSync, openSync, readSync } from "node:fs";
import { join } from "node:path";
import type { World } from "./world";

const BLOCK = 1 << 20; // octets read at once

export class KernelRoutes {
  readonly #world: World;
  readonly #child: Bun.Subprocess;
  readonly #fd: number;
  readonly #block = Buffer.alloc(BLOCK);
  readonly #seen = new Set<string>();
  /** Of the last new prefix. */
  #lastAt = 0;
  /** The beginning of a line whose end is not there yet. */
  #rest = "";

  constructor(world: World, folder: string) {
    const file = join(folder, "routes.log");
    this.#world = world;
    this.#child = world.daemon("router", file, ..."ip -6 -o -ts -rcvbuf 134217728 monitor route".split(" "));
    this.#fd = openSync(file, "a+");
  }

  /** Unix milliseconds at which the last of so many came; undefined: not all have. Each is counted once. */
  cameAt(expected: number): number | undefined {
    while (this.#seen.size < expected && this.#readMore());
    return this.#seen.size < expected ? undefined : this.#lastAt;
  }

  /** False: there is no more. */
  #readMore(): boolean {
    const length = readSync(this.#fd, this.#block);
    const lines = (this.#rest + this.#block.toString("latin1", 0, length)).split("\n");
    this.#rest = lines.pop()!;
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
