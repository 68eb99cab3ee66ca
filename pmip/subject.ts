/** Subjects in messages: what names them, and the options that say where they are at home. RFC 4283, 5213 §8.3, 5844 §3.1.1. */
import type { AddressHex, Subject } from "#pmip/events";
import { hex32, hexOf, octetsOf } from "#pmip/hex";
import type { LocalizedNode, NodeOptions } from "#pmip/packet/message";
import type { Home, Plan } from "#pmip/plan";

/**
 * A subject's name, the network access identifier of its Mobile Node Identifier option: address, `@`, tags, `.ain`. It is
 * the key of all maps too.
 */
export type NodeName = string;

const NAME = /^[0-9a-f]{32}@[0-9a-f]{8}\.ain$/;
const ADDRESS_DIGITS = 32;

export const nameOf = ({ tags, address }: Subject): NodeName => `${address}@${hex32(tags)}.ain`;

/** Undefined for names that this code does not make. */
export function subjectOf(name: NodeName): Subject | undefined {
  if (!NAME.test(name)) return undefined;
  const tags = Number.parseInt(name.slice(ADDRESS_DIGITS + 1, ADDRESS_DIGITS + 9), 16);
  return { tags, address: name.slice(0, ADDRESS_DIGITS) };
}

const MAPPED = "00000000000000000000ffff";

export const isIpv4 = ({ address }: Subject): boolean => address.startsWith(MAPPED);

/** Eight digits. */
export const ipv4Digits = ({ address }: Subject): string => address.slice(MAPPED.length);

/** A router as a mobile node, where a message has to name it as such: an address of tenant 0. */
export const nodeSubject = (address: AddressHex): Subject => ({ tags: 0, address });

/** Options that say who is meant: for an IPv4 host its network address and, asking for nothing new, its own. */
export function nodeOptions(plan: Plan, subject: Subject): LocalizedNode {
  const { networkAddress } = plan.homeOf(subject);
  return {
    mobileNode: nameOf(subject),
    homeNetworkPrefixes: [{ address: octetsOf(networkAddress), length: 128 }],
    ...(isIpv4(subject) && { ipv4HomeAddresses: [{ address: octetsOf(ipv4Digits(subject)), length: 32 }] }),
  };
}

/** Networks 0 and 1 of tenant 0: routers, and hosts outside the data centre. They are never hosted anywhere else. */
const MOST_INFRASTRUCTURE_TAGS = 1;

/** A subject that is nobody's VM, or has not the tags that its address has. */
export function isForeign(subject: Subject, { isTenants }: Home): boolean {
  const { tags, address } = subject;
  if (tags <= MOST_INFRASTRUCTURE_TAGS) return true;
  return !isIpv4(subject) && !isTenants && address.slice(16, 24) !== hex32(tags);
}

/** What is wrong with the options that go with a name. */
export type NodeFault = "no-prefix" | "other-prefix" | "several-ipv4" | "other-ipv4";

/** The prefix alone says all; an IPv4 address that is there too has to be the subject's. */
export function nodeFault(subject: Subject, home: Home, options: NodeOptions): NodeFault | undefined {
  const { homeNetworkPrefixes: prefixes = [], ipv4HomeAddresses: addresses = [] } = options;
  if (prefixes.length === 0) return "no-prefix";
  const { address, length } = prefixes[0]!;
  if (prefixes.length > 1 || length !== 128 || hexOf(address) !== home.networkAddress) return "other-prefix";
  if (addresses.length > 1) return "several-ipv4";
  if (addresses.length === 0) return undefined;
  return isIpv4(subject) && hexOf(addresses[0]!.address) === ipv4Digits(subject) ? undefined : "other-ipv4";
}
