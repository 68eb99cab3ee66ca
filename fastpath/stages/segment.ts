/**
 * segment, segment6: is it for the others on the VM's Ethernet segment? Broadcasts and multicasts are, what says who listens
 * to a group goes to the control thread, and all else goes on: whatever has one receiver is routed (paper §2.2). The
 * engine multiplies what ends as FLOODED (floods.ts).
 */
import { R_DESTINATION } from "#fastpath/decision";
import { type Frame, KIND_ARP, UNUSUAL_SOURCE_ROUTE } from "#fastpath/frame";
import { isToDhcpClient, isToDhcpServer } from "#fastpath/stages/dhcp";
import { guardOut } from "#fastpath/stages/guard";
import { isPortMac } from "#fastpath/stages/port-mac";
import { isInSegment, REACH_NOBODY, reachOf } from "#fastpath/stages/reach";
import { discoveryType, isToDhcp6Client, isToDhcp6Server } from "#fastpath/stages/vm-link";
import {
  N_GATEWAY,
  NETWORK_WORDS,
  P_VM,
  PORT_WORDS,
  V_ADJACENCY,
  V_DHCP,
  V_IPV6_COUNT,
  V_NETWORK,
  V_TAGS,
  VM_WORDS,
} from "#fastpath/tables/layout";
import { V_ALLOW, V_NUMBER } from "#fastpath/tables/rule-layout";
import { SEGMENT_ARP_FLOOD, SEGMENT_DHCP, SG_FLAGS, segmentOfPort } from "#fastpath/tables/segments";
import type { Tables } from "#fastpath/tables/tables";
import {
  CONTINUE,
  FLOODED,
  NO_RULE,
  PUNT_ARP,
  PUNT_GROUP,
  PUNT_LEARN,
  ROGUE_DHCP,
  RULE_DENIED,
  SOURCE_ROUTED,
  SPOOFED_MAC,
  type Verdict,
  VM_BROADCAST,
  VM_IPV6,
} from "#fastpath/verdicts";
import { TARGET_PROTOCOL } from "#wire/arp";
import { SOURCE } from "#wire/ethernet";
import { isMld } from "#wire/mld";
import { PROTOCOL_ICMP6, PROTOCOL_IGMP } from "#wire/protocol";

/** IPv4 and ARP that `admit` has let in. */
export function segment(f: Frame, t: Tables): Verdict {
  const at = segmentOfPort(t.segments, f.port);
  if (at < 0) return CONTINUE;
  if (f.kind === KIND_ARP) return segmentArp(f, t, at);
  const isGroup = (t.bytes[f.at]! & 1) !== 0;
  if (!isGroup && (isPortMac(f, t) || !isToDhcpClient(f))) return CONTINUE;
  const vm = t.ports[f.port * PORT_WORDS + P_VM]! * VM_WORDS;
  if (isToDhcpClient(f)) {
    if ((t.segments.segments[at + SG_FLAGS]! & SEGMENT_DHCP) !== 0) return ROGUE_DHCP;
  } else if (isToDhcpServer(f) && t.vms[vm + V_DHCP] !== 0) {
    return CONTINUE;
  }
  if (isGroup && f.protocol === PROTOCOL_IGMP) return PUNT_GROUP;
  if ((f.unusual & UNUSUAL_SOURCE_ROUTE) !== 0) return SOURCE_ROUTED;
  if (reachOf(f, t, at) === REACH_NOBODY) return VM_BROADCAST;
  return mayFlood(f, t, vm);
}

/** The rules of the sender's tenant, on a packet to its own network: a connection that it begins would be nobody's. */
function mayFlood(f: Frame, t: Tables, vm: number): Verdict {
  t.records[R_DESTINATION + 2] = t.vms[vm + V_TAGS]!;
  t.records[R_DESTINATION + 3] = t.words[(f.l3 + 16) >> 2]!;
  guardOut(f, t);
  if ((f.rule & V_ALLOW) !== 0) return FLOODED;
  return (f.rule & V_NUMBER) === 0 ? NO_RULE : RULE_DENIED;
}

/**
 * Where ARP is flooded, what is for members, and not for the gateway or what is behind it. From a MAC address that is not
 * known to be the VM's it goes to the control thread, which learns that.
 */
function segmentArp(f: Frame, t: Tables, at: number): Verdict {
  if ((t.segments.segments[at + SG_FLAGS]! & SEGMENT_ARP_FLOOD) === 0 || isPortMac(f, t)) return PUNT_ARP;
  const vm = t.ports[f.port * PORT_WORDS + P_VM]! * VM_WORDS;
  const b = t.bytes;
  const p = f.l3 + TARGET_PROTOCOL; // 4-aligned
  const target = t.words[p >> 2]!;
  const gateway = t.networks[t.vms[vm + V_NETWORK]! * NETWORK_WORDS + N_GATEWAY]!;
  // Who answers a probe answers nobody's address (RFC 5227 §2.1.1): a reply goes by its MAC address.
  const isForRouter = target === gateway || !isInSegment(t.segments.segments, at, target);
  if ((b[f.at]! & 1) !== 0 && isForRouter) return PUNT_ARP;
  const adjacency = t.vms[vm + V_ADJACENCY]!;
  if (!t.adjacencies.isResolved(adjacency) || !t.adjacencies.hasMac(adjacency, b, f.at + SOURCE)) return PUNT_ARP;
  return reachOf(f, t, at) === REACH_NOBODY ? VM_BROADCAST : FLOODED;
}

/** IPv6 that `admit6` has let in: groups but for what the link itself says, which `answer6` takes. */
export function segment6(f: Frame, t: Tables): Verdict {
  const at = segmentOfPort(t.segments, f.port);
  if (at < 0) return CONTINUE;
  const vm = t.ports[f.port * PORT_WORDS + P_VM]! * VM_WORDS;
  const verdict = (t.bytes[f.at]! & 1) === 0 ? CONTINUE : groups6(f, t, at, vm);
  // One without an IPv6 address of its own has a link-local one, for groups and for nothing else.
  return verdict === CONTINUE && t.vms[vm + V_IPV6_COUNT] === 0 ? VM_IPV6 : verdict;
}

function groups6(f: Frame, t: Tables, at: number, vm: number): Verdict {
  if (discoveryType(f, t) !== 0 || isToDhcp6Client(f) || isToDhcp6Server(f)) return CONTINUE;
  if (f.protocol === PROTOCOL_ICMP6 && f.l4 !== 0 && isMld(t.bytes[f.l4]!)) return PUNT_GROUP;
  if ((f.unusual & UNUSUAL_SOURCE_ROUTE) !== 0 || reachOf(f, t, at) === REACH_NOBODY) return VM_BROADCAST;
  const source = (f.l3 + 8) >> 2;
  if (t.words[source] === 0) return VM_BROADCAST; // from nobody only what says so of groups
  const adjacency = t.vms[vm + V_ADJACENCY]!;
  if (!t.adjacencies.isResolved(adjacency)) return PUNT_LEARN;
  return t.adjacencies.hasMac(adjacency, t.bytes, f.at + SOURCE) ? FLOODED : SPOOFED_MAC;
}

/** A frame of a VM's to another member's MAC address, which ARP has told it: routed as if it were sent to the gateway. */
export function isForMember(f: Frame, t: Tables): boolean {
  const at = segmentOfPort(t.segments, f.port);
  if (at < 0 || (t.segments.segments[at + SG_FLAGS]! & SEGMENT_ARP_FLOOD) === 0) return false;
  return isInSegment(t.segments.segments, at, t.words[(f.l3 + 16) >> 2]!);
}

/** An answer to a DHCP client of the segment, of a VM that serves it because the router does not. */
export function mayServe(f: Frame, t: Tables): boolean {
  const at = segmentOfPort(t.segments, f.port);
  if (at < 0 || (t.segments.segments[at + SG_FLAGS]! & SEGMENT_DHCP) !== 0) return false;
  return isInSegment(t.segments.segments, at, t.words[(f.l3 + 16) >> 2]!);
}
