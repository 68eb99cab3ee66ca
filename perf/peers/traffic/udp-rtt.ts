/**
 * Round-trip times over an idle path, in vmA: one small datagram to the responder and back, about 200 times a second.
 * Usage: `bun udp-rtt.ts ADDRESS COUNT`; prints `{ "micros": [...], "lost": n }`.
 */
import { writeFileSync } from "node:fs";
import { UdpBatch } from "#sys/udp-batch";
import { waitMicros } from "#sys/wait";
import * as message from "./message";

const INTERVAL = 5000; // µs
const PATIENCE = 500; // ms
/** Not counted: the JIT's and the neighbour caches' first time. */
const WARM_UP = 20;

const [host = "127.0.0.1", countText = "500"] = process.argv.slice(2);
writeFileSync("/proc/self/timerslack_ns", "1");
const socket = new UdpBatch({ host: "0.0.0.0", port: 0 }, 1);
socket.connect({ host, port: message.PORT });
socket.setReceiveTimeout(PATIENCE);

/** Microseconds until the echo with this number is back; undefined when it is lost. */
function roundTrip(number: number): number | undefined {
  message.write(socket.payloads, 0, { kind: message.ECHO, sequence: number });
  const begin = Bun.nanoseconds();
  socket.send(message.SIZE);
  while (socket.receive() > 0) {
    // A late echo of one that was given up is passed over.
    if (message.sequence(socket.payloads, 0) === number) return (Bun.nanoseconds() - begin) / 1000;
  }
  return undefined;
}

const micros: number[] = [];
let lost = 0;
for (let number = 0; number < WARM_UP + Number(countText); number++) {
  waitMicros(INTERVAL);
  const time = roundTrip(number);
  if (number < WARM_UP) continue;
  if (time === undefined) lost++;
  else micros.push(time);
}
console.log(JSON.stringify({ micros, lost }));
