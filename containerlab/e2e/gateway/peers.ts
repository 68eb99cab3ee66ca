/** The ends of a gateway test's conversations: peer.py in a lab's nodes, which serves, asks, or keeps a connection up. */
import { type ChildProcess, spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { inNamespace } from "#sys/namespace";
import type { TestLab } from "../test-lab";

const PEER = fileURLToPath(new URL("peer.py", import.meta.url));

export class Peers {
  /** Ended by {@link end}; a test adds what it starts itself. */
  readonly processes: ChildProcess[] = [];
  private readonly lab: TestLab;

  constructor(lab: TestLab) {
    this.lab = lab;
  }

  /** Starts what serves, or keeps on, in a node; it says when it is ready. */
  async start(node: string, ...words: string[]): Promise<ChildProcess> {
    const child = inNamespace(this.lab.namespace(node), () =>
      spawn("python3", [PEER, ...words], { stdio: ["pipe", "pipe", "inherit"] }),
    );
    this.processes.push(child);
    await new Promise((resolve, reject) => {
      child.stdout!.once("data", resolve);
      child.once("exit", (code) => reject(new Error(`peer.py in ${node} ended with ${code}`)));
    });
    return child;
  }

  /** What an asker in a node was told: its address and port as the other end saw them, or "silence". */
  ask(node: string, words: string): string {
    return this.lab.run(node, `python3 ${PEER} ${words}`).text.trim();
  }

  /** The address of that. */
  addressTold(node: string, words: string): string {
    return this.ask(node, words).split(" ")[0]!;
  }

  end(): void {
    for (const each of this.processes) each.kill("SIGKILL");
  }
}
