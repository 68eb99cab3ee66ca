/** Mobility messages in the frames that carry them: IPv6, protocol 135 (RFC 6275 §6.1.1). */
import { fromHex, toHex } from "#base/bytes";
import { SIZE as ETHERNET, ETHERTYPE_IPV6, etherType, setEtherType } from "#wire/ethernet";
import * as ipv6 from "#wire/ipv6";
import { PROTOCOL_MOBILITY } from "#wire/protocol";

/** As the core has them: addresses as 32 hexadecimal digits, the message from its mobility header on. */
export interface MobilityDatagram {
  readonly source: string;
  readonly destination: string;
  readonly octets: Uint8Array;
}

/** As routing protocols' packets: it should arrive when queues are long (RFC 2474 §4.2.2). */
const TRAFFIC_CLASS = 0xc0;
const HOP_LIMIT = 64;

/**
 * "other": no mobility message. "refused": one behind extension headers, a fragment among them; honest ones are short and
 * have none.
 */
export function readFrame(b: Uint8Array): MobilityDatagram | "other" | "refused" {
  if (etherType(b, 0) !== ETHERTYPE_IPV6 || !ipv6.fits(b, ETHERNET, b.length)) return "other";
  const end = ETHERNET + ipv6.SIZE + ipv6.payloadLength(b, ETHERNET);
  if (ipv6.nextHeader(b, ETHERNET) !== PROTOCOL_MOBILITY) {
    const found = new ipv6.Extensions();
    const isWhole = ipv6.extensions(b, ETHERNET, end, found) === ipv6.EXTENSIONS_WHOLE;
    return isWhole && found.protocol === PROTOCOL_MOBILITY ? "refused" : "other";
  }
  return {
    source: toHex(ipv6.source(b, ETHERNET)),
    destination: toHex(ipv6.destination(b, ETHERNET)),
    octets: b.slice(ETHERNET + ipv6.SIZE, end),
  };
}

/** An Ethernet frame without addresses, for who routes it. */
export function frameOf({ source, destination, octets }: MobilityDatagram): Uint8Array {
  const frame = new Uint8Array(ETHERNET + ipv6.SIZE + octets.length);
  setEtherType(frame, 0, ETHERTYPE_IPV6);
  ipv6.write(frame, ETHERNET, {
    ...{ payloadLength: octets.length, nextHeader: PROTOCOL_MOBILITY, hopLimit: HOP_LIMIT },
    ...{ source: fromHex(source)!, destination: fromHex(destination)!, trafficClass: TRAFFIC_CLASS },
  });
  frame.set(octets, ETHERNET + ipv6.SIZE);
  return frame;
}
