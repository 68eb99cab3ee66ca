/**
 * resolve6: may the VM's network speak to the destination's? An IPv6 host's address has its tags in it, so there is nothing
 * to look up but whether they are the network's own, or of one that it has a route to by name. IPv4 hosts outside have an
 * address too, which is reached where the network's route table leads the IPv4 address outside: NAT64 with the outside's
 * prefix as a network-specific one (RFC 6052 §2.2).
 */
import {
  type Frame,
  TENANT_DESTINATION,
  TENANT_SOURCE,
  UNUSUAL_ICMP_ERROR,
  UNUSUAL_SOURCE_ROUTE,
} from "#fastpath/frame";
import { leadsOutside } from "#fastpath/stages/resolve";
import { tenantTags } from "#fastpath/stages/tenants";
import { isIpv6Host } from "#fastpath/stages/vm-link";
import {
  N_PEER_COUNT,
  N_PEERS,
  N_TAGS,
  NETWORK_WORDS,
  OUTSIDE_TAGS,
  P_VM,
  PORT_WORDS,
  V_NETWORK,
  VM_WORDS,
} from "#fastpath/tables/layout";
import type { Tables } from "#fastpath/tables/tables";
import {
  BAD_EMBEDDED,
  CONTINUE,
  NO_COUNTERPART,
  NO_NETWORK_ROUTE,
  SOURCE_ROUTED,
  type Verdict,
} from "#fastpath/verdicts";

export function resolve6(f: Frame, t: Tables): Verdict {
  if ((f.unusual & UNUSUAL_SOURCE_ROUTE) !== 0) {
    t.reported = f.pointer;
    return SOURCE_ROUTED;
  }
  const vm = t.ports[f.port * PORT_WORDS + P_VM]! * VM_WORDS;
  const destination = (f.l3 + 24) >> 2;
  const network = t.vms[vm + V_NETWORK]!;
  if (!t.isInFabric(t.words, (f.l3 + 8) >> 2)) f.tenants |= TENANT_SOURCE;
  if (!t.isInFabric(t.words, destination)) {
    f.tenants |= TENANT_DESTINATION;
    f.destinationTags = tenantTags(t, network, t.words, destination);
    if (f.destinationTags === 0) return NO_NETWORK_ROUTE;
  } else {
    if (!reaches(t, network, t.words, destination)) return NO_NETWORK_ROUTE;
    const isOutside = t.words[destination + 2] === OUTSIDE_TAGS;
    if (isOutside && f.tenants !== 0) return NO_NETWORK_ROUTE; // no gateway knows whose it is
    if (!isOutside && !isIpv6Host(t.words[destination + 3]!)) return NO_COUNTERPART;
  }
  return (f.unusual & UNUSUAL_ICMP_ERROR) === 0 || quotesWhatCame(f, t) ? CONTINUE : BAD_EMBEDDED;
}

/** True when the network's own IPv6 hosts may send to the address at `word` of `words`. */
export function reaches(t: Tables, network: number, words: Int32Array, word: number): boolean {
  if (!t.isInFabric(words, word)) return tenantTags(t, network, words, word) !== 0;
  const tags = words[word + 2]!;
  if (tags === OUTSIDE_TAGS) return leadsOutside(t, network, words, word);
  const at = network * NETWORK_WORDS;
  if (tags === t.networks[at + N_TAGS]) return true;
  const first = t.networks[at + N_PEERS]!;
  for (let i = first, end = first + t.networks[at + N_PEER_COUNT]!; i < end; i++)
    if (t.networkPeers[i] === tags) return true;
  return false;
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
