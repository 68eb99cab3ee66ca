/** Ping: echo requests to the router's own addresses become replies. RFC 792, RFC 1122 §3.2.2.6; RFC 4443 §4.2. */
import { isMulticast6, isUnspecified } from "#base/address";
import { put16, u16 } from "#base/bytes";
import * as ethernet from "#wire/ethernet";
import * as icmp4 from "#wire/icmp4";
import * as icmp6 from "#wire/icmp6";
import * as ipv4 from "#wire/ipv4";
import * as ipv6 from "#wire/ipv6";
import { PROTOCOL_ICMP4, PROTOCOL_ICMP6 } from "#wire/protocol";

const HOP_LIMIT = 64;
const AT = ethernet.SIZE;

/**
 * The reply to an IPv4 echo request, a whole frame back to its sender; undefined when it is none, is damaged, or comes
 * from where no reply may go. Options go back as they came, but a source route would have to be turned round: refused.
 */
export function echoReply4(request: Uint8Array): Uint8Array | undefined {
  const end = request.length;
  if (!ethernet.fits(request, 0, end) || ethernet.isGroup(request, 0)) return undefined;
  if (!ipv4.fits(request, AT, end) || ipv4.protocol(request, AT) !== PROTOCOL_ICMP4) return undefined;
  if (!ipv4.checksumHolds(request, AT) || ipv4.options(request, AT) !== ipv4.OPTIONS_HARMLESS) return undefined;
  if (ipv4.isFragment(request, AT) || !ipv4.isHostAddress(request, AT + ipv4.SOURCE)) return undefined;
  const icmp = AT + ipv4.headerLength(request, AT);
  const last = AT + ipv4.totalLength(request, AT);
  if (!icmp4.fits(request, icmp, last) || icmp4.type(request, icmp) !== icmp4.ECHO) return undefined;
  if (icmp4.code(request, icmp) !== 0 || !icmp4.checksumHolds(request, icmp, last)) return undefined;
  const reply = request.slice(0, last);
  exchange(reply, AT + ipv4.SOURCE, 4);
  ipv4.setTtl(reply, AT, HOP_LIMIT);
  ipv4.writeChecksum(reply, AT);
  icmp4.setType(reply, icmp, icmp4.ECHO_REPLY);
  icmp4.writeChecksum(reply, icmp, last);
  return reply;
}

/**
 * The reply to an ICMPv6 echo request, its Ethernet header still to be written (it is routed like any packet of ours);
 * from `own` where the request went to a group. Undefined when it is none, is damaged, has extension headers (a fragment,
 * say), or comes from where no reply may go.
 */
export function echoReply6(request: Uint8Array, own: Uint8Array): Uint8Array | undefined {
  const end = request.length;
  if (!ipv6.fits(request, AT, end) || ipv6.nextHeader(request, AT) !== PROTOCOL_ICMP6) return undefined;
  const source = ipv6.source(request, AT);
  if (isMulticast6(source) || isUnspecified(source)) return undefined;
  const icmp = AT + ipv6.SIZE;
  const last = icmp + ipv6.payloadLength(request, AT);
  if (!icmp6.fits(request, icmp, last) || icmp6.type(request, icmp) !== icmp6.ECHO_REQUEST) return undefined;
  if (icmp6.code(request, icmp) !== 0 || !icmp6.checksumHolds(request, AT, icmp, last)) return undefined;
  const toGroup = request[AT + ipv6.DESTINATION] === 0xff;
  const reply = request.slice(0, last);
  exchange(reply, AT + ipv6.SOURCE, 16);
  if (toGroup) reply.set(own, AT + ipv6.SOURCE);
  ipv6.setHopLimit(reply, AT, HOP_LIMIT);
  icmp6.setType(reply, icmp, icmp6.ECHO_REPLY);
  icmp6.writeChecksum(reply, AT, icmp, last);
  return reply;
}

/** MACs, and the two addresses of `size` octets at `at`, change places. */
function exchange(b: Uint8Array, at: number, size: number): void {
  for (const [from, length] of [
    [0, 6],
    [at, size],
  ] as const) {
    for (let i = from; i < from + length; i += 2) {
      const first = u16(b, i);
      put16(b, i, u16(b, i + length));
      put16(b, i + length, first);
    }
  }
}
