/** A child that speaks in lines. */
import type { Child } from "./world";

export class Lines {
  readonly all: string[] = [];
  readonly ended: Promise<void>;

  constructor(child: Child) {
    this.ended = this.#read(child);
  }

  async #read(child: Child): Promise<void> {
    const decoder = new TextDecoder();
    let rest = "";
    for await (const part of child.stdout) {
      const lines = (rest + decoder.decode(part, { stream: true })).split("\n");
      rest = lines.pop()!;
      this.all.push(...lines);
    }
  }
}
