/** Ports without a kernel, for tests and benchmarks: frames come from and go to JavaScript. */
import { type Frame, MAX_FRAME } from "#fastpath/frame";
import { LANDING_SIZE, Landing } from "#fastpath/ports/landing";
import type { Port } from "#fastpath/ports/port";
import type { Arena, Memory } from "#sys/memory";

/** What a virtio_net_hdr says of a frame; see {@link Frame} for the fields. */
export interface Offload {
  readonly partial: boolean;
  readonly csumStart: number;
  readonly csumOffset: number;
  readonly gsoType: number;
  readonly gsoSize: number;
  readonly headerLength: number;
}

/** A frame outside the arena. */
export interface LooseFrame {
  readonly octets: Uint8Array;
  readonly offload: Offload;
}

export const NO_OFFLOAD: Offload = {
  partial: false,
  csumStart: 0,
  csumOffset: 0,
  gsoType: 0,
  gsoSize: 0,
  headerLength: 0,
};

/** Copies a frame out of the arena; of its offload only the fields that are valid. */
export function loosen(bytes: Uint8Array, frame: Frame): LooseFrame {
  const gso = frame.gsoType !== 0;
  const offload = {
    partial: frame.partial,
    csumStart: frame.partial ? frame.csumStart : 0,
    csumOffset: frame.partial ? frame.csumOffset : 0,
    gsoType: frame.gsoType,
    gsoSize: gso ? frame.gsoSize : 0,
    headerLength: gso ? frame.headerLength : 0,
  };
  return { octets: bytes.slice(frame.at, frame.end), offload };
}

export interface MemoryDescriptor {
  readonly kind: "memory";
  readonly index: number;
  readonly offload: boolean;
  /** Arena offset of {@link LANDING_SIZE} octets. */
  readonly landing: number;
}

export function openMemoryPort(arena: Arena, index: number, offload = true): MemoryDescriptor {
  return { kind: "memory", index, offload, landing: arena.allocate(LANDING_SIZE) };
}

/** Gives the memory back, after the port was closed. */
export function freeMemoryPort(arena: Arena, descriptor: MemoryDescriptor): void {
  arena.release(descriptor.landing, LANDING_SIZE);
}

/** Frames go in by {@link arrive} and come out by {@link departed}, or run over a wire to another memory port. */
export class MemoryPort implements Port {
  readonly index: number;
  readonly fd = -1;
  readonly offload: boolean;
  /** Set it to have super-packets in tunnels. */
  tunnels = false;
  /** Set it to make the port fail, as an interface does that is deleted. */
  failure = 0;
  readonly transmitErrors = 0;
  /** How many frames may wait to be received; those beyond are dropped. */
  readonly capacity: number;
  readonly #memory: Memory;
  readonly #landing: Landing;
  #waiting: LooseFrame[] = [];
  #departed: LooseFrame[] = [];
  #peer: MemoryPort | undefined;
  #drops = 0;

  constructor(memory: Memory, descriptor: MemoryDescriptor, capacity = 4096) {
    this.index = descriptor.index;
    this.offload = descriptor.offload;
    this.capacity = capacity;
    this.#memory = memory;
    this.#landing = new Landing(descriptor.landing);
  }

  /** Joins two ports with a wire: what one transmits the other receives. */
  join(peer: MemoryPort): void {
    this.#peer = peer;
    peer.#peer = this;
  }

  arrive(octets: Uint8Array, offload: Partial<Offload> = {}): void {
    if (this.#waiting.length === this.capacity || octets.length > MAX_FRAME) this.#drops++;
    else this.#waiting.push({ octets: octets.slice(), offload: { ...NO_OFFLOAD, ...offload } });
  }

  /** What was transmitted since the last time it was asked, in order. */
  departed(): LooseFrame[] {
    return this.#departed.splice(0);
  }

  receiveDrops(): number {
    return this.#drops;
  }

  receive(frames: readonly Frame[], from: number): number {
    if (this.failure !== 0) return -1;
    let count = from;
    for (; count < frames.length && this.#waiting.length > 0; count++) {
      const at = this.#landing.next();
      if (at < 0) break;
      const { octets, offload } = this.#waiting.shift()!;
      this.#memory.bytes.set(octets, at);
      Object.assign(frames[count]!, offload, { at, end: at + octets.length, port: this.index });
      this.#landing.took(at + octets.length);
    }
    return count - from;
  }

  transmit(frame: Frame): boolean {
    const refused = this.failure !== 0 || frame.end - frame.at > MAX_FRAME;
    if (refused) return false;
    // The header a real port would write: nobody may count on these octets.
    this.#memory.bytes.fill(0, frame.at - 10, frame.at);
    const loose = loosen(this.#memory.bytes, frame);
    if (this.#peer === undefined) this.#departed.push(loose);
    else this.#peer.arrive(loose.octets, loose.offload);
    return true;
  }

  flush(): void {}

  release(): void {
    this.#landing.clear();
  }

  close(): void {
    this.#waiting = [];
    this.#peer = undefined;
  }
}
