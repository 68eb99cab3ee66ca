/** An ICMPv4 error becomes an ICMPv6 error, with the packet it quotes. RFC 7915 §4.2, §4.3; RFC 4884. */
import { addsUp, checksumOf } from "./checksum";
import { ECHO_REPLY_4, ECHO_REQUEST_4, plateauBelow, pointerTo6, type TypeAndCode, wordsTo6 } from "./icmp-words";
import { type Ipv4, isFragment, readQuoted4 } from "./ipv4";
import { write6 } from "./ipv6";
import { joined, numberAt, octetsOf, padded, replaced, roundedUp, same } from "./octets";
import { type OutboundContext, Refusal, refuse } from "./outcome";
import { ICMP4, ICMP6, protocolTo6 } from "./protocols";
import { echoWithType, pseudoHeader, withAddresses } from "./transport";

/** RFC 4443 §2.4(c): no ICMPv6 error is larger than IPv6's minimum MTU; IPv6 and ICMPv6 header take 48 of it. */
const MOST_BODY = 1280 - 48;
/** RFC 4884 §4: before extensions the datagram has at least so many octets. */
const LEAST_BEFORE_EXTENSIONS = 128;

/** `addresses`: the outer packet's new ones. Returns the ICMPv6 message. */
export function errorTo6(packet: Ipv4, addresses: Uint8Array, context: OutboundContext): Uint8Array {
  const message = packet.payload;
  if (isFragment(packet)) refuse("icmp-untranslatable");
  const { datagram, extensions } = takenApart(message);
  const quoted = readQuoted4(datagram);
  const translated = quotedTo6(packet, quoted, context);
  if (!addsUp(message)) refuse("bad-transport");
  const words = wordsTo6(message[0]!, message[1]!);
  if (words === undefined) refuse("icmp-untranslatable");
  const body = bodyOf(words, translated, extensions, rest(message, words, quoted, context));
  const unsummed = joined(octetsOf(words.type, 1), octetsOf(words.code, 1), octetsOf(0, 2), body);
  const checksum = checksumOf(joined(pseudoHeader(addresses, unsummed.length, ICMP6), unsummed));
  return replaced(unsummed, 2, octetsOf(checksum, 2));
}

/** RFC 4884 §4.1: the sixth octet counts the datagram's 32-bit words when extensions follow it. */
function takenApart(message: Uint8Array): { datagram: Uint8Array; extensions: Uint8Array } {
  const body = message.slice(8);
  const length = message[5]! * 4;
  const extended = [3, 11, 12].includes(message[0]!) && length >= LEAST_BEFORE_EXTENSIONS && length < body.length;
  const end = extended ? length : body.length;
  return { datagram: body.slice(0, end), extensions: body.slice(end) };
}

/** All that follows the checksum. ICMPv6 has a length field, the fifth octet, in types 1 and 3 only (RFC 4884 §4.4 – 4.6). */
function bodyOf(words: TypeAndCode, datagram: Uint8Array, extensions: Uint8Array, field: number): Uint8Array {
  if (extensions.length > 0 && (words.type === 1 || words.type === 3)) {
    const filled = padded(datagram, Math.max(LEAST_BEFORE_EXTENSIONS, roundedUp(datagram.length, 8)));
    if (filled.length + extensions.length <= MOST_BODY)
      return joined(octetsOf(filled.length / 8, 1), octetsOf(0, 3), filled, extensions);
  }
  return joined(octetsOf(field, 4), datagram.slice(0, MOST_BODY));
}

/** The 32 bits after the checksum. */
function rest(message: Uint8Array, words: TypeAndCode, quoted: Ipv4, context: OutboundContext): number {
  if (words.type === 2) {
    const said = numberAt(message, 6, 2) || plateauBelow(quoted.totalLength) || 0;
    return Math.max(1280, Math.min(said + 20, context.fabricMtu, context.vmMtu + 20));
  }
  if (words.type !== 4) return 0;
  if (words.code === 1) return 6; // protocol unreachable: the Next Header field
  return pointerTo6(message[4]!) ?? refuse("icmp-untranslatable");
}

/** The quoted packet came to the VM that sends this error: its destination is the VM, its source the other end. */
function quotedTo6(outer: Ipv4, quoted: Ipv4, context: OutboundContext): Uint8Array {
  const source = context.mapDestination(quoted.source);
  const destination = context.mapSource(quoted.destination);
  if (!same(quoted.destination, outer.source) || typeof source === "string" || typeof destination === "string")
    refuse("bad-embedded");
  const fragmented = isFragment(quoted);
  const { moreFragments: more, offset, identification } = quoted;
  const length = Math.max(0, quoted.totalLength - quoted.headerLength) + (fragmented ? 8 : 0);
  return write6({
    trafficClass: quoted.tos,
    flowLabel: 0,
    payloadLength: Math.min(length, 65535),
    hopLimit: quoted.ttl,
    source,
    destination,
    fragment: fragmented ? { offset, more, identification } : undefined,
    protocol: quotedProtocol(quoted.protocol),
    payload: quotedTransport(quoted, joined(source, destination)),
  });
}

function quotedProtocol(protocol: number): number {
  try {
    return protocolTo6(protocol);
  } catch (refusal) {
    if (refusal instanceof Refusal) refuse("bad-embedded");
    throw refusal;
  }
}

function quotedTransport(quoted: Ipv4, addresses: Uint8Array): Uint8Array {
  const { payload, protocol } = quoted;
  if (quoted.offset > 0) return payload;
  if (protocol !== ICMP4) return withAddresses(protocol, payload, joined(quoted.source, quoted.destination), addresses);
  const type = payload[0];
  if (type !== ECHO_REQUEST_4 && type !== ECHO_REPLY_4) refuse("icmp-untranslatable");
  const length = isFragment(quoted) ? 0 : Math.max(0, quoted.totalLength - quoted.headerLength);
  const pseudo = pseudoHeader(addresses, length, ICMP6);
  return echoWithType(payload, wordsTo6(type, 0)!.type, new Uint8Array(0), pseudo);
}
