/**
 * One queue of a TAP device, super-packets and partial checksums both ways: a read(2) a frame; writes go by io_uring in
 * batches where there is one, else one by one.
 */
import { type Frame, MAX_FRAME } from "#fastpath/frame";
import { LANDING_SIZE, Landing } from "#fastpath/ports/landing";
import { OFFLOAD_SIZE, readOffload, writeOffload } from "#fastpath/ports/offload";
import { GONE, type Port } from "#fastpath/ports/port";
import { closeDescriptor } from "#sys/descriptor";
import { EBADF, EBADFD, EINTR, errno } from "#sys/errno";
import { libc } from "#sys/libc";
import type { Arena, Memory } from "#sys/memory";
import { UringWriter, type WriteOwner } from "#sys/uring-writer";

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

/** Control thread: undoes {@link openTapPort} when no forwarder got the port. */
export function discardTapPort(arena: Arena, descriptor: TapDescriptor): void {
  closeDescriptor(descriptor.fd);
  freeTapPort(arena, descriptor);
}

/** Control thread: gives the memory back, after the port was closed where it was used. */
export function freeTapPort(arena: Arena, descriptor: TapDescriptor): void {
  arena.release(descriptor.landing, LANDING_SIZE);
}

export class TapPort implements Port, WriteOwner {
  readonly index: number;
  readonly fd: number;
  readonly offload: boolean;
  readonly tunnels = false;
  failure = 0;
  transmitErrors = 0;
  readonly #memory: Memory;
  readonly #landing: Landing;
  readonly #writer: UringWriter | undefined;
  #drops = 0;

  /** @param openWriter undefined from it: each frame is written by itself. */
  constructor(memory: Memory, descriptor: TapDescriptor, openWriter = UringWriter.open) {
    this.#memory = memory;
    this.index = descriptor.index;
    this.fd = descriptor.fd;
    this.offload = descriptor.offload;
    this.#landing = new Landing(descriptor.landing);
    this.#writer = openWriter();
  }

  /** Rubbish. The kernel counts what its queue drops as the interface's own transmit drops; the descriptor does not tell. */
  receiveDrops(): number {
    return this.#drops;
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
        if (length > -OFFLOAD_SIZE) {
          this.#drops++; // nothing that could be answered or forwarded
          continue;
        }
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
    const start = address + frame.at - OFFLOAD_SIZE;
    const length = OFFLOAD_SIZE + frame.end - frame.at;
    if (this.#writer === undefined) return this.#write(start, length);
    this.#writer.write(this.fd, start, length, this);
    return true;
  }

  flush(): void {
    this.#writer?.flush();
  }

  /** EIO: the device is down. EAGAIN: its reader does not keep up. EINVAL: a header the kernel finds wrong. */
  writeFailed(_errno: number): void {
    this.transmitErrors++;
  }

  release(): void {
    this.#landing.clear();
  }

  close(): void {
    this.#writer?.close();
    closeDescriptor(this.fd);
  }

  #write(address: number, length: number): boolean {
    while (libc.write(this.fd, address, length) < 0) {
      if (errno() === EINTR) continue;
      return false;
    }
    return true;
  }

  /** True when no frame will come any more. EBADFD: the device was deleted. */
  #readFailed(reason: number): boolean {
    if (reason !== EBADFD && reason !== EBADF) return false;
    this.failure = reason;
    return true;
  }
}
