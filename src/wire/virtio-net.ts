/**
 * virtio_net_hdr as TAP and packet sockets put it before a frame, in place: little endian (the kernel's, on the machines
 * we run on; TUNSETVNETLE asks for it). virtio 1.2 §5.1.6; 10 octets, without num_buffers.
 */
import { put8, u8 } from "#base/bytes";

export const SIZE = 10; // octets

/** Bits of {@link flags}: the checksum field holds a partial sum; the kernel vouches for the checksum. */
export const NEEDS_CSUM = 1;
export const DATA_VALID = 2;

/** {@link gsoType}; {@link GSO_ECN} may be set beside the TCP ones. */
export const GSO_NONE = 0;
export const GSO_TCPV4 = 1;
export const GSO_UDP = 3;
export const GSO_TCPV6 = 4;
export const GSO_UDP_L4 = 5;
export const GSO_ECN = 0x80;

/** True when every accessor below is safe on [at, end). Ask once, at the door. */
export function fits(b: Uint8Array, at: number, end: number): boolean {
  return end - at >= SIZE && end <= b.length;
}

const little16 = (b: Uint8Array, at: number): number => b[at]! | (b[at + 1]! << 8);

function putLittle16(b: Uint8Array, at: number, value: number): void {
  b[at] = value;
  b[at + 1] = value >> 8;
}

export const flags = (b: Uint8Array, at: number): number => u8(b, at);
export const gsoType = (b: Uint8Array, at: number): number => u8(b, at + 1);
/** Octets from the frame's start to the end of the transport header: a hint. */
export const hdrLen = (b: Uint8Array, at: number): number => little16(b, at + 2);
/** Payload octets of each segment. */
export const gsoSize = (b: Uint8Array, at: number): number => little16(b, at + 4);
/** Octets from the frame's start to where summing starts. */
export const csumStart = (b: Uint8Array, at: number): number => little16(b, at + 6);
/** Octets from there to the checksum field. */
export const csumOffset = (b: Uint8Array, at: number): number => little16(b, at + 8);

export const setFlags = (b: Uint8Array, at: number, v: number): void => put8(b, at, v);
export const setGsoType = (b: Uint8Array, at: number, v: number): void => put8(b, at + 1, v);
export const setHdrLen = (b: Uint8Array, at: number, v: number): void => putLittle16(b, at + 2, v);
export const setGsoSize = (b: Uint8Array, at: number, v: number): void => putLittle16(b, at + 4, v);
export const setCsumStart = (b: Uint8Array, at: number, v: number): void => putLittle16(b, at + 6, v);
export const setCsumOffset = (b: Uint8Array, at: number, v: number): void => putLittle16(b, at + 8, v);

/** A frame that needs nothing: no checksum to finish, no segments. */
export function clear(b: Uint8Array, at: number): void {
  b.fill(0, at, at + SIZE);
}
