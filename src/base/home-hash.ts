/**
 * Where an address is at home: `homes[jump(siphash24(K, IID), N)]` with the interface identifier IID = tags ‖ IPv4
 * address; of an IPv6 address that a tenant brought, tags ‖ address is hashed. For the control thread and the CLI;
 * forwarders look homes up in their own table.
 */
import { copy, put32, u32 } from "#base/bytes";
import { jump } from "#base/jump";
import { siphash24, siphash24Of, siphashKey } from "#base/siphash";

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
export const homeOf = (plan: HomePlan, tags: number, ipv4: Uint8Array): number => homeFinder(plan)(tags, u32(ipv4, 0));

/** {@link homeOf} for many addresses, unsigned 32 bits each: the key is prepared once, and nothing is allocated. */
export function homeFinder({ key, homes }: HomePlan): (tags: number, ipv4: number) => number {
  const prepared = siphashKey(key);
  const words = new Int32Array(2);
  return (tags, ipv4) => {
    siphash24(prepared, swapped(tags), swapped(ipv4), words);
    return jump(words[1]!, words[0]!, homes.length);
  };
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

const littleEndian = (b: Uint8Array, at: number): number =>
  b[at]! | (b[at + 1]! << 8) | (b[at + 2]! << 16) | (b[at + 3]! << 24);

/** The same four octets, read in the other order. */
const swapped = (word: number): number =>
  (word << 24) | ((word & 0xff00) << 8) | ((word >>> 8) & 0xff00) | (word >>> 24);
