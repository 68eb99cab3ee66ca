/**
 * UDP in many flows, a packet each millisecond in turn, run by Bun inside a VM:
 * `sender.ts ADDRESS FIRST-PORT FLOWS FILE`. Packet n belongs to flow n mod FLOWS, whose source port is FIRST-PORT more
 * than that. SIGTERM ends it; FILE then tells when each packet was sent. What the other end sends is taken and forgotten.
 */
import { writeFileSync } from "node:fs";
import { monotonicNanos } from "#sys/clock";
import { MAGIC, NOT_SENT, PORT } from "./stream";

const [address, firstPort, flows, file] = process.argv.slice(2) as [string, string, string, string];
/** A sender that was held up does not make up for all of it: no link is to lose packets to a burst. */
const LARGEST_BURST = 20;

// Nobody answers from a bound port: the kernel would, with ICMP errors.
await Bun.udpSocket({ port: PORT, socket: { data: () => {}, error: () => {} } });
const sockets = await Promise.all(
  Array.from({ length: Number(flows) }, (_, flow) =>
    Bun.udpSocket({ port: Number(firstPort) + flow, socket: { data: () => {}, error: () => {} } }),
  ),
);
const times: number[] = [];
const payload = Buffer.alloc(100);
payload.writeUInt32BE(MAGIC, 0);

const now = (): number => monotonicNanos() / 1e6;
let due = now();

function send(): void {
  const n = times.length;
  payload.writeUInt32BE(n, 4);
  const at = now();
  let isSent = false;
  for (let attempt = 0; attempt < 3 && !isSent; attempt++) {
    try {
      isSent = sockets[n % sockets.length]!.send(payload, PORT, address);
    } catch {
      // An ICMP error about an earlier packet: this one was not sent.
    }
  }
  times.push(isSent ? at : NOT_SENT);
}

setInterval(() => {
  for (let burst = 0; due <= now(); due++) if (burst++ < LARGEST_BURST) send();
}, 1);

process.on("SIGTERM", () => {
  writeFileSync(file, new Uint8Array(new Float64Array(times).buffer));
  process.exit(0);
});
