/** resolve: destination address → tags, by the route table of the VM's own network, longest prefix first. */
import { R_DESTINATION } from "#fastpath/decision";
import { type Frame, UNUSUAL_ICMP_ERROR, UNUSUAL_SOURCE_ROUTE } from "#fastpath/frame";
import {
  N_ROUTE_COUNT,
  N_ROUTES,
  NETWORK_ROUTE_WORDS,
  NETWORK_WORDS,
  NR_ACTION,
  NR_BY_GATEWAY,
  NR_FIRST,
  NR_NOWHERE,
  NR_TAGS,
  OUTSIDE_TAGS,
  P_VM,
  PORT_WORDS,
  V_NETWORK,
  V_PUBLIC_4,
  V_TAGS,
  VM_WORDS,
} from "#fastpath/tables/layout";
import { rawOf } from "#fastpath/tables/snapshot";
import type { Tables } from "#fastpath/tables/tables";
import { BAD_EMBEDDED, CONTINUE, NO_NETWORK_ROUTE, SOURCE_ROUTED, type Verdict } from "#fastpath/verdicts";

export function resolve(f: Frame, t: Tables): Verdict {
  if ((f.unusual & UNUSUAL_SOURCE_ROUTE) !== 0) return SOURCE_ROUTED;
  const vm = t.ports[f.port * PORT_WORDS + P_VM]! * VM_WORDS;
  const destination = t.words[(f.l3 + 16) >> 2]!;
  const row = findRoute(t, t.vms[vm + V_NETWORK]!, destination);
  if (row < 0) return NO_NETWORK_ROUTE;
  t.records[R_DESTINATION + 2] = tagsBy(t, vm, row);
  t.records[R_DESTINATION + 3] = destination;
  if ((f.unusual & UNUSUAL_ICMP_ERROR) === 0) return CONTINUE;
  return resolveQuoted(f, t, vm);
}

/** Row in `networkRoutes` that leads to `address` (raw), or −1. */
export function findRoute(t: Tables, network: number, address: number): number {
  const { networks, networkRoutes } = t;
  const at = network * NETWORK_WORDS;
  const host = rawOf(address) >>> 0;
  let low = networks[at + N_ROUTES]!;
  let high = low + networks[at + N_ROUTE_COUNT]!;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (networkRoutes[middle * NETWORK_ROUTE_WORDS + NR_FIRST]! >>> 0 <= host) low = middle;
    else high = middle;
  }
  const row = low * NETWORK_ROUTE_WORDS;
  return networkRoutes[row + NR_ACTION] === NR_NOWHERE ? -1 : row;
}

/**
 * Raw tags that a row of the route table gives the destinations of a VM's at `vm`. Public addresses that are reached by way of the gateways a
 * private one reaches as if they were outside: they could not answer it, but they can whoever it is known as there.
 */
function tagsBy(t: Tables, vm: number, row: number): number {
  const isTurned = t.networkRoutes[row + NR_ACTION] === NR_BY_GATEWAY && t.vms[vm + V_PUBLIC_4] === 0;
  return isTurned ? OUTSIDE_TAGS : t.networkRoutes[row + NR_TAGS]!;
}

/** True when a row leads to hosts with these raw tags, from some address of its network. */
export const leadsTo = (t: Tables, row: number, tags: number): boolean =>
  t.networkRoutes[row + NR_TAGS] === tags ||
  (tags === OUTSIDE_TAGS && t.networkRoutes[row + NR_ACTION] === NR_BY_GATEWAY);

/** True for the address in the fabric, at `word` of `words`, of an outside host that the network has a route to. */
export function leadsOutside(t: Tables, network: number, words: Int32Array, word: number): boolean {
  const { outsidePrefix } = t;
  if (words[word + 2] !== OUTSIDE_TAGS || words[word] !== outsidePrefix[0] || words[word + 1] !== outsidePrefix[1])
    return false;
  const row = findRoute(t, network, words[word + 3]!);
  return row >= 0 && leadsTo(t, row, OUTSIDE_TAGS);
}

/**
 * A VM's ICMP error quotes a packet it received: its destination must be the VM itself, its source something the VM
 * can have heard from. Both are translated with the error (RFC 7915 §4.2, §4.3).
 */
function resolveQuoted(f: Frame, t: Tables, vm: number): Verdict {
  const quoted = f.l4 + 8;
  if (f.end - quoted < 20) return BAD_EMBEDDED;
  const source = t.words[(quoted + 12) >> 2]!;
  if (t.words[(quoted + 16) >> 2] !== t.words[(f.l3 + 12) >> 2]) return BAD_EMBEDDED;
  const row = findRoute(t, t.vms[vm + V_NETWORK]!, source);
  if (row < 0) return BAD_EMBEDDED;
  t.quoted[2] = tagsBy(t, vm, row);
  t.quoted[3] = source;
  t.quoted[6] = t.vms[vm + V_TAGS]!;
  t.quoted[7] = t.words[(quoted + 16) >> 2]!;
  return CONTINUE;
}
