/**
 * The OSPFv3 packet header, in place, and where a packet's parts lie: the packet by its own length, a link-local
 * signalling block after it, an authentication trailer after that. RFC 5340 §A.3.1, RFC 5613 §2.2, RFC 7166 §2.
 */
import { parseIpv6 } from "#base/address";
import { put16, u8, u16, u32 } from "#base/bytes";
import { finish, fold, sum } from "#base/checksum";
import { Malformed } from "#base/reader";
import { hasOptions, OPTION_AT, OPTION_L } from "#ospf/packet/options";
import { PROTOCOL_OSPF } from "#wire/protocol";

export const SIZE = 16; // octets
export const VERSION = 3;

export const HELLO = 1;
export const DATABASE_DESCRIPTION = 2;
export const LINK_STATE_REQUEST = 3;
export const LINK_STATE_UPDATE = 4;
export const LINK_STATE_ACKNOWLEDGMENT = 5;
export type PacketType =
  | typeof HELLO
  | typeof DATABASE_DESCRIPTION
  | typeof LINK_STATE_REQUEST
  | typeof LINK_STATE_UPDATE
  | typeof LINK_STATE_ACKNOWLEDGMENT;

/** ff02::5 (RFC 5340 §A.1). */
export const ALL_SPF_ROUTERS = parseIpv6("ff02::5")!;
/** ff02::6. */
export const ALL_D_ROUTERS = parseIpv6("ff02::6")!;

/** The payload of an IPv6 packet of protocol 89, and its addresses: checksum and digest cover them. */
export interface Datagram {
  /** 16 octets each. */
  readonly source: Uint8Array;
  readonly destination: Uint8Array;
  /** All octets after the IPv6 headers. */
  readonly octets: Uint8Array;
}

export const version = (b: Uint8Array): number => u8(b, 0);
export const type = (b: Uint8Array): number => u8(b, 1);
/** Octets of the packet, header included; neither signalling block nor trailer. */
export const length = (b: Uint8Array): number => u16(b, 2);
export const routerId = (b: Uint8Array): number => u32(b, 4);
export const areaId = (b: Uint8Array): number => u32(b, 8);
export const checksum = (b: Uint8Array): number => u16(b, 12);
export const instanceId = (b: Uint8Array): number => u8(b, 14);

export const setChecksum = (b: Uint8Array, v: number): void => put16(b, 12, v);

/** Where the parts of a payload end: offsets into it. */
export interface Layout {
  /** One past the OSPF packet: the signalling block's first octet, if there is one. */
  readonly packetEnd: number;
  /** One past the signalling block, `packetEnd` if there is none: where an authentication trailer begins. */
  readonly signallingEnd: number;
}

/** Octets of the smallest packet of each type, by type. */
const SMALLEST: readonly number[] = [0, 36, 28, 16, 20, 16];

/**
 * The checks that come before all others: a version 3 packet of a known type that lies in the payload whole, with the
 * signalling block its L-bit speaks of. After it the accessors of this file are safe.
 */
export function layout(payload: Uint8Array): Layout | Malformed {
  if (payload.length < SIZE) return new Malformed("truncated", 0);
  if (version(payload) !== VERSION) return new Malformed("version is not 3", 0);
  const smallest = SMALLEST[type(payload)];
  if (!smallest) return new Malformed("unknown packet type", 1);
  const packetEnd = length(payload);
  if (packetEnd < smallest) return new Malformed("packet length below its type's smallest", 2);
  if (packetEnd > payload.length) return new Malformed("truncated", 2);
  if (!hasOptions(optionsOf(payload), OPTION_L)) return { packetEnd, signallingEnd: packetEnd };
  return withSignalling(payload, packetEnd);
}

/** RFC 5613 §2.2: checksum, then the block's length in 32-bit words, these four octets included. */
function withSignalling(payload: Uint8Array, packetEnd: number): Layout | Malformed {
  if (payload.length - packetEnd < 4) return new Malformed("truncated signalling block", packetEnd);
  const octets = u16(payload, packetEnd + 2) << 2;
  if (octets < 4 || octets > payload.length - packetEnd) {
    return new Malformed("signalling block's length", packetEnd + 2);
  }
  return { packetEnd, signallingEnd: packetEnd + octets };
}

/** The Options field of a Hello or Database Description, 0 for the types that have none; {@link layout} was asked. */
export function optionsOf(payload: Uint8Array): number {
  switch (type(payload)) {
    case HELLO:
      return u32(payload, SIZE + 4) & 0xff_ffff;
    case DATABASE_DESCRIPTION:
      return u32(payload, SIZE) & 0xff_ffff;
    default:
      return 0;
  }
}

/** True when a Hello or Database Description says that it ends in an authentication trailer (RFC 7166 §2.1). */
export const announcesTrailer = (payload: Uint8Array): boolean => hasOptions(optionsOf(payload), OPTION_AT);

/** Sum over pseudo-header (RFC 8200 §8.1, the length being the OSPF packet's own) and packet (RFC 5340 §A.3.1). */
function sumOf({ source, destination, octets }: Datagram): number {
  const count = length(octets);
  const pseudo = sum(destination, 0, 16, sum(source, 0, 16, count + PROTOCOL_OSPF));
  return sum(octets, 0, count, pseudo);
}

/** {@link layout} was asked. */
export const checksumHolds = (datagram: Datagram): boolean => fold(sumOf(datagram)) === 0xffff;

/** Fills the checksum in. */
export function writeChecksum(datagram: Datagram): void {
  setChecksum(datagram.octets, 0);
  setChecksum(datagram.octets, finish(sumOf(datagram)));
}
