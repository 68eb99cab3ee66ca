/**
 * Ethernet segments in messages (paper §2.2): a hypervisor with VMs on one registers it as it registers a VM that is away
 * from home, the segment being the prefix of a mobile network. What names it, and the options that say what it is.
 */
import type { AddressHex, GroupSet, Segment } from "#pmip/events";
import { hex32, hexOf, octetsOf } from "#pmip/hex";
import type { LocalizedNode, NodeOptions } from "#pmip/packet/message";
import type { Plan } from "#pmip/plan";

/** Key of all maps: tags, prefix, its length in IPv4 terms as two digits. */
export type SegmentKey = string;

/** A hypervisor as a member of a segment. */
export interface Membership {
  readonly segment: Segment;
  /** Its own address. */
  readonly mag: AddressHex;
}

/** More groups of one member are registered as all there are. */
export const MOST_GROUPS = 48;

const MAPPED = "00000000000000000000ffff";
const MAPPED_LENGTH = 96;
const SHORTEST = 8;
const LONGEST = 30;
const NAME = /^segment-([0-9a-f]{8})-([0-9]{1,2})-([0-9a-f]{32})@([0-9a-f]{8})\.ain$/;

const ipv4Of = ({ prefix }: Segment): string => prefix.address.slice(MAPPED.length);
const lengthOf = ({ prefix }: Segment): number => prefix.length - MAPPED_LENGTH;

export const keyOf = (segment: Segment): SegmentKey =>
  `${hex32(segment.tags)} ${ipv4Of(segment)} ${lengthOf(segment).toString().padStart(2, "0")}`;

/** The Mobile Node Identifier (RFC 4283) of one hypervisor as a member of the segment: none other has it. */
export const memberName = ({ segment, mag }: Membership): string =>
  `segment-${ipv4Of(segment)}-${lengthOf(segment)}-${mag}@${hex32(segment.tags)}.ain`;

/** Undefined for every other name, and for prefixes that no segment has. */
export function membershipOf(name: string | undefined): Membership | undefined {
  const [, ipv4, bits, mag, tags] = NAME.exec(name ?? "") ?? [];
  if (ipv4 === undefined || mag === undefined) return undefined;
  const length = Number(bits);
  const isSegment = length >= SHORTEST && length <= LONGEST && (Number.parseInt(ipv4, 16) << length) >> 0 === 0;
  if (!isSegment) return undefined;
  const prefix = { address: MAPPED + ipv4, length: MAPPED_LENGTH + length };
  return { segment: { tags: Number.parseInt(tags!, 16), prefix }, mag };
}

/** Equal for sets that are equal. */
export const wordOf = (groups: GroupSet): string => (groups === "all" ? groups : groups.join(" "));

/** Addresses from the end of the prefix that are tried for a second rendezvous. */
const MOST_SECONDS = 16;

/**
 * Anchors that all members of a segment register at: the homes of the first and of the last address of its prefix, both of
 * which are nobody's. If they are one, the last address before that has another home.
 */
export function rendezvousOf(plan: Plan, segment: Segment): AddressHex[] {
  const first = Number.parseInt(ipv4Of(segment), 16);
  const size = 2 ** (32 - lengthOf(segment));
  const anchorOf = (host: number): AddressHex => plan.homeOf({ tags: segment.tags, address: MAPPED + hex32(host) }).lma;
  const one = anchorOf(first);
  for (let i = 1; i <= Math.min(size - 1, MOST_SECONDS); i++) {
    const other = anchorOf(first + size - i);
    if (other !== one) return [one, other];
  }
  return [one];
}

const GROUPS_OF_IPV4 = { first: 0xe0, last: 0xef };
const ALL_GROUPS = { address: octetsOf("ff".padEnd(32, "0")), length: 8 };
const PREFIX_DIGITS = 16;

/** In the fabric: home prefix of the rendezvous, tags, IPv4 prefix. */
const networkPrefix = (lma: AddressHex, segment: Segment): AddressHex =>
  lma.slice(0, PREFIX_DIGITS) + hex32(segment.tags) + ipv4Of(segment);

/** Home Network Prefix options: the segment's own, then a group each; undefined groups: none, as the member has left. */
export function memberOptions(lma: AddressHex, membership: Membership, groups: GroupSet = []): LocalizedNode {
  const { segment } = membership;
  const network = { address: octetsOf(networkPrefix(lma, segment)), length: segment.prefix.length };
  const listened =
    groups === "all" || groups.length > MOST_GROUPS
      ? [ALL_GROUPS]
      : groups.map((group) => ({ address: octetsOf(group), length: 128 }));
  return { mobileNode: memberName(membership), homeNetworkPrefixes: [network, ...listened] };
}

export type SegmentFault = "no-prefix" | "other-prefix" | "bad-group" | "many-groups";

/** The groups, sorted, that go with a member's name. `lma`: the rendezvous that it is registered at. */
export function groupsIn(
  lma: AddressHex,
  segment: Segment,
  { homeNetworkPrefixes: prefixes = [] }: NodeOptions,
): GroupSet | { readonly fault: SegmentFault } {
  const [network, ...listened] = prefixes;
  if (network === undefined) return { fault: "no-prefix" };
  const isIts = network.length === segment.prefix.length && hexOf(network.address) === networkPrefix(lma, segment);
  if (!isIts) return { fault: "other-prefix" };
  if (listened.length > MOST_GROUPS) return { fault: "many-groups" };
  const groups = new Set<string>();
  let isAll = false;
  for (const { address, length } of listened) {
    const group = hexOf(address);
    if (length === 8 && address[0] === 0xff) isAll = true;
    else if (length === 128 && isGroup(group, address)) groups.add(group);
    else return { fault: "bad-group" };
  }
  return isAll ? "all" : [...groups].sort();
}

function isGroup(group: string, octets: Uint8Array): boolean {
  const first = octets[12]!;
  if (group.startsWith(MAPPED)) return first >= GROUPS_OF_IPV4.first && first <= GROUPS_OF_IPV4.last;
  return octets[0] === 0xff;
}
