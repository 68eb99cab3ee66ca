/** When routes came into the kernel's table, as the kernel tells it. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { World } from "./world";

export class KernelRoutes {
  readonly #file: string;
  readonly #world: World;
  readonly #child: Bun.Subprocess;

  constructor(world: World, folder: string) {
    this.#world = world;
    this.#file = join(folder, "routes.log");
    this.#child = world.daemon("router", this.#file, ..."ip -6 -o -ts -rcvbuf 134217728 monitor route".split(" "));
  }

  /** Unix milliseconds at which so many had come; undefined: not yet. Each is counted once. */
  cameAt(expected: number): number | undefined {
    const seen = new Set<string>();
    for (const line of readFileSync(this.#file, "utf8").split("\n")) {
      const [, time, prefix] = /^\[(\S+)\] (2001:db8:\S+) /.exec(line) ?? [];
      if (prefix === undefined || seen.has(prefix)) continue;
      seen.add(prefix);
      if (seen.size >= expected) return Date.parse(time!);
    }
    return undefined;
  }

  async stop(): Promise<void> {
    await this.#world.end(this.#child);
  }
}
