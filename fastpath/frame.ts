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
}
