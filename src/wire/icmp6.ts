/** ICMPv6 header, in place. RFC 4443; length attribute of RFC 4884. Neighbor discovery's messages: nd.ts. */
import { put8, put16, put32, u8, u16, u32 } from "#base/bytes";
import { finish, fold, sum } from "#base/checksum";
import { pseudoHeader } from "#wire/ipv6";
import { PROTOCOL_ICMP6 } from "#wire/protocol";

export const SIZE = 8; // octets
/** Offset of the checksum field. */
export const CHECKSUM = 2;

export const DESTINATION_UNREACHABLE = 1;
export const PACKET_TOO_BIG = 2;
export const TIME_EXCEEDED = 3;
export const PARAMETER_PROBLEM = 4;
export const ECHO_REQUEST = 128;
export const ECHO_REPLY = 129;
/** RFC 4861 §4. */
export const ROUTER_SOLICITATION = 133;
export const ROUTER_ADVERTISEMENT = 134;
export const NEIGHBOR_SOLICITATION = 135;
export const NEIGHBOR_ADVERTISEMENT = 136;
export const REDIRECT = 137;

/** Codes of DESTINATION_UNREACHABLE (RFC 4443 §3.1). */
export const NO_ROUTE = 0;
export const ADMINISTRATIVELY_PROHIBITED = 1;
export const BEYOND_SCOPE = 2;
export const ADDRESS_UNREACHABLE = 3;
export const PORT_UNREACHABLE = 4;
export const SOURCE_POLICY_FAILED = 5;
export const REJECT_ROUTE = 6;

/** Codes of TIME_EXCEEDED (§3.3). */
export const HOP_LIMIT_EXCEEDED = 0;
export const REASSEMBLY_EXCEEDED = 1;

/** Codes of PARAMETER_PROBLEM (§3.4). */
export const ERRONEOUS_HEADER = 0;
export const UNRECOGNIZED_NEXT_HEADER = 1;
export const UNRECOGNIZED_OPTION = 2;

/** True when every accessor below is safe on [at, end). Ask once, at the door. */
export function fits(b: Uint8Array, at: number, end: number): boolean {
  return end - at >= SIZE && end <= b.length;
}

export const type = (b: Uint8Array, at: number): number => u8(b, at);
export const code = (b: Uint8Array, at: number): number => u8(b, at + 1);
export const checksum = (b: Uint8Array, at: number): number => u16(b, at + CHECKSUM);
/** ECHO_REQUEST and ECHO_REPLY. */
export const identifier = (b: Uint8Array, at: number): number => u16(b, at + 4);
export const sequenceNumber = (b: Uint8Array, at: number): number => u16(b, at + 6);
/** PACKET_TOO_BIG: 0 … 2^32 − 1. */
export const mtu = (b: Uint8Array, at: number): number => u32(b, at + 4);
/** PARAMETER_PROBLEM: offset in the original packet, 0 … 2^32 − 1. */
export const pointer = (b: Uint8Array, at: number): number => u32(b, at + 4);
/** Octets of the original packet before extensions; 0: no extensions. Unreachable and exceeded only (RFC 4884 §4). */
export const originalLength = (b: Uint8Array, at: number): number => u8(b, at + 4) << 3;

export const setType = (b: Uint8Array, at: number, v: number): void => put8(b, at, v);
export const setCode = (b: Uint8Array, at: number, v: number): void => put8(b, at + 1, v);
/** The whole second word at once: clears what a message type leaves unused. */
export const setSecondWord = (b: Uint8Array, at: number, v: number): void => put32(b, at + 4, v);
export const setMtu = (b: Uint8Array, at: number, v: number): void => put32(b, at + 4, v);
export const setPointer = (b: Uint8Array, at: number, v: number): void => put32(b, at + 4, v);
/** In octets, a multiple of 8 up to 2040. */
export const setOriginalLength = (b: Uint8Array, at: number, v: number): void => put8(b, at + 4, v >> 3);

/** Types below 128 are errors: they quote a packet and are never answered by another error (RFC 4443 §2.1, §2.4). */
export const isError = (type: number): boolean => type < 128;

/** The checksum is over the message [at, end) and the pseudo-header of the IPv6 header at `ip` (RFC 4443 §2.3). */
export const checksumHolds = (b: Uint8Array, ip: number, at: number, end: number): boolean =>
  fold(sum(b, at, end - at, pseudoHeader(b, ip, PROTOCOL_ICMP6, end - at))) === 0xffff;

/** Computes and stores the checksum of the message [at, end) in the packet whose IPv6 header is at `ip`. */
export function writeChecksum(b: Uint8Array, ip: number, at: number, end: number): void {
  put16(b, at + CHECKSUM, 0);
  put16(b, at + CHECKSUM, finish(sum(b, at, end - at, pseudoHeader(b, ip, PROTOCOL_ICMP6, end - at))));
}
