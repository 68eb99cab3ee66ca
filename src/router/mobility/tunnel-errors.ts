/** ICMPv6 errors about this router's own tunnel packets: what they say of which tunnel. RFC 4443 §3, RFC 8201 §4. */
import { sameAddress } from "#base/address";
import { SIZE as ETHERNET, ETHERTYPE_IPV6, etherType } from "#wire/ethernet";
import * as icmp6 from "#wire/icmp6";
import * as ipv6 from "#wire/ipv6";
import { PROTOCOL_GRE, PROTOCOL_ICMP6 } from "#wire/protocol";

export type TunnelError =
  /** `mtu`: octets of the outer packet that the way takes, as told: perhaps a lie. */
  | { readonly kind: "too-big"; readonly end: Uint8Array; readonly mtu: number }
  | { readonly kind: "unreachable"; readonly end: Uint8Array };

/**
 * Undefined: it is no error, is damaged, or quotes no tunnel packet from `own`. That the tunnel is one of ours is for the
 * caller to see. `b`: an Ethernet frame.
 */
export function readTunnelError(b: Uint8Array, own: Uint8Array): TunnelError | undefined {
  if (etherType(b, 0) !== ETHERTYPE_IPV6 || !ipv6.fits(b, ETHERNET, b.length)) return undefined;
  if (ipv6.nextHeader(b, ETHERNET) !== PROTOCOL_ICMP6) return undefined;
  const at = ETHERNET + ipv6.SIZE;
  const end = at + ipv6.payloadLength(b, ETHERNET);
  if (!icmp6.fits(b, at, end) || !icmp6.isError(icmp6.type(b, at)) || !icmp6.checksumHolds(b, ETHERNET, at, end))
    return undefined;
  const quoted = at + icmp6.SIZE;
  if (!ipv6.fitsQuoted(b, quoted, end) || ipv6.nextHeader(b, quoted) !== PROTOCOL_GRE) return undefined;
  if (!sameAddress(ipv6.source(b, quoted), own)) return undefined;
  const tunnel = ipv6.destination(b, quoted);
  switch (icmp6.type(b, at)) {
    case icmp6.PACKET_TOO_BIG:
      return { kind: "too-big", end: tunnel, mtu: icmp6.mtu(b, at) };
    case icmp6.DESTINATION_UNREACHABLE:
    case icmp6.TIME_EXCEEDED:
    case icmp6.PARAMETER_PROBLEM: // the other end speaks no GRE
      return { kind: "unreachable", end: tunnel };
    default:
      return undefined;
  }
}
