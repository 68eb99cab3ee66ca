/** OSPF packets in the frames that carry them: IPv6, protocol 89, link-local (RFC 5340 §4.2). */
import { isLinkLocal6, sameAddress } from "#base/address";
import type { Millis } from "#base/time";
import { ALL_D_ROUTERS, ALL_SPF_ROUTERS } from "#ospf/packet/header";
import { fragment, type Reassembly } from "#services/fragments";
import { SIZE as ETHERNET, ETHERTYPE_IPV6, frame, source as macSource, multicastMac6 } from "#wire/ethernet";
import * as ipv6 from "#wire/ipv6";
import { PROTOCOL_OSPF } from "#wire/protocol";

export interface OspfDatagram {
  /** 16 octets each. */
  readonly source: Uint8Array;
  readonly destination: Uint8Array;
  /** The OSPF packet. */
  readonly octets: Uint8Array;
}

export interface ReceivedDatagram extends OspfDatagram {
  /** MAC address of the frame it came in, or its last fragment. */
  readonly mac: Uint8Array;
}

/** "other": no OSPF packet. "pending": a fragment. "refused": OSPF, but not from and to where OSPF on a link is. */
export type NoDatagram = "other" | "pending" | "refused";

/** Reads whole frames of one port. */
export class OspfReader {
  private readonly reassembly: Reassembly;
  private readonly found = new ipv6.Extensions();

  constructor(reassembly: Reassembly) {
    this.reassembly = reassembly;
  }

  /** `b`: an Ethernet frame that a forwarder found to hold an IPv6 packet, perhaps with octets behind it. */
  read(b: Uint8Array, linkLocal: Uint8Array, now: Millis): ReceivedDatagram | NoDatagram {
    if (!ipv6.fits(b, ETHERNET, b.length)) return "other";
    const end = ETHERNET + ipv6.SIZE + ipv6.payloadLength(b, ETHERNET);
    const { found } = this;
    if (ipv6.extensions(b, ETHERNET, end, found) !== ipv6.EXTENSIONS_WHOLE) return "other";
    if (found.protocol !== PROTOCOL_OSPF) return "other";
    const source = ipv6.source(b, ETHERNET);
    const destination = ipv6.destination(b, ETHERNET);
    // From elsewhere it could be anybody's: routers forward no link-local addresses (RFC 4291 §2.5.6).
    if (!isLinkLocal6(source) || !isFor(destination, linkLocal) || found.segmentsLeft !== 0) return "refused";
    const octets = this.payload(b, end, now);
    return typeof octets === "string" ? octets : { source, destination, octets, mac: macSource(b, 0) };
  }

  private payload(b: Uint8Array, end: number, now: Millis): Uint8Array | NoDatagram {
    const { fragmentHeader, payload } = this.found;
    if (fragmentHeader === 0) return b.slice(payload, end);
    const whole = this.reassembly.take(b, { at: ETHERNET, fragmentHeader, end }, now);
    if (whole === undefined) return "pending";
    return whole.protocol === PROTOCOL_OSPF ? whole.octets : "refused";
  }
}

const isFor = (destination: Uint8Array, linkLocal: Uint8Array): boolean =>
  sameAddress(destination, ALL_SPF_ROUTERS) ||
  sameAddress(destination, ALL_D_ROUTERS) ||
  sameAddress(destination, linkLocal);

/** Precedence Internetwork Control (RFC 2328 §8.1), which is class selector 6 (RFC 2474 §4.2.2). */
const TRAFFIC_CLASS = 0xc0;

export interface Wire {
  /** The port's own. */
  readonly mac: Uint8Array;
  /** Undefined for groups, whose MAC address follows from theirs. */
  readonly to?: Uint8Array | undefined;
  /** Octets of the largest IPv6 packet. */
  readonly mtu: number;
  /** Of the fragments, should there have to be some: 32 bits that do not come again soon. */
  readonly identification: number;
}

/** One frame, or several where the link is too narrow (RFC 5340 §A.1). Hop limit 1. */
export function framesOf({ source, destination, octets }: OspfDatagram, wire: Wire): Uint8Array[] {
  const packet = new Uint8Array(ipv6.SIZE + octets.length);
  const fields = { payloadLength: octets.length, nextHeader: PROTOCOL_OSPF, hopLimit: 1, source, destination };
  ipv6.write(packet, 0, { ...fields, trafficClass: TRAFFIC_CLASS });
  packet.set(octets, ipv6.SIZE);
  const to = wire.to ?? multicastMac6(destination);
  return fragment(packet, wire.mtu, wire.identification).map((piece) => frame(to, wire.mac, ETHERTYPE_IPV6, piece));
}
