/**
 * Many write(2)s with one system call, by io_uring: for descriptors that take one frame a write, such as TAPs. A third
 * cheaper a small frame than as many calls (perf/io.md).
 */
import { closeDescriptor } from "#sys/descriptor";
import { check, EAGAIN, EBUSY, EINTR, errno, SysError } from "#sys/errno";
import { libc } from "#sys/libc";
import { Memory, PAGE, pinned, unpin } from "#sys/memory";

/** These numbers are the same on every architecture. */
const SYS_IO_URING_SETUP = 425;
const SYS_IO_URING_ENTER = 426;
const IORING_OP_WRITE = 23;
const IORING_OFF_SQES = 0x1000_0000;
const IORING_ENTER_GETEVENTS = 1;
/** One thread submits, and completions are run when it asks for them (Linux 6.1). */
const IORING_SETUP_SINGLE_ISSUER = 1 << 12;
const IORING_SETUP_DEFER_TASKRUN = 1 << 13;
/** Both rings are one mapping (Linux 5.4). */
const IORING_FEAT_SINGLE_MMAP = 1;

const ENTRIES = 64;
const ENTRY = 64; // struct io_uring_sqe: opcode u8, …, fd i32 at 4, address u64 at 16, length u32 at 24, user data at 32
const COMPLETION = 16; // struct io_uring_cqe: user data u64, result i32, flags u32

const PROT_READ_WRITE = 3;
const MAP_SHARED = 1;
const MAP_POPULATE = 0x8000;

/** Whoever wants a write is told here when it fails. */
export interface WriteOwner {
  writeFailed(errno: number): void;
}

/** Offsets into the rings' mapping, in words. */
interface RingLayout {
  readonly size: number;
  readonly submissionTail: number;
  readonly submissionArray: number;
  readonly completionHead: number;
  readonly completionTail: number;
  readonly completions: number;
  readonly completionMask: number;
}

export class UringWriter {
  readonly #fd: number;
  readonly #layout: RingLayout;
  readonly #ring: Memory;
  readonly #entries: Memory;
  readonly #owners: WriteOwner[] = [];
  #queued = 0;

  /** In the thread that will use it. @returns undefined where io_uring is too old or switched off. */
  static open(): UringWriter | undefined {
    const parameters = pinned(120); // struct io_uring_params
    try {
      parameters.words[2] = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN;
      const fd = libc.syscall(SYS_IO_URING_SETUP, ENTRIES, parameters.address, 0, 0, 0, 0);
      if (fd < 0) return undefined;
      if ((parameters.words[5]! & IORING_FEAT_SINGLE_MMAP) !== 0) return new UringWriter(fd, readLayout(parameters));
      closeDescriptor(fd);
      return undefined;
    } finally {
      unpin(parameters);
    }
  }

  private constructor(fd: number, layout: RingLayout) {
    this.#fd = fd;
    this.#layout = layout;
    this.#ring = mapRing(fd, layout.size, 0);
    this.#entries = mapRing(fd, ENTRIES * ENTRY, IORING_OFF_SQES);
    const { words } = this.#entries;
    for (let i = 0; i < ENTRIES; i++) {
      words[16 * i] = IORING_OP_WRITE;
      words[16 * i + 8] = i;
    }
  }

  /** Queues a write; the octets must stay until {@link flush}. Flushes first when full. `fd` must be nonblocking. */
  write(fd: number, address: number, length: number, owner: WriteOwner): void {
    if (this.#queued === ENTRIES) this.flush();
    const { words } = this.#entries;
    const entry = 16 * this.#queued;
    words[entry + 1] = fd;
    words[entry + 4] = address | 0;
    words[entry + 5] = Math.floor(address / 2 ** 32);
    words[entry + 6] = length;
    // Entries are filled from the first on, whatever the ring's position: its array says which comes next.
    const { submissionArray, submissionTail } = this.#layout;
    const position = this.#ring.words[submissionTail]! + this.#queued;
    this.#ring.words[submissionArray + (position & (ENTRIES - 1))] = this.#queued;
    this.#owners[this.#queued] = owner;
    this.#queued++;
  }

  /** Writes all that is queued, in order. Owners have heard of what failed when it returns. */
  flush(): void {
    if (this.#queued === 0) return;
    if (this.#queued === 1) this.#writeOne();
    else this.#submit();
    this.#queued = 0;
  }

  close(): void {
    closeDescriptor(this.#fd);
    unpin(this.#ring);
    unpin(this.#entries);
  }

  /** Without a batch the plain call is cheaper. */
  #writeOne(): void {
    const { words, view } = this.#entries;
    const address = view.getUint32(16, true) + words[5]! * 2 ** 32;
    while (libc.write(words[1]!, address, words[6]!) < 0) {
      if (errno() === EINTR) continue;
      this.#owners[0]!.writeFailed(errno());
      return;
    }
  }

  #submit(): void {
    const { words } = this.#ring;
    const { submissionTail } = this.#layout;
    const queued = this.#queued;
    Atomics.store(words, submissionTail, (words[submissionTail]! + queued) | 0);
    let submitted = 0;
    let completed = 0;
    while (completed < queued) {
      const wanted = queued - completed;
      const taken = libc.syscall(
        SYS_IO_URING_ENTER,
        this.#fd,
        queued - submitted,
        wanted,
        IORING_ENTER_GETEVENTS,
        0,
        0,
      );
      if (taken >= 0) submitted += taken;
      else if (![EINTR, EAGAIN, EBUSY].includes(errno())) throw new SysError("io_uring_enter", errno());
      completed += this.#reap();
    }
  }

  #reap(): number {
    const { words } = this.#ring;
    const { completionHead, completionTail, completions, completionMask } = this.#layout;
    const start = words[completionHead]!;
    const end = Atomics.load(words, completionTail);
    for (let next = start; next !== end; next = (next + 1) | 0) {
      const completion = completions + (next & completionMask) * (COMPLETION / 4);
      const result = words[completion + 2]!;
      if (result < 0) this.#owners[words[completion]!]!.writeFailed(-result);
    }
    Atomics.store(words, completionHead, end);
    return (end - start) | 0;
  }
}

/**
 * struct io_uring_params: entries, completion entries, flags, 2 words, features, 4 words, then the submission ring's
 * offsets (head, tail, mask, entries, flags, dropped, array, …: 10 words) and the completion ring's (head, tail, mask,
 * entries, overflow, completions, …).
 */
function readLayout({ words }: Memory): RingLayout {
  const at = (index: number): number => words[index]! >> 2;
  const completionEntries = words[1]!;
  const end = Math.max(words[16]! + ENTRIES * 4, words[25]! + completionEntries * COMPLETION);
  return {
    size: Math.ceil(end / PAGE) * PAGE,
    ...{ submissionTail: at(11), submissionArray: at(16) },
    ...{ completionHead: at(20), completionTail: at(21), completions: at(25), completionMask: completionEntries - 1 },
  };
}

function mapRing(fd: number, size: number, from: number): Memory {
  const address = libc.mmap(0, size, PROT_READ_WRITE, MAP_SHARED | MAP_POPULATE, fd, from);
  return new Memory(check(address, "mmap", "io_uring"), size);
}
