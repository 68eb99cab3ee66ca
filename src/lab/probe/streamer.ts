/**
 * A process in a namespace that has one end of a TCP stream: `streamer.ts echo PORT` sends back what it gets, on each
 * connection; `streamer.ts send ADDRESS PORT RATE` sends RATE octets a second to somebody who sends them back, checks them, and when its
 * standard input ends prints a StreamReport.
 */
import { connect, createServer } from "node:net";
import type { StreamReport } from "#lab/probe/stream";

/** Milliseconds between chunks, and for the last octets to come back. */
const STEP = 10;
const LINGER = 3000;
/** The octet at a position of the stream; its period is no power of two, so that no lost segment goes unnoticed. */
const octetAt = (position: number): number => position % 251;

const [job, ...rest] = process.argv.slice(2);
if (job === "echo") {
  const server = createServer((socket) => socket.on("error", () => {}).pipe(socket));
  server.listen(Number(rest[0]), () => process.stdout.write("ready\n"));
} else {
  await send(rest[0]!, Number(rest[1]), Number(rest[2]));
}

async function send(host: string, port: number, rate: number): Promise<void> {
  const report = { sent: 0, echoed: 0, intact: true, longestStall: 0, ended: undefined as string | undefined };
  const socket = connect({ host, port, noDelay: true });
  let last: number | undefined;
  socket.on("data", (octets: Buffer) => {
    const now = performance.now();
    if (last !== undefined) report.longestStall = Math.max(report.longestStall, now - last);
    last = now;
    for (const octet of octets) report.intact &&= octet === octetAt(report.echoed++);
  });
  socket.on("error", (error) => {
    report.ended = error.message;
  });
  socket.on("close", () => {
    report.ended ??= "closed by the other end";
  });
  await new Promise((resolve) => socket.once("connect", resolve).once("close", resolve));
  process.stdout.write("ready\n");
  let isSending = true;
  process.stdin.on("end", () => {
    isSending = false;
  });
  process.stdin.resume();
  const began = performance.now();
  while (isSending && report.ended === undefined) {
    const due = Math.floor(((performance.now() - began) * rate) / 1000) - report.sent;
    const chunk = Uint8Array.from({ length: due }, (_, i) => octetAt(report.sent + i));
    report.sent += due;
    if (due > 0) socket.write(chunk);
    await Bun.sleep(STEP);
  }
  for (let waited = 0; waited < LINGER && report.echoed < report.sent; waited += STEP) await Bun.sleep(STEP);
  const { ended, ...figures } = report;
  const outcome: StreamReport = ended === undefined ? figures : { ...figures, ended };
  await Bun.write(Bun.stdout, JSON.stringify(outcome));
  process.exit(0);
}
