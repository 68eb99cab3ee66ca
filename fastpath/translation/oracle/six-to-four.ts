/** IPv6 → IPv4: what becomes of a fabric packet for a VM. RFC 7915 §5; ../decisions.md. */
import { errorTo4 } from "./icmp-error-6-to-4";
import { isError6, wordsTo4 } from "./icmp-words";
import { write4 } from "./ipv4";
import { type Ipv6, isPartial, read6, refuseIllegal6 } from "./ipv6";
import { cut, joined } from "./octets";
import { type InboundContext, mappedOrRefused, type Outcome, outcomeOf, refuse } from "./outcome";
import { ICMP6, protocolTo4, TCP } from "./protocols";
import {
  echoWithType,
  lacksUdpChecksum,
  pseudoHeader,
  refuseBadTransport,
  refuseMisplaced,
  withAddresses,
  withMssLimit,
} from "./transport";

/** The source of errors from routers that have no IPv4 address. RFC 7600 §4.8. */
export const DUMMY_ADDRESS = Uint8Array.of(192, 0, 0, 8);
/** RFC 7915 §5.1: IPv4 packets up to this size leave without DF. */
const MOST_WITHOUT_DF = 1260;
const IPV6_MINIMUM_MTU = 1280;

/** `octets`: an IPv6 packet without link header, perhaps with link padding. */
export function translate6to4(octets: Uint8Array, context: InboundContext): Outcome {
  return outcomeOf(
    () => translate(read6(octets), context),
    () => !isIcmpError(read6(octets)),
  );
}

/** RFC 4443 §2.4(e.1). What a later fragment belongs to cannot be seen. */
const isIcmpError = (packet: Ipv6): boolean =>
  packet.protocol === ICMP6 && (packet.fragment?.offset ?? 0) === 0 && isError6(packet.payload[0]!);

function translate(packet: Ipv6, context: InboundContext): Uint8Array[] {
  const first = (packet.fragment?.offset ?? 0) === 0;
  refuseIllegal6(packet);
  if (first) refuseBadTransport(packet.protocol, packet.payload, ICMP6, isPartial(packet));
  else refuseMisplaced(packet.protocol, 8 * packet.fragment!.offset, packet.payload.length, ICMP6);
  if (packet.segmentsLeftAt !== undefined)
    refuse("untranslatable-header", { type: 4, code: 0, rest: packet.segmentsLeftAt });
  const source = sourceTo4(packet, context);
  const unreachable = { type: 1, code: 3, rest: 0 };
  const destination = mappedOrRefused(context.mapDestination(packet.destination), unreachable);
  const protocol = protocolTo4(packet.protocol);
  if (packet.hopLimit <= 1) refuse("hop-limit", { type: 3, code: 0, rest: 0 });
  refuseTooBig(packet, context);

  const payload = transportTo4(packet, joined(source, destination), context);
  const length = 20 + payload.length;
  const { fragment } = packet;
  const dontFragment = fragment === undefined && length > MOST_WITHOUT_DF;
  const identification =
    fragment !== undefined ? fragment.identification % 65536 : dontFragment ? 0 : context.nextIdentification();
  const pieces = length > context.vmMtu ? cut(payload, context.vmMtu - 20) : [payload];
  let done = 0;
  return pieces.map((piece, i) => {
    const offset = (fragment?.offset ?? 0) + done / 8;
    done += piece.length;
    return write4({
      tos: packet.trafficClass,
      totalLength: 20 + piece.length,
      identification,
      dontFragment,
      moreFragments: (fragment?.more ?? false) || i < pieces.length - 1,
      offset,
      ttl: packet.hopLimit - 1,
      protocol,
      source,
      destination,
      payload: piece,
    });
  });
}

function sourceTo4(packet: Ipv6, context: InboundContext): Uint8Array {
  if (!context.isFabricRouter(packet.source)) return mappedOrRefused(context.mapSource(packet.source));
  return isIcmpError(packet) ? DUMMY_ADDRESS : refuse("infrastructure-source");
}

/** RFC 7915 §5.1.1: up to 1280 octets it is cut for the IPv4 link, above its sender must send less. */
function refuseTooBig(packet: Ipv6, context: InboundContext): void {
  const fits = 20 + packet.payload.length <= context.vmMtu;
  if (fits || 40 + packet.payloadLength <= IPV6_MINIMUM_MTU) return;
  const growth = packet.fragment === undefined ? 20 : 28;
  refuse("too-big", { type: 2, code: 0, rest: Math.max(IPV6_MINIMUM_MTU, context.vmMtu + growth) });
}

function transportTo4(packet: Ipv6, addresses: Uint8Array, context: InboundContext): Uint8Array {
  const { payload, protocol } = packet;
  if ((packet.fragment?.offset ?? 0) > 0) return payload;
  const before = joined(packet.source, packet.destination);
  if (protocol === ICMP6) {
    if (isError6(payload[0]!)) return errorTo4(packet, context);
    const words = wordsTo4(payload[0]!, payload[1]!) ?? refuse("icmp-untranslatable");
    const pseudo = pseudoHeader(before, isPartial(packet) ? 0 : payload.length, ICMP6);
    return echoWithType(payload, words.type, pseudo, new Uint8Array(0));
  }
  if (lacksUdpChecksum(protocol, payload)) refuse("udp-zero-checksum");
  const carried = withAddresses(protocol, payload, before, addresses);
  const limit = Math.min(context.fabricMtu - 60, context.vmMtu - 40);
  return protocol === TCP ? withMssLimit(carried, limit) : carried;
}
