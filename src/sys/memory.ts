/**
 * Memory with an address: mappings that the kernel can be pointed at and that the garbage collector neither moves nor
 * frees. All frames of a process lie in one {@link Arena}; structs for system calls lie in small {@link pinned} pieces.
 */
import { toArrayBuffer } from "bun:ffi";
import { check } from "#sys/errno";
import { libc } from "#sys/libc";

const PROT_NONE = 0;
const PROT_READ_WRITE = 3;
const MAP_SHARED = 0x01;
const MAP_PRIVATE = 0x02;
const MAP_FIXED = 0x10;
const MAP_ANONYMOUS = 0x20;
const MAP_NORESERVE = 0x4000;
const MAP_POPULATE = 0x8000;

export const PAGE = 4096;
const GIB = 2 ** 30;

const roundUp = (value: number, align: number): number => Math.ceil(value / align) * align;
const encoder = new TextEncoder();

/**
 * Views of a range of addresses. Any thread of the process may build its own over the same range; whoever mapped the
 * range must keep it mapped for as long as one of them is in use, else an access kills the process.
 */
export class Memory {
  readonly address: number;
  /** Octets. */
  readonly size: number;
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** 32-bit words in the machine's own order: `words[offset >> 2]`. */
  readonly words: Int32Array<ArrayBuffer>;
  readonly view: DataView<ArrayBuffer>;

  constructor(address: number, size: number) {
    const buffer = toArrayBuffer(address as Parameters<typeof toArrayBuffer>[0], 0, size) as ArrayBuffer;
    this.address = address;
    this.size = size;
    this.bytes = new Uint8Array(buffer);
    this.words = new Int32Array(buffer);
    this.view = new DataView(buffer);
  }

  /** Writes `text` and a closing NUL; returns the address, to pass as a C string. */
  putString(at: number, text: string): number {
    const { written } = encoder.encodeInto(text, this.bytes.subarray(at, this.size - 1));
    this.bytes[at + written] = 0;
    return this.address + at;
  }

  /** Reads a C string of at most `length` octets. */
  getString(at: number, length: number): string {
    const field = this.bytes.subarray(at, at + length);
    const end = field.indexOf(0);
    return new TextDecoder().decode(end < 0 ? field : field.subarray(0, end));
  }
}

/** Zeroed memory for structs and strings, whole pages; lives until {@link unpin} or the end of the process. */
export function pinned(octets: number): Memory {
  const size = roundUp(octets, PAGE);
  const flags = MAP_PRIVATE | MAP_ANONYMOUS;
  return new Memory(check(libc.mmap(0, size, PROT_READ_WRITE, flags, -1, 0), "mmap", `${size} octets`), size);
}

/** What `fd` shares with others who map it; lives until {@link unpin}. Throws SysError. */
export function mapShared(fd: number, octets: number, about: string): Memory {
  const size = roundUp(octets, PAGE);
  return new Memory(check(libc.mmap(0, size, PROT_READ_WRITE, MAP_SHARED, fd, 0), "mmap", about), size);
}

export function unpin(memory: Memory): void {
  check(libc.munmap(memory.address, memory.size), "munmap");
}

/** A free run of the arena: [at, end). */
interface Hole {
  at: number;
  end: number;
}

/**
 * The process's packet memory: one mapping of address space (pages come into being when touched) and the book of which
 * parts are taken. One thread, the control thread, allocates; others use `new Memory(arena.address, arena.size)`.
 */
export class Arena extends Memory {
  /** Sorted, never touching one another. */
  readonly #holes: Hole[];

  /** @param size a power of two, one page … 4 GiB; the arena is aligned to it, so all its addresses share their upper 32 bits. */
  static map(size = GIB): Arena {
    const reserved = check(
      libc.mmap(0, 2 * size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0),
      "mmap",
      `${2 * size} octets of address space`,
    );
    const address = roundUp(reserved, size);
    const after = reserved + size - address;
    if (address > reserved) check(libc.munmap(reserved, address - reserved), "munmap");
    if (after > 0) check(libc.munmap(address + size, after), "munmap");
    mapAnonymous(address, size);
    return new Arena(address, size);
  }

  private constructor(address: number, size: number) {
    super(address, size);
    this.#holes = [{ at: 0, end: size }];
  }

  /** Octets not allocated. */
  get free(): number {
    return this.#holes.reduce((total, hole) => total + hole.end - hole.at, 0);
  }

  /** First fit. @param align a power of two ≤ the arena's size. Throws RangeError when there is no room. */
  allocate(octets: number, align = 64): number {
    for (const [index, hole] of this.#holes.entries()) {
      const at = roundUp(hole.at, align);
      if (at + octets > hole.end) continue;
      const rest = [
        { at: hole.at, end: at },
        { at: at + octets, end: hole.end },
      ].filter((piece) => piece.end > piece.at);
      this.#holes.splice(index, 1, ...rest);
      return at;
    }
    throw new RangeError(`packet memory is full: ${octets} octets wanted, ${this.free} of ${this.size} free`);
  }

  /** Gives back exactly what {@link allocate} gave. */
  release(at: number, octets: number): void {
    const end = at + octets;
    const next = this.#holes.findIndex((hole) => hole.at >= end);
    const index = next < 0 ? this.#holes.length : next;
    const before = this.#holes[index - 1];
    if (at < 0 || end > this.size || (before !== undefined && before.end > at)) {
      throw new RangeError(`arena octets ${at} … ${end} are not allocated`);
    }
    this.#holes.splice(index, 0, { at, end });
    this.#join(index);
    if (index > 0) this.#join(index - 1);
  }

  /**
   * Maps `length` octets (whole pages) of a descriptor, such as a packet ring, into the arena. Returns its offset.
   * @param from offset in the descriptor's own numbering.
   */
  mapOver(fd: number, length: number, about: string, from = 0): number {
    const at = this.allocate(length, PAGE);
    const flags = MAP_SHARED | MAP_FIXED | MAP_POPULATE;
    try {
      check(libc.mmap(this.address + at, length, PROT_READ_WRITE, flags, fd, from), "mmap", about);
    } catch (error) {
      this.unmapOver(at, length);
      throw error;
    }
    return at;
  }

  /** Puts plain memory back where {@link mapOver} mapped a descriptor. */
  unmapOver(at: number, length: number): void {
    mapAnonymous(this.address + at, length);
    this.release(at, length);
  }

  /** Ends the mapping. Nobody may touch it, or any view of it, afterwards. */
  unmap(): void {
    check(libc.munmap(this.address, this.size), "munmap");
  }

  #join(index: number): void {
    const [left, right] = [this.#holes[index], this.#holes[index + 1]];
    if (left === undefined || right === undefined || left.end !== right.at) return;
    left.end = right.end;
    this.#holes.splice(index + 1, 1);
  }
}

function mapAnonymous(address: number, size: number): void {
  const flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED;
  check(libc.mmap(address, size, PROT_READ_WRITE, flags, -1, 0), "mmap", `${size} octets of packet memory`);
}
