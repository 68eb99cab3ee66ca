/** The processes that io.ts starts: a generator, a forwarder, a latency probe. */
import { Frame } from "#fastpath/frame";
import { openPacketPort, PacketPort } from "#fastpath/ports/packet";
import { dropIncoming } from "#sys/bpf";
import { monotonicNanos } from "#sys/clock";
import { libc } from "#sys/libc";
import { Arena, pinned } from "#sys/memory";
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
import { redirectTo, XdpSocket } from "./io-xdp";

const FRAME = 64;
const time = pinned(16);

function open(namespace: string, name: string, bypassQueue = false): number {
  const index = indexOf(namespace, name);
  return inNamespace(namespace, () =>
    openPacketSocket({ index, about: name, receiveBuffer: 16 << 20, sendBuffer: 16 << 20, bypassQueue }),
  );
}

function indexOf(namespace: string, name: string): number {
  const rt = new Rtnetlink(namespace);
  const { index } = rt.requireLink(name);
  rt.close();
  return index;
}

const drop = (namespace: string, name: string): number =>
  inNamespace(namespace, () => dropIncoming(indexOf(namespace, name), name));

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
  const sender = new XdpSocket(arena, "ioG", indexOf("ioG", "g0"), false); // the cheapest way: it must not be the bottleneck
  const end = monotonicNanos() + seconds * 1e9;
  while (monotonicNanos() < end) sender.send(batch, 256);
}

interface Port {
  fd: number;
  receiver: Receiver;
  sender: Sender;
}

function openPort(arena: Arena, name: string, way: string): Port {
  const fd = open("ioF", name, way.includes("bypass"));
  if (way.endsWith("drop")) drop("ioF", name);
  const slots = /v2x(\d+)k(?:x(\d+))?/.exec(way);
  if (way.startsWith("xdp")) {
    const both = new XdpSocket(arena, "ioF", indexOf("ioF", name), true);
    redirectTo(both.fd, "ioF", indexOf("ioF", name));
    return { fd: both.fd, receiver: both, sender: both };
  }
  if (way.includes("txring")) {
    // Another socket: mapped together with the receive ring, it would lie after it in one mapping.
    const out = open("ioF", `${name}`, true);
    makeTxRing(arena, out, 2048, 1024);
    const sender = new TxRingSender(arena, out, arena.mapOver(out, 2048 * 1024, "ring"), 2048, 1024);
    return { fd, receiver: new RingV2Receiver(arena, fd, 2048, 2048), sender };
  }
  const sender = way.includes("xdptx")
    ? new XdpSocket(arena, "ioF", indexOf("ioF", name), false)
    : way.includes("sendmmsg")
      ? new SendmmsgSender(arena, fd)
      : new OneByOneSender(arena, fd);
  if (slots !== null) {
    const size = Number(slots[1]) * 1024;
    return {
      fd,
      receiver: new RingV2Receiver(arena, fd, size, Number(slots[2] ?? (size > 4096 ? 256 : 2048))),
      sender,
    };
  }
  if (way.startsWith("v3")) return { fd, receiver: new RingV3Receiver(arena, fd, 1 << 18, 32), sender };
  if (way.startsWith("recvmmsg")) return { fd, receiver: new RecvmmsgReceiver(arena, fd), sender };
  return { fd, receiver: new OneByOneReceiver(arena, fd), sender };
}

function forward(way: string, seconds: number): void {
  const arena = Arena.map();
  const ports = openPorts(arena, way);
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

/** The real thing: packet ports as a forwarder uses them, without a pipeline between. */
class PortReceiver implements Receiver {
  readonly port: PacketPort;
  readonly frames = Array.from({ length: 64 }, () => new Frame());

  constructor(port: PacketPort) {
    this.port = port;
  }

  receive(_batch: Batch): number {
    return this.port.receive(this.frames, 0);
  }

  release(): void {
    this.port.release();
  }
}

class PortSender implements Sender {
  readonly port: PacketPort;
  from: PortReceiver | undefined;

  constructor(port: PacketPort) {
    this.port = port;
  }

  send(_batch: Batch, count: number): void {
    for (let i = 0; i < count; i++) this.port.transmit(this.from!.frames[i]!);
    this.port.flush();
  }
}

function openRealPort(arena: Arena, name: string, slots: number, express: boolean): Port & { sender: PortSender } {
  const interfaceIndex = indexOf("ioF", name);
  const descriptor = inNamespace("ioF", () =>
    openPacketPort(arena, {
      ...{ index: 0, interfaceIndex, interfaceName: name, mtu: 1500 },
      ...{ offload: true, exclusive: true, slots, express },
    }),
  );
  if (express && descriptor.express === undefined) throw new Error("no AF_XDP here");
  const port = new PacketPort(arena, descriptor);
  return { fd: descriptor.fd, receiver: new PortReceiver(port), sender: new PortSender(port) };
}

/** Two ports, and where each sends what the other received. */
function openPorts(arena: Arena, way: string): readonly [Port, Port] {
  const real = /^packet port(?: x(\d+))?( slow)?$/.exec(way);
  if (real === null) return [openPort(arena, "f0", way), openPort(arena, "f1", way)];
  const slots = Number(real[1] ?? 2048);
  const [a, b] = [openRealPort(arena, "f0", slots, !real[2]), openRealPort(arena, "f1", slots, !real[2])];
  a.sender.from = b.receiver as PortReceiver;
  b.sender.from = a.receiver as PortReceiver;
  return [a, b];
}

/** Nanoseconds of this thread's processor time. */
function spent(): number {
  libc.clock_gettime(3, time.address); // CLOCK_THREAD_CPUTIME_ID
  return time.words[0]! * 1e9 + time.words[2]!;
}

/** Feeds the forwarder from the same thread and weighs only its own part: ns a frame, free of what else runs here. */
function cost(way: string): void {
  const arena = Arena.map();
  const batch = new Batch();
  preload(arena, batch);
  const generator = new SendmmsgSender(arena, open("ioG", "g0", true));
  const [from, to] = openPorts(arena, way);
  const received = new Batch();
  const costs: number[] = [];
  for (let round = 0; round < 400; round++) {
    generator.send(batch, BATCH);
    const poller = new Poller(1);
    poller.set(0, from.fd);
    poller.wait(100);
    poller.close();
    const start = spent();
    let frames = 0;
    for (let count = from.receiver.receive(received); count > 0; count = from.receiver.receive(received)) {
      to.sender.send(received, count);
      from.receiver.release();
      frames += count;
    }
    if (round > 100 && frames > 0) costs.push((spent() - start) / frames);
  }
  costs.sort((a, b) => a - b);
  console.log(JSON.stringify({ nanos: costs[costs.length >> 1] }));
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
else if (role === "cost") cost(first!);
else if (role === "ping") ping(Number(first));
