/**
 * A port that receives what a pcap file holds, at once and in order, and keeps what it is sent for another pcap file.
 * Such a file has no place for a virtio_net_hdr: super-packets and partial checksums are not taken.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { type Frame, MAX_FRAME } from "#fastpath/frame";
import { type MemoryDescriptor, MemoryPort, openMemoryPort } from "#fastpath/ports/memory";
import type { Arena, Memory } from "#sys/memory";
import { ETHERNET, PcapError, readPcap, writePcap } from "#wire/pcap";

export interface PcapDescriptor extends Omit<MemoryDescriptor, "kind"> {
  readonly kind: "pcap";
  /** File to receive from; absent: nothing comes. */
  readonly input?: string;
  /** File written on close; absent: what is sent is lost. */
  readonly output?: string;
}

export function openPcapPort(arena: Arena, index: number, files: { input?: string; output?: string }): PcapDescriptor {
  return { ...openMemoryPort(arena, index, false), kind: "pcap", ...files };
}

export class PcapPort extends MemoryPort {
  readonly #output: string | undefined;

  /** Reads the input. Throws PcapError, or the file system's error, for a file that cannot be read. */
  constructor(memory: Memory, descriptor: PcapDescriptor) {
    const frames = descriptor.input === undefined ? [] : readFrames(descriptor.input);
    super(memory, { ...descriptor, kind: "memory" }, frames.length);
    this.#output = descriptor.output;
    for (const octets of frames) this.arrive(octets);
  }

  override transmit(frame: Frame): boolean {
    if (frame.partial || frame.gsoType !== 0)
      throw new Error("a pcap file takes no partial checksums and super-packets");
    return super.transmit(frame);
  }

  /** Writes the output, a nanosecond from frame to frame. */
  override close(): void {
    const frames = this.departed().map(({ octets }, nanos) => ({ seconds: 0, nanos, octets }));
    if (this.#output !== undefined) writeFileSync(this.#output, writePcap(frames));
    super.close();
  }
}

function readFrames(path: string): Uint8Array[] {
  const { linkType, frames } = readPcap(readFileSync(path));
  if (linkType !== ETHERNET) throw new PcapError(`link type ${linkType}, expected ${ETHERNET} (Ethernet),`, 20);
  return frames.map(({ octets, length }, i) => {
    if (octets.length < length || length > MAX_FRAME) {
      throw new PcapError(`frame ${i + 1} with ${octets.length} of ${length} octets captured`, 0);
    }
    return octets;
  });
}
