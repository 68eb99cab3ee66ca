/** The ways of getting frames in and out that io.ts compares. Each is what a port would do, and nothing else. */
import { EAGAIN, errno, SysError } from "#sys/errno";
import { libc } from "#sys/libc";
import type { Arena } from "#sys/memory";

export const BATCH = 256;
const BUFFER = 66 * 1024;
const VNET = 10;
const SOL_PACKET = 263;
const MSG_DONTWAIT = 0x40;
const USER = 1; // TP_STATUS_USER: the slot is ours
const COPY = 2; // TP_STATUS_COPY: the whole frame waits in the socket's queue

/** What a receiver found: arena offsets of the virtio_net_hdr before each frame, and lengths with that header. */
export class Batch {
  readonly at = new Int32Array(BATCH);
  readonly length = new Int32Array(BATCH);
}

export interface Receiver {
  receive(batch: Batch): number;
  release(): void;
}

export interface Sender {
  send(batch: Batch, count: number): void;
}

function option(arena: Arena, fd: number, name: number, words: readonly number[]): void {
  const at = arena.allocate(64);
  arena.words.set(words, at >> 2);
  if (libc.setsockopt(fd, SOL_PACKET, name, arena.address + at, words.length * 4) === -1) {
    throw new SysError(`setsockopt ${name}`, errno());
  }
  arena.release(at, 64);
}

/** One recv(2) a frame. */
export class OneByOneReceiver implements Receiver {
  readonly #arena: Arena;
  readonly #fd: number;
  readonly #buffers: number;

  constructor(arena: Arena, fd: number) {
    this.#arena = arena;
    this.#fd = fd;
    this.#buffers = arena.allocate(64 * BUFFER);
  }

  receive(batch: Batch): number {
    for (let i = 0; i < 64; i++) {
      const at = this.#buffers + i * BUFFER;
      const length = libc.read(this.#fd, this.#arena.address + at, BUFFER);
      if (length < 0) return i;
      batch.at[i] = at;
      batch.length[i] = length;
    }
    return 64;
  }

  release(): void {}
}

/** One send(2) or write(2) a frame. */
export class OneByOneSender implements Sender {
  readonly #arena: Arena;
  readonly #fd: number;

  constructor(arena: Arena, fd: number) {
    this.#arena = arena;
    this.#fd = fd;
  }

  send(batch: Batch, count: number): void {
    for (let i = 0; i < count; i++) libc.write(this.#fd, this.#arena.address + batch.at[i]!, batch.length[i]!);
  }
}

/** struct mmsghdr[BATCH] with one iovec each, prebuilt; only base and length change. */
class MessageVector {
  readonly at: number;
  readonly iovecs: number;
  readonly #arena: Arena;

  constructor(arena: Arena) {
    this.#arena = arena;
    this.at = arena.allocate(BATCH * 64);
    this.iovecs = arena.allocate(BATCH * 16);
    for (let i = 0; i < BATCH; i++) {
      arena.view.setBigUint64(this.at + 64 * i + 16, BigInt(arena.address + this.iovecs + 16 * i), true);
      arena.view.setBigUint64(this.at + 64 * i + 24, 1n, true);
      arena.words[(this.iovecs + 16 * i + 4) >> 2] = Math.floor(arena.address / 2 ** 32);
    }
  }

  set(i: number, at: number, length: number): void {
    const { words, address } = this.#arena;
    const word = (this.iovecs + 16 * i) >> 2;
    words[word] = (address + at) | 0;
    words[word + 2] = length;
  }

  length(i: number): number {
    return this.#arena.words[(this.at + 64 * i + 56) >> 2]!;
  }
}

export class RecvmmsgReceiver implements Receiver {
  readonly #arena: Arena;
  readonly #fd: number;
  readonly #vector: MessageVector;
  readonly #buffers: number;

  constructor(arena: Arena, fd: number) {
    this.#arena = arena;
    this.#fd = fd;
    this.#vector = new MessageVector(arena);
    this.#buffers = arena.allocate(BATCH * BUFFER);
    for (let i = 0; i < BATCH; i++) this.#vector.set(i, this.#buffers + i * BUFFER, BUFFER);
  }

  receive(batch: Batch): number {
    const address = this.#arena.address + this.#vector.at;
    const count = libc.recvmmsg(this.#fd, address, BATCH, MSG_DONTWAIT, 0);
    for (let i = 0; i < count; i++) {
      batch.at[i] = this.#buffers + i * BUFFER;
      batch.length[i] = this.#vector.length(i);
    }
    return Math.max(0, count);
  }

  release(): void {}
}

export class SendmmsgSender implements Sender {
  readonly #arena: Arena;
  readonly #fd: number;
  readonly #vector: MessageVector;

  constructor(arena: Arena, fd: number) {
    this.#arena = arena;
    this.#fd = fd;
    this.#vector = new MessageVector(arena);
  }

  send(batch: Batch, count: number): void {
    for (let i = 0; i < count; i++) this.#vector.set(i, batch.at[i]!, batch.length[i]!);
    for (let done = 0; done < count; ) {
      const address = this.#arena.address + this.#vector.at + 64 * done;
      const sent = libc.sendmmsg(this.#fd, address, count - done, MSG_DONTWAIT);
      if (sent > 0) done += sent;
      else if (errno() === EAGAIN) return;
      else done++;
    }
  }
}

/** TPACKET_V2: one slot a frame. A frame longer than its slot is read from the socket's queue into a buffer. */
export class RingV2Receiver implements Receiver {
  readonly #arena: Arena;
  readonly #fd: number;
  readonly #ring: number;
  readonly #slotSize: number;
  readonly #slots: number;
  readonly #large: number;
  #next = 0;
  #first = 0;
  copies = 0;

  constructor(arena: Arena, fd: number, slotSize: number, slots: number) {
    option(arena, fd, 10, [1]); // PACKET_VERSION
    option(arena, fd, 12, [70]); // PACKET_RESERVE
    option(arena, fd, 7, [1]); // PACKET_COPY_THRESH
    const block = Math.max(65536, slotSize);
    option(arena, fd, 5, [block, (slots * slotSize) / block, slotSize, slots]); // PACKET_RX_RING
    this.#arena = arena;
    this.#fd = fd;
    this.#slotSize = slotSize;
    this.#slots = slots;
    this.#ring = arena.mapOver(fd, slots * slotSize, "ring");
    this.#large = arena.allocate(32 * BUFFER);
  }

  receive(batch: Batch): number {
    const { words } = this.#arena;
    let slot = this.#next;
    let count = 0;
    let large = 0;
    while (count < BATCH && count < this.#slots - 1) {
      const at = this.#ring + slot * this.#slotSize;
      const status = Atomics.load(words, at >> 2);
      if ((status & USER) === 0) break;
      if (status & COPY) {
        if (large === 32) break;
        const to = this.#large + large * BUFFER;
        const length = libc.recv(this.#fd, this.#arena.address + to, BUFFER, MSG_DONTWAIT);
        large++;
        this.copies++;
        batch.at[count] = to;
        batch.length[count] = length;
      } else {
        batch.at[count] = at + (words[(at + 12) >> 2]! & 0xffff) - VNET;
        batch.length[count] = words[(at + 8) >> 2]! + VNET;
      }
      count++;
      slot = slot + 1 === this.#slots ? 0 : slot + 1;
    }
    this.#first = this.#next;
    this.#next = slot;
    return count;
  }

  release(): void {
    for (let slot = this.#first; slot !== this.#next; slot = slot + 1 === this.#slots ? 0 : slot + 1) {
      Atomics.store(this.#arena.words, (this.#ring + slot * this.#slotSize) >> 2, 0);
    }
    this.#first = this.#next;
  }
}

/** TPACKET_V3: frames packed into blocks; a block is handed over when full, or when its timer (≥ 1 ms) ends. */
export class RingV3Receiver implements Receiver {
  readonly #arena: Arena;
  readonly #ring: number;
  readonly #blockSize: number;
  readonly #blocks: number;
  #block = 0;
  #left = 0;
  #frame = 0;

  constructor(arena: Arena, fd: number, blockSize: number, blocks: number) {
    option(arena, fd, 10, [2]);
    option(arena, fd, 12, [70]);
    option(arena, fd, 5, [blockSize, blocks, 2048, (blocks * blockSize) / 2048, 1, 0, 0]);
    this.#arena = arena;
    this.#blockSize = blockSize;
    this.#blocks = blocks;
    this.#ring = arena.mapOver(fd, blocks * blockSize, "ring");
  }

  receive(batch: Batch): number {
    const { words } = this.#arena;
    const block = this.#ring + this.#block * this.#blockSize;
    if ((Atomics.load(words, (block + 8) >> 2) & USER) === 0) return 0;
    if (this.#left === 0) {
      this.#left = words[(block + 12) >> 2]!;
      this.#frame = block + words[(block + 16) >> 2]!;
    }
    let count = 0;
    while (count < BATCH && this.#left > 0) {
      const word = this.#frame >> 2;
      batch.at[count] = this.#frame + (words[word + 6]! & 0xffff) - VNET;
      batch.length[count] = words[word + 3]! + VNET;
      this.#frame += words[word]!;
      this.#left--;
      count++;
    }
    return count;
  }

  release(): void {
    if (this.#left > 0) return;
    const block = this.#ring + this.#block * this.#blockSize;
    if ((Atomics.load(this.#arena.words, (block + 8) >> 2) & USER) === 0) return;
    Atomics.store(this.#arena.words, (block + 8) >> 2, 0);
    this.#block = (this.#block + 1) % this.#blocks;
  }
}

/** PACKET_TX_RING (V2): frames are copied into slots, one send(2) starts them all. */
export class TxRingSender implements Sender {
  readonly #arena: Arena;
  readonly #fd: number;
  readonly #ring: number;
  readonly #slotSize: number;
  readonly #slots: number;
  #next = 0;

  /** @param base the arena offset of the mapped transmit ring. */
  constructor(arena: Arena, fd: number, base: number, slotSize: number, slots: number) {
    this.#arena = arena;
    this.#fd = fd;
    this.#ring = base;
    this.#slotSize = slotSize;
    this.#slots = slots;
  }

  send(batch: Batch, count: number): void {
    const { words, bytes, address } = this.#arena;
    let filled = 0;
    for (let i = 0; i < count; i++) {
      const slot = this.#ring + this.#next * this.#slotSize;
      if (Atomics.load(words, slot >> 2) !== 0) break;
      const length = batch.length[i]!;
      if (length > this.#slotSize - 32) continue;
      const from = batch.at[i]!;
      const to = slot + 32; // TPACKET2_HDRLEN − sizeof(struct sockaddr_ll)
      if (length > 256) bytes.copyWithin(to, from, from + length);
      else for (let k = 0; k < length; k++) bytes[to + k] = bytes[from + k]!;
      words[(slot + 4) >> 2] = length;
      Atomics.store(words, slot >> 2, 1);
      this.#next = this.#next + 1 === this.#slots ? 0 : this.#next + 1;
      filled++;
    }
    if (filled > 0) libc.send(this.#fd, address, 0, MSG_DONTWAIT);
  }
}

export function makeTxRing(arena: Arena, fd: number, slotSize: number, slots: number): void {
  option(arena, fd, 10, [1]);
  const block = Math.max(65536, slotSize);
  option(arena, fd, 13, [block, (slots * slotSize) / block, slotSize, slots]);
}
