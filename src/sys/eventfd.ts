/** eventfd(2): how one thread wakes another out of poll. The descriptor is a number, good in every thread. */
import { closeDescriptor } from "#sys/descriptor";
import { check } from "#sys/errno";
import { libc } from "#sys/libc";
import { type Memory, pinned, unpin } from "#sys/memory";

const EFD_NONBLOCK = 0o4000;
const EFD_CLOEXEC = 0o2000000;

/** Makes an event; share the number with other threads and wrap it there in an {@link EventFd} of their own. */
export const createEventFd = (): number => check(libc.eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC), "eventfd");

export class EventFd {
  readonly fd: number;
  readonly #memory: Memory = pinned(16);

  constructor(fd: number) {
    this.fd = fd;
    this.#memory.words[0] = 1; // the 8 octets to write; what is read goes into the next 8
  }

  /** Makes `fd` readable until somebody drains it. Cheap to repeat, never blocks. */
  signal(): void {
    libc.write(this.fd, this.#memory.address, 8);
  }

  /** Forgets the signals so far; nothing happens when there were none. */
  drain(): void {
    libc.read(this.fd, this.#memory.address + 8, 8);
  }

  /** @param owner true in the one thread that also closes the descriptor. */
  close(owner: boolean): void {
    unpin(this.#memory);
    if (owner) closeDescriptor(this.fd);
  }
}
