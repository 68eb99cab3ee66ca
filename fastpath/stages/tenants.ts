/**
 * IPv6 addresses that tenants brought: any, and other tenants may have the same. No route leads to them and no tags are in
 * them, so packets from or to them are in tunnels everywhere in the fabric; the key is the receiver's tags. The sender's
 * tags follow from the prefixes of the receiver's network and of those that it has a route to, which do not overlap.
 *
 * What rules, connections and the rest ask about an address in the fabric they ask about a *stand-in*: a hash, the tags and
 * a host number that says no more than that it is an IPv6 host. So rules know such hosts by their network only.
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
  P_VM,
  PORT_WORDS,
  TE_MASK,
  TE_PREFIX,
  TE_TAGS,
  TENANT_WORDS,
  V_NETWORK,
  VM_WORDS,
} from "#fastpath/tables/layout";
import type { Tables } from "#fastpath/tables/tables";
import { CONTINUE, OUTSIDE_SOURCE, type Verdict } from "#fastpath/verdicts";

/** The largest host number, 0x00ffffff, raw. */
export const TENANT_HOST: number = 0xffff_ff00 | 0;
/** First octet of a stand-in: no link-local address's. */
const FIRST = 0xfc;

/** Raw tags of the network whose tenant brought the address at `word` of `words`, as a network knows it; 0: nobody. */
export function tenantTags(t: Tables, network: number, words: Int32Array, word: number): number {
  const { networks, networkTenants: rows } = t;
  const at = network * NETWORK_WORDS;
  let row = networks[at + N_TENANTS]! * TENANT_WORDS;
  for (const end = row + networks[at + N_TENANT_COUNT]! * TENANT_WORDS; row < end; row += TENANT_WORDS) {
    let differs = 0;
    for (let i = 0; i < 4; i++) differs |= (words[word + i]! & rows[row + TE_MASK + i]!) ^ rows[row + TE_PREFIX + i]!;
    if (differs === 0) return rows[row + TE_TAGS]!;
  }
  return 0;
}

/** For what an IPv6 VM sends: `resolve6` knows whose the destination is. */
export function nameOut(f: Frame, t: Tables): Verdict {
  if (f.tenants === 0) return CONTINUE;
  const w = (f.l3 + 8) >> 2;
  if ((f.tenants & TENANT_SOURCE) !== 0) {
    const network = t.vms[t.ports[f.port * PORT_WORDS + P_VM]! * VM_WORDS + V_NETWORK]! * NETWORK_WORDS;
    writeStandIn(t, t.records, R_SOURCE, { tags: t.networks[network + N_TAGS]!, words: t.words, word: w });
  }
  if ((f.tenants & TENANT_DESTINATION) !== 0)
    writeStandIn(t, t.records, R_DESTINATION, { tags: f.destinationTags, words: t.words, word: w + 4 });
  return CONTINUE;
}

/** For what came in a tunnel, when it is known whether the VM is here. */
export function nameIn(f: Frame, t: Tables): Verdict {
  if (f.tenants === 0) return CONTINUE;
  const w = (f.l3 + 8) >> 2;
  if ((f.tenants & TENANT_DESTINATION) !== 0)
    writeStandIn(t, t.records, R_DESTINATION, { tags: f.destinationTags, words: t.words, word: w + 4 });
  if ((f.tenants & TENANT_SOURCE) === 0 || f.vm < 0) return CONTINUE;
  const tags = tenantTags(t, t.vms[f.vm + V_NETWORK]!, t.words, w);
  if (tags === 0) return OUTSIDE_SOURCE;
  writeStandIn(t, t.records, R_SOURCE, { tags, words: t.words, word: w });
  return CONTINUE;
}

export interface TenantAddress {
  /** Raw. */
  readonly tags: number;
  /** Where the address is. */
  readonly words: Int32Array;
  readonly word: number;
}

export function writeStandIn(t: Tables, to: Int32Array, at: number, of: TenantAddress): void {
  hash(t, of);
  to[at] = (t.hashed[0]! & ~0xff) | FIRST;
  to[at + 1] = t.hashed[1]!;
  to[at + 2] = of.tags;
  to[at + 3] = TENANT_HOST;
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
