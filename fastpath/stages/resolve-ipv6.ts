/**
 * resolve6: may the VM's network speak to the destination's? An IPv6 host's address has its tags in it, so there is nothing
 * to look up but whether they are the network's own, of one that it has a route to by name, or of one whose addresses are
 * public. IPv4 hosts outside have an address too, which is reached where the network's route table leads the IPv4 address
 * outside: NAT64 with the outside's prefix as a network-specific one (RFC 6052 §2.2). All other addresses are in a table.
 */
import {
  type Frame,
  TENANT_DESTINATION,
  TENANT_SOURCE,
  UNUSUAL_ICMP_ERROR,
  UNUSUAL_SOURCE_ROUTE,
} from "#fastpath/frame";
import { leadsOutside } from "#fastpath/stages/resolve";
import { hostOf, rowOf, tenantTags } from "#fastpath/stages/tenants";
import { isIpv6Host } from "#fastpath/stages/vm-link";
import {
  N_IS_PUBLIC_6,
  N_PEER_COUNT,
  N_PEERS,
  N_PUBLIC_COUNT,
  N_TAGS,
  NETWORK_WORDS,
  OUTSIDE_TAGS,
  P_VM,
  PORT_WORDS,
  TE_FLAGS,
  TE_PUBLIC,
  TE_STRANGER,
  TE_TAGS,
  V_NETWORK,
  VM_WORDS,
} from "#fastpath/tables/layout";
import type { Tables } from "#fastpath/tables/tables";
import {
  BAD_EMBEDDED,
  CONTINUE,
  NO_COUNTERPART,
  NO_NETWORK_ROUTE,
  PRIVATE_SOURCE,
  SOURCE_ROUTED,
  type Verdict,
} from "#fastpath/verdicts";

export function resolve6(f: Frame, t: Tables): Verdict {
  if ((f.unusual & UNUSUAL_SOURCE_ROUTE) !== 0) {
    t.reported = f.pointer;
    return SOURCE_ROUTED;
  }
  const network = t.vms[t.ports[f.port * PORT_WORDS + P_VM]! * VM_WORDS + V_NETWORK]!;
  if (!t.isInFabric(t.words, (f.l3 + 8) >> 2)) f.tenants |= TENANT_SOURCE;
  const isFabrics = t.isInFabric(t.words, (f.l3 + 24) >> 2);
  const verdict = isFabrics ? toFabrics(f, t, network) : toOther(f, t, network);
  if (verdict !== CONTINUE) return verdict;
  return (f.unusual & UNUSUAL_ICMP_ERROR) === 0 || quotesWhatCame(f, t) ? CONTINUE : BAD_EMBEDDED;
}

/** To an address of the fabric's. */
function toFabrics(f: Frame, t: Tables, network: number): Verdict {
  const destination = (f.l3 + 24) >> 2;
  const tags = t.words[destination + 2]!;
  if (tags === OUTSIDE_TAGS) {
    // Of an address that a tenant brought no gateway knows whose it is.
    return f.tenants === 0 && leadsOutside(t, network, t.words, destination) ? CONTINUE : NO_NETWORK_ROUTE;
  }
  const way = wayTo(t, network, tags);
  if (way === NO_WAY) return NO_NETWORK_ROUTE;
  if (!isIpv6Host(t.words[destination + 3]!)) return NO_COUNTERPART;
  const isAnonymous = way === AS_PUBLIC && (f.tenants & TENANT_SOURCE) !== 0 && !isPublicSource(f, t, network);
  return isAnonymous ? PRIVATE_SOURCE : CONTINUE;
}

/**
 * To one that a tenant brought, or outside. From an address that only the network and its peers know to be the network's
 * there is no way to others: they would take it for an outside host's, and the outside does not know where it is.
 */
function toOther(f: Frame, t: Tables, network: number): Verdict {
  const row = rowOf(t, network, t.words, (f.l3 + 24) >> 2);
  if (row < 0) return NO_NETWORK_ROUTE;
  const tags = t.networkTenants[row + TE_TAGS]!;
  if (tags === 0) return NO_NETWORK_ROUTE;
  f.tenants |= TENANT_DESTINATION;
  f.destinationTags = tags;
  f.destinationHost = hostOf(t, row);
  const isStranger = (t.networkTenants[row + TE_FLAGS]! & TE_STRANGER) !== 0 && (f.tenants & TENANT_SOURCE) !== 0;
  if (tags !== OUTSIDE_TAGS && !isStranger) return CONTINUE;
  return isPublicSource(f, t, network) ? CONTINUE : PRIVATE_SOURCE;
}

function isPublicSource(f: Frame, t: Tables, network: number): boolean {
  if ((f.tenants & TENANT_SOURCE) === 0) return t.networks[network * NETWORK_WORDS + N_IS_PUBLIC_6] !== 0;
  const row = rowOf(t, network, t.words, (f.l3 + 8) >> 2);
  return row >= 0 && (t.networkTenants[row + TE_FLAGS]! & TE_PUBLIC) !== 0;
}

const NO_WAY = 0;
/** The network itself, or one that it has a route to. */
const AS_PEER = 1;
/** Another's hosts, which have public addresses. */
const AS_PUBLIC = 2;

/** How a network's own IPv6 hosts reach those with addresses of the fabric's that have these raw tags. */
function wayTo(t: Tables, network: number, tags: number): number {
  const at = network * NETWORK_WORDS;
  if (tags === t.networks[at + N_TAGS]) return AS_PEER;
  const first = t.networks[at + N_PEERS]!;
  const publics = first + t.networks[at + N_PEER_COUNT]!;
  for (let i = first, end = publics + t.networks[at + N_PUBLIC_COUNT]!; i < end; i++)
    if (t.networkPeers[i] === tags) return i < publics ? AS_PEER : AS_PUBLIC;
  return NO_WAY;
}

/** True when the network's own IPv6 hosts may send to the address at `word` of `words`. */
export function reaches(t: Tables, network: number, words: Int32Array, word: number): boolean {
  if (!t.isInFabric(words, word)) return tenantTags(t, network, words, word) !== 0;
  const tags = words[word + 2]!;
  return tags === OUTSIDE_TAGS ? leadsOutside(t, network, words, word) : wayTo(t, network, tags) !== NO_WAY;
}

/** An error about a packet goes from its destination to its source (RFC 4443 §2.2): both are known to be right here. */
function quotesWhatCame(f: Frame, t: Tables): boolean {
  const quoted = f.l4 + 8;
  if (f.end - quoted < 40) return false;
  const mine = (f.l3 + 8) >> 2;
  const theirs = (quoted + 8) >> 2;
  for (let i = 0; i < 4; i++) {
    if (t.words[theirs + i] !== t.words[mine + 4 + i] || t.words[theirs + 4 + i] !== t.words[mine + i]) return false;
  }
  return true;
}
