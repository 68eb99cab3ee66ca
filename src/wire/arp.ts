/** ARP for IPv4 over Ethernet, in place. RFC 826; probes and announcements of RFC 5227. */
import { copy, equal, i32, put8, put16, u8, u16 } from "#base/bytes";
import { ETHERTYPE_IPV4 } from "#wire/ethernet";

export const SIZE = 28; // octets
/** Offsets of the addresses. */
export const SENDER_HARDWARE = 8;
export const SENDER_PROTOCOL = 14;
export const TARGET_HARDWARE = 18;
export const TARGET_PROTOCOL = 24;

export const REQUEST = 1;
export const REPLY = 2;

const HARDWARE_ETHERNET = 1;

/**
 * True when the packet is one of Ethernet and IPv4 and every accessor below is safe on [at, end). Ask once, at the door.
 * Octets after it are Ethernet's padding.
 */
export function fits(b: Uint8Array, at: number, end: number): boolean {
  return (
    end - at >= SIZE &&
    end <= b.length &&
    hardwareType(b, at) === HARDWARE_ETHERNET &&
    protocolType(b, at) === ETHERTYPE_IPV4 &&
    u8(b, at + 4) === 6 &&
    u8(b, at + 5) === 4
  );
}

export const hardwareType = (b: Uint8Array, at: number): number => u16(b, at);
export const protocolType = (b: Uint8Array, at: number): number => u16(b, at + 2);
/** REQUEST, REPLY, or something else to ignore. */
export const operation = (b: Uint8Array, at: number): number => u16(b, at + 6);
/** Copies. */
export const senderHardware = (b: Uint8Array, at: number): Uint8Array => b.slice(at + 8, at + 14);
export const senderProtocol = (b: Uint8Array, at: number): Uint8Array => b.slice(at + 14, at + 18);
export const targetHardware = (b: Uint8Array, at: number): Uint8Array => b.slice(at + 18, at + 24);
export const targetProtocol = (b: Uint8Array, at: number): Uint8Array => b.slice(at + 24, at + 28);

/** A request with sender address 0.0.0.0: "does anybody have this address?" (RFC 5227 §1.1). */
export const isProbe = (b: Uint8Array, at: number): boolean =>
  operation(b, at) === REQUEST && i32(b, at + SENDER_PROTOCOL) === 0;

/** Sender and target address are one: an announcement (RFC 5227 §1.1), "gratuitous ARP" elsewhere. */
export const isAnnouncement = (b: Uint8Array, at: number): boolean =>
  equal(b, at + SENDER_PROTOCOL, b, at + TARGET_PROTOCOL, 4);

export interface ArpPacket {
  /** REQUEST or REPLY. */
  readonly operation: number;
  readonly senderHardware: Uint8Array;
  readonly senderProtocol: Uint8Array;
  /** Zeros in a request. */
  readonly targetHardware: Uint8Array;
  readonly targetProtocol: Uint8Array;
}

/** Writes the SIZE octets of `packet`. */
export function write(b: Uint8Array, at: number, packet: ArpPacket): void {
  put16(b, at, HARDWARE_ETHERNET);
  put16(b, at + 2, ETHERTYPE_IPV4);
  put8(b, at + 4, 6);
  put8(b, at + 5, 4);
  put16(b, at + 6, packet.operation);
  copy(b, at + SENDER_HARDWARE, packet.senderHardware, 0, 6);
  copy(b, at + SENDER_PROTOCOL, packet.senderProtocol, 0, 4);
  copy(b, at + TARGET_HARDWARE, packet.targetHardware, 0, 6);
  copy(b, at + TARGET_PROTOCOL, packet.targetProtocol, 0, 4);
}
