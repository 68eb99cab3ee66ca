/** poll(2) over a fixed set of slots; nothing is allocated after construction. */
import { EINTR, errno, SysError } from "#sys/errno";
import { libc } from "#sys/libc";
import { type Memory, pinned, unpin } from "#sys/memory";

export const POLLIN = 0x01;
export const POLLOUT = 0x04;
export const POLLERR = 0x08;
export const POLLHUP = 0x10;
export const POLLNVAL = 0x20;

const SIZE = 8; // struct pollfd { int fd; short events; short revents; }

export class Poller {
  readonly capacity: number;
  readonly #memory: Memory;
  readonly #words: Int32Array;
  #used = 0;

  constructor(capacity = 256) {
    this.#memory = pinned(capacity * SIZE);
    this.#words = this.#memory.words;
    this.capacity = capacity;
    for (let slot = 0; slot < capacity; slot++) this.#words[2 * slot] = -1;
  }

  /** Watches `fd` in a slot (0 … capacity−1), in place of what was there. */
  set(slot: number, fd: number, events = POLLIN): void {
    if (slot < 0 || slot >= this.capacity) throw new RangeError(`poll slot ${slot} of ${this.capacity}`);
    this.#words[2 * slot] = fd;
    this.#words[2 * slot + 1] = events;
    this.#used = Math.max(this.#used, slot + 1);
  }

  /** The slot stays, its descriptor is no longer watched. */
  remove(slot: number): void {
    if (slot >= this.capacity) return;
    this.#words[2 * slot] = -1; // poll(2) passes over negative descriptors
    this.#words[2 * slot + 1] = 0;
  }

  /**
   * Waits until a descriptor is ready or the time is over.
   * @param timeoutMs −1: for ever; 0: only look.
   * @returns how many slots are ready; 0 also when a signal came.
   */
  wait(timeoutMs: number): number {
    const ready = libc.poll(this.#memory.address, this.#used, timeoutMs);
    if (ready >= 0) return ready;
    const reason = errno();
    if (reason === EINTR) {
      this.#forget();
      return 0;
    }
    throw new SysError("poll", reason);
  }

  /** Anything to do in this slot (input, error, hang-up) as of the last wait. */
  ready(slot: number): boolean {
    return this.#words[2 * slot + 1]! >> 16 !== 0;
  }

  /** The POLL… bits of the last wait. */
  events(slot: number): number {
    return (this.#words[2 * slot + 1]! >> 16) & 0xffff;
  }

  close(): void {
    unpin(this.#memory);
  }

  /** After a failed poll the answers are those of the call before. */
  #forget(): void {
    for (let slot = 0; slot < this.#used; slot++) this.#words[2 * slot + 1]! &= 0xffff;
  }
}

/** Waits for one descriptor. Returns false when the time is over first. */
export function waitFor(fd: number, timeoutMs: number, events = POLLIN): boolean {
  const poller = new Poller(1);
  try {
    poller.set(0, fd, events);
    return poller.wait(timeoutMs) > 0;
  } finally {
    poller.close();
  }
}
