/**
 * The receive ring of a packet socket (TPACKET_V2), in place: slots that the kernel fills one after the other. A slot
 * is the kernel's until it stores USER into its first word, and ours until we store 0 there.
 */

/** Bits of {@link status}. */
export const USER = 1;
/** The frame does not fit the slot; all of it waits in the socket's queue, in order. */
export const COPY = 2;
/** {@link vlanTag} was cut out of the frame. */
export const VLAN_VALID = 0x10;

/** Octets before a slot's frame that are ours while the slot is: all but the status word and the fields read at once. */
const KERNEL_HEADER = 32;
const VNET_HEADER = 10;
/** sizeof(struct tpacket2_hdr) + sizeof(struct sockaddr_ll), aligned with room for the longest link header. */
const FRAME_START = 80;
const ETHERNET_HEADER = 14;
const CACHE_LINE = 64;

/**
 * The reserve (octets) that puts at least `headroom` free octets before the Ethernet header, beyond the kernel's own
 * header, and the network header on a multiple of 16.
 */
export function reserveFor(headroom: number): number {
  const network = FRAME_START + VNET_HEADER; // where the kernel would put it without a reserve
  const wanted = Math.max(network, KERNEL_HEADER + headroom + ETHERNET_HEADER);
  return ((wanted + 15) & ~15) - network;
}

/**
 * The slot size that holds frames of an interface with this MTU: an odd number of cache lines, so that the same part of
 * each slot does not always fall into the same few sets of the cache.
 */
export function slotSizeFor(mtu: number, headroom: number): number {
  const vlanTags = 8;
  const needed = FRAME_START + VNET_HEADER + reserveFor(headroom) + vlanTags + mtu;
  return CACHE_LINE * (Math.ceil(needed / CACHE_LINE) | 1);
}

/** Atomic: what the kernel wrote before it is seen after it. */
export const status = (words: Int32Array, slot: number): number => Atomics.load(words, slot >> 2);
export const giveBack = (words: Int32Array, slot: number): number => Atomics.store(words, slot >> 2, 0);
/** Octets of the frame as it was on the wire. */
export const length = (words: Int32Array, slot: number): number => words[(slot + 4) >> 2]!;
/** Octets of it that are in the slot. */
export const captured = (words: Int32Array, slot: number): number => words[(slot + 8) >> 2]!;
/** Octets from the slot's start to the Ethernet header; the virtio_net_hdr is before that. */
export const frameOffset = (words: Int32Array, slot: number): number => words[(slot + 12) >> 2]! & 0xffff;
/** Tag control information in the low half, protocol (0x8100 …) in the high half. Valid with VLAN_VALID. */
export const vlanTag = (words: Int32Array, slot: number): number => words[(slot + 24) >> 2]!;
