/** The processes that io.ts starts: a generator, a forwarder, a latency probe. */
import { dropIncoming } from "#sys/bpf";
import { monotonicNanos } from "#sys/clock";
import { libc } from "#sys/libc";
import { Arena } from "#sys/memory";
import { inNamespace } from "#sys/namespace";
import { openPacketSocket } from "#sys/packet-socket";
import { Poller } from "#sys/poll";
import { Rtnetlink } from "#sys/rtnetlink";
import {
  BATCH,
  Batch,
  makeTxRing,
  OneByOneReceiver,
  OneByOneSender,
  type Receiver,
  RecvmmsgReceiver,
  RingV2Receiver,
  RingV3Receiver,
  type Sender,
  SendmmsgSender,
  TxRingSender,
} from "./io-ways";

const FRAME = 64;

function open(namespace: string, name: string, bypassQueue = false): number {
  const rt = new Rtnetlink(namespace);
  const { index } = rt.requireLink(name);
  rt.close();
  return inNamespace(namespace, () =>
    openPacketSocket({ index, about: name, receiveBuffer: 16 << 20, sendBuffer: 16 << 20, bypassQueue }),
  );
}

function drop(namespace: string, name: string): void {
  const rt = new Rtnetlink(namespace);
  const { index } = rt.requireLink(name);
  rt.close();
  inNamespace(namespace, () => dropIncoming(index, name));
}

function preload(arena: Arena, batch: Batch): void {
  for (let i = 0; i < BATCH; i++) {
    const at = arena.allocate(FRAME + 64, 64) + 6;
    arena.bytes.set([2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 0x86, 0xdd, 0x60, 0, 0, 0, 0, FRAME - 54, 17, 64], at + 10);
    arena.bytes[at + 10 + 53] = i;
    batch.at[i] = at;
    batch.length[i] = FRAME + 10;
  }
}

function generate(seconds: number): void {
  const arena = Arena.map();
  const batch = new Batch();
  preload(arena, batch);
  const sender = new SendmmsgSender(arena, open("ioG", "g0", true));
  const end = monotonicNanos() + seconds * 1e9;
  while (monotonicNanos() < end) sender.send(batch, 32);
}

interface Port {
  fd: number;
  receiver: Receiver;
  sender: Sender;
}

function openPort(arena: Arena, name: string, way: string): Port {
  const fd = open("ioF", name, way.includes("bypass"));
  if (way.endsWith("drop")) drop("ioF", name);
  const slots = /v2x(\d+)k/.exec(way);
  if (way.includes("txring")) {
    // Another socket: mapped together with the receive ring, it would lie after it in one mapping.
    const out = open("ioF", `${name}`, true);
    makeTxRing(arena, out, 2048, 1024);
    const sender = new TxRingSender(arena, out, arena.mapOver(out, 2048 * 1024, "ring"), 2048, 1024);
    return { fd, receiver: new RingV2Receiver(arena, fd, 2048, 2048), sender };
  }
  const sender = way.includes("sendmmsg") ? new SendmmsgSender(arena, fd) : new OneByOneSender(arena, fd);
  if (slots !== null) {
    const size = Number(slots[1]) * 1024;
    return { fd, receiver: new RingV2Receiver(arena, fd, size, size > 4096 ? 256 : 2048), sender };
  }
  if (way.startsWith("v3")) return { fd, receiver: new RingV3Receiver(arena, fd, 1 << 18, 32), sender };
  if (way.startsWith("recvmmsg")) return { fd, receiver: new RecvmmsgReceiver(arena, fd), sender };
  return { fd, receiver: new OneByOneReceiver(arena, fd), sender };
}

function forward(way: string, seconds: number): void {
  const arena = Arena.map();
  const ports = [openPort(arena, "f0", way), openPort(arena, "f1", way)] as const;
  const poller = new Poller(2);
  for (const [slot, port] of ports.entries()) poller.set(slot, port.fd);
  const batch = new Batch();
  const cpu = process.cpuUsage();
  const end = monotonicNanos() + seconds * 1e9;
  let frames = 0;
  let turns = 0;
  while (monotonicNanos() < end) {
    if (poller.wait(50) === 0) continue;
    for (let i = 0; i < 2; i++) {
      if (!poller.ready(i)) continue;
      const from = ports[i as 0 | 1];
      const count = from.receiver.receive(batch);
      ports[(1 - i) as 0 | 1].sender.send(batch, count);
      from.receiver.release();
      frames += count;
      turns++;
    }
  }
  const { user, system } = process.cpuUsage(cpu);
  const copies = ports.map(({ receiver }) => (receiver instanceof RingV2Receiver ? receiver.copies : 0));
  console.log(JSON.stringify({ frames, turns, cpu: (user + system) / 1e6, copies }));
}

/** One frame a millisecond; the time until it comes out, µs. */
function ping(seconds: number): void {
  const arena = Arena.map();
  const batch = new Batch();
  preload(arena, batch);
  const out = open("ioG", "g0", true);
  const into = open("ioS", "s1");
  const times: number[] = [];
  const end = monotonicNanos() + seconds * 1e9;
  while (monotonicNanos() < end) {
    const start = monotonicNanos();
    libc.write(out, arena.address + batch.at[0]!, batch.length[0]!);
    let now = start;
    while (libc.read(into, arena.address + batch.at[1]!, FRAME + 10) < 0 && now - start < 20e6) now = monotonicNanos();
    times.push((monotonicNanos() - start) / 1000);
    while (monotonicNanos() - start < 1e6);
  }
  times.sort((a, b) => a - b);
  console.log(JSON.stringify([times[times.length >> 1], times[Math.floor(times.length * 0.99)]]));
}

const [role, first, second] = process.argv.slice(2);
if (role === "generate") generate(Number(first));
else if (role === "forward") forward(first!, Number(second));
else if (role === "ping") ping(Number(first));
