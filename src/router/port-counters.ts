/** The ports' counters over all threads: each forwarder writes its own, the control thread what ends with it. */
import { C_ENDINGS, COUNTERS_OCTETS, PORT_COUNTERS, portCounters } from "#fastpath/counters";
import { createDropTags, DropTags } from "#fastpath/drop-tags";
import type { Verdict } from "#fastpath/verdicts";

/** A forwarder's; laid out as fastpath/counters.ts says. */
export interface ForwarderCounters {
  readonly counters: Float64Array;
  readonly dropTags: DropTags;
}

export class PortCounters {
  private readonly forwarders: () => readonly ForwarderCounters[];
  private readonly own = new Float64Array(COUNTERS_OCTETS / 8);
  private readonly ownTags = new DropTags(createDropTags());
  /** What a port's index had counted for ports before it. */
  private readonly before = new Float64Array(COUNTERS_OCTETS / 8);
  /** Likewise by network, of those that are not 0. */
  private readonly beforeTags = new Map<number, ReadonlyMap<number, number>>();

  constructor(forwarders: () => readonly ForwarderCounters[]) {
    this.forwarders = forwarders;
  }

  /**
   * A frame ended at the control thread.
   * @param port the one it came in by, or of this router's own frames the one it was for.
   * @param tags raw, of the network that it was for, where the port does not say; 0: unknown.
   */
  lost(port: number, ending: Verdict, tags = 0): void {
    this.own[portCounters(port) + C_ENDINGS + ending]! += 1;
    if (tags !== 0) this.ownTags.count(port, ending, tags);
  }

  /** `counter`: one of C_…; since the port got its index. */
  of(port: number, counter: number): number {
    const at = portCounters(port) + counter;
    return this.sum(at) - this.before[at]!;
  }

  /** Of the frames that {@link of} counts for endings, those whose network is known: by port and ending ({@link whatKey}) and raw tags. */
  tagged(): Map<number, Map<number, number>> {
    const sums = this.sumTags();
    for (const [what, before] of this.beforeTags) {
      const sum = sums.get(what)!;
      for (const [tags, frames] of before) {
        if (sum.get(tags) === frames) sum.delete(tags);
        else sum.set(tags, sum.get(tags)! - frames);
      }
    }
    return sums;
  }

  /** The index has another port from now on. */
  restart(port: number): void {
    const from = portCounters(port);
    for (let at = from; at < from + PORT_COUNTERS; at++) this.before[at] = this.sum(at);
    for (const [what, sum] of this.sumTags()) if (what >> 16 === port) this.beforeTags.set(what, sum);
  }

  private sum(at: number): number {
    const forwarders = this.forwarders();
    let sum = this.own[at]!;
    for (let i = 0; i < forwarders.length; i++) sum += forwarders[i]!.counters[at]!;
    return sum;
  }

  private sumTags(): Map<number, Map<number, number>> {
    const sums = new Map<number, Map<number, number>>();
    for (const table of [this.ownTags, ...this.forwarders().map(({ dropTags }) => dropTags)]) {
      for (const { port, ending, tags, frames } of table.entries()) {
        const what = whatKey(port, ending);
        const sum = sums.get(what) ?? new Map<number, number>();
        sums.set(what, sum.set(tags, (sum.get(tags) ?? 0) + frames));
      }
    }
    return sums;
  }
}

export const whatKey = (port: number, ending: Verdict): number => (port << 16) | ending;
