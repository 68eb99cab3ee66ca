/**
 * What an offloading sender leaves to others, done at length: partial checksums finished, super-packets cut into
 * segments. virtio 1.2 §5.1.6.2; RFC 9293 for TCP, the sender's own datagram boundaries for UDP.
 */
import { checksumOf } from "./checksum";
import { joined, numberAt, octetsOf, replaced } from "./octets";
import { TCP, UDP } from "./protocols";
import { pseudoHeader } from "./transport";

const FIN_AND_PSH = 0x09;
const CWR = 0x80;

/** A TCP or UDP packet without options or extension headers, its checksum (whatever stands there) computed. */
export function finished(packet: Uint8Array): Uint8Array {
  const { header, addresses, protocol } = network(packet);
  const at = header + (protocol === TCP ? 16 : 6);
  const blank = replaced(packet, at, octetsOf(0, 2)).slice(header);
  const checksum = checksumOf(joined(pseudoHeader(addresses, blank.length, protocol), blank));
  return replaced(packet, at, octetsOf(protocol === UDP && checksum === 0 ? 0xffff : checksum, 2));
}

/** The packets of at most `size` payload octets that a super-packet stands for, each finished. */
export function segments(packet: Uint8Array, size: number): Uint8Array[] {
  const { header, protocol } = network(packet);
  const headers = header + (protocol === TCP ? (packet[header + 12]! >> 4) * 4 : 8);
  const payload = packet.slice(headers);
  const result: Uint8Array[] = [];
  for (let at = 0; at < payload.length || at === 0; at += size) {
    const piece = joined(packet.slice(0, headers), payload.slice(at, at + size));
    const isLast = at + size >= payload.length;
    const transport = protocol === TCP ? tcpSegment(piece, header, at, isLast) : udpDatagram(piece, header);
    result.push(finished(ipLength(transport, at / size)));
  }
  return result;
}

function network(packet: Uint8Array): { header: number; addresses: Uint8Array; protocol: number } {
  return packet[0]! >> 4 === 4
    ? { header: 20, addresses: packet.slice(12, 20), protocol: packet[9]! }
    : { header: 40, addresses: packet.slice(8, 40), protocol: packet[6]! };
}

function tcpSegment(piece: Uint8Array, header: number, done: number, isLast: boolean): Uint8Array {
  const sequence = (numberAt(piece, header + 4, 4) + done) % 2 ** 32;
  const flags = piece[header + 13]! & ~(isLast ? 0 : FIN_AND_PSH) & ~(done > 0 ? CWR : 0);
  return replaced(replaced(piece, header + 4, octetsOf(sequence, 4)), header + 13, octetsOf(flags, 1));
}

const udpDatagram = (piece: Uint8Array, header: number): Uint8Array =>
  replaced(piece, header + 4, octetsOf(piece.length - header, 2));

/** Length, and in IPv4 identification (one more each segment) and checksum. */
function ipLength(packet: Uint8Array, index: number): Uint8Array {
  if (packet[0]! >> 4 === 6) return replaced(packet, 4, octetsOf(packet.length - 40, 2));
  const identification = (numberAt(packet, 4, 2) + index) % 65536;
  const header = joined(
    packet.slice(0, 2),
    octetsOf(packet.length, 2),
    octetsOf(identification, 2),
    packet.slice(6, 10),
    octetsOf(0, 2),
    packet.slice(12, 20),
  );
  return joined(replaced(header, 10, octetsOf(checksumOf(header), 2)), packet.slice(20));
}
