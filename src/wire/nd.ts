/**
 * Neighbor discovery messages with the IPv6 header they come in: RFC 4861 §4, with the validity checks of §6.1 and §7.1.
 * Reading refuses what is not valid; the reason is for a counter, the packet is dropped in silence.
 */
import { isLinkLocal6, isMulticast6, isUnspecified } from "#base/address";
import { decode, Malformed, type Reader } from "#base/reader";
import { Writer } from "#base/writer";
import {
  checksumHolds,
  NEIGHBOR_ADVERTISEMENT,
  NEIGHBOR_SOLICITATION,
  ROUTER_ADVERTISEMENT,
  ROUTER_SOLICITATION,
  writeChecksum,
} from "#wire/icmp6";
import * as ipv6 from "#wire/ipv6";
import { type NdOptions, readOptions, writeOptions } from "#wire/nd-options";
import { PROTOCOL_ICMP6 } from "#wire/protocol";

/** Hop limit of every message: proof that no router forwarded it (RFC 4861 §3.1). */
export const HOP_LIMIT = 255;

export interface RouterSolicitation {
  readonly type: typeof ROUTER_SOLICITATION;
  readonly options: NdOptions;
}

export interface RouterAdvertisement {
  readonly type: typeof ROUTER_ADVERTISEMENT;
  /** 0: unspecified by this router. */
  readonly curHopLimit: number;
  readonly managed: boolean;
  readonly otherConfig: boolean;
  /** Seconds; 0: not a default router. */
  readonly routerLifetime: number;
  /** Milliseconds; 0: unspecified by this router. */
  readonly reachableTime: number;
  readonly retransTimer: number;
  readonly options: NdOptions;
}

export interface NeighborSolicitation {
  readonly type: typeof NEIGHBOR_SOLICITATION;
  readonly target: Uint8Array;
  readonly options: NdOptions;
}

export interface NeighborAdvertisement {
  readonly type: typeof NEIGHBOR_ADVERTISEMENT;
  readonly router: boolean;
  readonly solicited: boolean;
  readonly override: boolean;
  readonly target: Uint8Array;
  readonly options: NdOptions;
}

export type NdMessage = RouterSolicitation | RouterAdvertisement | NeighborSolicitation | NeighborAdvertisement;

/** A message and who sent it to whom. */
export interface NdPacket {
  readonly source: Uint8Array;
  readonly destination: Uint8Array;
  readonly message: NdMessage;
}

/** ff02::1 (RFC 4291 §2.7.1). */
export const ALL_NODES = multicast(0x01);
/** ff02::2. */
export const ALL_ROUTERS = multicast(0x02);

function multicast(last: number): Uint8Array {
  const group = new Uint8Array(16);
  group[0] = 0xff;
  group[1] = 0x02;
  group[15] = last;
  return group;
}

/** ff02::1:ff00:0/104 and the low 24 bits of the address (RFC 4291 §2.7.1). */
export function solicitedNode(address: Uint8Array): Uint8Array {
  const group = multicast(0x01);
  group[11] = 0x01;
  group[12] = 0xff;
  group.set(address.subarray(13, 16), 13);
  return group;
}

const isSolicitedNode = (address: Uint8Array): boolean =>
  solicitedNode(address).every((octet, i) => octet === address[i]);

/** True for the types this file reads. */
export const isNeighborDiscovery = (icmpType: number): boolean =>
  icmpType >= ROUTER_SOLICITATION && icmpType <= NEIGHBOR_ADVERTISEMENT;

/** Reads the IPv6 packet at `at`, whose ICMPv6 header follows at once; `end` is one past its frame's last octet. */
export function readNd(b: Uint8Array, at: number, end: number): NdPacket | Malformed {
  if (!ipv6.fits(b, at, end) || ipv6.nextHeader(b, at) !== PROTOCOL_ICMP6) return new Malformed("not ICMPv6", at);
  if (ipv6.hopLimit(b, at) !== HOP_LIMIT) return new Malformed("hop limit is not 255", at + 7);
  const icmp = at + ipv6.SIZE;
  const icmpEnd = icmp + ipv6.payloadLength(b, at);
  if (icmpEnd - icmp < 8) return new Malformed("truncated", icmp);
  if (!checksumHolds(b, at, icmp, icmpEnd)) return new Malformed("checksum", icmp + 2);
  const source = ipv6.source(b, at);
  const destination = ipv6.destination(b, at);
  const message = decode(b, readMessage, icmp, icmpEnd);
  if (message instanceof Malformed) return message;
  const fault = faultOf(source, destination, message);
  return fault === undefined ? { source, destination, message } : new Malformed(fault, at);
}

/** The checks of RFC 4861 §6.1.1, §6.1.2, §7.1.1 and §7.1.2 that need the addresses. */
function faultOf(source: Uint8Array, destination: Uint8Array, m: NdMessage): string | undefined {
  if (isMulticast6(source)) return "multicast source";
  const anonymous = isUnspecified(source);
  switch (m.type) {
    case ROUTER_SOLICITATION:
      return anonymous && m.options.sourceLinkLayer ? "link-layer address of the unspecified source" : undefined;
    case ROUTER_ADVERTISEMENT:
      return isLinkLocal6(source) ? undefined : "source is not link-local";
    case NEIGHBOR_SOLICITATION:
      if (isMulticast6(m.target)) return "multicast target";
      if (!anonymous) return undefined;
      if (m.options.sourceLinkLayer) return "link-layer address of the unspecified source";
      return isSolicitedNode(destination) ? undefined : "unspecified source to a unicast destination";
    case NEIGHBOR_ADVERTISEMENT:
      if (isMulticast6(m.target)) return "multicast target";
      if (anonymous) return "unspecified source";
      return m.solicited && isMulticast6(destination) ? "solicited advertisement to a multicast address" : undefined;
  }
}

/** The ICMPv6 message, checksum aside. */
function readMessage(r: Reader): NdMessage {
  const at = r.at;
  const type = r.u8();
  if (r.u8() !== 0) r.fail("code is not 0", at + 1);
  r.skip(2); // checksum
  switch (type) {
    case ROUTER_SOLICITATION:
      r.skip(4);
      return { type, options: readOptions(r) };
    case ROUTER_ADVERTISEMENT:
      return readRouterAdvertisement(r);
    case NEIGHBOR_SOLICITATION:
      r.skip(4);
      return { type, target: r.octets(16), options: readOptions(r) };
    case NEIGHBOR_ADVERTISEMENT:
      return readNeighborAdvertisement(r);
    default:
      return r.fail("not a neighbor discovery type", at);
  }
}

function readRouterAdvertisement(r: Reader): RouterAdvertisement {
  const curHopLimit = r.u8();
  const flags = r.u8();
  return {
    type: ROUTER_ADVERTISEMENT,
    curHopLimit,
    managed: (flags & 0x80) !== 0,
    otherConfig: (flags & 0x40) !== 0,
    routerLifetime: r.u16(),
    reachableTime: r.u32(),
    retransTimer: r.u32(),
    options: readOptions(r),
  };
}

function readNeighborAdvertisement(r: Reader): NeighborAdvertisement {
  const flags = r.u8();
  r.skip(3);
  return {
    type: NEIGHBOR_ADVERTISEMENT,
    router: (flags & 0x80) !== 0,
    solicited: (flags & 0x40) !== 0,
    override: (flags & 0x20) !== 0,
    target: r.octets(16),
    options: readOptions(r),
  };
}

/** The whole IPv6 packet, hop limit and checksum included. */
export function writeNd(packet: NdPacket): Uint8Array {
  const w = new Writer(ipv6.SIZE + 128);
  w.zeros(ipv6.SIZE);
  writeMessage(w, packet.message);
  const b = w.finish();
  ipv6.write(b, 0, {
    payloadLength: b.length - ipv6.SIZE,
    nextHeader: PROTOCOL_ICMP6,
    hopLimit: HOP_LIMIT,
    source: packet.source,
    destination: packet.destination,
  });
  writeChecksum(b, 0, ipv6.SIZE, b.length);
  return b;
}

function writeMessage(w: Writer, m: NdMessage): void {
  w.u8(m.type);
  w.u8(0);
  w.u16(0); // checksum
  switch (m.type) {
    case ROUTER_SOLICITATION:
      w.u32(0);
      break;
    case ROUTER_ADVERTISEMENT:
      w.u8(m.curHopLimit);
      w.u8((m.managed ? 0x80 : 0) | (m.otherConfig ? 0x40 : 0));
      w.u16(m.routerLifetime);
      w.u32(m.reachableTime);
      w.u32(m.retransTimer);
      break;
    case NEIGHBOR_SOLICITATION:
      w.u32(0);
      w.octets(m.target);
      break;
    case NEIGHBOR_ADVERTISEMENT:
      w.u8((m.router ? 0x80 : 0) | (m.solicited ? 0x40 : 0) | (m.override ? 0x20 : 0));
      w.zeros(3);
      w.octets(m.target);
      break;
  }
  writeOptions(w, m.options);
}
