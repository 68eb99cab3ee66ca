/**
 * The decision record: all that REWRITE needs to know about a flow, as plain 32-bit words. Stages fill the scratch
 * record at index 0 of `Tables.records`; the flow cache keeps copies behind it. Words called *raw* hold octets as they
 * lie in the packet (network order read on a little-endian machine).
 */

/** Words of a record; 128 octets, two cache lines. */
export const RECORD = 32;

// The key, written by the flow cache.
/** Table generation the decision was made with. */
export const R_GENERATION = 0;
/** Input port | protocol << 16; 1 << 31: came in a tunnel. */
export const R_META = 1;
/** Raw source and destination port. */
export const R_PORTS = 2;
/** Raw source then destination address: 2 words for IPv4, 8 for IPv6. */
export const R_ADDRESSES = 3;

// The decision.
/** One of the ACTION_ values. */
export const R_ACTION = 11;
export const R_OUT_PORT = 12;
/** Six raw half words, packed two a word: destination MAC, source MAC. */
export const R_MACS = 13;
/**
 * IPv4 input: first word of the IPv6 header to write, raw: version and flow label, traffic class zero.
 * IPv6 input: part of the key, the packet's flow label (ECMP hashes it).
 */
export const R_FLOW_WORD = 16;
/** What the transport checksum's sum grows by when the addresses change: 0 … 0xffff. */
export const R_CHECKSUM_DELTA = 17;
/** Raw new source address: 4 words for IPv6, 1 for IPv4. */
export const R_SOURCE = 18;
/** Raw new destination address: 4 words for IPv6, 1 (at R_DESTINATION) for IPv4. */
export const R_DESTINATION = 22;
/** Largest IP packet the way out takes (low 16 bits), largest TCP MSS that fits both sides or 0 (high 16 bits); octets. */
export const R_LIMITS = 26;
/**
 * Key: both MACs of the frame as it came, so that a cached decision checks them like the stages do. Three raw words. Of a packet
 * that came in a tunnel: the upper half of the outer source, the key.
 */
export const R_LINK = 27;
/** Coarse time of last use, in cache epochs (flow-cache.ts). */
export const R_USED = 30;
/** Adjacency used, so that the control thread learns which neighbours are in use. */
export const R_ADJACENCY = 31;

/**
 * In a remembered record: the connection that the flow is, or 0; a word after it its version. In words that neither key
 * nor decision of an IPv4, or IPv6, frame uses.
 */
export const R_CONNECTION_4 = 5;
export const R_CONNECTION_6 = 24;
/** Set beside an entry of the connection table: the flow goes back on it. */
export const CONNECTION_BACK = 1 << 30;

/**
 * In a remembered record: the place word (stages/redirect.ts), 0 when nobody asked where the destination is; if it is not 0,
 * word index and version of the binding's entry. Of an IPv6 frame, which is then forwarded as it is, also key and flow word of the tunnel: an
 * IPv4 frame's are R_DESTINATION's tags and R_FLOW_WORD.
 */
export const R_PLACE_4 = 8;
export const R_BINDING_4 = 9;
export const R_BINDING_VERSION_4 = 10;
export const R_PLACE_6 = 20;
export const R_BINDING_6 = 21;
export const R_BINDING_VERSION_6 = 17;
export const R_TUNNEL_KEY_6 = 18;
export const R_TUNNEL_FLOW_6 = 19;
/** And where the place is PLACE_HOME the upper half of the home's address, two words. */
export const R_HOME_6 = 22;

/**
 * The raw ports, source in the low half, that the packet leaves with (rewrite/nat.ts); an ICMP query:
 * identifierPorts(); an ICMP error: those of the packet that it quotes. 0: as they are. In words that nothing else of a record
 * uses, of an IPv4 and an IPv6 frame; ACTION_NAT_6_TO_6 has the former, since its records are never remembered.
 */
export const R_NEW_PORTS_4 = 7;
export const R_NEW_PORTS_6 = 23;
/** ACTION_NAT_6_TO_4, an ICMP error: raw IPv4 addresses of the packet that it quotes. */
export const R_QUOTED_SOURCE = 20;
export const R_QUOTED_DESTINATION = 21;

export const ACTION_4_TO_6 = 1;
export const ACTION_6_TO_4 = 2;
/** Same packet, one hop on: MACs and TTL or hop limit. */
export const ACTION_FORWARD = 3;
/** Sent by this router itself: MACs only. */
export const ACTION_SEND = 4;
/** Translated as by the actions of these names, and the ports changed. */
export const ACTION_NAT_4_TO_6 = 5;
export const ACTION_NAT_6_TO_4 = 6;
/** From an inside end to another's outside end: both addresses and ports are changed. */
export const ACTION_NAT_6_TO_6 = 7;

/** IPv4 to IPv6, with new ports or without. */
export const isFourToSix = (action: number): boolean => action === ACTION_4_TO_6 || action === ACTION_NAT_4_TO_6;
export const isSixToFour = (action: number): boolean => action === ACTION_6_TO_4 || action === ACTION_NAT_6_TO_4;

/** A raw identifier in the place of ports; never 0. */
export const identifierPorts = (raw: number): number => (raw & 0xffff) | 0x1_0000;

export const limits = (mtu: number, mss: number): number => (mss << 16) | mtu;
