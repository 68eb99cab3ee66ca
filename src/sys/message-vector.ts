/** The mmsghdr array of sendmmsg(2) and recvmmsg(2), with a slot of memory for each message. Allocates once. */
import { EAGAIN, EINTR, ENOBUFS, errno, SysError } from "#sys/errno";
import { libc } from "#sys/libc";
import { type Memory, pinned, unpin } from "#sys/memory";

/** struct iovec: base, length. */
const IOVEC_SIZE = 16;
/** struct mmsghdr: a msghdr (name, namelen, iov, iovlen, control, controllen, flags), then the octets sent or received. */
const MESSAGE_SIZE = 64;
const NAME_LENGTH = 8;
const VECTOR = 16;
const VECTORS = 24;
const MESSAGE_LENGTH = 56;
/** Room for a struct sockaddr_in or sockaddr_ll. */
const NAME_SIZE = 32;
/** For the arguments of calls that are made once: {@link MessageVector.scratch}. */
export const SCRATCH = 64;

export class MessageVector {
  readonly capacity: number;
  readonly memory: Memory;
  /** Offset of {@link SCRATCH} free octets in {@link memory}. */
  readonly scratch: number;
  readonly #names: number;
  readonly #vectors: number;
  readonly #messages: number;

  /** Slot `i` begins at `i * slotOctets` of {@link memory}; `slotOctets` is a multiple of 16. */
  constructor(capacity: number, slotOctets: number) {
    this.capacity = capacity;
    this.#names = capacity * slotOctets;
    this.#vectors = this.#names + capacity * NAME_SIZE;
    this.#messages = this.#vectors + capacity * IOVEC_SIZE;
    this.scratch = this.#messages + capacity * MESSAGE_SIZE;
    this.memory = pinned(this.scratch + SCRATCH);
    const { view, address } = this.memory;
    for (let slot = 0; slot < capacity; slot++) {
      const message = this.#messages + slot * MESSAGE_SIZE;
      const vector = this.#vectors + slot * IOVEC_SIZE;
      view.setBigUint64(message + VECTOR, BigInt(address + vector), true);
      view.setBigUint64(message + VECTORS, 1n, true);
      view.setBigUint64(vector, BigInt(address + slot * slotOctets), true);
    }
  }

  /** On receipt the sender's address is kept, on sending it is the destination. Without names the socket's peer is. */
  useNames(length: number): void {
    const { view, address } = this.memory;
    for (let slot = 0; slot < this.capacity; slot++) {
      const message = this.#messages + slot * MESSAGE_SIZE;
      const name = length === 0 ? 0 : address + this.#names + slot * NAME_SIZE;
      view.setBigUint64(message, BigInt(name), true);
      view.setInt32(message + NAME_LENGTH, length, true);
    }
  }

  /** Octets to send, or room to receive, in a slot. */
  setLength(slot: number, octets: number): void {
    this.memory.words[(this.#vectors + slot * IOVEC_SIZE + 8) >> 2] = octets;
  }

  /** Octets received in a slot. */
  received(slot: number): number {
    return this.memory.words[(this.#messages + slot * MESSAGE_SIZE + MESSAGE_LENGTH) >> 2]!;
  }

  /** @returns how many of the slots from … from+count−1 went out; fewer when a queue is full. Throws SysError. */
  send(fd: number, from: number, count: number): number {
    return this.#done(libc.sendmmsg(fd, this.#message(from), count, 0), "sendmmsg");
  }

  /** @returns how many slots are filled; 0 when there is nothing, or not in time. Throws SysError. */
  receive(fd: number, flags: number): number {
    return this.#done(libc.recvmmsg(fd, this.#message(0), this.capacity, flags, 0), "recvmmsg");
  }

  free(): void {
    unpin(this.memory);
  }

  #message(slot: number): number {
    return this.memory.address + this.#messages + slot * MESSAGE_SIZE;
  }

  #done(result: number, call: string): number {
    if (result >= 0) return result;
    const reason = errno();
    if (reason === EAGAIN || reason === EINTR || reason === ENOBUFS) return 0;
    throw new SysError(call, reason);
  }
}
