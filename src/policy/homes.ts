/** What addresses mean to a fabric's policy: who is outside, which host is an IPv6 one, which are free near a hypervisor. */
import type { Prefix } from "#base/address";
import { put32, u32 } from "#base/bytes";
import { type HomePlan, homeOf } from "#base/home-hash";

export {
  type HomePlan,
  homeHash,
  homeOf,
  interfaceIdentifier,
  networkAddress,
  tenantHomeHash,
  tenantHomeOf,
} from "#base/home-hash";

/**
 * Tags of an IPv4 host outside the data centre: network 1 of tenant 0, which is the infrastructure's. Its address in the
 * fabric is the outside's prefix, these, and the host's own.
 */
export const OUTSIDE_TAGS = 1;

/**
 * Host numbers of IPv6 hosts, whose address in the fabric is their own: home prefix, tags, host number. No IPv4 host has an
 * address in 0.0.0.0/8 (RFC 1122 §3.2.1.3), so the two kinds tell by themselves, and neither takes the other's address.
 */
export const MOST_HOST_NUMBER = 0x7f_ffff;
/** Above them those by which rules know addresses that are not the fabric's (address-classes.ts). */
const MOST_IPV6_HOST = 0xff_ffff;

/** `host`: the last 32 bits of an address with a network's tags, or of what stands for one, unsigned. */
export const isIpv6Host = (host: number): boolean => host >= 1 && host <= MOST_IPV6_HOST;

/** The part of a network that addresses are looked for in. */
export interface AddressPool {
  readonly tags: number;
  /** IPv4 prefixes. */
  readonly prefixes: readonly Prefix[];
}

export interface Wanted {
  /** Indexes of homes, any of which will do. */
  readonly homes: ReadonlySet<number>;
  readonly count: number;
  /** True for an address (unsigned 32 bits) that is in use or reserved. */
  readonly isTaken: (ipv4: number) => boolean;
}

/** Addresses looked at before giving up: with 10,000 homes, enough to expect 26 hits. */
const MOST_TRIES = 1 << 18;

/**
 * The lowest free addresses of a network that live at one of the wanted homes; fewer than asked for when the network's
 * prefixes hold no more (or none was found among the first 262,144). A prefix's first and last address are left out
 * unless it is a /31 or /32: many hosts take them for network and broadcast address.
 */
export function allocateNear(plan: HomePlan, pool: AddressPool, wanted: Wanted): Uint8Array[] {
  const found: Uint8Array[] = [];
  let tries = MOST_TRIES;
  for (const { address, length } of pool.prefixes) {
    const size = 2 ** (32 - length);
    const edge = length > 30 ? 0 : 1;
    const first = u32(address, 0);
    for (let i = edge; i < size - edge && found.length < wanted.count && tries > 0; i++, tries--) {
      if (wanted.isTaken(first + i)) continue;
      const ipv4 = new Uint8Array(4);
      put32(ipv4, 0, first + i);
      if (wanted.homes.has(homeOf(plan, pool.tags, ipv4))) found.push(ipv4);
    }
  }
  return found;
}
