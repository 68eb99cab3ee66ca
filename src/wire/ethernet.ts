/** Ethernet II header, in place. IEEE 802.3 §3, RFC 894, RFC 2464. */
import { copy, put16, u16 } from "#base/bytes";

export const SIZE = 14; // octets
/** Offsets of the addresses, six octets each. */
export const DESTINATION = 0;
export const SOURCE = 6;

export const ETHERTYPE_IPV4 = 0x0800;
export const ETHERTYPE_ARP = 0x0806;
/** GRE's protocol type for a whole Ethernet frame (transparent Ethernet bridging, RFC 1701). */
export const ETHERTYPE_BRIDGED = 0x6558;
export const ETHERTYPE_VLAN = 0x8100;
export const ETHERTYPE_IPV6 = 0x86dd;

export const BROADCAST = Uint8Array.of(0xff, 0xff, 0xff, 0xff, 0xff, 0xff);

/** True when every accessor below is safe on [at, end). Ask once, at the door. */
export function fits(b: Uint8Array, at: number, end: number): boolean {
  return end - at >= SIZE && end <= b.length;
}

/** Copies. */
export const destination = (b: Uint8Array, at: number): Uint8Array => b.slice(at, at + 6);
export const source = (b: Uint8Array, at: number): Uint8Array => b.slice(at + SOURCE, at + SOURCE + 6);
/** What the payload is; below 0x600 it is a length (IEEE 802.3) and nothing we know. */
export const etherType = (b: Uint8Array, at: number): number => u16(b, at + 12);
/** Group bit of the destination: multicast or broadcast. */
export const isGroup = (b: Uint8Array, at: number): boolean => (b[at]! & 1) !== 0;

export const setDestination = (b: Uint8Array, at: number, mac: Uint8Array): void => copy(b, at, mac, 0, 6);
export const setSource = (b: Uint8Array, at: number, mac: Uint8Array): void => copy(b, at + SOURCE, mac, 0, 6);
export const setEtherType = (b: Uint8Array, at: number, value: number): void => put16(b, at + 12, value);

/** 01:00:5e and the last 23 bits of an IPv4 multicast address: 32 groups have the same (RFC 1112 §6.4). */
export const multicastMac4 = (group: Uint8Array): Uint8Array =>
  Uint8Array.of(0x01, 0x00, 0x5e, group[1]! & 0x7f, group[2]!, group[3]!);

/** 33:33 and the last four octets of an IPv6 multicast address (RFC 2464 §7). */
export const multicastMac6 = (group: Uint8Array): Uint8Array =>
  Uint8Array.of(0x33, 0x33, group[12]!, group[13]!, group[14]!, group[15]!);

/** The frame: header and payload. */
export function frame(to: Uint8Array, from: Uint8Array, type: number, payload: Uint8Array): Uint8Array {
  const b = new Uint8Array(SIZE + payload.length);
  setDestination(b, 0, to);
  setSource(b, 0, from);
  setEtherType(b, 0, type);
  b.set(payload, SIZE);
  return b;
}
