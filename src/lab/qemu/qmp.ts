/** QEMU's monitor protocol: JSON lines on a unix socket, questions answered in order, events in between. */
import { connect, type Socket } from "node:net";
import { LabError } from "#lab/lab-error";

export interface QmpEvent {
  readonly name: string;
  /** When QEMU says it was, milliseconds since the Unix epoch with fractions. */
  readonly at: number;
  readonly data: Readonly<Record<string, unknown>>;
}

interface Question {
  readonly command: string;
  readonly resolve: (answer: never) => void;
  readonly reject: (error: Error) => void;
}

interface Message {
  readonly return?: unknown;
  readonly error?: { readonly desc: string };
  readonly event?: string;
  readonly data?: Record<string, unknown>;
  readonly timestamp?: { readonly seconds: number; readonly microseconds: number };
}

/** Milliseconds between attempts to connect. */
const STEP = 20;

export class Qmp {
  /** All that were heard, oldest first. */
  readonly events: QmpEvent[] = [];
  readonly #socket: Socket;
  readonly #questions: Question[] = [];
  readonly #listeners = new Set<(event: QmpEvent) => void>();
  #rest = "";

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.setEncoding("utf8").on("data", (text: string) => this.#received(text));
    socket.on("error", () => {}).once("close", () => this.#ended());
  }

  /** Waits up to `patience` milliseconds for somebody to listen there. Throws LabError. */
  static async connect(path: string, patience: number): Promise<Qmp> {
    for (let waited = 0; waited < patience; waited += STEP) {
      const socket = await new Promise<Socket | undefined>((resolve) => {
        const attempt = connect(path);
        attempt.once("connect", () => resolve(attempt)).once("error", () => resolve(undefined));
      });
      if (socket !== undefined) {
        const qmp = new Qmp(socket);
        await qmp.execute("qmp_capabilities");
        return qmp;
      }
      await Bun.sleep(STEP);
    }
    throw new LabError(`no QEMU answers at ${path} after ${patience / 1000} s`);
  }

  /** What QEMU returns; throws LabError with its words when it refuses, or when it is gone. */
  execute<T = unknown>(command: string, values: Readonly<Record<string, unknown>> = {}): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      this.#questions.push({ command, resolve: resolve as (answer: never) => void, reject });
      if (this.#socket.destroyed) this.#ended();
      else this.#socket.write(`${JSON.stringify({ execute: command, arguments: values })}\n`);
    });
  }

  /** Calls `listen` at each event until the returned function is called. */
  onEvent(listen: (event: QmpEvent) => void): () => void {
    this.#listeners.add(listen);
    return () => this.#listeners.delete(listen);
  }

  close(): void {
    this.#socket.destroy();
  }

  #received(text: string): void {
    const lines = (this.#rest + text).split("\n");
    this.#rest = lines.pop() ?? "";
    for (const line of lines) if (line.trim() !== "") this.#take(JSON.parse(line) as Message);
  }

  #take(message: Message): void {
    if (message.event !== undefined) {
      const { seconds = 0, microseconds = 0 } = message.timestamp ?? {};
      const event = { name: message.event, at: seconds * 1000 + microseconds / 1000, data: message.data ?? {} };
      this.events.push(event);
      for (const listen of this.#listeners) listen(event);
    } else if (message.error !== undefined) {
      const question = this.#questions.shift();
      question?.reject(new LabError(`QEMU refuses ${question.command}: ${message.error.desc}`));
    } else if ("return" in message) {
      this.#questions.shift()?.resolve(message.return as never);
    }
  }

  #ended(): void {
    for (const { command, reject } of this.#questions.splice(0)) reject(new LabError(`QEMU ended before ${command}`));
  }
}
