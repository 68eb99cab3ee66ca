/**
 * Where an address is at home: `homes[jump(siphash24(K, IID), N)]` with the interface identifier IID = tags ‖ IPv4
 * address. For the control thread and the CLI; forwarders look homes up in their own table.
 */
import type { Prefix } from "#base/address";
import { copy, put32, u32 } from "#base/bytes";
import { jump } from "#base/jump";
import { siphash24, siphash24Of, siphashKey } from "#base/siphash";

/**
 * Tags of an IPv4 host outside the data centre: network 1 of tenant 0, which is the infrastructure's. Its address in the
 * fabric is the outside's prefix, these, and the host's own.
 */
export const OUTSIDE_TAGS = 1;

/** What decides about homes; a fabric configuration is one. */
export interface HomePlan {
  /** The deployment's SipHash key, 16 octets. */
  readonly key: Uint8Array;
  /** The home prefixes; only how many there are counts here. */
  readonly homes: { readonly length: number };
}

/** Octets of an interface identifier: 32-bit tags, IPv4 address. */
export function interfaceIdentifier(tags: number, ipv4: Uint8Array): Uint8Array {
  const iid = new Uint8Array(8);
  put32(iid, 0, tags);
  copy(iid, 4, ipv4, 0, 4);
  return iid;
}

/** SipHash-2-4 of an interface identifier: its 64-bit result, most significant octet first. */
export function homeHash(plan: HomePlan, iid: Uint8Array): Uint8Array {
  const words = new Int32Array(2);
  siphash24(siphashKey(plan.key), littleEndian(iid, 0), littleEndian(iid, 4), words);
  const hash = new Uint8Array(8);
  put32(hash, 0, words[1]!);
  put32(hash, 4, words[0]!);
  return hash;
}

/** Index of the home of an address, 0 … N − 1. `tags` are unsigned 32 bits, `ipv4` four octets. */
export function homeOf(plan: HomePlan, tags: number, ipv4: Uint8Array): number {
  const hash = homeHash(plan, interfaceIdentifier(tags, ipv4));
  return jump(u32(hash, 0), u32(hash, 4), plan.homes.length);
}

/** SipHash-2-4 of tags ‖ IPv6 address, 20 octets: its 64-bit result, most significant octet first. */
export function tenantHomeHash(plan: HomePlan, tags: number, address: Uint8Array): Uint8Array {
  const message = new Uint8Array(20);
  put32(message, 0, tags);
  message.set(address, 4);
  const words = new Int32Array(2);
  siphash24Of(siphashKey(plan.key), message, words);
  const hash = new Uint8Array(8);
  put32(hash, 0, words[1]!);
  put32(hash, 4, words[0]!);
  return hash;
}

/**
 * Index of the home of an IPv6 address that a tenant brought: no prefix of the fabric's is in it, so all of it is hashed.
 * `tags` are unsigned 32 bits, `address` sixteen octets.
 */
export function tenantHomeOf(plan: HomePlan, tags: number, address: Uint8Array): number {
  const hash = tenantHomeHash(plan, tags, address);
  return jump(u32(hash, 0), u32(hash, 4), plan.homes.length);
}

/** The IPv6 address that stands for a VM in the fabric: home prefix (its first 8 octets), tags, IPv4 address. */
export function networkAddress(prefix: Uint8Array, tags: number, ipv4: Uint8Array): Uint8Array {
  const address = new Uint8Array(16);
  copy(address, 0, prefix, 0, 8);
  address.set(interfaceIdentifier(tags, ipv4), 8);
  return address;
}

/**
 * Host numbers of IPv6 hosts, whose address in the fabric is their own: home prefix, tags, host number. No IPv4 host has an
 * address in 0.0.0.0/8 (RFC 1122 §3.2.1.3), so the two kinds tell by themselves, and neither takes the other's address.
 */
export const MOST_HOST_NUMBER = 0xff_ffff;

/** `host`: the last 32 bits of an address with a network's tags, unsigned. */
export const isIpv6Host = (host: number): boolean => host >= 1 && host <= MOST_HOST_NUMBER;

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

const littleEndian = (b: Uint8Array, at: number): number =>
  b[at]! | (b[at + 1]! << 8) | (b[at + 2]! << 16) | (b[at + 3]! << 24);
