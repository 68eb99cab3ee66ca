/** Starts a prober (prober.ts) and takes its outcome. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { LabError } from "#lab/lab-error";
import type { ProbeOutcome, ProbePlan } from "#lab/probe/flows";
import type { Trace } from "#lab/probe/report";

const PROBER = fileURLToPath(new URL("prober.ts", import.meta.url));

export class Probe {
  readonly #process: ChildProcess;
  readonly #ended: Promise<unknown>;
  #output = "";
  #errors = "";

  private constructor(plan: ProbePlan) {
    this.#process = spawn(process.execPath, [PROBER, JSON.stringify(plan)], { stdio: ["pipe", "pipe", "pipe"] });
    this.#process.stdout!.setEncoding("utf8").on("data", (text: string) => {
      this.#output += text;
    });
    this.#process.stderr!.setEncoding("utf8").on("data", (text: string) => {
      this.#errors += text;
    });
    this.#ended = once(this.#process, "close");
  }

  /** Resolves once it sends. Throws LabError when it cannot. */
  static async start(plan: ProbePlan): Promise<Probe> {
    const probe = new Probe(plan);
    await Promise.race([once(probe.#process.stdout!, "data"), probe.#ended]);
    if (!probe.#output.startsWith("sending\n")) throw new LabError(`the prober does not start: ${probe.#errors}`);
    return probe;
  }

  /** Ends the flows; their traces, in the plan's order. */
  async stop(): Promise<readonly Trace[]> {
    this.#process.stdin!.end();
    await this.#ended;
    try {
      return (JSON.parse(this.#output.slice("sending\n".length)) as ProbeOutcome).traces;
    } catch {
      throw new LabError(`the prober ended without a report: ${this.#errors}`);
    }
  }

  /** Ends it whatever it does, for clean-ups. */
  async kill(): Promise<void> {
    if (this.#process.exitCode === null && this.#process.signalCode === null) this.#process.kill("SIGKILL");
    await this.#ended;
  }
}
