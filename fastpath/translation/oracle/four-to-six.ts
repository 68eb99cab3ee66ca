/** IPv4 → IPv6: what becomes of a VM's packet. RFC 7915 §4; ../decisions.md. */
import { errorTo6 } from "./icmp-error-4-to-6";
import { isError4, wordsTo6 } from "./icmp-words";
import { hasUnexpiredSourceRoute, type Ipv4, isFragment, read4, refuseIllegal4 } from "./ipv4";
import { type FragmentHeader, write6 } from "./ipv6";
import { cut, joined } from "./octets";
import { mappedOrRefused, type OutboundContext, type Outcome, outcomeOf, refuse } from "./outcome";
import { ICMP4, ICMP6, protocolTo6, TCP } from "./protocols";
import {
  echoWithType,
  lacksUdpChecksum,
  pseudoHeader,
  refuseBadTransport,
  refuseMisplaced,
  withAddresses,
  withMssLimit,
  withUdpChecksum,
} from "./transport";

/** `octets`: an IPv4 packet without link header, perhaps with link padding. */
export function translate4to6(octets: Uint8Array, context: OutboundContext): Outcome {
  return outcomeOf(
    () => translate(read4(octets), context),
    () => isAnswerable(read4(octets)),
  );
}

/** RFC 1812 §4.3.2.7. Illegal and multicast addresses owe no error in the first place. */
const isAnswerable = (packet: Ipv4): boolean => packet.offset === 0 && !isIcmpError(packet);

const isIcmpError = (packet: Ipv4): boolean =>
  packet.protocol === ICMP4 && packet.offset === 0 && isError4(packet.payload[0]!);

function translate(packet: Ipv4, context: OutboundContext): Uint8Array[] {
  const fragmented = isFragment(packet);
  const routed = hasUnexpiredSourceRoute(packet.options);
  if (packet.offset === 0) refuseBadTransport(packet.protocol, packet.payload, ICMP4, fragmented);
  else refuseMisplaced(packet.protocol, 8 * packet.offset, packet.payload.length, ICMP4);
  refuseIllegal4(packet);
  const source = mappedOrRefused(context.mapSource(packet.source));
  if (routed) refuse("source-routed", { type: 3, code: 5, rest: 0 });
  const noRoute = { type: 3, code: 0, rest: 0 };
  const destination = mappedOrRefused(context.mapDestination(packet.destination), noRoute);
  const protocol = protocolTo6(packet.protocol);
  if (packet.ttl <= 1) refuse("hop-limit", { type: 11, code: 0, rest: 0 });

  const isCut = mustBeCut(packet, context);
  const addresses = joined(source, destination);
  const payload = transportTo6(packet, addresses, fragmented || isCut, context);
  const pieces = isCut ? cut(payload, context.fabricMtu - 48) : [payload];
  let done = 0;
  return pieces.map((piece, i) => {
    const more = packet.moreFragments || i < pieces.length - 1;
    const fragment: FragmentHeader = { offset: packet.offset + done / 8, more, identification: packet.identification };
    done += piece.length;
    return write6({
      trafficClass: packet.tos,
      flowLabel: context.flowLabel(packet),
      payloadLength: piece.length + (fragmented || isCut ? 8 : 0),
      hopLimit: packet.ttl - 1,
      source,
      destination,
      fragment: fragmented || isCut ? fragment : undefined,
      protocol,
      payload: piece,
    });
  });
}

/** RFC 7915 §4.1: DF set and too big is an error, DF clear and too big a case for fragments. */
function mustBeCut(packet: Ipv4, context: OutboundContext): boolean {
  const headers = isFragment(packet) ? 48 : 40;
  if (isIcmpError(packet) || packet.payload.length + headers <= context.fabricMtu) return false;
  const mtu = context.fabricMtu - (headers - 20);
  return packet.dontFragment ? refuse("too-big", { type: 3, code: 4, rest: mtu }) : true;
}

/** `leavesInPieces`: the IPv6 packet will be fragments, and an echo's length unknown to its receiver. */
function transportTo6(
  packet: Ipv4,
  addresses: Uint8Array,
  leavesInPieces: boolean,
  context: OutboundContext,
): Uint8Array {
  const { payload, protocol } = packet;
  if (packet.offset > 0) return payload;
  if (protocol === ICMP4) {
    if (isError4(payload[0]!)) return errorTo6(packet, addresses, context);
    const words = wordsTo6(payload[0]!, payload[1]!) ?? refuse("icmp-untranslatable");
    const pseudo = pseudoHeader(addresses, leavesInPieces ? 0 : payload.length, ICMP6);
    return echoWithType(payload, words.type, new Uint8Array(0), pseudo);
  }
  if (lacksUdpChecksum(protocol, payload))
    return isFragment(packet) ? refuse("udp-zero-checksum") : withUdpChecksum(payload, addresses);
  const carried = withAddresses(protocol, payload, joined(packet.source, packet.destination), addresses);
  const limit = Math.min(context.fabricMtu - 60, context.vmMtu - 40);
  return protocol === TCP ? withMssLimit(carried, limit) : carried;
}
