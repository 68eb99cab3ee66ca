/**
 * pcapng files (draft-ietf-opsawg-pcapng), written block by block as frames come: a section header, interfaces with names,
 * packets with comments. Little-endian, nanoseconds.
 */

const SECTION_HEADER = 0x0a0d0d0a;
const INTERFACE_DESCRIPTION = 1;
const ENHANCED_PACKET = 6;
const MAGIC = 0x1a2b3c4d;
/** Link type Ethernet. */
const ETHERNET = 1;

// Options (§4.2, §4.3.2, §4.4).
const END_OF_OPTIONS = 0;
const COMMENT = 1;
const SECTION_USER_APPLICATION = 4;
const INTERFACE_NAME = 2;
const INTERFACE_DESCRIPTION_TEXT = 3;
const INTERFACE_TIME_RESOLUTION = 9;
const PACKET_FLAGS = 2;

/** Bits of a packet's flags (§4.3.1): which way it went at the interface. */
export const INBOUND = 1;
export const OUTBOUND = 2;
/** Nanoseconds: 10^−9. */
const NANOSECONDS = 9;

interface Option {
  readonly code: number;
  readonly value: Uint8Array;
}

const text = (code: number, value: string): Option => ({
  code,
  value: new TextEncoder().encode(value).slice(0, 65_535),
});

/** What a file begins with. `application`: who writes it. */
export function sectionHeader(application: string): Uint8Array {
  const fields = new Uint8Array(16);
  const view = new DataView(fields.buffer);
  view.setUint32(0, MAGIC, true);
  view.setUint16(4, 1, true); // version 1.0
  view.setInt32(8, -1, true); // length unknown
  view.setInt32(12, -1, true);
  return block(SECTION_HEADER, fields, [text(SECTION_USER_APPLICATION, application)]);
}

export interface InterfaceFields {
  readonly name: string;
  readonly description?: string;
  /** Octets kept of a frame at most; 0: all. */
  readonly snapLength?: number;
}

/** Interfaces are numbered as they come, from 0. */
export function interfaceDescription({ name, description, snapLength = 0 }: InterfaceFields): Uint8Array {
  const fields = new Uint8Array(8);
  const view = new DataView(fields.buffer);
  view.setUint16(0, ETHERNET, true);
  view.setUint32(4, snapLength, true);
  return block(INTERFACE_DESCRIPTION, fields, [
    text(INTERFACE_NAME, name),
    ...(description === undefined ? [] : [text(INTERFACE_DESCRIPTION_TEXT, description)]),
    { code: INTERFACE_TIME_RESOLUTION, value: Uint8Array.of(NANOSECONDS) },
  ]);
}

export interface PacketFields {
  /** Number of its interface. */
  readonly interface: number;
  /** Nanoseconds since 1970. */
  readonly nanos: bigint;
  /** As captured. */
  readonly octets: Uint8Array;
  /** Octets on the wire, ≥ octets.length. */
  readonly length: number;
  /** INBOUND or OUTBOUND. */
  readonly direction: number;
  readonly comment?: string;
}

export function enhancedPacket({ nanos, octets, length, direction, comment, ...of }: PacketFields): Uint8Array {
  const fields = new Uint8Array(20 + padded(octets.length));
  const view = new DataView(fields.buffer);
  view.setUint32(0, of.interface, true);
  view.setUint32(4, Number(nanos >> 32n), true);
  view.setUint32(8, Number(nanos & 0xffff_ffffn), true);
  view.setUint32(12, octets.length, true);
  view.setUint32(16, length, true);
  fields.set(octets, 20);
  const flags = Uint8Array.of(direction, 0, 0, 0);
  return block(ENHANCED_PACKET, fields, [
    ...(comment === undefined ? [] : [text(COMMENT, comment)]),
    { code: PACKET_FLAGS, value: flags },
  ]);
}

const padded = (octets: number): number => (octets + 3) & ~3;

/** Type, length, fields, options, length (§3.1). */
function block(type: number, fields: Uint8Array, options: readonly Option[]): Uint8Array {
  const room = options.reduce((sum, { value }) => sum + 4 + padded(value.length), 4);
  const length = 12 + fields.length + room;
  const b = new Uint8Array(length);
  const view = new DataView(b.buffer);
  view.setUint32(0, type, true);
  view.setUint32(4, length, true);
  b.set(fields, 8);
  let at = 8 + fields.length;
  for (const { code, value } of options) {
    view.setUint16(at, code, true);
    view.setUint16(at + 2, value.length, true);
    b.set(value, at + 4);
    at += 4 + padded(value.length);
  }
  view.setUint16(at, END_OF_OPTIONS, true);
  view.setUint32(length - 4, length, true);
  return b;
}
