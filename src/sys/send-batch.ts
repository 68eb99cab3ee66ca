/** Many datagrams or frames with one sendmmsg(2), from memory that stays where it is. */
import { EAGAIN, EBADF, EINTR, ENETDOWN, ENODEV, ENXIO, errno } from "#sys/errno";
import { libc } from "#sys/libc";
import type { Memory } from "#sys/memory";

const MSG_DONTWAIT = 0x40;
/** struct mmsghdr: name u64, namelen u32, pad, iov u64, iovlen u64, control u64, controllen u64, flags u32, pad; sent u32, pad. */
const MESSAGE = 64;
const MESSAGE_IOVEC = 16;
const MESSAGE_IOVEC_COUNT = 24;
/** struct iovec: base u64, length u64. */
const IOVEC = 16;

/** Octets of arena memory a batch of `capacity` needs; 64-aligned. */
export const sendBatchSize = (capacity: number): number => capacity * (MESSAGE + IOVEC);

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
   */
  constructor(memory: Memory, at: number, capacity: number, fd: number) {
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
    }
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
