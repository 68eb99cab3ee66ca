/** AF_XDP in copy mode, for io.ts only: a socket's rings, seen from JavaScript. */
import { errno, SysError } from "#sys/errno";
import { libc } from "#sys/libc";
import { type Arena, Memory, pinned } from "#sys/memory";
import { inNamespace } from "#sys/namespace";
import type { Batch, Receiver, Sender } from "./io-ways";

const AF_XDP = 44;
const SOL_XDP = 283;
const CHUNK = 2048;
const CHUNKS = 4096;
const RING = 2048;
const HEADROOM = 256;
const VNET = 10;
const SYS_BPF = 321;

const scratch = pinned(4096);

function must(result: number, call: string): number {
  if (result < 0) throw new SysError(call, errno());
  return result;
}

/** A producer or consumer ring of AF_XDP, mapped. */
class XdpRing {
  readonly words: Int32Array;
  readonly producer: number;
  readonly consumer: number;
  readonly descriptors: number;

  constructor(fd: number, pageOffset: number, offsets: readonly number[], entry: number) {
    const size = offsets[2]! + RING * entry;
    const address = must(libc.mmap(0, size, 3, 1 | 0x8000, fd, pageOffset), "mmap xdp");
    this.words = new Memory(address, (size + 4095) & ~4095).words;
    this.producer = offsets[0]! >> 2;
    this.consumer = offsets[1]! >> 2;
    this.descriptors = offsets[2]! >> 2;
  }
}

export class XdpSocket implements Receiver, Sender {
  readonly fd: number;
  readonly #arena: Arena;
  readonly #umem: number;
  readonly #rx: XdpRing;
  readonly #tx: XdpRing;
  readonly #fill: XdpRing;
  readonly #completion: XdpRing;
  readonly #free: number[] = [];
  readonly #held: number[] = [];

  constructor(arena: Arena, namespace: string, ifindex: number, receive: boolean) {
    this.#arena = arena;
    this.#umem = arena.allocate(CHUNK * CHUNKS, 4096);
    this.fd = inNamespace(namespace, () => must(libc.socket(AF_XDP, 3, 0), "socket AF_XDP"));
    scratch.view.setBigUint64(0, BigInt(arena.address + this.#umem), true);
    scratch.view.setBigUint64(8, BigInt(CHUNK * CHUNKS), true);
    scratch.words.set([CHUNK, HEADROOM, 0, 0], 4);
    must(libc.setsockopt(this.fd, SOL_XDP, 4, scratch.address, 32), "XDP_UMEM_REG");
    scratch.words[0] = RING;
    for (const option of [5, 6, 2, 3])
      must(libc.setsockopt(this.fd, SOL_XDP, option, scratch.address, 4), `xdp ring ${option}`);
    scratch.words[100] = 128;
    must(libc.getsockopt(this.fd, SOL_XDP, 1, scratch.address, scratch.address + 400), "XDP_MMAP_OFFSETS");
    const offsets = Array.from({ length: 16 }, (_, i) => scratch.words[2 * i]!);
    this.#rx = new XdpRing(this.fd, 0, offsets.slice(0, 4), 16);
    this.#tx = new XdpRing(this.fd, 0x8000_0000, offsets.slice(4, 8), 16);
    this.#fill = new XdpRing(this.fd, 0x1_0000_0000, offsets.slice(8, 12), 8);
    this.#completion = new XdpRing(this.fd, 0x1_8000_0000, offsets.slice(12, 16), 8);
    for (let i = RING; i < CHUNKS; i++) this.#free.push(i * CHUNK);
    if (receive) for (let i = 0; i < RING; i++) this.#putFill(i * CHUNK);
    scratch.bytes.fill(0, 0, 16);
    scratch.view.setUint16(0, AF_XDP, true);
    scratch.view.setUint16(2, 2, true); // XDP_COPY
    scratch.words[1] = ifindex;
    must(libc.bind(this.fd, scratch.address, 16), "bind AF_XDP");
  }

  receive(batch: Batch): number {
    const { words, producer, consumer, descriptors } = this.#rx;
    const available = (Atomics.load(words, producer) - words[consumer]!) | 0;
    const count = Math.min(available, batch.at.length);
    for (let i = 0; i < count; i++) {
      const word = descriptors + ((words[consumer]! + i) & (RING - 1)) * 4;
      const at = words[word]!;
      this.#held.push(at - (at % CHUNK));
      batch.at[i] = this.#umem + at - VNET;
      batch.length[i] = words[word + 2]! + VNET;
      this.#arena.bytes.fill(0, batch.at[i]!, batch.at[i]! + VNET);
    }
    if (count > 0) Atomics.store(words, consumer, words[consumer]! + count);
    return count;
  }

  release(): void {
    for (const at of this.#held) this.#putFill(at);
    this.#held.length = 0;
  }

  send(batch: Batch, count: number): void {
    const { words, producer, descriptors } = this.#tx;
    const { bytes } = this.#arena;
    this.#reclaim();
    let produced = words[producer]!;
    for (let i = 0; i < count && this.#free.length > 0; i++) {
      const to = this.#free.pop()!;
      const from = batch.at[i]! + VNET;
      const length = batch.length[i]! - VNET;
      for (let k = 0; k < length; k++) bytes[this.#umem + to + k] = bytes[from + k]!;
      const word = descriptors + (produced++ & (RING - 1)) * 4;
      words[word] = to;
      words[word + 1] = 0;
      words[word + 2] = length;
      words[word + 3] = 0;
    }
    Atomics.store(words, producer, produced);
    for (let left = count; left > 0; left -= 32) libc.send(this.fd, 0, 0, 0x40);
  }

  #reclaim(): void {
    const { words, producer, consumer, descriptors } = this.#completion;
    const end = Atomics.load(words, producer);
    let at = words[consumer]!;
    for (; at !== end; at = (at + 1) | 0) this.#free.push(words[descriptors + (at & (RING - 1)) * 2]!);
    Atomics.store(words, consumer, at);
  }

  #putFill(at: number): void {
    const { words, producer, descriptors } = this.#fill;
    const word = descriptors + (words[producer]! & (RING - 1)) * 2;
    words[word] = at;
    words[word + 1] = 0;
    Atomics.store(words, producer, words[producer]! + 1);
  }
}

const bpf = (command: number, size: number): number => libc.syscall(SYS_BPF, command, scratch.address, size, 0, 0, 0);

/** Redirects all that comes in on queue 0 of an interface into an AF_XDP socket, until the descriptor is closed. */
export function redirectTo(socket: number, namespace: string, ifindex: number): number {
  const { bytes, words, view, address } = scratch;
  bytes.fill(0, 0, 512);
  words.set([17, 4, 4, 1]); // BPF_MAP_TYPE_XSKMAP, key and value size, entries
  const map = must(bpf(0, 128), "bpf map");
  words.set([0, socket], 64);
  bytes.fill(0, 0, 128);
  words[0] = map;
  view.setBigUint64(8, BigInt(address + 256), true);
  view.setBigUint64(16, BigInt(address + 260), true);
  must(bpf(2, 128), "bpf map update");
  bytes.fill(0, 0, 128);
  const program = [
    [0x18, 0x11, map], // r1 = map (BPF_PSEUDO_MAP_FD), 16 octets
    [0, 0, 0],
    [0xb7, 0x02, 0], // r2 = 0: the queue
    [0xb7, 0x03, 2], // r3 = XDP_PASS when there is no socket
    [0x85, 0x00, 51], // call bpf_redirect_map
    [0x95, 0x00, 0],
  ];
  for (const [i, [opcode, registers, immediate]] of program.entries()) {
    bytes.set([opcode!, registers!, 0, 0], 256 + 8 * i);
    view.setInt32(256 + 8 * i + 4, immediate!, true);
  }
  words.set([6, program.length]); // BPF_PROG_TYPE_XDP
  view.setBigUint64(8, BigInt(address + 256), true);
  view.setBigUint64(16, BigInt(scratch.putString(400, "GPL")), true);
  words[17] = 37; // expected_attach_type BPF_XDP
  const loaded = must(bpf(5, 128), "bpf load xdp");
  bytes.fill(0, 0, 128);
  words.set([loaded, ifindex, 37, 0]);
  return inNamespace(namespace, () => must(bpf(28, 128), "bpf link xdp"));
}
