/** What a forwarder asks of a port; one contract suite (contract.ts) holds for every kind. */
import type { Frame } from "#fastpath/frame";

/** `receive` found the port gone (interface deleted or down, descriptor dead); the errno is in {@link Port.failure}. */
export const GONE = -1;

export interface Port {
  /** Index in the port table; stable while the port lives. */
  readonly index: number;
  /** Descriptor to poll for input; −1 when there is none (memory, pcap). */
  readonly fd: number;
  /** True: takes GSO super-packets and partial checksums. False: the forwarder segments and finishes checksums first. */
  readonly offload: boolean;
  /**
   * True: takes super-packets in tunnels (Frame.isTunnelled): IPv6, GRE with a key, IPv6, TCP or UDP, each header without
   * options before the last. It refuses none at once, and overwrites their outer headers.
   */
  readonly tunnels: boolean;
  /** errno of what made the port fail; 0 while it works. */
  readonly failure: number;
  /**
   * Frames that transmit() took and the kernel refused, since the port was opened (queue full, link down, too long).
   */
  readonly transmitErrors: number;
  /** Frames lost before the forwarder saw them (ring full), as far as the kernel tells; read once in a while. */
  receiveDrops(): number;

  /**
   * Fills frames[from …] with what has arrived, at most `frames.length − from`, without waiting. Sets every field of
   * each frame. Returns how many, or GONE. The octets belong to the forwarder until release().
   */
  receive(frames: readonly Frame[], from: number): number;
  /**
   * Queues a frame. Up to 10 octets *before* `frame.at` are overwritten (the virtio_net_hdr); the frame's octets must
   * stay as they are until flush(). The frame object itself may be used again at once.
   * Returns false when the frame is refused at once: no transmit error, for the caller counts it.
   */
  transmit(frame: Frame): boolean;
  /** Sends all that is queued. Never waits: what the kernel refuses is counted and dropped. */
  flush(): void;
  /** Hands the octets of all frames received since the last release() back to the kernel or the pool. */
  release(): void;
  close(): void;
}
