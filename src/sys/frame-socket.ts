/**
 * A packet socket for few and small frames, read and written one by one: a protocol's own way to its neighbors, beside the
 * ports that carry the traffic. It hears frames before a tcx program drops them (bpf.ts): the socket's protocol must
 * be ETH_P_ALL for that, and is.
 */
import { EAGAIN, EINTR, ENOBUFS, errno } from "#sys/errno";
import { libc } from "#sys/libc";
import { type Memory, pinned, unpin } from "#sys/memory";
import type { Condition } from "#sys/packet-filter";
import { openPacketSocket, takeDrops, takeError } from "#sys/packet-socket";

const MSG_DONTWAIT = 0x40;
/** virtio_net_hdr before each frame, in both directions. */
export const OFFLOAD_SIZE = 10;
/** Longer frames are cut. */
const LONGEST = 2048;
const RECEIVE = 0;
const SEND = LONGEST;
/** Octets of frames that may wait, each counted with some hundred octets of the kernel's own. */
const BUFFER = 256 << 10;
/** TC_PRIO_CONTROL. */
const PRIORITY = 7;

/** Opens the socket in the calling thread's namespace; a number, good in every thread. Throws SysError. */
export function openFrameSocket(interfaceIndex: number, about: string, filter: readonly Condition[]): number {
  const index = interfaceIndex;
  return openPacketSocket({ index, about, filter, receiveBuffer: BUFFER, sendBuffer: BUFFER, priority: PRIORITY });
}

/** The socket as the thread that uses it sees it; somebody else closes the descriptor. */
export class FrameSocket {
  readonly fd: number;
  readonly #memory: Memory = pinned(SEND + LONGEST);
  #drops = 0;

  constructor(fd: number) {
    this.fd = fd;
  }

  /** The next frame, led by its virtio_net_hdr, valid until the next call; undefined: there is none. Never waits. */
  receive(): Uint8Array | undefined {
    const { address, bytes } = this.#memory;
    const length = libc.recv(this.fd, address + RECEIVE, LONGEST, MSG_DONTWAIT);
    return length > OFFLOAD_SIZE ? bytes.subarray(RECEIVE, RECEIVE + length) : undefined;
  }

  /** Sends a whole frame whose checksums are complete. Returns 0, or why not: ENETDOWN, ENOBUFS and others. */
  send(frame: Uint8Array): number {
    const { address, bytes } = this.#memory;
    bytes.fill(0, SEND, SEND + OFFLOAD_SIZE);
    bytes.set(frame, SEND + OFFLOAD_SIZE);
    const sent = libc.send(this.fd, address + SEND, OFFLOAD_SIZE + frame.length, MSG_DONTWAIT);
    if (sent >= 0) return 0;
    const reason = errno();
    return reason === EAGAIN || reason === EINTR ? ENOBUFS : reason;
  }

  /** What became of the interface since the last time it was asked: 0, or ENETDOWN (down or deleted). */
  takeError(): number {
    return takeError(this.fd);
  }

  /** Frames the kernel dropped because too many waited, since the socket was opened. */
  drops(): number {
    this.#drops += takeDrops(this.fd);
    return this.#drops;
  }

  /** Gives the memory back. */
  free(): void {
    unpin(this.#memory);
  }
}
