/** Many datagrams or frames with one sendmmsg(2), from memory that stays where it is. */
import { EAGAIN, EBADF, EINTR, ENETDOWN, ENODEV, ENXIO, errno } from "#sys/errno";
import { libc } from "#sys/libc";
import type { Memory } from "#sys/memory";

const MSG_DONTWAIT = 0x40;
/** struct mmsghdr: name u64, namelen u32, pad, iov u64, iovlen u64, control u64, controllen u64, flags u32, pad; sent u32, pad. */
const MESSAGE = 64;
const MESSAGE_IOVEC = 16;
const MESSAGE_IOVEC_COUNT = 24;
const MESSAGE_CONTROL = 32;
const MESSAGE_CONTROL_LENGTH = 40;
/** struct iovec: base u64, length u64. */
const IOVEC = 16;
/** struct cmsghdr: length u64, level i32, type i32; the mark, padding. */
const CONTROL = 24;
const CONTROL_LENGTH = 20;
const SOL_SOCKET = 1;
const SO_MARK = 36;

/** Octets of arena memory a batch of `capacity` needs. */
export const sendBatchSize = (capacity: number): number => capacity * (MESSAGE + IOVEC + CONTROL);

export class SendBatch {
  /** Frames the kernel refused since the start. */
  refused = 0;
  /** errno of what makes sending pointless from now on (the interface is down or gone); 0 while it works. */
  failure = 0;
  readonly #fd: number;
  readonly #capacity: number;
  readonly #messages: number;
  readonly #iovecs: number;
  readonly #words: Int32Array;
  readonly #low: number;
  #queued = 0;

  /**
   * @param memory what is sent lies in it; must not cross a 4 GiB boundary (an {@link Arena} does not).
   * @param at offset of {@link sendBatchSize} octets in it, for the batch's own use.
   * @param mark of the first of each batch (socket(7), SO_MARK), the next has the next; absent: none has one.
   */
  constructor(memory: Memory, at: number, capacity: number, fd: number, mark?: number) {
    this.#fd = fd;
    this.#capacity = capacity;
    this.#messages = memory.address + at;
    this.#iovecs = at + capacity * MESSAGE;
    this.#words = memory.words;
    this.#low = memory.address | 0;
    memory.bytes.fill(0, at, at + sendBatchSize(capacity));
    for (let i = 0; i < capacity; i++) {
      const iovec = BigInt(memory.address + this.#iovecs + i * IOVEC);
      memory.view.setBigUint64(at + i * MESSAGE + MESSAGE_IOVEC, iovec, true);
      memory.view.setBigUint64(at + i * MESSAGE + MESSAGE_IOVEC_COUNT, 1n, true);
      // The upper half of every base is the same; add() writes the lower.
      memory.view.setBigUint64(this.#iovecs + i * IOVEC, BigInt(memory.address), true);
      if (mark !== undefined) this.#setMark(memory, at, i, mark + i);
    }
  }

  #setMark({ address, view }: Memory, at: number, i: number, mark: number): void {
    const control = this.#iovecs + this.#capacity * IOVEC + i * CONTROL;
    view.setBigUint64(at + i * MESSAGE + MESSAGE_CONTROL, BigInt(address + control), true);
    view.setBigUint64(at + i * MESSAGE + MESSAGE_CONTROL_LENGTH, BigInt(CONTROL), true);
    view.setBigUint64(control, BigInt(CONTROL_LENGTH), true);
    view.setInt32(control + 8, SOL_SOCKET, true);
    view.setInt32(control + 12, SO_MARK, true);
    view.setUint32(control + 16, mark, true);
  }

  /** Which of a batch the next one is that {@link add} is told of: 0 … capacity − 1. Flushes first when all are taken. */
  next(): number {
    if (this.#queued === this.#capacity) this.flush();
    return this.#queued;
  }

  /** Queues `length` octets at an offset of the memory; they must stay until {@link flush}. Flushes first when full. */
  add(at: number, length: number): void {
    if (this.#queued === this.#capacity) this.flush();
    const word = (this.#iovecs + this.#queued * IOVEC) >> 2;
    this.#words[word] = this.#low + at;
    this.#words[word + 2] = length;
    this.#queued++;
  }

  /** Sends what is queued. Never waits: what the kernel refuses is dropped and counted. */
  flush(): void {
    const queued = this.#queued;
    for (let done = 0; done < queued; ) {
      const sent = libc.sendmmsg(this.#fd, this.#messages + done * MESSAGE, queued - done, MSG_DONTWAIT);
      done += sent > 0 ? sent : this.#skip(errno(), queued - done);
    }
    this.#queued = 0;
  }

  /** How many of the `left` frames to give up: all of them when the next would fare no better. */
  #skip(reason: number, left: number): number {
    if (reason === EINTR) return 0;
    const gone = reason === ENETDOWN || reason === ENXIO || reason === ENODEV || reason === EBADF;
    if (gone) this.failure = reason;
    const lost = gone || reason === EAGAIN ? left : 1;
    this.refused += lost;
    return lost;
  }
}
