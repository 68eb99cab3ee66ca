/**
 * IPv6 addresses that are not the fabric's: those that tenants brought, any, and other tenants may have the same; and those of
 * outside hosts. No tags are in them: whose they are follows from what the VM's network knows (layout.ts, TENANT_WORDS).
 *
 * No route leads to what tenants brought, so between VMs packets from or to such addresses are in tunnels everywhere in the
 * fabric; the key is the receiver's tags. Between a VM and the outside they are native: to the outside by its routes, and
 * from a gateway in a tunnel where the VM's address needs one.
 *
 * What rules, connections and the rest ask about an address in the fabric they ask about a *stand-in*: a hash, the tags and
 * a host number, which says that it is an IPv6 host, and by which of the prefixes that rules name (policy/address-classes.ts).
 */
import { jump } from "#base/jump";
import { siphash24Words } from "#base/siphash";
import { R_DESTINATION, R_SOURCE } from "#fastpath/decision";
import { type Frame, TENANT_DESTINATION, TENANT_SOURCE } from "#fastpath/frame";
import {
  N_TAGS,
  N_TENANT_COUNT,
  N_TENANTS,
  NETWORK_WORDS,
  OUTSIDE_TAGS,
  P_VM,
  PORT_WORDS,
  TE_HOST,
  TE_PREFIX,
  TE_TAGS,
  TENANT_WORDS,
  V_NETWORK,
  VM_WORDS,
} from "#fastpath/tables/layout";
import { covers } from "#fastpath/tables/prefix-rows";
import { rawOf } from "#fastpath/tables/raw-words";
import type { Tables } from "#fastpath/tables/tables";
import { TENANT_HOST_NUMBER } from "#fastpath/tables/tenant-rows";
import { CONTINUE, OUTSIDE_SOURCE, type Verdict } from "#fastpath/verdicts";

/** First octet of a stand-in: no link-local address's. */
const FIRST = 0xfc;
/** Raw host number of a stand-in that no rule tells from others. */
export const TENANT_HOST: number = rawOf(TENANT_HOST_NUMBER);

/** Offset in `networkTenants` of the row that says whose the address at `word` of `words` is, as a network knows it; −1: nobody's. */
export function rowOf(t: Tables, network: number, words: Int32Array, word: number): number {
  const { networks, networkTenants: rows } = t;
  const at = network * NETWORK_WORDS;
  let row = networks[at + N_TENANTS]! * TENANT_WORDS;
  for (const end = row + networks[at + N_TENANT_COUNT]! * TENANT_WORDS; row < end; row += TENANT_WORDS)
    if (covers(rows, row + TE_PREFIX, words, word)) return row;
  return -1;
}

/** Raw tags of the network whose tenant brought the address, or of outside hosts; 0: nobody whom the network knows. */
export function tenantTags(t: Tables, network: number, words: Int32Array, word: number): number {
  const row = rowOf(t, network, words, word);
  return row < 0 ? 0 : t.networkTenants[row + TE_TAGS]!;
}

/** Index in `networks` of the VM's that sent the frame. */
const senderNetwork = (f: Frame, t: Tables): number =>
  t.vms[t.ports[f.port * PORT_WORDS + P_VM]! * VM_WORDS + V_NETWORK]!;

/** For what an IPv6 VM sends: `resolve6` knows whose the destination is. */
export function nameOut(f: Frame, t: Tables): Verdict {
  if (f.tenants === 0) return CONTINUE;
  const w = (f.l3 + 8) >> 2;
  if ((f.tenants & TENANT_SOURCE) !== 0) {
    const network = senderNetwork(f, t);
    const row = rowOf(t, network, t.words, w);
    const tags = t.networks[network * NETWORK_WORDS + N_TAGS]!;
    writeStandIn(t, t.records, R_SOURCE, { tags, host: hostOf(t, row), words: t.words, word: w });
  }
  if ((f.tenants & TENANT_DESTINATION) !== 0) writeDestination(f, t);
  return CONTINUE;
}

/** For what came in a tunnel, when it is known whether the VM is here. */
export function nameIn(f: Frame, t: Tables): Verdict {
  if (f.tenants === 0) return CONTINUE;
  const w = (f.l3 + 8) >> 2;
  if ((f.tenants & TENANT_DESTINATION) !== 0) {
    f.destinationHost = f.vm < 0 ? TENANT_HOST : hostOf(t, rowOf(t, t.vms[f.vm + V_NETWORK]!, t.words, w + 4));
    writeDestination(f, t);
  }
  if ((f.tenants & TENANT_SOURCE) === 0 || f.vm < 0) return CONTINUE;
  return nameSource(f, t, rowOf(t, t.vms[f.vm + V_NETWORK]!, t.words, w));
}

/** What came natively from no address of the fabric's comes from outside, by a gateway, and stands in for nobody else. */
export function nameOutsider(f: Frame, t: Tables): Verdict {
  const row = rowOf(t, t.vms[f.vm + V_NETWORK]!, t.words, (f.l3 + 8) >> 2);
  if (row < 0 || t.networkTenants[row + TE_TAGS] !== OUTSIDE_TAGS) return OUTSIDE_SOURCE;
  f.tenants |= TENANT_SOURCE;
  return nameSource(f, t, row);
}

/** `row`: what the receiver's network knows the source by; −1: it does not. */
function nameSource(f: Frame, t: Tables, row: number): Verdict {
  const tags = row < 0 ? 0 : t.networkTenants[row + TE_TAGS]!;
  if (tags === 0) return OUTSIDE_SOURCE;
  f.sourceTags = tags;
  writeStandIn(t, t.records, R_SOURCE, { tags, host: hostOf(t, row), words: t.words, word: (f.l3 + 8) >> 2 });
  return CONTINUE;
}

/** By the frame's `destinationTags` and `destinationHost`. */
export function writeDestination(f: Frame, t: Tables): void {
  const of = { tags: f.destinationTags, host: f.destinationHost, words: t.words, word: (f.l3 + 24) >> 2 };
  writeStandIn(t, t.records, R_DESTINATION, of);
}

/** Raw host number that the rules know the addresses of a row by. */
export const hostOf = (t: Tables, row: number): number => (row < 0 ? TENANT_HOST : t.networkTenants[row + TE_HOST]!);

export interface TenantAddress {
  /** Raw. */
  readonly tags: number;
  /** Where the address is. */
  readonly words: Int32Array;
  readonly word: number;
}

/** `host`: raw, what rules know it by. */
export function writeStandIn(
  t: Tables,
  to: Int32Array,
  at: number,
  of: TenantAddress & { readonly host: number },
): void {
  hash(t, of);
  to[at] = (t.hashed[0]! & ~0xff) | FIRST;
  to[at + 1] = t.hashed[1]!;
  to[at + 2] = of.tags;
  to[at + 3] = of.host;
}

/** Index of the address's home in `t.homes`: by the hash of tags ‖ address (docs/wire.md). */
export function tenantHome(t: Tables, of: TenantAddress): number {
  hash(t, of);
  return jump(t.hashed[1]!, t.hashed[0]!, t.homes.length >> 1) << 1;
}

function hash(t: Tables, { tags, words, word }: TenantAddress): void {
  const { message } = t;
  message[0] = tags;
  for (let i = 0; i < 4; i++) message[1 + i] = words[word + i]!;
  siphash24Words(t.key, message, t.siphash, t.hashed);
}
