/**
 * A VM's frame for all of its segment, sent by the control thread: the few that only it can judge. Forwarders do the same
 * with all others.
 */
import { put16 } from "#base/bytes";
import type { SegmentMember } from "#pmip/events";
import * as ethernet from "#wire/ethernet";
import * as gre from "#wire/gre";
import * as ipv6 from "#wire/ipv6";
import { PROTOCOL_GRE } from "#wire/protocol";

/** Transparent Ethernet Bridging (RFC 1701). */
export const GRE_ETHERNET = 0x6558;
const HOP_LIMIT = 64;
const GRE_OCTETS = 8;
/** Outer IPv6 header and GRE with a key. */
export const FLOOD_HEADERS = ipv6.SIZE + GRE_OCTETS;

/** The frame in a tunnel to that member, behind an Ethernet header whose MAC addresses are still to be filled in. */
export function tunnelled(frame: Uint8Array, source: Uint8Array, { mag }: SegmentMember, tags: number): Uint8Array {
  const b = new Uint8Array(ethernet.SIZE + FLOOD_HEADERS + frame.length);
  put16(b, 12, ethernet.ETHERTYPE_IPV6);
  ipv6.write(b, ethernet.SIZE, {
    ...{ payloadLength: GRE_OCTETS + frame.length, nextHeader: PROTOCOL_GRE, hopLimit: HOP_LIMIT },
    ...{ source, destination: Uint8Array.fromHex(mag) },
  });
  gre.write(b, ethernet.SIZE + ipv6.SIZE, { protocolType: GRE_ETHERNET, key: tags });
  b.set(frame, ethernet.SIZE + FLOOD_HEADERS);
  return b;
}
