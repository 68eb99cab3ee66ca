/**
 * Sending by AF_XDP in copy mode: two thirds of the processor time that sendmmsg(2) on a packet socket takes for a small
 * frame (perf/io.md), on any interface, with partial checksums but without super-packets. Nothing is received, so no
 * program is loaded and the interface keeps its offloads.
 *
 * Frames are copied into chunks of the arena; descriptors name them in the transmit ring, and the completion ring
 * gives the chunks back.
 */
import { closeDescriptor } from "#sys/descriptor";
import { check, EBADF, EBUSY, EINTR, ENETDOWN, ENXIO, errno, SysError } from "#sys/errno";
import { libc } from "#sys/libc";
import { type Arena, type Memory, PAGE, pinned } from "#sys/memory";

const AF_XDP = 44;
const SOCK_RAW = 3;
const SOCK_CLOEXEC = 0o2000000;
const MSG_DONTWAIT = 0x40;
const SOL_SOCKET = 1;
const SO_SNDBUFFORCE = 32;
const SOL_XDP = 283;
const XDP_MMAP_OFFSETS = 1;
const XDP_TX_RING = 3;
const XDP_UMEM_REG = 4;
const XDP_UMEM_FILL_RING = 5;
const XDP_UMEM_COMPLETION_RING = 6;
const XDP_STATISTICS = 7;
const XDP_MAX_TX_SKB_BUDGET = 9;
const XDP_PGOFF_TX_RING = 0x8000_0000;
const XDP_UMEM_PGOFF_COMPLETION_RING = 0x1_8000_0000;
const XDP_COPY = 2;
const XDP_UMEM_TX_METADATA_LEN = 4;
/** Descriptor option: metadata lies before the frame. */
const XDP_TX_METADATA = 2;
const XDP_TXMD_FLAGS_CHECKSUM = 2;

const CHUNK = 2048; // octets
const CHUNKS = 512; // also the entries of each ring
/** struct xsk_tx_metadata: flags u64, checksum start u16 and offset u16, launch time u64. */
const METADATA = 24; // octets
/** Where frames begin in a chunk: behind the metadata, at most 3 octets later to keep the source's alignment. */
const DATA = 32;
const TX_ENTRY = 16; // struct xdp_desc: chunk offset u64, length u32, options u32
const COMPLETION_ENTRY = 8;
const ETHERNET_HEADER = 14;
const SEND_BUFFER = 8 << 20; // octets
const MOST_QUEUES = 64;

/** Longest frame that fits, octets. */
export const XDP_LONGEST = CHUNK - DATA - 3;

const scratch: Memory = pinned(256);

/** A ring mapped into the arena; all but `size` are arena offsets. */
interface RingPlace {
  readonly at: number;
  readonly size: number;
  readonly producer: number;
  readonly consumer: number;
  readonly entries: number;
}

/** All an {@link XdpTransmit} is made of; plain data. Whoever has it closes `fd` when done. */
export interface XdpDescriptor {
  readonly fd: number;
  /** Arena offset of the chunks. */
  readonly chunks: number;
  readonly transmit: RingPlace;
  readonly completion: RingPlace;
}

/**
 * Control thread, inside the interface's namespace. Takes a transmit queue of the interface that no other AF_XDP socket
 * has. Throws SysError when there is none, or when the kernel (before 6.8) cannot do it.
 */
export function openXdpTransmit(arena: Arena, interfaceIndex: number, about: string): XdpDescriptor {
  const fd = check(libc.socket(AF_XDP, SOCK_RAW | SOCK_CLOEXEC, 0), "socket", "AF_XDP");
  const chunks = arena.allocate(CHUNK * CHUNKS, PAGE);
  const rings: RingPlace[] = [];
  try {
    register(fd, arena.address + chunks);
    const offsets = ringOffsets(fd);
    rings.push(mapRing(arena, fd, offsets.slice(4, 7), XDP_PGOFF_TX_RING));
    rings.push(mapRing(arena, fd, offsets.slice(12, 15), XDP_UMEM_PGOFF_COMPLETION_RING));
    bindToFreeQueue(fd, interfaceIndex, about);
    return { fd, chunks, transmit: rings[0]!, completion: rings[1]! };
  } catch (error) {
    closeDescriptor(fd);
    for (const { at, size } of rings) arena.unmapOver(at, size);
    arena.release(chunks, CHUNK * CHUNKS);
    throw error;
  }
}

/** Control thread: gives the memory back, after the socket was closed. */
export function freeXdpTransmit(arena: Arena, { chunks, transmit, completion }: XdpDescriptor): void {
  arena.unmapOver(transmit.at, transmit.size);
  arena.unmapOver(completion.at, completion.size);
  arena.release(chunks, CHUNK * CHUNKS);
}

export class XdpTransmit {
  /** Frames the interface refused since the start; those that {@link invalid} tells of come on top. */
  refused = 0;
  /** errno of what makes sending pointless from now on; 0 while it works. */
  failure = 0;
  readonly #memory: Memory;
  readonly #descriptor: XdpDescriptor;
  /** Offsets, from the first chunk, of those that are ours. */
  readonly #free = Int32Array.from({ length: CHUNKS }, (_, i) => i * CHUNK);
  #freeCount = CHUNKS;
  /** Entries written to the transmit ring, modulo 2^32. */
  #written = 0;

  constructor(memory: Memory, descriptor: XdpDescriptor) {
    this.#memory = memory;
    this.#descriptor = descriptor;
  }

  /**
   * Copies a frame of at most {@link XDP_LONGEST} octets, [at, end) of the memory, and queues it.
   * @param checksumStart octets from `at` to where the interface is to sum from; −1: the frame is complete.
   * @param checksumOffset octets from there to the checksum field.
   * @returns false when it must go another way: all chunks are on their way, or the kernel would stop at this frame.
   */
  add(at: number, end: number, checksumStart: number, checksumOffset: number): boolean {
    if (end - at < ETHERNET_HEADER || (checksumStart >= 0 && checksumStart + checksumOffset + 2 > end - at))
      return false;
    if (this.#freeCount === 0) {
      this.flush();
      if (this.#freeCount === 0) return false;
    }
    const { bytes, words } = this.#memory;
    const { chunks, transmit } = this.#descriptor;
    const chunk = this.#free[--this.#freeCount]!;
    const phase = at & 3;
    copyWords(words, (chunks + chunk + DATA) >> 2, at >> 2, (end - at + phase + 3) >> 2);
    if (checksumStart >= 0) writeMetadata(bytes, chunks + chunk + DATA + phase, checksumStart, checksumOffset);
    const entry = (transmit.entries + (this.#written & (CHUNKS - 1)) * TX_ENTRY) >> 2;
    words[entry] = chunk + DATA + phase;
    words[entry + 1] = 0;
    words[entry + 2] = end - at;
    words[entry + 3] = checksumStart >= 0 ? XDP_TX_METADATA : 0;
    this.#written = (this.#written + 1) | 0;
    return true;
  }

  /** Sends what is queued. Never waits: what finds no room stays queued for the next time, what is refused is counted. */
  flush(): void {
    let left = this.#left();
    if (left > 0) Atomics.store(this.#memory.words, this.#descriptor.transmit.producer >> 2, this.#written);
    while (left > 0) {
      const result = libc.send(this.#descriptor.fd, this.#memory.address, 0, MSG_DONTWAIT);
      const before = left;
      left = this.#left();
      if (result < 0 && !this.#goesOn(errno(), left, left < before)) break;
    }
    if (this.#freeCount < CHUNKS / 2) this.#reclaim();
  }

  /** Frames whose description the kernel found wrong, since the start. A system call. */
  invalid(): number {
    scratch.words[16] = 48; // struct xdp_statistics: six u64, received dropped, received invalid, transmit invalid …
    const { address } = scratch;
    if (libc.getsockopt(this.#descriptor.fd, SOL_XDP, XDP_STATISTICS, address, address + 64) === -1) return 0;
    return Number(scratch.view.getBigUint64(16, true));
  }

  /** Entries the kernel has not taken. */
  #left(): number {
    return (this.#written - Atomics.load(this.#memory.words, this.#descriptor.transmit.consumer >> 2)) | 0;
  }

  /** After a failed send: whether another may fare better. */
  #goesOn(reason: number, left: number, progress: boolean): boolean {
    if (reason === EINTR) return true;
    if (reason === EBUSY) this.refused++; // the driver dropped one frame
    const gone = reason === ENETDOWN || reason === ENXIO || reason === EBADF;
    if (gone && this.failure === 0) {
      this.failure = reason;
      this.refused += left;
    }
    return progress && !gone;
  }

  #reclaim(): void {
    const { words } = this.#memory;
    const { producer, consumer, entries } = this.#descriptor.completion;
    const end = Atomics.load(words, producer >> 2);
    let next = words[consumer >> 2]!;
    for (; next !== end; next = (next + 1) | 0) {
      const offset = words[(entries + (next & (CHUNKS - 1)) * COMPLETION_ENTRY) >> 2]!;
      this.#free[this.#freeCount++] = offset & -CHUNK;
    }
    Atomics.store(words, consumer >> 2, next);
  }
}

/** Whole words, from and to a multiple of 4: up to three octets before and after the frame come along. */
function copyWords(words: Int32Array, to: number, from: number, count: number): void {
  if (count > 64) words.copyWithin(to, from, from + count);
  else for (let i = 0; i < count; i++) words[to + i] = words[from + i]!;
}

/** `data`: offset of the frame; the launch time stays unwritten, as no flag asks for it. */
function writeMetadata(bytes: Uint8Array, data: number, start: number, offset: number): void {
  const at = data - METADATA;
  bytes[at] = XDP_TXMD_FLAGS_CHECKSUM;
  for (let i = 1; i < 8; i++) bytes[at + i] = 0;
  bytes[at + 8] = start;
  bytes[at + 9] = start >> 8;
  bytes[at + 10] = offset;
  bytes[at + 11] = offset >> 8;
}

function register(fd: number, chunks: number): void {
  const { bytes, words, view } = scratch;
  bytes.fill(0, 0, 64);
  view.setBigUint64(0, BigInt(chunks), true); // struct xdp_umem_reg: address, length, chunk size, headroom, flags, metadata
  view.setBigUint64(8, BigInt(CHUNK * CHUNKS), true);
  words.set([CHUNK, 0, XDP_UMEM_TX_METADATA_LEN, METADATA], 4);
  setOption(fd, SOL_XDP, XDP_UMEM_REG, 32);
  for (const ring of [XDP_UMEM_FILL_RING, XDP_UMEM_COMPLETION_RING, XDP_TX_RING]) {
    words[0] = CHUNKS;
    setOption(fd, SOL_XDP, ring, 4);
  }
  words[0] = SEND_BUFFER;
  setOption(fd, SOL_SOCKET, SO_SNDBUFFORCE, 4);
  words[0] = CHUNKS;
  libc.setsockopt(fd, SOL_XDP, XDP_MAX_TX_SKB_BUDGET, scratch.address, 4); // before Linux 6.17 a send takes 32: harmless
}

function setOption(fd: number, level: number, option: number, length: number): void {
  check(libc.setsockopt(fd, level, option, scratch.address, length), `setsockopt ${level} ${option}`, "AF_XDP");
}

/** For the receive, transmit, fill and completion ring: offsets of producer, consumer, entries and flags. */
function ringOffsets(fd: number): number[] {
  scratch.words[48] = 128;
  const length = scratch.address + 192;
  check(libc.getsockopt(fd, SOL_XDP, XDP_MMAP_OFFSETS, scratch.address, length), "getsockopt XDP_MMAP_OFFSETS");
  return Array.from({ length: 16 }, (_, i) => scratch.words[2 * i]!);
}

function mapRing(arena: Arena, fd: number, offsets: readonly number[], page: number): RingPlace {
  const [producer, consumer, entries] = offsets as [number, number, number];
  const entry = page === XDP_PGOFF_TX_RING ? TX_ENTRY : COMPLETION_ENTRY;
  const size = Math.ceil((entries + CHUNKS * entry) / PAGE) * PAGE;
  const at = arena.mapOver(fd, size, "AF_XDP ring", page);
  return { at, size, producer: at + producer, consumer: at + consumer, entries: at + entries };
}

/** struct sockaddr_xdp: family u16, flags u16, ifindex u32, queue u32, shared descriptor u32. */
function bindToFreeQueue(fd: number, interfaceIndex: number, about: string): void {
  scratch.view.setUint16(0, AF_XDP, true);
  scratch.view.setUint16(2, XDP_COPY, true);
  scratch.words[1] = interfaceIndex;
  scratch.words[3] = 0;
  for (let queue = 0; queue < MOST_QUEUES; queue++) {
    scratch.words[2] = queue;
    if (libc.bind(fd, scratch.address, 16) === 0) return;
    if (errno() !== EBUSY) break; // EINVAL: the interface has no such queue
  }
  throw new SysError("bind AF_XDP", errno(), about);
}
