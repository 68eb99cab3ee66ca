/**
 * Who on an Ethernet segment a frame is for, by its destination: all, the listeners of a group, one member, or nobody whom a
 * segment serves. A group's MAC address has to be that of the IP destination (RFC 1112 §6.4, RFC 2464 §7).
 */
import { u16 } from "#base/bytes";
import { type Frame, KIND_ARP, KIND_IPV4, KIND_IPV6 } from "#fastpath/frame";
import { isToDhcpClient } from "#fastpath/stages/dhcp";
import { type SegmentTables, SG_MASK, SG_PREFIX } from "#fastpath/tables/segments";
import type { Tables } from "#fastpath/tables/tables";
import { isSnooped4, isSnooped6, isSolicitedNode } from "#wire/multicast";

export const REACH_NOBODY = 0;
export const REACH_ALL = 1;
export const REACH_LISTENERS = 2;
/** Whoever has the destination's MAC address: an ARP message or an answer of DHCP, which no route leads. */
export const REACH_ONE = 3;

/** ::ffff:0:0, the third word of an IPv4 group's name, raw. */
const MAPPED = 0xffff_0000 | 0;

/** Of a classified frame. For REACH_LISTENERS `t.floodGroup` is the group's name then. */
export function reachOf(f: Frame, t: Tables, segment: number): number {
  if ((t.bytes[f.at]! & 1) === 0) return f.kind === KIND_ARP || isDhcpAnswer(f) ? REACH_ONE : REACH_NOBODY;
  if (f.kind === KIND_ARP) return isBroadcastMac(f, t) ? REACH_ALL : REACH_NOBODY;
  if (f.kind === KIND_IPV4) return reach4(f, t, segment);
  return f.kind === KIND_IPV6 ? reach6(f, t) : REACH_NOBODY;
}

const isDhcpAnswer = (f: Frame): boolean => f.kind === KIND_IPV4 && isToDhcpClient(f);

function reach4(f: Frame, t: Tables, segment: number): number {
  const b = t.bytes;
  const destination = t.words[(f.l3 + 16) >> 2]!;
  if ((destination & 0xf0) !== 0xe0)
    return isBroadcastMac(f, t) && isBroadcast(t.segments, segment, destination) ? REACH_ALL : REACH_NOBODY;
  const at = f.l3 + 16;
  const isItsMac =
    u16(b, f.at) === 0x0100 &&
    b[f.at + 2] === 0x5e &&
    b[f.at + 3] === (b[at + 1]! & 0x7f) &&
    u16(b, f.at + 4) === u16(b, at + 2);
  if (!isItsMac && !isBroadcastMac(f, t)) return REACH_NOBODY;
  if (!isSnooped4(b, at)) return REACH_ALL;
  t.floodGroup[0] = 0;
  t.floodGroup[1] = 0;
  t.floodGroup[2] = MAPPED;
  t.floodGroup[3] = destination;
  return REACH_LISTENERS;
}

function reach6(f: Frame, t: Tables): number {
  const b = t.bytes;
  const at = f.l3 + 24;
  if (b[at] !== 0xff || (b[at + 1]! & 15) < 2) return REACH_NOBODY; // interface-local ones are on no link
  const mac = f.at + 2;
  if (u16(b, f.at) !== 0x3333 || u16(b, mac) !== u16(b, at + 12) || u16(b, mac + 2) !== u16(b, at + 14))
    return REACH_NOBODY;
  if (!isSnooped6(b, at) || isSolicitedNode(b, at)) return REACH_ALL;
  for (let i = 0; i < 4; i++) t.floodGroup[i] = t.words[(at >> 2) + i]!;
  return REACH_LISTENERS;
}

/** 255.255.255.255, or the prefix's last address; raw. */
const isBroadcast = ({ segments }: SegmentTables, segment: number, address: number): boolean =>
  address === -1 || (isInSegment(segments, segment, address) && (address | segments[segment + SG_MASK]!) === -1);

/** True for an IPv4 address, raw, in the segment's prefix. */
export const isInSegment = (segments: Int32Array, segment: number, address: number): boolean =>
  (address & segments[segment + SG_MASK]!) === segments[segment + SG_PREFIX];

/** MAC addresses start 2-aligned. */
function isBroadcastMac(f: Frame, t: Tables): boolean {
  const h = f.at >> 1;
  return (t.halves[h]! & t.halves[h + 1]! & t.halves[h + 2]!) === 0xffff;
}
