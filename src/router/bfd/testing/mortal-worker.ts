/** For tests: the BFD thread, but it dies of a neighbor that moves to one MAC address. */
import { isMainThread, type MessagePort, parentPort, receiveMessageOnPort, workerData } from "node:worker_threads";
import { BfdLoop } from "#router/bfd/bfd-loop";
import type { BfdCommand, BfdStart } from "#router/bfd/bfd-messages";

export const DEADLY_MAC = Uint8Array.of(0x02, 0, 0, 0, 0xde, 0xad);

if (!isMainThread) {
  const { start, commands } = workerData as { start: BfdStart; commands: MessagePort };
  const next = () => (receiveMessageOnPort(commands) as { message: BfdCommand } | undefined)?.message;
  new BfdLoop(start, {
    nextCommand: () => {
      const command = next();
      if (command?.kind === "moved" && command.remoteMac[5] === DEADLY_MAC[5]) throw new Error("a defect, for tests");
      return command;
    },
    report: (message) => parentPort?.postMessage(message),
  }).run();
  commands.close();
  process.exit(0);
}
