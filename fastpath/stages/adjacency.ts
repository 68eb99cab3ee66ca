/** adjacency: ECMP group and flow hash → one next hop: output port, MACs, MTU. Completes the record for the fabric. */
import {
  ACTION_4_TO_6,
  ACTION_6_TO_4,
  ACTION_FORWARD,
  ACTION_NAT_4_TO_6,
  ACTION_NAT_6_TO_4,
  ACTION_NAT_6_TO_6,
  ACTION_SEND,
  limits,
  R_ACTION,
  R_ADJACENCY,
  R_CHECKSUM_DELTA,
  R_FLOW_WORD,
  R_LIMITS,
  R_MACS,
  R_OUT_PORT,
  R_SOURCE,
} from "#fastpath/decision";
import { flowWord } from "#fastpath/flow-hash";
import type { Frame } from "#fastpath/frame";
import { HOME_TUNNEL, tunnelOf } from "#fastpath/place";
import { checksumDelta } from "#fastpath/stages/checksum-delta";
import { isLinkLocal } from "#fastpath/stages/route";
import { GROUP_LOCAL, P_MTU, P_VM, PORT_WORDS, V_AWAY, V_MTU, VM_WORDS } from "#fastpath/tables/layout";
import type { Tables } from "#fastpath/tables/tables";
import { TUNNEL_HEADERS } from "#fastpath/tables/tunnels";
import { CONTINUE, LINK_LOCAL, NEIGHBOR_FAILED, NO_ROUTE, PUNT_NEIGHBOR, type Verdict } from "#fastpath/verdicts";

/** IPv6 and TCP headers: what an MTU loses before the segment's data. */
export const HEADERS_6 = 60;
/** IPv4 and TCP headers. */
export const HEADERS_4 = 40;

/** Towards the fabric from a VM. */
export function adjacency(f: Frame, t: Tables): Verdict {
  const verdict = nextHop(f, t);
  if (verdict !== CONTINUE) return verdict;
  const r = t.records;
  r[R_ACTION] = ACTION_4_TO_6;
  r[R_FLOW_WORD] = flowWord(f.flowHash);
  r[R_CHECKSUM_DELTA] = checksumDelta(t.words, (f.l3 + 12) >> 2, 2, r, R_SOURCE, 8);
  const vm = t.ports[f.port * PORT_WORDS + P_VM]! * VM_WORDS;
  r[R_LIMITS] = limits(room(f, t), Math.min(roomBothWays(f, t) - HEADERS_6, t.vms[vm + V_MTU]! - HEADERS_4));
  return CONTINUE;
}

/** Towards the fabric from outside. */
export function adjacencyFromOutside(f: Frame, t: Tables): Verdict {
  if (f.group === GROUP_LOCAL) return NO_ROUTE;
  const verdict = nextHop(f, t);
  if (verdict !== CONTINUE) return verdict;
  const r = t.records;
  r[R_ACTION] = f.isNat ? ACTION_NAT_4_TO_6 : ACTION_4_TO_6;
  r[R_FLOW_WORD] = flowWord(f.flowHash);
  r[R_CHECKSUM_DELTA] = checksumDelta(t.words, (f.l3 + 12) >> 2, 2, r, R_SOURCE, 8);
  const mtu = room(f, t);
  r[R_LIMITS] = limits(mtu, Math.min(mtu - HEADERS_6, t.ports[f.port * PORT_WORDS + P_MTU]! - HEADERS_4));
  return CONTINUE;
}

/** Towards the outside: a gateway's map-out.ts has put the IPv4 addresses side by side into the record. */
export function adjacencyToOutside(f: Frame, t: Tables): Verdict {
  const r = t.records;
  const index = t.gateway!.adjacency;
  const verdict = takeHop(t, index);
  if (verdict !== CONTINUE) return verdict;
  r[R_ACTION] = f.isNat ? ACTION_NAT_6_TO_4 : ACTION_6_TO_4;
  r[R_CHECKSUM_DELTA] = checksumDelta(t.words, (f.l3 + 8) >> 2, 8, r, R_SOURCE, 2);
  const mtu = t.adjacencies.mtu(index);
  r[R_LIMITS] = limits(mtu, Math.min(mtu - HEADERS_4, t.ports[f.port * PORT_WORDS + P_MTU]! - HEADERS_6));
  return CONTINUE;
}

/** From one inside host to another's outside address (stages/turn-around.ts), whose ends are in the record. */
export function adjacencyTurned(f: Frame, t: Tables): Verdict {
  if (f.group === GROUP_LOCAL) return NO_ROUTE;
  const verdict = nextHop(f, t);
  if (verdict !== CONTINUE) return verdict;
  const r = t.records;
  r[R_ACTION] = ACTION_NAT_6_TO_6;
  r[R_CHECKSUM_DELTA] = checksumDelta(t.words, (f.l3 + 8) >> 2, 8, r, R_SOURCE, 8);
  const mtu = room(f, t);
  r[R_LIMITS] = limits(mtu, mtu - HEADERS_6);
  return CONTINUE;
}

/** The same of IPv6, which is translated neither way. */
export function adjacencyStraight(_f: Frame, t: Tables): Verdict {
  const index = t.gateway!.straight.adjacency;
  const verdict = takeHop(t, index);
  if (verdict !== CONTINUE) return verdict;
  t.records[R_ACTION] = ACTION_FORWARD;
  t.records[R_LIMITS] = limits(t.adjacencies.mtu(index), 0); // path MTU discovery tells hosts of both sides
  return CONTINUE;
}

/** Towards the fabric from an IPv6 host outside. */
export const adjacencyEntering = (f: Frame, t: Tables): Verdict =>
  f.group === GROUP_LOCAL ? NO_ROUTE : adjacencyTransit(f, t);

/** From fabric to fabric, or an IPv6 VM's packet into it. Who sees the fabric's MTU needs no MSS but for tunnels. */
export function adjacencyTransit(f: Frame, t: Tables): Verdict {
  if (isLinkLocal(t.records[R_SOURCE]!)) return LINK_LOCAL;
  const verdict = nextHop(f, t);
  if (verdict !== CONTINUE) return verdict;
  t.records[R_ACTION] = ACTION_FORWARD;
  const both = roomBothWays(f, t);
  const isTunnel = both < t.adjacencies.mtu(t.records[R_ADJACENCY]!);
  t.records[R_LIMITS] = limits(room(f, t), isTunnel ? both - HEADERS_6 : 0);
  return CONTINUE;
}

/** From this router itself. */
export function adjacencyOriginate(f: Frame, t: Tables): Verdict {
  if (f.group === GROUP_LOCAL) return NO_ROUTE; // an error about a packet that claims to come from here
  const verdict = adjacencyTransit(f, t);
  if (verdict === CONTINUE) t.records[R_ACTION] = ACTION_SEND;
  return verdict;
}

/** Largest IPv6 packet that goes through the next hop's link, in the tunnel if there is one. */
function room(f: Frame, t: Tables): number {
  const mtu = t.adjacencies.mtu(t.records[R_ADJACENCY]!);
  const tunnel = tunnelOf(f.place);
  if (tunnel < 0) return mtu;
  return (tunnel === HOME_TUNNEL ? mtu : Math.min(mtu, t.tunnels!.mtu(tunnel))) - TUNNEL_HEADERS;
}

/** And that comes back: to a VM away from its home all packets come in tunnels. */
function roomBothWays(f: Frame, t: Tables): number {
  const mtu = room(f, t);
  if (tunnelOf(f.place) >= 0 || !t.isVm(f.port)) return mtu;
  const vm = t.ports[f.port * PORT_WORDS + P_VM]! * VM_WORDS;
  return t.vms[vm + V_AWAY] === 0 ? mtu : mtu - TUNNEL_HEADERS;
}

const nextHop = (f: Frame, t: Tables): Verdict => takeHop(t, t.adjacencies.pick(f.group, f.flowHash));

function takeHop(t: Tables, index: number): Verdict {
  const r = t.records;
  r[R_ADJACENCY] = index;
  if (!t.adjacencies.isResolved(index)) return t.adjacencies.hasFailed(index) ? NEIGHBOR_FAILED : PUNT_NEIGHBOR;
  r[R_OUT_PORT] = t.adjacencies.port(index);
  t.adjacencies.copyMacs(index, r, R_MACS);
  return CONTINUE;
}
