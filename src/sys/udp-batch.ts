/**
 * UDP over IPv4, many datagrams a system call: for traffic generators and sinks, where one call a datagram would make
 * the generator the bottleneck.
 */
import { closeDescriptor } from "#sys/descriptor";
import { check } from "#sys/errno";
import { libc } from "#sys/libc";
import { MessageVector } from "#sys/message-vector";

const AF_INET = 2;
const SOCK_DGRAM = 2;
const SOCK_CLOEXEC = 0o2000000;
const SOL_SOCKET = 1;
const SO_RCVTIMEO = 20;
const SO_RCVBUFFORCE = 33;
const MSG_DONTWAIT = 0x40;
const MSG_WAITFORONE = 0x10000;
const SYS_CONNECT = process.arch === "arm64" ? 203 : 42;

/** struct sockaddr_in: family, port and address in network order, padding. */
const ADDRESS_SIZE = 16;
/** A slot's payload; datagrams that are longer are cut on receipt. */
export const SLOT = 64; // octets

export interface UdpAddress {
  /** Dotted decimal. */
  readonly host: string;
  /** 0 lets the kernel choose when binding. */
  readonly port: number;
}

/** A socket with `capacity` slots of {@link SLOT} octets. Slot `i`'s payload begins at `i * SLOT` of {@link payloads}. */
export class UdpBatch {
  readonly payloads: Uint8Array;
  readonly #fd: number;
  readonly #messages: MessageVector;

  /** @param local where to listen; a sender takes `{ host: "0.0.0.0", port: 0 }`. Throws SysError. */
  constructor(local: UdpAddress, capacity = 64) {
    this.#messages = new MessageVector(capacity, SLOT);
    this.#messages.useNames(ADDRESS_SIZE);
    this.payloads = this.#messages.memory.bytes.subarray(0, capacity * SLOT);
    this.#fd = check(libc.socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), "socket", "UDP");
    try {
      check(libc.bind(this.#fd, this.#putAddress(local), ADDRESS_SIZE), "bind", `${local.host} port ${local.port}`);
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** The port it is bound to, also when the kernel chose. */
  get port(): number {
    const { memory, scratch } = this.#messages;
    const length = scratch + ADDRESS_SIZE;
    memory.words[length >> 2] = ADDRESS_SIZE;
    check(libc.getsockname(this.#fd, memory.address + scratch, memory.address + length), "getsockname");
    return memory.view.getUint16(scratch + 2);
  }

  /** From now on {@link send} goes to `peer` and only its datagrams are received. */
  connect(peer: UdpAddress): void {
    const result = libc.syscall(SYS_CONNECT, this.#fd, this.#putAddress(peer), ADDRESS_SIZE, 0, 0, 0);
    check(result, "connect", `${peer.host} port ${peer.port}`);
    this.#messages.useNames(0);
  }

  /** Octets of socket buffer, beyond the system's limit (needs CAP_NET_ADMIN). */
  setReceiveBuffer(octets: number): void {
    this.#option(SO_RCVBUFFORCE, [octets], "SO_RCVBUFFORCE");
  }

  /** How long {@link receive} waits; 0: for ever. */
  setReceiveTimeout(millis: number): void {
    const seconds = Math.floor(millis / 1000);
    this.#option(SO_RCVTIMEO, [seconds, 0, (millis - seconds * 1000) * 1000, 0], "SO_RCVTIMEO");
  }

  /** Sends the first `length` octets of slot 0 to the connected peer; false when a queue refused them. */
  send(length: number): boolean {
    this.#messages.setLength(0, length);
    return this.#messages.send(this.#fd, 0, 1) === 1;
  }

  /** Sends a received slot's octets back to where they came from; false when a queue refused them. */
  reply(slot: number): boolean {
    this.#messages.setLength(slot, this.length(slot));
    return this.#messages.send(this.#fd, slot, 1) === 1;
  }

  /** Waits for at least one datagram and takes what else is there. @returns how many slots are filled; 0: time is over. */
  receive(): number {
    return this.#receive(MSG_WAITFORONE);
  }

  /** As {@link receive}, without waiting. */
  take(): number {
    return this.#receive(MSG_DONTWAIT);
  }

  /** Octets of a received slot, 0 … {@link SLOT}. */
  length(slot: number): number {
    return this.#messages.received(slot);
  }

  close(): void {
    closeDescriptor(this.#fd);
    this.#messages.free();
  }

  #receive(flags: number): number {
    for (let slot = 0; slot < this.#messages.capacity; slot++) this.#messages.setLength(slot, SLOT);
    return this.#messages.receive(this.#fd, flags);
  }

  #putAddress({ host, port }: UdpAddress): number {
    const { memory, scratch } = this.#messages;
    memory.view.setUint16(scratch, AF_INET, true);
    memory.view.setUint16(scratch + 2, port);
    memory.bytes.set(host.split(".").map(Number), scratch + 4);
    return memory.address + scratch;
  }

  #option(name: number, words: readonly number[], about: string): void {
    const { memory, scratch } = this.#messages;
    memory.words.set(words, scratch >> 2);
    const result = libc.setsockopt(this.#fd, SOL_SOCKET, name, memory.address + scratch, 4 * words.length);
    check(result, "setsockopt", about);
  }
}
