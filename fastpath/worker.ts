/** The thread of a forwarder: wires a {@link Forwarder} to its message port and runs it until it is told to stop. */
import { type MessagePort, parentPort, receiveMessageOnPort, workerData } from "node:worker_threads";
import { Forwarder } from "#fastpath/forwarder";
import { PacketPort } from "#fastpath/ports/packet";
import { TapPort } from "#fastpath/ports/tap";
import type { Command, ForwarderStart, Report } from "#fastpath/shared";

const { start, commands } = workerData as { start: ForwarderStart; commands: MessagePort };

const report = (message: Report): void => parentPort?.postMessage(message);

const forwarder = new Forwarder(start, {
  nextCommand: () => (receiveMessageOnPort(commands) as { message: Command } | undefined)?.message,
  openPort: (arena, { port }) => (port.kind === "tap" ? new TapPort(arena, port) : new PacketPort(arena, port)),
  report,
});
report({ kind: "started" });
forwarder.run();
commands.close();
process.exit(0); // ends this thread: an open parentPort would keep it
