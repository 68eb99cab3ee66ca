/** The forwarder's side of the rules: which one decides about a packet. See rule-layout.ts for key, words and verdict. */
import {
  D_DESTINATION_PORT,
  D_PROTOCOL,
  FULL,
  K_DESTINATION_HOST,
  K_DESTINATION_TAGS,
  K_PORTS,
  K_PROTOCOL,
  K_SOURCE_HOST,
  K_SOURCE_TAGS,
  MATCH,
  MAX_HOPS,
  NODE,
  PORTS_UNKNOWN,
  ROOT,
} from "#fastpath/tables/rule-layout";
import { PROTOCOL_ICMP4, PROTOCOL_ICMP6 } from "#wire/protocol";

/**
 * The verdict on a key: 0 when no rule matches, else a rule's number and flags. `rules` are the words of
 * CompiledRules; whatever they hold, the lookup ends after MAX_HOPS nodes and throws nothing.
 */
export function lookupRule(rules: Int32Array, key: Int32Array): number {
  let entry = rules[ROOT]! | 0;
  for (let hop = 0; hop < MAX_HOPS && entry < 0; hop++) {
    const node = entry & NODE;
    const head = rules[node]! | 0;
    if ((head & 3) === MATCH) {
      entry = rules[node + (matches(rules, key, node, head) ? 1 : 2)]! | 0;
      continue;
    }
    const dimension = (head >>> 2) & 31;
    const value =
      dimension < D_PROTOCOL ? (key[dimension >> 2]! >>> ((dimension & 3) << 3)) & 255 : transportValue(key, dimension);
    const place = (head & 3) === FULL ? node + 1 + value : rangeEntry(rules, node, head >>> 7, value);
    entry = rules[place]! | 0;
  }
  return Math.max(entry, 0);
}

function matches(rules: Int32Array, key: Int32Array, node: number, head: number): boolean {
  let at = node + 3;
  let word = 0;
  for (let rest = (head >>> 2) & 15; rest !== 0; rest >>>= 1) {
    if ((rest & 1) !== 0) {
      if ((key[word]! & rules[at]!) !== (rules[at + 1]! | 0)) return false;
      at += 2;
    }
    word++;
  }
  return true;
}

function transportValue(key: Int32Array, dimension: number): number {
  if (dimension === D_PROTOCOL) return key[K_PROTOCOL]! & 511;
  const ports = key[K_PORTS]!;
  const port = dimension === D_DESTINATION_PORT ? ports >>> 16 : ports & 0xffff;
  return ((port & 255) << 8) | (port >>> 8);
}

/** Word index of the entry for `value` of a node with `count` ranges. Halves what is left at each step. */
function rangeEntry(rules: Int32Array, node: number, count: number, value: number): number {
  let at = node + 1;
  for (let left = count - 1; left > 0; ) {
    const half = left >>> 1;
    const above = rules[at + half]! <= value;
    at = above ? at + half + 1 : at;
    left = above ? left - half - 1 : half;
  }
  return at + count - 1;
}

/**
 * Makes `into` the key of the answers to what `key` is about: ends and ports exchanged, of ICMP a query's type by its
 * reply's and back (RFC 792, RFC 4443 §4). The arrays are two.
 */
export function reverseKey(key: Int32Array, into: Int32Array): void {
  into[K_SOURCE_TAGS] = key[K_DESTINATION_TAGS]!;
  into[K_SOURCE_HOST] = key[K_DESTINATION_HOST]!;
  into[K_DESTINATION_TAGS] = key[K_SOURCE_TAGS]!;
  into[K_DESTINATION_HOST] = key[K_SOURCE_HOST]!;
  const protocol = key[K_PROTOCOL]!;
  const ports = key[K_PORTS]!;
  into[K_PROTOCOL] = protocol;
  into[K_PORTS] = isIcmp(protocol & ~PORTS_UNKNOWN) ? answeringType(ports) : (ports >>> 16) | (ports << 16);
}

const isIcmp = (protocol: number): boolean => protocol === PROTOCOL_ICMP4 || protocol === PROTOCOL_ICMP6;

/** The type is the lowest octet of the raw word. Types that are no query and no reply stay. */
function answeringType(ports: number): number {
  switch (ports & 255) {
    case 0:
    case 8: // echo
      return ports ^ 8;
    case 13:
    case 14: // timestamp
    case 15:
    case 16: // information
    case 17:
    case 18: // address mask (RFC 950)
      return (ports & ~255) | ((((ports & 255) - 1) ^ 1) + 1);
    case 128:
    case 129: // ICMPv6 echo
      return ports ^ 1;
    default:
      return ports;
  }
}
