/** One queue of a TAP device: one read(2) and one write(2) a frame, super-packets and partial checksums both ways. */
import { type Frame, MAX_FRAME } from "#fastpath/frame";
import { LANDING_SIZE, Landing } from "#fastpath/ports/landing";
import { OFFLOAD_SIZE, readOffload, writeOffload } from "#fastpath/ports/offload";
import { GONE, type Port } from "#fastpath/ports/port";
import { closeDescriptor } from "#sys/descriptor";
import { EBADF, EBADFD, EINTR, errno } from "#sys/errno";
import { libc } from "#sys/libc";
import type { Arena, Memory } from "#sys/memory";

const ETHERNET_HEADER = 14;

/** All a {@link TapPort} is made of; plain data, to be sent to the thread that will use it. */
export interface TapDescriptor {
  readonly kind: "tap";
  readonly index: number;
  readonly fd: number;
  readonly offload: boolean;
  /** Arena offset of {@link LANDING_SIZE} octets. */
  readonly landing: number;
}

export interface TapPortSettings {
  readonly index: number;
  /** A nonblocking TAP queue (see openTap). The port owns it from now on. */
  readonly fd: number;
  readonly offload: boolean;
}

/** Control thread: finds memory for a port. */
export function openTapPort(arena: Arena, settings: TapPortSettings): TapDescriptor {
  return { kind: "tap", ...settings, landing: arena.allocate(LANDING_SIZE) };
}

/** Control thread: gives the memory back, after the port was closed where it was used. */
export function freeTapPort(arena: Arena, descriptor: TapDescriptor): void {
  arena.release(descriptor.landing, LANDING_SIZE);
}

export class TapPort implements Port {
  readonly index: number;
  readonly fd: number;
  readonly offload: boolean;
  failure = 0;
  transmitErrors = 0;
  readonly #memory: Memory;
  readonly #landing: Landing;

  constructor(memory: Memory, descriptor: TapDescriptor) {
    this.#memory = memory;
    this.index = descriptor.index;
    this.fd = descriptor.fd;
    this.offload = descriptor.offload;
    this.#landing = new Landing(descriptor.landing);
  }

  /** The kernel counts what its queue drops as the interface's own transmit drops; the descriptor does not tell. */
  receiveDrops(): number {
    return 0;
  }

  receive(frames: readonly Frame[], from: number): number {
    if (this.failure !== 0) return GONE;
    const { address, bytes } = this.#memory;
    let count = from;
    while (count < frames.length) {
      const at = this.#landing.next();
      if (at < 0) break;
      const length = libc.read(this.fd, address + at - OFFLOAD_SIZE, OFFLOAD_SIZE + MAX_FRAME) - OFFLOAD_SIZE;
      if (length < ETHERNET_HEADER) {
        if (length >= 0) continue; // nothing that could be answered or forwarded
        if (this.#readFailed(errno())) return count > from ? count - from : GONE;
        break;
      }
      const frame = frames[count]!;
      readOffload(bytes, at, at + length, frame);
      frame.port = this.index;
      this.#landing.took(at + length);
      count++;
    }
    return count - from;
  }

  transmit(frame: Frame): boolean {
    const { address, bytes } = this.#memory;
    writeOffload(bytes, frame);
    const start = frame.at - OFFLOAD_SIZE;
    while (libc.write(this.fd, address + start, frame.end - start) < 0) {
      if (errno() === EINTR) continue;
      this.transmitErrors++;
      return false;
    }
    return true;
  }

  /** Nothing waits: a TAP takes one frame a call. */
  flush(): void {}

  release(): void {
    this.#landing.clear();
  }

  close(): void {
    closeDescriptor(this.fd);
  }

  /** True when no frame will come any more. EBADFD: the device was deleted. */
  #readFailed(reason: number): boolean {
    if (reason !== EBADFD && reason !== EBADF) return false;
    this.failure = reason;
    return true;
  }
}
