/**
 * The metadata service's thread: TCP connections of VMs, in the service's namespace. It is the kernel's TCP, and the socket
 * that listens belongs to the namespace for good, so the thread itself stays where it is.
 */
import { parentPort, workerData } from "node:worker_threads";
import type { Socket } from "bun";
import { formatIpv6, parseIpv6 } from "#base/address";
import type { MetadataCommand, MetadataReport, MetadataStart } from "#router/metadata/metadata-messages";
import { type Visit, Visitors } from "#services/metadata/visitors";
import { inNamespace } from "#sys/namespace";

const PORT = 80;
/** Seconds after which a connection without requests is ended. */
const IDLE = 10;

interface Talk {
  readonly visit: Visit;
  /** Octets that the kernel has not taken yet. */
  waiting: Uint8Array;
  /** No more requests are answered: ended once all is sent. */
  ending: boolean;
}

const { namespace, address } = workerData as MetadataStart;
const port = parentPort!;
const visitors = new Visitors(() => performance.now());
const report = (message: MetadataReport): void => port.postMessage(message);

port.on("message", (command: MetadataCommand) => {
  if (command.kind === "vms") visitors.set(command.vms);
  else process.exit(0); // ends this thread, and its connections with it
});

function flush(socket: Socket<Talk | undefined>, talk: Talk): void {
  while (talk.waiting.length > 0) {
    const sent = socket.write(talk.waiting);
    if (sent <= 0) return; // drain() goes on
    talk.waiting = talk.waiting.subarray(sent);
  }
  if (talk.ending) socket.end();
}

function opened(socket: Socket<Talk | undefined>): void {
  const octets = parseIpv6(socket.remoteAddress);
  const visit = octets && visitors.open(formatIpv6(octets));
  if (visit === undefined) {
    socket.terminate();
    return;
  }
  socket.data = { visit, waiting: new Uint8Array(), ending: false };
  socket.timeout(IDLE);
}

function received(socket: Socket<Talk | undefined>, octets: Uint8Array): void {
  const talk = socket.data;
  if (talk === undefined || talk.ending) return;
  if (talk.waiting.length > 0) {
    socket.terminate(); // it asks on without taking what it asked for
    return;
  }
  const outcome = talk.visit.http.receive(octets);
  talk.waiting = outcome.octets;
  talk.ending = outcome.close;
  socket.timeout(IDLE);
  flush(socket, talk);
}

try {
  inNamespace(namespace, () =>
    Bun.listen<Talk | undefined>({
      hostname: address,
      port: PORT,
      socket: {
        open: opened,
        data: received,
        drain: (socket) => socket.data && flush(socket, socket.data),
        timeout: (socket) => socket.terminate(),
        error: (socket) => socket.terminate(),
        close: (socket) => socket.data?.visit.close(),
      },
    }),
  );
  report({ kind: "listening" });
} catch (error) {
  report({ kind: "failed", message: error instanceof Error ? error.message : String(error) });
}
