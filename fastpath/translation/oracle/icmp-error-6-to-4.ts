/** An ICMPv6 error becomes an ICMPv4 error, with the packet it quotes. RFC 7915 §5.2, §5.3; RFC 4884. */
import { addsUp, checksumOf } from "./checksum";
import { ECHO_REPLY_6, ECHO_REQUEST_6, pointerTo4, type TypeAndCode, wordsTo4 } from "./icmp-words";
import { write4 } from "./ipv4";
import { type Ipv6, isPartial, readQuoted6 } from "./ipv6";
import { joined, numberAt, octetsOf, padded, replaced, roundedUp, same } from "./octets";
import { type InboundContext, Refusal, refuse } from "./outcome";
import { ICMP6, protocolTo4 } from "./protocols";
import { echoWithType, pseudoHeader, withAddresses } from "./transport";

/** RFC 4884 §4: before extensions the datagram has at least so many octets … */
const LEAST_BEFORE_EXTENSIONS = 128;
/** … and ICMPv4's length octet counts no more. */
const MOST_BEFORE_EXTENSIONS = 255 * 4;
/** RFC 791 §3.2: every link carries so much. */
const LEAST_MTU = 68;

/** Returns the ICMPv4 message. */
export function errorTo4(packet: Ipv6, context: InboundContext): Uint8Array {
  const message = packet.payload;
  if (isPartial(packet)) refuse("icmp-untranslatable");
  const { datagram, extensions } = takenApart(message);
  const quoted = readQuoted6(datagram);
  const translated = quotedTo4(packet, quoted, context);
  const addresses = joined(packet.source, packet.destination);
  if (!addsUp(joined(pseudoHeader(addresses, message.length, ICMP6), message))) refuse("bad-transport");
  const words = wordsTo4(message[0]!, message[1]!);
  if (words === undefined) refuse("icmp-untranslatable");
  const body = bodyOf(words, translated, extensions, rest(message, words, quoted, context));
  const unsummed = joined(octetsOf(words.type, 1), octetsOf(words.code, 1), octetsOf(0, 2), body);
  return replaced(unsummed, 2, octetsOf(checksumOf(unsummed), 2));
}

/** RFC 4884 §4.4, §4.5: the fifth octet counts the datagram's 64-bit words when extensions follow it; types 1 and 3 only. */
function takenApart(message: Uint8Array): { datagram: Uint8Array; extensions: Uint8Array } {
  const body = message.slice(8);
  const length = message[4]! * 8;
  const extended = [1, 3].includes(message[0]!) && length >= LEAST_BEFORE_EXTENSIONS && length < body.length;
  const end = extended ? length : body.length;
  return { datagram: body.slice(0, end), extensions: body.slice(end) };
}

/** All that follows the checksum. Types 1 and 3 become 3 and 11, which have a length field: the sixth octet. */
function bodyOf(words: TypeAndCode, datagram: Uint8Array, extensions: Uint8Array, field: number): Uint8Array {
  if (extensions.length > 0) {
    const filled = padded(datagram, Math.max(LEAST_BEFORE_EXTENSIONS, roundedUp(datagram.length, 4)));
    if (filled.length <= MOST_BEFORE_EXTENSIONS)
      return joined(octetsOf(0, 1), octetsOf(filled.length / 4, 1), octetsOf(0, 2), filled, extensions);
  }
  return joined(words.type === 12 ? octetsOf(field * 2 ** 24, 4) : octetsOf(field, 4), datagram);
}

/** MTU, pointer, or 0. */
function rest(message: Uint8Array, words: TypeAndCode, quoted: Ipv6, context: InboundContext): number {
  if (words.type === 12) return pointerTo4(numberAt(message, 4, 4)) ?? refuse("icmp-untranslatable");
  if (words.type !== 3 || words.code !== 4) return 0;
  const difference = quoted.fragment === undefined ? 20 : 28;
  const said = numberAt(message, 4, 4) - difference;
  return Math.max(LEAST_MTU, Math.min(said, context.vmMtu, context.fabricMtu - difference));
}

/** The quoted packet came from the VM that this error is for: its source is the VM, its destination the other end. */
function quotedTo4(outer: Ipv6, quoted: Ipv6, context: InboundContext): Uint8Array {
  const source = context.mapDestination(quoted.source);
  const destination = context.mapSource(quoted.destination);
  if (!same(quoted.source, outer.destination) || typeof source === "string" || typeof destination === "string")
    refuse("bad-embedded");
  if (quoted.segmentsLeftAt !== undefined) refuse("bad-embedded");
  const totalLength = Math.min(65535, 20 + Math.max(0, quoted.payloadLength - quoted.extensionLength));
  const { fragment } = quoted;
  return write4({
    tos: quoted.trafficClass,
    totalLength,
    identification: fragment === undefined ? 0 : fragment.identification % 65536,
    dontFragment: fragment === undefined && totalLength > 1260,
    moreFragments: fragment?.more ?? false,
    offset: fragment?.offset ?? 0,
    ttl: quoted.hopLimit,
    protocol: quotedProtocol(quoted.protocol),
    source,
    destination,
    payload: quotedTransport(quoted, joined(source, destination)),
  });
}

function quotedProtocol(protocol: number): number {
  try {
    return protocolTo4(protocol);
  } catch (refusal) {
    if (refusal instanceof Refusal) refuse("bad-embedded");
    throw refusal;
  }
}

function quotedTransport(quoted: Ipv6, addresses: Uint8Array): Uint8Array {
  const { payload, protocol } = quoted;
  if ((quoted.fragment?.offset ?? 0) > 0) return payload;
  const before = joined(quoted.source, quoted.destination);
  if (protocol !== ICMP6) return withAddresses(protocol, payload, before, addresses);
  const type = payload[0];
  if (type !== ECHO_REQUEST_6 && type !== ECHO_REPLY_6) refuse("icmp-untranslatable");
  const length = isPartial(quoted) ? 0 : Math.max(0, quoted.payloadLength - quoted.extensionLength);
  return echoWithType(payload, wordsTo4(type, 0)!.type, pseudoHeader(before, length, ICMP6), new Uint8Array(0));
}
