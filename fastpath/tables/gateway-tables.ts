/** What a gateway knows of addresses: built by the control thread, looked up for each packet that no record is kept of. */
import type { Prefix } from "#base/address";
import { u32 } from "#base/bytes";
import {
  FL_HOST,
  FL_OUTSIDE,
  FL_TAGS,
  FLOATING_WORDS,
  type GatewayTables,
  PB_FIRST,
  PB_LAST,
  PB_TAGS,
  PUBLIC_WORDS,
  type StraightTables,
  TE_PREFIX,
  TENANT_WORDS,
  vmHash,
} from "#fastpath/tables/layout";
import { covers, PREFIX_WORDS, prefixRows } from "#fastpath/tables/prefix-rows";
import { raw, rawOf, rawWords } from "#fastpath/tables/raw-words";
import { tenantRow } from "#fastpath/tables/tenant-rows";

export interface GatewayPlan {
  /** The gateway's own IPv4 address on the outside link. */
  readonly own: Uint8Array;
  /** Adjacency of the router there. */
  readonly adjacency: number;
  /** IPv4 addresses that no outside host has; may overlap. */
  readonly inside: readonly Prefix[];
  /** Public IPv4 prefixes, disjoint, and their networks' tags (unsigned 32 bits). */
  readonly publics: readonly { readonly prefix: Prefix; readonly tags: number }[];
  /** Addresses that stand for a network's address, both ways; each once. */
  readonly floating: readonly { readonly outside: Uint8Array; readonly tags: number; readonly host: Uint8Array }[];
  /** By network (tags unsigned), the NAT's share that its ports are of. Default: the first for all. */
  readonly shares?: readonly { readonly tags: number; readonly share: number }[];
  /** Absent: the gateway speaks no IPv6 with the outside. */
  readonly straight?: StraightPlan;
}

/** IPv6, straight through. */
export interface StraightPlan {
  /** The gateway's own addresses on the outside link: the global one, then the link-local one. */
  readonly own: readonly Uint8Array[];
  readonly adjacency: number;
  /** Prefixes that no outside host's address is in, beside the fabric's own. */
  readonly inside: readonly Prefix[];
  /** Public addresses that tenants brought, disjoint, and whose they are (tags unsigned). */
  readonly tenants: readonly { readonly prefix: Prefix; readonly tags: number }[];
  /** Unsigned tags of the networks whose addresses in the fabric are public. */
  readonly publics: readonly number[];
}

const NO_STRAIGHT: StraightPlan = { own: [], adjacency: -1, inside: [], tenants: [], publics: [] };

export function buildGateway({
  own,
  adjacency,
  inside,
  publics,
  floating,
  shares = [],
  straight = NO_STRAIGHT,
}: GatewayPlan): GatewayTables {
  const rows = floating.map(({ outside, tags, host }) => [raw(outside), rawOf(tags), raw(host)] as const);
  const ranges = publics
    .map(({ prefix, tags }) => [...rangeOf(prefix), rawOf(tags)] as const)
    .sort((a, b) => a[0] - b[0]);
  return {
    own: raw(own),
    adjacency,
    inside: Int32Array.from(merged(inside.map(rangeOf)).flat()),
    publics: Int32Array.from(ranges.flat()),
    floating: Int32Array.from(rows.flat()),
    floatingByOutside: indexOf(rows.map(([outside]) => vmHash(0, outside))),
    floatingByInside: indexOf(rows.map(([, tags, host]) => vmHash(tags, host))),
    shares: Int32Array.from(
      shares
        .map(({ tags, share }) => [rawOf(tags), share] as const)
        .sort((a, b) => a[0] - b[0])
        .flat(),
    ),
    straight: {
      own: Int32Array.from(straight.own.flatMap((address) => [...rawWords(address)])),
      adjacency: straight.adjacency,
      inside: prefixRows(straight.inside),
      tenants: Int32Array.from(
        straight.tenants.flatMap(({ prefix, tags }) => tenantRow({ prefix, tags, isPublic: true })),
      ),
      publics: Int32Array.from(straight.publics.map(rawOf)).sort(),
    },
  };
}

type Range = readonly [first: number, last: number];

function rangeOf({ address, length }: Prefix): Range {
  const first = u32(address, 0);
  return [first, first + 2 ** (32 - length) - 1];
}

/** Ascending, those that touch or overlap made one. */
function merged(ranges: readonly Range[]): Range[] {
  const result: [number, number][] = [];
  for (const [first, last] of [...ranges].sort((a, b) => a[0] - b[0])) {
    const before = result.at(-1);
    if (before === undefined || first > before[1] + 1) result.push([first, last]);
    else before[1] = Math.max(before[1], last);
  }
  return result;
}

/** Row + 1 by hash, open-addressed and at most half full. */
function indexOf(hashes: readonly number[]): Int32Array {
  const index = new Int32Array(2 ** Math.ceil(Math.log2(2 * hashes.length + 2)));
  const mask = index.length - 1;
  hashes.forEach((hash, row) => {
    let slot = hash & mask;
    while (index[slot] !== 0) slot = (slot + 1) & mask;
    index[slot] = row + 1;
  });
  return index;
}

/** True for an address, raw, that no outside host has. */
export function isInside({ inside }: GatewayTables, address: number): boolean {
  const row = rowBefore(inside, 2, rawOf(address) >>> 0);
  return row >= 0 && rawOf(address) >>> 0 <= inside[row + 1]! >>> 0;
}

/** Raw tags of the network that has the raw address as a public one; 0: none. */
export function publicTags({ publics }: GatewayTables, address: number): number {
  const host = rawOf(address) >>> 0;
  const row = rowBefore(publics, PUBLIC_WORDS, host);
  return row >= 0 && host <= publics[row + PB_LAST]! >>> 0 ? publics[row + PB_TAGS]! : 0;
}

/** Offset in `floating` of the raw outside address, or −1. */
export function floatingFor({ floating, floatingByOutside: index }: GatewayTables, address: number): number {
  const mask = index.length - 1;
  for (let slot = vmHash(0, address) & mask; index[slot] !== 0; slot = (slot + 1) & mask) {
    const at = (index[slot]! - 1) * FLOATING_WORDS;
    if (floating[at + FL_OUTSIDE] === address) return at;
  }
  return -1;
}

/** Raw address that the outside knows an inside host by, whose tags and address are raw; 0: none of its own. */
export function outsideAddressOf(g: GatewayTables, tags: number, host: number): number {
  if (publicTags(g, host) === tags) return host;
  const { floating, floatingByInside: index } = g;
  const mask = index.length - 1;
  for (let slot = vmHash(tags, host) & mask; index[slot] !== 0; slot = (slot + 1) & mask) {
    const at = (index[slot]! - 1) * FLOATING_WORDS;
    if (floating[at + FL_HOST] === host && floating[at + FL_TAGS] === tags) return floating[at + FL_OUTSIDE]!;
  }
  return 0;
}

/** Offset of the last row whose first word, in host order, is at most `host`; −1: none. */
function rowBefore(rows: Int32Array, words: number, host: number): number {
  let low = -1;
  let high = rows.length / words;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (rows[middle * words + PB_FIRST]! >>> 0 <= host) low = middle;
    else high = middle;
  }
  return low < 0 ? -1 : low * words;
}

/** True for an IPv6 address at `word` of `words` that is no outside host's, and not the fabric's either. */
export function isInside6({ inside }: StraightTables, words: Int32Array, word: number): boolean {
  for (let row = 0; row < inside.length; row += PREFIX_WORDS) if (covers(inside, row, words, word)) return true;
  return false;
}

/** Offset of the row in `tenants` that covers the IPv6 address at `word` of `words`; −1: it is no public one that a tenant brought. */
export function publicTenantRow({ tenants }: StraightTables, words: Int32Array, word: number): number {
  for (let row = 0; row < tenants.length; row += TENANT_WORDS)
    if (covers(tenants, row + TE_PREFIX, words, word)) return row;
  return -1;
}

/** True when the fabric's addresses with these raw tags are public. */
export function arePublicTags({ publics }: StraightTables, tags: number): boolean {
  let low = 0;
  let high = publics.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (publics[middle]! < tags) low = middle + 1;
    else high = middle;
  }
  return low < publics.length && publics[low] === tags;
}

/** True for an address of the gateway's own on the outside link. */
export function isOwn6({ own }: StraightTables, words: Int32Array, word: number): boolean {
  for (let i = 0; i < own.length; i += 4) {
    const differs =
      (own[i]! ^ words[word]!) |
      (own[i + 1]! ^ words[word + 1]!) |
      (own[i + 2]! ^ words[word + 2]!) |
      (own[i + 3]! ^ words[word + 3]!);
    if (differs === 0) return true;
  }
  return false;
}

/** The NAT's share that a network with these raw tags has its ports of. */
export function shareOf({ shares }: GatewayTables, tags: number): number {
  let low = 0;
  let high = shares.length >> 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (shares[2 * middle]! < tags) low = middle + 1;
    else high = middle;
  }
  return 2 * low < shares.length && shares[2 * low] === tags ? shares[2 * low + 1]! : 0;
}
