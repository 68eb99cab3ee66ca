/** Starts a prober (prober.ts) and takes its outcome. */
import { ProbeChild } from "#lab/probe/child";
import type { ProbeOutcome, ProbePlan } from "#lab/probe/flows";
import type { Trace } from "#lab/probe/report";

export class Probe {
  readonly #child: ProbeChild;

  private constructor(child: ProbeChild) {
    this.#child = child;
  }

  /** Resolves once it sends. Throws LabError when it cannot. */
  static async start(plan: ProbePlan): Promise<Probe> {
    return new Probe(await ProbeChild.start("prober.ts", [JSON.stringify(plan)]));
  }

  /** Ends the flows; their traces, in the plan's order. */
  async stop(): Promise<readonly Trace[]> {
    return (await this.#child.finish<ProbeOutcome>()).traces;
  }

  /** Ends it whatever it does, for clean-ups. */
  kill(): Promise<void> {
    return this.#child.kill();
  }
}
