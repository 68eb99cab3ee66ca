/**
 * Transit traffic while the router is busy: `traffic.ts send ADDRESS RATE` and `traffic.ts count`, each until its standard
 * input ends; then it says how many datagrams its kernel sent or got. What the counter did not get to reading has been
 * forwarded, and counts.
 */
import { readFileSync } from "node:fs";

const PORT = 9099;
const [mode, address, rate] = process.argv.slice(2);
let ended = false;
process.stdin.once("end", () => {
  ended = true;
});
process.stdin.resume();

/** This namespace's, where nobody else sends or receives. */
function kernelCount(...names: readonly string[]): number {
  const text = readFileSync("/proc/thread-self/net/snmp6", "latin1");
  const value = (name: string): number => Number(new RegExp(`^${name}\\s+(\\d+)`, "m").exec(text)?.[1] ?? 0);
  return names.reduce((sum, name) => sum + value(name), 0);
}

const sent = (): number => kernelCount("Udp6OutDatagrams");
const got = (): number => kernelCount("Udp6InDatagrams", "Udp6RcvbufErrors");

if (mode === "send") process.stdout.write(`${await send(address!, Number(rate))}\n`);
else process.stdout.write(`${await count()}\n`);
process.exit(0);

async function send(to: string, perSecond: number): Promise<number> {
  const before = sent();
  const socket = await Bun.udpSocket({ hostname: "::" });
  const began = performance.now();
  const payload = new Uint8Array(64);
  for (let done = 0; !ended; ) {
    const due = Math.floor(((performance.now() - began) * perSecond) / 1000);
    // Not all at once what was missed while others had the processor: a queue on the way would be what loses it.
    for (let i = 0; done < due && i < 20; i++) if (socket.send(payload, PORT, to)) done++;
    await Bun.sleep(2);
  }
  return sent() - before;
}

async function count(): Promise<number> {
  const before = got();
  await Bun.udpSocket({ hostname: "::", port: PORT, socket: { data: () => {} } });
  process.stdout.write("ready\n");
  while (!ended) await Bun.sleep(20);
  await Bun.sleep(300);
  return got() - before;
}
