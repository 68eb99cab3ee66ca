/**
 * A frame on its way through one turn of a forwarder: where it lies in the arena, what its virtio_net_hdr said, and
 * what classify found. Frames are made once, at start, and used again every turn.
 */

/** Free octets every port guarantees before a received Ethernet header: v4→v6 (20) + GRE in IPv6 (52) + vnet (10) + spare. */
export const HEADROOM = 128;
/** A GSO super-packet's largest size: 64 KiB of IP and its Ethernet header. */
export const MAX_FRAME = 65536 + 14;

/** virtio_net_hdr gso_type values (virtio 1.2 §5.1.6). */
export const GSO_NONE = 0;
export const GSO_TCPV4 = 1;
export const GSO_TCPV6 = 4;
export const GSO_UDP_L4 = 5;
/** Bit set beside GSO_TCPV4/6 when the stream uses ECN. */
export const GSO_ECN = 0x80;

/** Frame.early: no verdict. */
export const NOT_YET: number = -1;

export class Frame {
  /** Arena offset of the Ethernet header; the network header (`at + 14`) is 4-aligned. */
  at = 0;
  /** Arena offset one past the last octet. */
  end = 0;
  /** Port index it came from. */
  port = 0;

  /** True: the transport checksum holds only the pseudo-header's sum; the octets from {@link csumStart} are to be added. */
  partial = false;
  /** Octets from `at` to the transport header (virtio_net_hdr csum_start). Valid when `partial`. */
  csumStart = 0;
  /** Octets from the transport header to its checksum field (virtio_net_hdr csum_offset). Valid when `partial`. */
  csumOffset = 0;
  /** GSO_NONE, or what the frame is to be cut into, with GSO_ECN perhaps set. */
  gsoType = GSO_NONE;
  /** Payload octets of each segment. Valid when `gsoType` is not GSO_NONE. */
  gsoSize = 0;
  /** Octets from `at` to the end of the transport header (virtio_net_hdr hdr_len). A hint on input, exact on output. */
  headerLength = 0;

  /** What classify and unwrap said before it was this frame's turn (read-ahead.ts); NOT_YET: nobody has looked at it. */
  early = NOT_YET;

  // ---- what classify found (stages/classify.ts) ----

  /** KIND_IPV4, KIND_IPV6, KIND_ARP. */
  kind = 0;
  /** Offset of the IP header: `at + 14`. */
  l3 = 0;
  /** Offset of the transport header; 0 where there is none to see (a fragment that is not the first). */
  l4 = 0;
  /** Offset of the IP payload: after the IPv4 options, or the IPv6 extension and Fragment headers. */
  payload = 0;
  /** Type of service or traffic class octet. */
  trafficClass = 0;
  /** TTL or hop limit as received. */
  hopLimit = 0;
  /** IPv4: flags and fragment offset, as in the header. IPv6: the Fragment header's offset and M flag, as in the header. */
  fragment = 0;
  /** IPv4 identification, or the low 16 bits of the Fragment header's. Valid for fragments and when DF is clear. */
  identification = 0;
  /** Transport protocol (IPv4 protocol or the upper-layer next header). */
  protocol = 0;
  /** Octets of the IP packet, header included. */
  ipLength = 0;
  /** Source and destination port as they lie in memory; 0 for protocols without ports. */
  ports = 0;
  /** Something that must take the full way: any UNUSUAL_ bit. 0: the flow's decision may be cached. */
  unusual = 0;
  /** IPv6: offset of the Fragment header; 0 without one. */
  fragmentHeader = 0;
  /** Hash of the flow (addresses, protocol, ports), the same for every packet of the flow and on every router. */
  flowHash = 0;
  /** IPv6: offset in the packet of the octet that a parameter problem points at. */
  pointer = 0;
  /** FIB value of the destination (stages/route.ts). */
  group = 0;
  /** What the rules say (tables/rule-layout.ts): a verdict word. */
  rule = 0;
  /** Of whose rules that was: 0 the sender's, 1 the receiver's. */
  ruleSide = 0;
  /** A rule that wants its flows logged and decided about this packet: its number, twice, plus 1 for the inner side; −1: none. */
  logged = -1;
  /** Entry of the connection table that the packet belongs to, with CONNECTION_BACK if it goes back; 0: none (stages/track.ts). */
  connection = 0;
  connectionVersion = 0;
  /** Where the flow's hint is (tables/connection-hints.ts); −1: it has none. */
  hint = -1;
  /** True: the decision is this packet's alone, and not to be remembered for its flow. */
  isFleeting = false;
  /** True: a gateway changes ports, or quoted addresses, beside the addresses (stages/unmap.ts, map-out.ts). */
  isNat = false;
  /** Offset in the VM table of the local destination (stages/redirect.ts); −1: none. */
  vm = -1;

  // ---- tunnels ----

  /** Octets of outer headers in front of the packet, which came in a tunnel (stages/unwrap.ts); 0: it came by itself. */
  outer = 0;
  /** True: control kept it while its VM was held, and it goes on now; once, so it may go back where it came from. */
  wasKept = false;
  /** Which ends have addresses that tenants brought (stages/tenants.ts): TENANT_ bits. */
  tenants = 0;
  /** Raw tags of the destination, if its address does not say them. */
  destinationTags = 0;
  /** And raw host number that rules know it by. */
  destinationHost = 0;
  /** Raw tags of the source, if its address does not say them and the receiver's network knows; 0: not known. */
  sourceTags = 0;
  /** Upper half of the address of the destination's home, raw, where the place is PLACE_HOME. */
  homeHigh = 0;
  homeLow = 0;
  /** Where the destination is, and which way the packet takes there: a place word (stages/redirect.ts); 0: nobody asked. */
  place = 0;
  /** Word index of the entry of the binding table that says so, and its version; 0: none. */
  binding = 0;
  bindingVersion = 0;
  /** On its way out: a super-packet in a tunnel, whose offload fields are about the packet in it. */
  isTunnelled = false;
  /** The packet leaves in a tunnel: the raw key, and the first word of the outer header as flowWord() has it. */
  tunnelKey = 0;
  tunnelFlow = 0;
  /** Entry of the binding table that was made for this packet, so that control hears of it; 0: none. */
  wanted = 0;
}

export const TENANT_SOURCE = 1;
export const TENANT_DESTINATION = 2;

export const KIND_IPV4 = 4;
export const KIND_IPV6 = 6;
export const KIND_ARP = 1;
/** From VMs only. */
export const KIND_RARP = 2;

export const UNUSUAL_FRAGMENT = 1;
export const UNUSUAL_OPTIONS = 2;
export const UNUSUAL_ICMP = 4;
/** An ICMP error: it quotes a packet that has to be translated too. */
export const UNUSUAL_ICMP_ERROR = 8;
export const UNUSUAL_EXTENSION = 16;
/** The extension headers could not be read to their end: fit for transit only. */
export const UNUSUAL_BAD_EXTENSION = 32;
/** An unexpired source route option. */
export const UNUSUAL_SOURCE_ROUTE = 64;
/** UDP without a checksum. */
export const UNUSUAL_ZERO_CHECKSUM = 128;
/** Transport header not whole or lying: fit for transit only. */
export const UNUSUAL_BAD_TRANSPORT = 256;
