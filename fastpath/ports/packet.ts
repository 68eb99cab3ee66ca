/**
 * An interface of the kernel (a veth end, a NIC) by a packet socket. Frames stay where the kernel put them, in the
 * receive ring mapped into the arena, until release(). Super-packets are sent from there with one system call a batch;
 * small frames by AF_XDP, which costs a copy and saves more (perf/io.md).
 */

import { move, put16 } from "#base/bytes";
import { type Frame, GSO_NONE, HEADROOM, MAX_FRAME } from "#fastpath/frame";
import { LANDING_SIZE, Landing } from "#fastpath/ports/landing";
import { OFFLOAD_SIZE, readOffload, writeOffload } from "#fastpath/ports/offload";
import { GONE, type Port } from "#fastpath/ports/port";
import { dropIncoming } from "#sys/bpf";
import { closeDescriptor } from "#sys/descriptor";
import { SysError } from "#sys/errno";
import { libc } from "#sys/libc";
import type { Arena, Memory } from "#sys/memory";
import * as ring from "#sys/packet-ring";
import { openPacketSocket, takeDrops, takeError } from "#sys/packet-socket";
import { SendBatch, sendBatchSize } from "#sys/send-batch";
import { segmentsItself } from "#sys/transmit-features";
import {
  closeTunnelTransmit,
  freeTunnelTransmit,
  OUTER,
  openTunnelTransmit,
  TunnelTransmit,
  type TunnelTransmitDescriptor,
} from "#sys/tunnel-transmit";
import { freeXdpTransmit, openXdpTransmit, XDP_LONGEST, type XdpDescriptor, XdpTransmit } from "#sys/xdp-transmit";

const MSG_DONTWAIT = 0x40;
const BATCH = 64;
const SLOTS = 2048;
/** Octets of super-packets and jumbo frames that may wait to be read whole; beyond, they are dropped. */
const RECEIVE_BUFFER = 16 << 20;
/** Octets on their way out before sending is refused. */
const SEND_BUFFER = 32 << 20;
const ETHERNET_HEADER = 14;
const MAC_ADDRESSES = 12;
const VLAN_TAG = 4;
/** Answers in place of an arena offset. */
const FULL = -1;
const LOST = -2;

/** All a {@link PacketPort} is made of; plain data, to be sent to the thread that will use it. */
export interface PacketDescriptor {
  readonly kind: "packet";
  readonly index: number;
  readonly fd: number;
  /** Keeps the kernel's own stack off the interface while it is open; −1: the kernel sees the frames too. */
  readonly dropFd: number;
  readonly offload: boolean;
  /** Arena offset of the ring. */
  readonly ring: number;
  readonly slots: number;
  readonly slotSize: number;
  /** Arena offset of {@link LANDING_SIZE} octets, for frames that do not fit a slot. */
  readonly landing: number;
  /** Arena offset of the send batch's own memory. */
  readonly batch: number;
  /** The cheaper way out for frames of at most `longest` octets; absent where the kernel has none to give. */
  readonly express?: { readonly xdp: XdpDescriptor; readonly longest: number };
  /** The way out of super-packets in tunnels; absent where none are sent, or the kernel has none to give. */
  readonly tunnels?: TunnelTransmitDescriptor;
}

export interface PacketPortSettings {
  readonly index: number;
  /** In the calling thread's namespace. */
  readonly interfaceIndex: number;
  /** For errors. */
  readonly interfaceName: string;
  readonly mtu: number;
  readonly offload: boolean;
  /** Slots of the receive ring, a power of two ≥ 64. Default 2048. */
  readonly slots?: number;
  /** True: the kernel's stack gets none of the interface's incoming frames, only this port does. */
  readonly exclusive: boolean;
  /** See PacketSocketSettings. */
  readonly fanoutGroup?: number;
  readonly promiscuous?: boolean;
  /**
   * Send past the queueing discipline (unless the interface leaves segmenting to the kernel, which then happens there), and
   * small frames by AF_XDP; captures on the interface then miss what is sent. Default true.
   */
  readonly express?: boolean;
  /** Super-packets in tunnels may be sent here. Default false. */
  readonly tunnels?: boolean;
}

/** Control thread, inside the interface's namespace: opens the socket and maps its ring. Throws SysError, RangeError. */
export function openPacketPort(arena: Arena, settings: PacketPortSettings): PacketDescriptor {
  const { index, interfaceIndex, interfaceName, offload, slots = SLOTS } = settings;
  const slotSize = ring.slotSizeFor(settings.mtu, HEADROOM);
  const fd = openPacketSocket({
    ...settings,
    index: interfaceIndex,
    about: interfaceName,
    allGroups: true, // neighbor discovery and routing protocols speak to groups, which the pipeline looks at
    ring: { slotSize, slots, reserve: ring.reserveFor(HEADROOM) },
    bypassQueue: (settings.express ?? true) && segmentsItself(interfaceName),
    receiveBuffer: RECEIVE_BUFFER,
    sendBuffer: SEND_BUFFER,
  });
  let dropFd = -1;
  try {
    if (settings.exclusive) dropFd = dropIncoming(interfaceIndex, interfaceName);
    const plain = { kind: "packet", index, fd, dropFd, offload, slots, slotSize } as const;
    const places = allocate(arena, plain, interfaceName);
    return { ...plain, ...places, ...openExpress(arena, settings), ...openTunnels(arena, settings) };
  } catch (error) {
    if (dropFd >= 0) closeDescriptor(dropFd);
    closeDescriptor(fd);
    throw error;
  }
}

/** Nothing where the kernel refuses (too old, all queues taken by other forwarders) or memory is short: all works without. */
function openExpress(arena: Arena, settings: PacketPortSettings): Pick<PacketDescriptor, "express"> {
  if (settings.express === false) return {};
  const longest = Math.min(XDP_LONGEST, settings.mtu + ETHERNET_HEADER);
  return ifGiven(() => ({
    express: { xdp: openXdpTransmit(arena, settings.interfaceIndex, settings.interfaceName), longest },
  }));
}

function openTunnels(arena: Arena, settings: PacketPortSettings): Pick<PacketDescriptor, "tunnels"> {
  if (!settings.tunnels || !settings.offload) return {};
  return ifGiven(() => ({ tunnels: openTunnelTransmit(arena, { ...settings, sendBuffer: SEND_BUFFER }) }));
}

/** Nothing where the kernel refuses or memory is short. */
function ifGiven<T extends object>(open: () => T): T | Record<string, never> {
  try {
    return open();
  } catch (error) {
    if (error instanceof SysError || error instanceof RangeError) return {};
    throw error;
  }
}

type Places = Pick<PacketDescriptor, "ring" | "landing" | "batch">;

function allocate(arena: Arena, plain: Omit<PacketDescriptor, keyof Places>, about: string): Places {
  const { fd, slots, slotSize } = plain;
  const landing = arena.allocate(LANDING_SIZE);
  const batch = arena.allocate(sendBatchSize(BATCH));
  try {
    return { landing, batch, ring: arena.mapOver(fd, slots * slotSize, `ring of ${about}`) };
  } catch (error) {
    arena.release(landing, LANDING_SIZE);
    arena.release(batch, sendBatchSize(BATCH));
    throw error;
  }
}

/** Control thread: undoes {@link openPacketPort} when no forwarder got the port. */
export function discardPacketPort(arena: Arena, descriptor: PacketDescriptor): void {
  closeAll(descriptor);
  freePacketPort(arena, descriptor);
}

function closeAll({ fd, dropFd, express, tunnels }: PacketDescriptor): void {
  if (tunnels !== undefined) closeTunnelTransmit(tunnels);
  if (express !== undefined) closeDescriptor(express.xdp.fd);
  if (dropFd >= 0) closeDescriptor(dropFd);
  closeDescriptor(fd);
}

/** Control thread: gives ring and memory back, after the port was closed where it was used. */
export function freePacketPort(arena: Arena, descriptor: PacketDescriptor): void {
  arena.unmapOver(descriptor.ring, descriptor.slots * descriptor.slotSize);
  arena.release(descriptor.landing, LANDING_SIZE);
  arena.release(descriptor.batch, sendBatchSize(BATCH));
  if (descriptor.express !== undefined) freeXdpTransmit(arena, descriptor.express.xdp);
  if (descriptor.tunnels !== undefined) freeTunnelTransmit(arena, descriptor.tunnels);
}

export class PacketPort implements Port {
  readonly index: number;
  readonly fd: number;
  readonly offload: boolean;
  readonly tunnels: boolean;
  failure = 0;
  readonly #descriptor: PacketDescriptor;
  readonly #memory: Memory;
  readonly #landing: Landing;
  readonly #batch: SendBatch;
  readonly #express: XdpTransmit | undefined;
  readonly #expressLongest: number;
  readonly #tunnels: TunnelTransmit | undefined;
  /** Slot number of the first we hold, how many we hold, and so the next to look at. */
  #first = 0;
  #held = 0;
  #drops = 0;

  constructor(memory: Memory, descriptor: PacketDescriptor) {
    this.index = descriptor.index;
    this.fd = descriptor.fd;
    this.offload = descriptor.offload;
    this.#descriptor = descriptor;
    this.#memory = memory;
    this.#landing = new Landing(descriptor.landing);
    this.#batch = new SendBatch(memory, descriptor.batch, BATCH, descriptor.fd);
    this.#express = descriptor.express && new XdpTransmit(memory, descriptor.express.xdp);
    this.#expressLongest = descriptor.express?.longest ?? 0;
    this.#tunnels = descriptor.tunnels && new TunnelTransmit(memory, descriptor.tunnels);
    this.tunnels = this.#tunnels !== undefined;
  }

  get transmitErrors(): number {
    const express = this.#express === undefined ? 0 : this.#express.refused + this.#express.invalid();
    return this.#batch.refused + express + (this.#tunnels?.refused ?? 0);
  }

  receiveDrops(): number {
    this.#drops += takeDrops(this.fd);
    return this.#drops;
  }

  receive(frames: readonly Frame[], from: number): number {
    if (this.failure !== 0) return GONE;
    const { words } = this.#memory;
    const { ring: start, slots, slotSize } = this.#descriptor;
    let count = from;
    while (count < frames.length && this.#held < slots) {
      const slot = start + ((this.#first + this.#held) & (slots - 1)) * slotSize;
      const status = ring.status(words, slot);
      if ((status & ring.USER) === 0) break;
      const at = this.#locate(slot, status);
      if (at === FULL) break;
      this.#held++;
      if (at === LOST) this.#drops++;
      else this.#fill(frames[count++]!, at, slot, status);
    }
    return count > from ? count - from : this.#whenNothingCame();
  }

  /** What was queued another way goes first. */
  transmit(frame: Frame): boolean {
    const { at, end } = frame;
    if (frame.isTunnelled) return this.#intoTunnel(frame);
    this.#tunnels?.flush();
    if (end - at <= this.#expressLongest && frame.gsoType === GSO_NONE) {
      this.#batch.flush();
      if (this.#express!.add(at, end, frame.partial ? frame.csumStart : -1, frame.csumOffset)) return true;
    } else {
      this.#express?.flush();
    }
    writeOffload(this.#memory.bytes, frame);
    const start = at - OFFLOAD_SIZE;
    this.#batch.add(start, end - start);
    return true;
  }

  #intoTunnel(frame: Frame): boolean {
    const tunnels = this.#tunnels!;
    this.#batch.flush();
    this.#express?.flush();
    frame.at = tunnels.takeOff(frame.at);
    frame.headerLength -= OUTER;
    frame.csumStart -= OUTER;
    writeOffload(this.#memory.bytes, frame);
    tunnels.add(frame.at - OFFLOAD_SIZE, frame.end);
    return true;
  }

  flush(): void {
    this.#batch.flush();
    this.#express?.flush();
    this.#tunnels?.flush();
  }

  release(): void {
    const { words } = this.#memory;
    const { ring: start, slots, slotSize } = this.#descriptor;
    for (; this.#held > 0; this.#held--) {
      ring.giveBack(words, start + this.#first * slotSize);
      this.#first = (this.#first + 1) & (slots - 1);
    }
    this.#landing.clear();
  }

  close(): void {
    closeAll(this.#descriptor);
  }

  /** Where the slot's frame is; LOST, or FULL when it must wait until release(). */
  #locate(slot: number, status: number): number {
    const { words } = this.#memory;
    if (status & ring.COPY) return this.#readWhole(ring.length(words, slot));
    // Cut short, and no room in the receive buffer for a whole copy.
    if (ring.captured(words, slot) < ring.length(words, slot)) return LOST;
    return slot + ring.frameOffset(words, slot);
  }

  /** Reads a frame that did not fit its slot; the kernel keeps them in the slots' order. */
  #readWhole(length: number): number {
    const at = this.#landing.next();
    if (at < 0) return FULL;
    const start = this.#memory.address + at - OFFLOAD_SIZE;
    const got = libc.recv(this.fd, start, OFFLOAD_SIZE + MAX_FRAME, MSG_DONTWAIT);
    if (got !== OFFLOAD_SIZE + length) return LOST;
    this.#landing.took(at + length);
    return at;
  }

  #fill(frame: Frame, at: number, slot: number, status: number): void {
    const { bytes, words } = this.#memory;
    readOffload(bytes, at, at + ring.length(words, slot), frame);
    frame.port = this.index;
    if (status & ring.VLAN_VALID) this.#putBackTag(frame, ring.vlanTag(words, slot));
  }

  /** The kernel takes an 802.1Q tag out of the frame; a tagged frame must not pass for an untagged one. */
  #putBackTag(frame: Frame, tag: number): void {
    const { bytes } = this.#memory;
    frame.at -= VLAN_TAG;
    move(bytes, frame.at, frame.at + VLAN_TAG, MAC_ADDRESSES);
    put16(bytes, frame.at + MAC_ADDRESSES, tag >>> 16);
    put16(bytes, frame.at + MAC_ADDRESSES + 2, tag);
    frame.csumStart += VLAN_TAG;
    frame.headerLength += VLAN_TAG;
  }

  /** An interface that went down says so once, as an error of the socket, to whichever call comes first. */
  #whenNothingCame(): number {
    if (this.#held > 0) return 0;
    const sending = this.#batch.failure || this.#express?.failure || this.#tunnels?.failure;
    this.failure = sending || takeError(this.fd);
    return this.failure === 0 ? 0 : GONE;
  }
}
