/** A program of this folder as a child: it says a word when it is ready, and its result when its standard input ends. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { LabError } from "#lab/lab-error";
import { inNamespace } from "#sys/namespace";

export class ProbeChild {
  readonly #process: ChildProcess;
  readonly #ended: Promise<unknown>;
  #output = "";
  #errors = "";

  private constructor(program: string, words: readonly string[], namespace?: string) {
    const path = fileURLToPath(new URL(program, import.meta.url));
    this.#process = inNamespace(namespace, () =>
      spawn(process.execPath, [path, ...words], { stdio: ["pipe", "pipe", "pipe"] }),
    );
    this.#process.stdout!.setEncoding("utf8").on("data", (text: string) => {
      this.#output += text;
    });
    this.#process.stderr!.setEncoding("utf8").on("data", (text: string) => {
      this.#errors += text;
    });
    this.#ended = once(this.#process, "close");
  }

  /** Resolves when it is ready; throws LabError with its complaints when it ends instead. */
  static async start(program: string, words: readonly string[], namespace?: string): Promise<ProbeChild> {
    const child = new ProbeChild(program, words, namespace);
    await Promise.race([once(child.#process.stdout!, "data"), child.#ended]);
    if (!child.#output.startsWith("ready\n")) throw new LabError(`${program} does not start: ${child.#errors}`);
    return child;
  }

  /** Its result. Throws LabError with its complaints when there is none. */
  async finish<T>(): Promise<T> {
    this.#process.stdin!.end();
    await this.#ended;
    try {
      return JSON.parse(this.#output.slice("ready\n".length)) as T;
    } catch {
      throw new LabError(`a prober ended without a result: ${this.#errors}`);
    }
  }

  /** Ends it whatever it does. */
  async kill(): Promise<void> {
    if (this.#process.exitCode === null && this.#process.signalCode === null) this.#process.kill("SIGKILL");
    await this.#ended;
  }
}
