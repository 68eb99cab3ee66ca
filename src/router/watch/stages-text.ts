/**
 * What a trace tells of a packet's stages, as JSON. Packets of a flow are decided about alike, and words are dear to find: what
 * was said of the very same steps is said again, as long as what the router is known to be has not been looked up anew.
 */
import type { WatchRecord } from "#fastpath/watch/watch-record";
import { explainSteps } from "#router/why/explain";
import type { Known } from "#router/why/known";

/** Ways to be decided about that are kept. */
const MOST = 256;

export class StagesText {
  readonly #said = new Map<string, string>();
  #known: Known | undefined;

  of(known: Known, { steps, stepCount, from }: Pick<WatchRecord, "steps" | "stepCount" | "from">): string {
    if (known !== this.#known || this.#said.size >= MOST) this.#said.clear();
    this.#known = known;
    const key = `${from} ${Buffer.from(steps.buffer, steps.byteOffset, steps.byteLength).toString("latin1")}`;
    const before = this.#said.get(key);
    if (before !== undefined) return before;
    const text = JSON.stringify(explainSteps(known, steps, stepCount, from));
    this.#said.set(key, text);
    return text;
  }
}
