/**
 * Super-packets into tunnels of GRE over IPv6, cut no sooner than an interface has to: by its hardware, by the kernel right
 * before it, or not at all between two virtual ones. No virtio_net_hdr can say that a super-packet is in a tunnel, so the
 * packet is sent without its tunnel, and a tcx program puts the outer headers before it, as the kernel's own tunnels do
 * (bpf_skb_adjust_room, bpf-helpers(7)). It finds them in memory that it shares with the sender, by the packet's mark.
 */
import { createSharedValues, linkOutgoing } from "#sys/bpf";
import { assemble, type Line } from "#sys/bpf-code";
import { closeDescriptor } from "#sys/descriptor";
import type { Arena, Memory } from "#sys/memory";
import { PAGE } from "#sys/memory";
import { openPacketSocket } from "#sys/packet-socket";
import { SendBatch, sendBatchSize } from "#sys/send-batch";

/** IPv6 and GRE with a key. */
export const OUTER = 48;
const OUTER_WORDS = OUTER / 4;
const ETHERNET = 14;
const BATCH = 64; // super-packets on their way at once; a mark's last octet
const SHARED = Math.ceil((BATCH * OUTER) / PAGE) * PAGE;

const MARK = 8; // in struct __sk_buff
const LOOK_UP = 1; // helper functions
const STORE_BYTES = 9;
const ADJUST_ROOM = 50;
const BETWEEN_LINK_AND_NETWORK = 1; // BPF_ADJ_ROOM_MAC
/** BPF_F_ADJ_ROOM_FIXED_GSO: segments are as long as was said; ENCAP_L3_IPV6; ENCAP_L4_GRE. */
const INTO_GRE = 1 | 4 | 8;
const TCX_NEXT = -1;
const TCX_DROP = 2;

/** `tag`: the upper 24 bits of the marks that are ours. */
const linesOf = (map: number, tag: number): readonly Line[] => [
  { does: "moveRegister", to: 6, source: 1 },
  { does: "load32", to: 7, source: 6, offset: MARK },
  { does: "moveRegister", to: 1, source: 7 },
  { does: "shiftRight", to: 1, value: 8 },
  { does: "jumpIfNotEqual", to: 1, value: tag, label: "next" },
  { does: "move", to: 1, value: 0 },
  { does: "store32", to: 6, source: 1, offset: MARK },
  { does: "and", to: 7, value: 0xff },
  { does: "store32", to: 10, source: 7, offset: -4 },
  { does: "loadMap", to: 1, value: map },
  { does: "moveRegister", to: 2, source: 10 },
  { does: "add", to: 2, value: -4 },
  { does: "call", value: LOOK_UP },
  { does: "jumpIfEqual", to: 0, value: 0, label: "drop" },
  { does: "moveRegister", to: 8, source: 0 },
  { does: "moveRegister", to: 1, source: 6 },
  { does: "move", to: 2, value: OUTER },
  { does: "move", to: 3, value: BETWEEN_LINK_AND_NETWORK },
  { does: "move", to: 4, value: INTO_GRE },
  { does: "call", value: ADJUST_ROOM },
  { does: "jumpIfNotEqual", to: 0, value: 0, label: "drop" },
  { does: "moveRegister", to: 1, source: 6 },
  { does: "move", to: 2, value: ETHERNET },
  { does: "moveRegister", to: 3, source: 8 },
  { does: "move", to: 4, value: OUTER },
  { does: "move", to: 5, value: 0 },
  { does: "call", value: STORE_BYTES },
  { does: "jumpIfNotEqual", to: 0, value: 0, label: "drop" },
  "next",
  { does: "move", to: 0, value: TCX_NEXT },
  { does: "exit" },
  "drop",
  { does: "move", to: 0, value: TCX_DROP },
  { does: "exit" },
];

/** All a {@link TunnelTransmit} is made of; plain data. Whoever has it closes the descriptors when done. */
export interface TunnelTransmitDescriptor {
  readonly fd: number;
  readonly linkFd: number;
  /** Of the first of a batch. */
  readonly mark: number;
  /** Arena offset of the outer headers. */
  readonly outer: number;
  /** Arena offset of the send batch's own memory. */
  readonly batch: number;
}

export interface TunnelTransmitSettings {
  readonly interfaceIndex: number;
  /** For errors. */
  readonly interfaceName: string;
  /** Octets on their way out before sending is refused. */
  readonly sendBuffer: number;
}

/** Control thread, inside the interface's namespace. Throws SysError: needs Linux 6.6 and CAP_BPF with CAP_NET_ADMIN. */
export function openTunnelTransmit(arena: Arena, settings: TunnelTransmitSettings): TunnelTransmitDescriptor {
  const { interfaceIndex: index, interfaceName: about, sendBuffer } = settings;
  const map = createSharedValues(OUTER, BATCH, about);
  const undo: (() => void)[] = [() => closeDescriptor(map)];
  try {
    const fd = openPacketSocket({ index, about, deaf: true, receiveBuffer: PAGE, sendBuffer });
    undo.push(() => closeDescriptor(fd));
    // Other senders on the interface have other descriptors open, so other marks.
    const tag = 0x41_0000 | (fd & 0xffff);
    const linkFd = linkOutgoing(assemble(linesOf(map, tag)), index, about);
    undo.push(() => closeDescriptor(linkFd));
    const batch = arena.allocate(sendBatchSize(BATCH));
    undo.push(() => arena.release(batch, sendBatchSize(BATCH)));
    const outer = arena.mapOver(map, SHARED, `outer headers for ${about}`);
    closeDescriptor(map); // program and mapping keep it
    return { fd, linkFd, mark: tag * 256, outer, batch };
  } catch (error) {
    for (const each of undo.toReversed()) each();
    throw error;
  }
}

export function closeTunnelTransmit({ fd, linkFd }: TunnelTransmitDescriptor): void {
  closeDescriptor(fd);
  closeDescriptor(linkFd);
}

/** Control thread: gives the memory back, after the descriptors were closed. */
export function freeTunnelTransmit(arena: Arena, { outer, batch }: TunnelTransmitDescriptor): void {
  arena.unmapOver(outer, SHARED);
  arena.release(batch, sendBatchSize(BATCH));
}

export class TunnelTransmit {
  readonly #words: Int32Array;
  readonly #bytes: Uint8Array;
  readonly #outer: number;
  readonly #batch: SendBatch;

  constructor(memory: Memory, { fd, mark, outer, batch }: TunnelTransmitDescriptor) {
    this.#words = memory.words;
    this.#bytes = memory.bytes;
    this.#outer = outer >> 2;
    this.#batch = new SendBatch(memory, batch, BATCH, fd, mark);
  }

  /** Super-packets the kernel refused since the start. */
  get refused(): number {
    return this.#batch.refused;
  }

  /** errno of what makes sending pointless from now on; 0 while it works. */
  get failure(): number {
    return this.#batch.failure;
  }

  /**
   * Takes the outer headers off the frame at `at`, whose network header is at a whole word, and moves its Ethernet header up to
   * what is left of it: at the offset returned, with room for `lead` octets before it. {@link add} is to follow.
   */
  takeOff(at: number): number {
    const words = this.#words;
    const to = this.#outer + this.#batch.next() * OUTER_WORDS;
    const from = (at + ETHERNET) >> 2;
    for (let i = 0; i < OUTER_WORDS; i++) words[to + i] = words[from + i]!;
    this.#bytes.copyWithin(at + OUTER, at, at + ETHERNET);
    return at + OUTER;
  }

  /** Queues what {@link takeOff} left, led by its virtio_net_hdr; it must stay until {@link flush}. */
  add(start: number, end: number): void {
    this.#batch.add(start, end - start);
  }

  flush(): void {
    this.#batch.flush();
  }
}
