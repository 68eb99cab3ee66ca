/** The BFD thread: wires a {@link BfdLoop} to its message port and runs it until it is told to stop. */
import { type MessagePort, parentPort, receiveMessageOnPort, workerData } from "node:worker_threads";
import { BfdLoop } from "#router/bfd/bfd-loop";
import type { BfdCommand, BfdStart } from "#router/bfd/bfd-messages";

const { start, commands } = workerData as { start: BfdStart; commands: MessagePort };

new BfdLoop(start, {
  nextCommand: () => (receiveMessageOnPort(commands) as { message: BfdCommand } | undefined)?.message,
  report: (message) => parentPort?.postMessage(message),
}).run();
commands.close();
process.exit(0); // ends this thread: an open parentPort would keep it
