/**
 * Packet sockets (packet(7)): whole Ethernet frames of one interface, each led by a virtio_net_hdr of 10 octets, and
 * received in a ring of slots that the kernel fills in our own memory (TPACKET_V2).
 */
import { closeDescriptor } from "#sys/descriptor";
import { check, EPERM, errno, SysError } from "#sys/errno";
import { libc } from "#sys/libc";
import { type Memory, pinned } from "#sys/memory";
import { attachFilter, type Condition } from "#sys/packet-filter";

const AF_PACKET = 17;
const SOCK_RAW = 3;
const SOCK_NONBLOCK = 0o4000;
const SOCK_CLOEXEC = 0o2000000;
const ETH_P_ALL = 3;

const SOL_SOCKET = 1;
const SO_PRIORITY = 12;
const SO_SNDBUFFORCE = 32;
const SO_RCVBUFFORCE = 33;

const SOL_PACKET = 263;
const PACKET_ADD_MEMBERSHIP = 1;
const PACKET_RX_RING = 5;
const PACKET_STATISTICS = 6;
const PACKET_COPY_THRESH = 7;
const PACKET_VERSION = 10;
const PACKET_RESERVE = 12;
const PACKET_VNET_HDR = 15;
const PACKET_FANOUT = 18;
const PACKET_QDISC_BYPASS = 20;
const PACKET_IGNORE_OUTGOING = 23;
const PACKET_MR_PROMISC = 1;
const PACKET_MR_ALLMULTI = 2;
const PACKET_FANOUT_HASH = 0;
const SO_ERROR = 4;
const TPACKET_V2 = 1;

const scratch: Memory = pinned(64);

export interface PacketRing {
  /** Octets of a slot, a multiple of 16; slots × slotSize is whole pages. */
  readonly slotSize: number;
  readonly slots: number;
  /** Octets that the kernel leaves free before the frame, beyond what its own header takes. */
  readonly reserve: number;
}

export interface PacketSocketSettings {
  /** ifindex in the calling thread's namespace. */
  readonly index: number;
  /** The interface's name, for errors. */
  readonly about: string;
  readonly ring?: PacketRing;
  /** Octets for frames that are too long for a slot, and for all frames without a ring. */
  readonly receiveBuffer: number;
  /** Octets of frames on their way out. */
  readonly sendBuffer: number;
  /** Skip the interface's queueing discipline. */
  readonly bypassQueue?: boolean;
  /** Sockets with the same group (0 … 65535) share the interface's frames, each flow going to one of them. */
  readonly fanoutGroup?: number;
  /** Take frames for other stations too. */
  readonly promiscuous?: boolean;
  /** Take frames for all groups: an interface of real hardware passes on those only that somebody has joined. */
  readonly allGroups?: boolean;
  /** Receive nothing. */
  readonly deaf?: boolean;
  /** Take only frames of which all this holds. */
  readonly filter?: readonly Condition[];
  /** 0 (default) … 7: what is sent goes before others' frames where the interface's queueing discipline knows of it. */
  readonly priority?: number;
}

/**
 * Opens a nonblocking packet socket. It hears only what comes in on the interface, not what anybody sends there.
 * Throws SysError.
 */
export function openPacketSocket(settings: PacketSocketSettings): number {
  const { about } = settings;
  // Protocol 0: deaf until it is bound, so that no other interface's frames get into the ring.
  const fd = libc.socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd === -1)
    throw new SysError("open packet socket", errno(), errno() === EPERM ? `${about} (run as root)` : about);
  try {
    setOption(fd, SOL_PACKET, PACKET_VNET_HDR, 1, about);
    setOption(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, 1, about);
    setOption(fd, SOL_SOCKET, SO_RCVBUFFORCE, settings.receiveBuffer, about);
    setOption(fd, SOL_SOCKET, SO_SNDBUFFORCE, settings.sendBuffer, about);
    if (settings.bypassQueue) setOption(fd, SOL_PACKET, PACKET_QDISC_BYPASS, 1, about);
    if (settings.priority !== undefined) setOption(fd, SOL_SOCKET, SO_PRIORITY, settings.priority, about);
    if (settings.filter !== undefined) attachFilter(fd, settings.filter, about);
    if (settings.ring !== undefined) setRing(fd, settings.ring, about);
    bindTo(fd, settings.index, settings.deaf ? 0 : ETH_P_ALL, about);
    if (settings.promiscuous) join(fd, settings.index, PACKET_MR_PROMISC, about);
    if (settings.allGroups) join(fd, settings.index, PACKET_MR_ALLMULTI, about);
    if (settings.fanoutGroup !== undefined) {
      const group = settings.fanoutGroup | (PACKET_FANOUT_HASH << 16);
      setOption(fd, SOL_PACKET, PACKET_FANOUT, group, about);
    }
    return fd;
  } catch (error) {
    closeDescriptor(fd);
    throw error;
  }
}

/** Frames the kernel dropped because the ring was full, since the last time it was asked. */
export function takeDrops(fd: number): number {
  scratch.words[4] = 12; // as large as tpacket_stats_v3, which V2 does not fill
  const result = libc.getsockopt(fd, SOL_PACKET, PACKET_STATISTICS, scratch.address, scratch.address + 16);
  return result === -1 ? 0 : scratch.words[1]! >>> 0; // struct tpacket_stats: packets, drops
}

/** What became of the interface since the last time it was asked: 0, or ENETDOWN (down or deleted). */
export function takeError(fd: number): number {
  scratch.words[4] = 4;
  const result = libc.getsockopt(fd, SOL_SOCKET, SO_ERROR, scratch.address, scratch.address + 16);
  return result === -1 ? errno() : scratch.words[0]!;
}

function setOption(fd: number, level: number, option: number, value: number, about: string): void {
  scratch.words[0] = value;
  check(libc.setsockopt(fd, level, option, scratch.address, 4), `setsockopt ${level} ${option}`, about);
}

function setRing(fd: number, { slotSize, slots, reserve }: PacketRing, about: string): void {
  setOption(fd, SOL_PACKET, PACKET_VERSION, TPACKET_V2, about);
  setOption(fd, SOL_PACKET, PACKET_RESERVE, reserve, about);
  // Above 0: a frame that does not fit its slot is also queued whole, for recvmsg.
  setOption(fd, SOL_PACKET, PACKET_COPY_THRESH, 1, about);
  // struct tpacket_req: block size, blocks, frame size, frames. One block, since slots do not straddle blocks.
  scratch.words.set([slots * slotSize, 1, slotSize, slots]);
  check(libc.setsockopt(fd, SOL_PACKET, PACKET_RX_RING, scratch.address, 16), "setsockopt PACKET_RX_RING", about);
}

/** struct sockaddr_ll: family u16, protocol u16 in network order, ifindex i32, … 20 octets. */
function bindTo(fd: number, index: number, protocol: number, about: string): void {
  scratch.bytes.fill(0, 0, 20);
  scratch.view.setUint16(0, AF_PACKET, true);
  scratch.view.setUint16(2, protocol);
  scratch.view.setInt32(4, index, true);
  check(libc.bind(fd, scratch.address, 20), "bind packet socket", about);
}

/** struct packet_mreq: ifindex i32, type u16, length u16, address 8 octets. */
function join(fd: number, index: number, type: number, about: string): void {
  scratch.bytes.fill(0, 0, 16);
  scratch.view.setInt32(0, index, true);
  scratch.view.setUint16(4, type, true);
  check(libc.setsockopt(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, scratch.address, 16), "setsockopt membership", about);
}
