/**
 * Transit traffic while the router is busy: `traffic.ts send ADDRESS RATE` and `traffic.ts count`, each until its standard
 * input ends; then it says how many datagrams it sent or got. What the kernel dropped because the counter did not get to
 * reading has been forwarded, and counts.
 */
import { readFileSync } from "node:fs";

const PORT = 9099;
const [mode, address, rate] = process.argv.slice(2);
let ended = false;
process.stdin.once("end", () => {
  ended = true;
});
process.stdin.resume();

/** This namespace's: nobody else receives in it. */
function unread(): number {
  return Number(/^Udp6RcvbufErrors\s+(\d+)/m.exec(readFileSync("/proc/thread-self/net/snmp6", "latin1"))?.[1] ?? 0);
}

if (mode === "send") process.stdout.write(`${await send(address!, Number(rate))}\n`);
else process.stdout.write(`${await count()}\n`);
process.exit(0);

async function send(to: string, perSecond: number): Promise<number> {
  const socket = await Bun.udpSocket({ hostname: "::" });
  const began = performance.now();
  const payload = new Uint8Array(64);
  let sent = 0;
  while (!ended) {
    const due = Math.floor(((performance.now() - began) * perSecond) / 1000);
    // Not all at once what was missed while others had the processor: a queue on the way would be what loses it.
    for (let i = 0; sent < due && i < 20; i++) if (socket.send(payload, PORT, to)) sent++;
    await Bun.sleep(2);
  }
  return sent;
}

async function count(): Promise<number> {
  let got = 0;
  await Bun.udpSocket({ hostname: "::", port: PORT, socket: { data: () => void got++ } });
  process.stdout.write("ready\n");
  while (!ended) await Bun.sleep(20);
  await Bun.sleep(300);
  return got + unread();
}
