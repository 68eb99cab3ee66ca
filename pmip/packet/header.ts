/** The Mobility Header, in place, and the checks that come before all others. RFC 6275 §6.1.1, §9.2. */
import { put16, u8, u16 } from "#base/bytes";
import { finish, fold, sum } from "#base/checksum";
import type { Fault } from "#pmip/packet/fault";
import * as numbers from "#pmip/packet/numbers";
import { PROTOCOL_MOBILITY, PROTOCOL_NONE } from "#wire/protocol";

/** Octets before the message data. */
export const SIZE = 6;
/** Octets of the longest message: Header Len has 8 bits. */
export const LONGEST = 2048;

export const payloadProto = (b: Uint8Array): number => u8(b, 0);
/** Octets of the whole, this header included. */
export const lengthOctets = (b: Uint8Array): number => (u8(b, 1) + 1) << 3;
export const type = (b: Uint8Array): number => u8(b, 2);
export const checksum = (b: Uint8Array): number => u16(b, 4);

/** `octets`: a multiple of 8, 8 … LONGEST. */
export function setLengthOctets(b: Uint8Array, octets: number): void {
  b[1] = (octets >> 3) - 1;
}
export const setChecksum = (b: Uint8Array, v: number): void => put16(b, 4, v);

/** Where the options of each MH Type begin: its fixed part is whole. */
const OPTIONS_AT: ReadonlyMap<number, number> = new Map([
  [numbers.BINDING_UPDATE, 12],
  [numbers.BINDING_ACKNOWLEDGEMENT, 12],
  [numbers.BINDING_ERROR, 24],
  [numbers.HEARTBEAT, 12],
  [numbers.BINDING_REVOCATION, 12],
  [numbers.LOCALIZED_ROUTING_INITIATION, 12],
  [numbers.LOCALIZED_ROUTING_ACKNOWLEDGMENT, 12],
]);

/** {@link shapeFault} found none. */
export const optionsAt = (b: Uint8Array): number => OPTIONS_AT.get(type(b))!;

/** Whether the header and its length are there, to the octet: nothing may follow a header whose next header is none. */
export function lengthFault(b: Uint8Array): Fault | undefined {
  if (b.length < 8 || b.length < lengthOctets(b)) return "truncated";
  return b.length > lengthOctets(b) ? "trailing-octets" : undefined;
}

/** {@link lengthFault} found none. */
export function shapeFault(b: Uint8Array): Fault | undefined {
  const smallest = OPTIONS_AT.get(type(b));
  if (smallest === undefined) return "unknown-type";
  if (payloadProto(b) !== PROTOCOL_NONE) return "payload-proto";
  return b.length < smallest ? "too-short" : undefined;
}

/** Over pseudo-header and message; at most 2 KiB and 40 octets, so far from where sums overflow. */
const sumOf = (b: Uint8Array, source: Uint8Array, destination: Uint8Array): number =>
  sum(b, 0, b.length, sum(destination, 0, 16, sum(source, 0, 16, b.length + PROTOCOL_MOBILITY)));

/** {@link lengthFault} found none. Addresses of the IPv6 packet, 16 octets each. */
export const checksumHolds = (b: Uint8Array, source: Uint8Array, destination: Uint8Array): boolean =>
  fold(sumOf(b, source, destination)) === 0xffff;

/** Fills the checksum in. */
export function writeChecksum(b: Uint8Array, source: Uint8Array, destination: Uint8Array): void {
  setChecksum(b, 0);
  setChecksum(b, finish(sumOf(b, source, destination)));
}
