/** The ports' counters over all threads: each forwarder writes its own, the control thread what ends with it. */
import { C_ENDINGS, COUNTERS_OCTETS, PORT_COUNTERS, portCounters } from "#fastpath/counters";
import type { Verdict } from "#fastpath/verdicts";

export class PortCounters {
  private readonly forwarders: () => readonly Float64Array[];
  private readonly own = new Float64Array(COUNTERS_OCTETS / 8);
  /** What a port's index had counted for ports before it. */
  private readonly before = new Float64Array(COUNTERS_OCTETS / 8);

  /** `forwarders`: each one's counters, laid out as fastpath/counters.ts says. */
  constructor(forwarders: () => readonly Float64Array[]) {
    this.forwarders = forwarders;
  }

  /**
   * A frame ended at the control thread.
   * @param port the one it came in by, or of this router's own frames the one it was for.
   */
  lost(port: number, ending: Verdict): void {
    this.own[portCounters(port) + C_ENDINGS + ending]! += 1;
  }

  /** `counter`: one of C_…; since the port got its index. */
  of(port: number, counter: number): number {
    const at = portCounters(port) + counter;
    return this.sum(at) - this.before[at]!;
  }

  /** The index has another port from now on. */
  restart(port: number): void {
    const from = portCounters(port);
    for (let at = from; at < from + PORT_COUNTERS; at++) this.before[at] = this.sum(at);
  }

  private sum(at: number): number {
    return this.forwarders().reduce((sum, counters) => sum + counters[at]!, this.own[at]!);
  }
}
