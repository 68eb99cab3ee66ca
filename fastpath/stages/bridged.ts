/**
 * Ethernet segments' frames from the fabric: GRE with protocol type 0x6558 (RFC 1701's transparent Ethernet bridging) and a
 * key, for this router or to a group of the fabric's. `fromMember` looks at the outer headers; the engine then copies the frame in
 * it to where its headers are aligned, and `ofMember` looks at that. What gets through goes to VMs here, never back into the fabric.
 */
import { u16 } from "#base/bytes";
import { type Frame, GSO_NONE, KIND_ARP, KIND_IPV4 } from "#fastpath/frame";
import { isFromDhcpClient, isToDhcpClient } from "#fastpath/stages/dhcp";
import { isInSegment, REACH_NOBODY, REACH_ONE, reachOf } from "#fastpath/stages/reach";
import { isLinkLocal } from "#fastpath/stages/route";
import { tenantTags } from "#fastpath/stages/tenants";
import { discoveryType } from "#fastpath/stages/vm-link";
import { P_VM, PORT_WORDS, SERVICE_IPV4, V_ADJACENCY, V_NETWORK, VM_ACTIVE, VM_WORDS } from "#fastpath/tables/layout";
import {
  LO_PORT,
  LO_STATE,
  LOCAL_WORDS,
  MC_FROM,
  multicastRoute,
  remoteMember,
  SEGMENT_DHCP,
  SG_FLAGS,
  SG_GROUP,
  SG_LOCAL_COUNT,
  SG_LOCALS,
  SG_TAGS,
  segmentOfTags,
} from "#fastpath/tables/segments";
import type { Tables } from "#fastpath/tables/tables";
import { TUNNEL_HEADERS } from "#fastpath/tables/tunnels";
import {
  BAD_TUNNEL,
  BROADCAST_ECHO,
  BROADCAST_SPOOFED,
  BROADCAST_STRANGER,
  BROADCAST_STRAY,
  BROADCAST_UNFIT,
  CONTINUE,
  FLOODED,
  HOP_LIMIT,
  REPLICATED,
  REVERSE_PATH,
  ROGUE_DHCP,
  TUNNEL_SOURCE,
  type Verdict,
} from "#fastpath/verdicts";
import { SIZE as ARP, SENDER_HARDWARE, SENDER_PROTOCOL } from "#wire/arp";
import { SIZE as ETHERNET, SOURCE } from "#wire/ethernet";

/** First word of the GRE header, raw: a key, and nothing else; an Ethernet frame inside. */
export const GRE_BRIDGED: number = 0x5865_0020 | 0;

/** True for GRE with an Ethernet frame, as it would be sent here. */
export const isBridged = (f: Frame, t: Tables): boolean => f.l4 === f.l3 + 40 && t.words[f.l4 >> 2] === GRE_BRIDGED;

/** GRE to a multicast address: for a segment here, or on to where it was asked for, or nobody's as far as is known here. */
export function toFabricGroup(f: Frame, t: Tables): Verdict {
  const w = f.l3 >> 2;
  if (t.bytes[f.l3 + 24] !== 0xff || !t.isUplink(f.port) || !isBridged(f, t) || f.end - f.l4 < 8) return CONTINUE;
  const { segments } = t;
  const segment = segmentOfTags(segments, t.words[w + 11]!);
  if (segment >= 0 && isItsGroup(t, segment, w + 6)) return fromMember(f, t);
  const route = multicastRoute(segments, t.words, w + 2);
  if (route < 0) return CONTINUE;
  if (segments.multicastRoutes[route + MC_FROM] !== f.port) return REVERSE_PATH;
  return f.hopLimit > 1 ? REPLICATED : HOP_LIMIT;
}

function isItsGroup(t: Tables, segment: number, word: number): boolean {
  const at = segment + SG_GROUP;
  for (let i = 0; i < 4; i++) if (t.segments.segments[at + i] !== t.words[word + i]) return false;
  return true;
}

/** For this router, or a group that it listens to. */
export function fromMember(f: Frame, t: Tables): Verdict {
  const w = f.l3 >> 2;
  if (f.unusual !== 0 || f.partial || f.gsoType !== GSO_NONE || f.end - f.l4 < 8 + ETHERNET) return BAD_TUNNEL;
  const { words } = t;
  if (words[w + 4] !== 0 || words[w + 5] === SERVICE_IPV4 || !t.isInFabric(words, w + 2) || t.isOwn(words, w + 2))
    return TUNNEL_SOURCE;
  const segment = segmentOfTags(t.segments, words[w + 11]!);
  if (segment < 0) return BROADCAST_STRAY;
  return remoteMember(t.segments, segment, words, w + 2) < 0 ? BROADCAST_STRANGER : FLOODED;
}

/** The segment that a frame which `fromMember` has let in is of. */
export const segmentOfTunnel = (f: Frame, t: Tables): number =>
  segmentOfTags(t.segments, t.words[(f.l3 + TUNNEL_HEADERS - 4) >> 2]!);

/** The frame in the tunnel, classified: from somebody who may be on the segment and is not here, and of its kinds. */
export function ofMember(f: Frame, t: Tables, segment: number): Verdict {
  const b = t.bytes;
  const source = f.at + SOURCE;
  if ((b[source]! & 1) !== 0 || (u16(b, source) | u16(b, source + 2) | u16(b, source + 4)) === 0)
    return BROADCAST_SPOOFED;
  if (f.kind === KIND_ARP && f.end - f.l3 < ARP) return BROADCAST_UNFIT;
  if (!isFromSegment(f, t, segment)) return BROADCAST_SPOOFED;
  const reach = reachOf(f, t, segment);
  if (reach === REACH_NOBODY || discoveryType(f, t) !== 0) return BROADCAST_UNFIT;
  const hasDhcp = (t.segments.segments[segment + SG_FLAGS]! & SEGMENT_DHCP) !== 0;
  if (hasDhcp && f.kind === KIND_IPV4 && (reach === REACH_ONE || isToDhcpClient(f))) return ROGUE_DHCP;
  return isHere(f, t, segment) ? BROADCAST_ECHO : CONTINUE;
}

function isFromSegment(f: Frame, t: Tables, segment: number): boolean {
  const { bytes: b, words } = t;
  const { segments } = t.segments;
  if (f.kind === KIND_ARP) {
    const hardware = f.l3 + SENDER_HARDWARE;
    for (let i = 0; i < 6; i++) if (b[hardware + i] !== b[f.at + SOURCE + i]) return false;
    const s = f.l3 + SENDER_PROTOCOL; // not 4-aligned
    const sender = b[s]! | (b[s + 1]! << 8) | (b[s + 2]! << 16) | (b[s + 3]! << 24);
    return sender === 0 || isInSegment(segments, segment, sender);
  }
  if (f.kind === KIND_IPV4) {
    const sender = words[(f.l3 + 12) >> 2]!;
    return sender === 0 ? isFromDhcpClient(f) : isInSegment(segments, segment, sender);
  }
  const w = (f.l3 + 8) >> 2;
  if (isLinkLocal(words[w]!)) return true;
  const tags = segments[segment + SG_TAGS]!;
  if (t.isInFabric(words, w)) return words[w + 2] === tags;
  return tenantTags(t, networkOf(t, segment), words, w) === tags;
}

/** Index of the segment's network: that of any of its VMs here. */
const networkOf = (t: Tables, segment: number): number => {
  const { segments, locals } = t.segments;
  const port = locals[segments[segment + SG_LOCALS]! + LO_PORT]!;
  return t.vms[t.ports[port * PORT_WORDS + P_VM]! * VM_WORDS + V_NETWORK]!;
};

/** Its sender's MAC address is that of a VM that is here and nowhere else. */
function isHere(f: Frame, t: Tables, segment: number): boolean {
  const { segments, locals } = t.segments;
  let at = segments[segment + SG_LOCALS]!;
  for (const end = at + segments[segment + SG_LOCAL_COUNT]! * LOCAL_WORDS; at < end; at += LOCAL_WORDS) {
    if (locals[at + LO_STATE] === VM_ACTIVE && hasMac(t, locals[at + LO_PORT]!, f.at + SOURCE)) return true;
  }
  return false;
}

/** True when the MAC address at `at` is known to be that of the VM at this port. */
export function hasMac(t: Tables, port: number, at: number): boolean {
  const adjacency = adjacencyOf(t, port);
  return t.adjacencies.isResolved(adjacency) && t.adjacencies.hasMac(adjacency, t.bytes, at);
}

/** Of the VM at this port. */
export const adjacencyOf = (t: Tables, port: number): number =>
  t.vms[t.ports[port * PORT_WORDS + P_VM]! * VM_WORDS + V_ADJACENCY]!;
