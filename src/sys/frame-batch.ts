/**
 * Sends ready-made Ethernet frames on an interface, many a system call and past its queueing discipline: the cheapest
 * way out for a traffic generator.
 */
import { closeDescriptor } from "#sys/descriptor";
import { check } from "#sys/errno";
import { libc } from "#sys/libc";
import { MessageVector } from "#sys/message-vector";
import { Rtnetlink } from "#sys/rtnetlink";

const AF_PACKET = 17;
const SOCK_RAW = 3;
const SOCK_CLOEXEC = 0o2000000;
const SOL_PACKET = 263;
const PACKET_QDISC_BYPASS = 20;
/** struct sockaddr_ll: family, protocol (0: receive nothing), interface index, address. */
const ADDRESS_SIZE = 20;
/** Room for a frame; a small one, as this is for packet rates. */
export const FRAME_SLOT = 64; // octets

/** `capacity` slots; slot `i`'s frame begins at `i * FRAME_SLOT` of {@link frames}. */
export class FrameBatch {
  readonly frames: Uint8Array;
  readonly #fd: number;
  readonly #messages: MessageVector;

  /** @param device an interface of the process's namespace. Throws SysError. */
  constructor(device: string, capacity = 64) {
    this.#messages = new MessageVector(capacity, FRAME_SLOT);
    this.frames = this.#messages.memory.bytes.subarray(0, capacity * FRAME_SLOT);
    this.#fd = check(libc.socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0), "socket", "AF_PACKET");
    try {
      this.#bind(device);
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** Sends the slots 0 … count−1, `length` octets each. @returns how many went out; fewer when the device is busy. */
  send(count: number, length: number): number {
    for (let slot = 0; slot < count; slot++) this.#messages.setLength(slot, length);
    return this.#messages.send(this.#fd, 0, count);
  }

  close(): void {
    closeDescriptor(this.#fd);
    this.#messages.free();
  }

  #bind(device: string): void {
    const { memory, scratch } = this.#messages;
    const argument = memory.address + scratch;
    memory.words[scratch >> 2] = 1;
    check(libc.setsockopt(this.#fd, SOL_PACKET, PACKET_QDISC_BYPASS, argument, 4), "setsockopt", "PACKET_QDISC_BYPASS");
    memory.view.setUint32(scratch, AF_PACKET, true);
    memory.view.setInt32(scratch + 4, indexOf(device), true);
    check(libc.bind(this.#fd, argument, ADDRESS_SIZE), "bind", device);
  }
}

/** ifindex in the thread's namespace; /sys shows that of whoever mounted it. */
function indexOf(device: string): number {
  const netlink = new Rtnetlink();
  try {
    return netlink.requireLink(device).index;
  } finally {
    netlink.close();
  }
}
