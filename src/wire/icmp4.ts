/** ICMP header, in place. RFC 792; MTU of RFC 1191, codes of RFC 1122 and 1812, length attribute of RFC 4884. */
import { put8, put16, put32, u8, u16 } from "#base/bytes";
import { finish, fold, sum } from "#base/checksum";

export const SIZE = 8; // octets
/** Offset of the checksum field. */
export const CHECKSUM = 2;

export const ECHO_REPLY = 0;
export const DESTINATION_UNREACHABLE = 3;
export const SOURCE_QUENCH = 4;
export const REDIRECT = 5;
export const ECHO = 8;
export const ROUTER_ADVERTISEMENT = 9;
export const ROUTER_SOLICITATION = 10;
export const TIME_EXCEEDED = 11;
export const PARAMETER_PROBLEM = 12;
export const TIMESTAMP = 13;
export const TIMESTAMP_REPLY = 14;
export const INFORMATION_REQUEST = 15;
export const INFORMATION_REPLY = 16;
export const ADDRESS_MASK_REQUEST = 17;
export const ADDRESS_MASK_REPLY = 18;

/** Codes of DESTINATION_UNREACHABLE (RFC 792, RFC 1122 §3.2.2.1, RFC 1812 §5.2.7.1). */
export const NET_UNREACHABLE = 0;
export const HOST_UNREACHABLE = 1;
export const PROTOCOL_UNREACHABLE = 2;
export const PORT_UNREACHABLE = 3;
export const FRAGMENTATION_NEEDED = 4;
export const SOURCE_ROUTE_FAILED = 5;
export const NET_UNKNOWN = 6;
export const HOST_UNKNOWN = 7;
export const SOURCE_HOST_ISOLATED = 8;
export const NET_PROHIBITED = 9;
export const HOST_PROHIBITED = 10;
export const NET_UNREACHABLE_FOR_TOS = 11;
export const HOST_UNREACHABLE_FOR_TOS = 12;
export const COMMUNICATION_PROHIBITED = 13;
export const HOST_PRECEDENCE_VIOLATION = 14;
export const PRECEDENCE_CUTOFF = 15;

/** Codes of TIME_EXCEEDED. */
export const TTL_EXCEEDED = 0;
export const REASSEMBLY_EXCEEDED = 1;

/** Codes of PARAMETER_PROBLEM. */
export const POINTER_INDICATES_ERROR = 0;
export const OPTION_MISSING = 1;
export const BAD_LENGTH = 2;

/** An "original datagram" field that extensions follow is at least so long (RFC 4884 §4). */
export const EXTENDED_ORIGINAL_MINIMUM = 128;

/** True when every accessor below is safe on [at, end). Ask once, at the door. */
export function fits(b: Uint8Array, at: number, end: number): boolean {
  return end - at >= SIZE && end <= b.length;
}

export const type = (b: Uint8Array, at: number): number => u8(b, at);
export const code = (b: Uint8Array, at: number): number => u8(b, at + 1);
export const checksum = (b: Uint8Array, at: number): number => u16(b, at + CHECKSUM);
/** ECHO and ECHO_REPLY. */
export const identifier = (b: Uint8Array, at: number): number => u16(b, at + 4);
export const sequenceNumber = (b: Uint8Array, at: number): number => u16(b, at + 6);
/** PARAMETER_PROBLEM code 0: offset in the original datagram. */
export const pointer = (b: Uint8Array, at: number): number => u8(b, at + 4);
/** Octets of the original datagram before extensions; 0: no extensions. Unreachable, exceeded, problem (RFC 4884 §4). */
export const originalLength = (b: Uint8Array, at: number): number => u8(b, at + 5) << 2;
/** FRAGMENTATION_NEEDED: next-hop MTU; 0 from routers older than RFC 1191. */
export const mtu = (b: Uint8Array, at: number): number => u16(b, at + 6);

export const setType = (b: Uint8Array, at: number, v: number): void => put8(b, at, v);
export const setCode = (b: Uint8Array, at: number, v: number): void => put8(b, at + 1, v);
/** The whole second word at once: clears what a message type leaves unused. */
export const setSecondWord = (b: Uint8Array, at: number, v: number): void => put32(b, at + 4, v);
export const setPointer = (b: Uint8Array, at: number, v: number): void => put8(b, at + 4, v);
/** In octets, a multiple of 4 up to 1020. */
export const setOriginalLength = (b: Uint8Array, at: number, v: number): void => put8(b, at + 5, v >> 2);
export const setMtu = (b: Uint8Array, at: number, v: number): void => put16(b, at + 6, v);

/** An error quotes a datagram and is never answered by another error (RFC 1122 §3.2.2). */
export function isError(type: number): boolean {
  switch (type) {
    case DESTINATION_UNREACHABLE:
    case SOURCE_QUENCH:
    case REDIRECT:
    case TIME_EXCEEDED:
    case PARAMETER_PROBLEM:
      return true;
    default:
      return false;
  }
}

/** The checksum is over the whole message [at, end), without a pseudo-header. */
export const checksumHolds = (b: Uint8Array, at: number, end: number): boolean => fold(sum(b, at, end - at)) === 0xffff;

/** Computes and stores the checksum of the message [at, end). */
export function writeChecksum(b: Uint8Array, at: number, end: number): void {
  put16(b, at + CHECKSUM, 0);
  put16(b, at + CHECKSUM, finish(sum(b, at, end - at)));
}
