/** A packet as it is described becomes a frame as its VM would send it. */
import { parseAddress } from "#base/address";
import { fromHex, put16, put32 } from "#base/bytes";
import { finish, sum } from "#base/checksum";
import { RouterError } from "#router/router-error";
import type { PacketQuestion } from "#router/why/views";
import * as ethernet from "#wire/ethernet";
import * as ipv4 from "#wire/ipv4";
import * as ipv6 from "#wire/ipv6";
import { hasPorts, PROTOCOL_ICMP4, PROTOCOL_ICMP6, PROTOCOL_TCP, PROTOCOL_UDP } from "#wire/protocol";
import * as tcp from "#wire/tcp";

/** Octets that every described packet's payload begins with. */
export const NONCE = 16;
const FIRST_EPHEMERAL = 49152; // RFC 6335 §6
/** traceroute's first port, where nobody listens. */
const PROBE_PORT = 33434;

const NUMBERS: Readonly<Record<string, number>> = { icmp: PROTOCOL_ICMP4, tcp: PROTOCOL_TCP, udp: PROTOCOL_UDP };

/** Who sends it, and to whom on the link: 6 octets each, addresses 4 or 16. */
export interface Sender {
  readonly mac: Uint8Array;
  readonly gatewayMac: Uint8Array;
  readonly address: Uint8Array;
}

/** Its destination, 4 or 16 octets. Throws RouterError. */
export function destinationOf({ to }: PacketQuestion): Uint8Array {
  const address = parseAddress(to);
  if (address === undefined) throw new RouterError(`found "${to}", expected an IPv4 or IPv6 address`);
  return address;
}

/** Throws RouterError for what is no packet. */
export function describedFrame(question: PacketQuestion, { mac, gatewayMac, address }: Sender): Uint8Array {
  const destination = destinationOf(question);
  const is6 = destination.length === 16;
  const protocol = protocolOf(question.protocol ?? "icmp", is6);
  const header = is6 ? ipv6.SIZE : ipv4.SIZE;
  const least = header + transportSize(protocol) + NONCE;
  const { size = least } = question;
  if (size < least || size > 65_535)
    throw new RouterError(`a packet of ${size} octets: found ${size}, expected ${least} … 65535`);
  const packet = new Uint8Array(size);
  const nonce = fromHex(question.nonce ?? "");
  if (nonce !== undefined) packet.set(nonce.subarray(0, NONCE), least - NONCE);
  if (is6) {
    const fields = { payloadLength: size - header, nextHeader: protocol, hopLimit: 64, source: address, destination };
    ipv6.write(packet, 0, fields);
  } else {
    const fragment = question.fragment === true ? 0 : ipv4.DONT_FRAGMENT;
    const identification = question.fragment === true ? FIRST_EPHEMERAL : 0; // to be told apart from other packets' pieces
    ipv4.write(packet, 0, {
      totalLength: size,
      ttl: 64,
      protocol,
      source: address,
      destination,
      fragment,
      identification,
    });
  }
  writeTransport(packet, header, protocol, question);
  return ethernet.frame(gatewayMac, mac, is6 ? ethernet.ETHERTYPE_IPV6 : ethernet.ETHERTYPE_IPV4, packet);
}

function protocolOf(text: string, is6: boolean): number {
  const number = NUMBERS[text] ?? (/^\d{1,3}$/.test(text) ? Number(text) : 256);
  if (number > 255) throw new RouterError(`found protocol "${text}", expected icmp, tcp, udp or 0 … 255`);
  return number === PROTOCOL_ICMP4 && is6 ? PROTOCOL_ICMP6 : number;
}

const isIcmp = (protocol: number): boolean => protocol === PROTOCOL_ICMP4 || protocol === PROTOCOL_ICMP6;

function transportSize(protocol: number): number {
  if (protocol === PROTOCOL_TCP) return tcp.SIZE;
  return protocol === PROTOCOL_UDP || isIcmp(protocol) || hasPorts(protocol) ? 8 : 0;
}

function writeTransport(b: Uint8Array, at: number, protocol: number, question: PacketQuestion): void {
  const { sourcePort = FIRST_EPHEMERAL } = question;
  const length = b.length - at;
  if (isIcmp(protocol)) {
    b[at] = protocol === PROTOCOL_ICMP4 ? 8 : 128;
    put16(b, at + 4, sourcePort);
    put16(b, at + 6, 1);
    const pseudo = protocol === PROTOCOL_ICMP4 ? 0 : ipv6.pseudoHeader(b, 0, protocol, length);
    put16(b, at + 2, finish(sum(b, at, length, pseudo)));
    return;
  }
  if (!hasPorts(protocol)) return;
  put16(b, at, sourcePort);
  put16(b, at + 2, question.port ?? (protocol === PROTOCOL_TCP ? 80 : PROBE_PORT));
  if (protocol === PROTOCOL_UDP) {
    put16(b, at + 4, length);
    put16(b, at + 6, finish(sum(b, at, length, pseudoHeader(b, protocol, length))) || 0xffff);
  } else if (protocol === PROTOCOL_TCP) {
    put32(b, at + 4, 1);
    tcp.setDataOffset(b, at, tcp.SIZE);
    tcp.setFlags(b, at, tcp.SYN);
    tcp.setWindow(b, at, 65_535);
    put16(b, at + tcp.CHECKSUM, finish(sum(b, at, length, pseudoHeader(b, protocol, length))));
  }
}

const pseudoHeader = (b: Uint8Array, protocol: number, length: number): number =>
  b[0]! >> 4 === 6 ? ipv6.pseudoHeader(b, 0, protocol, length) : ipv4.pseudoHeader(b, 0, protocol, length);
