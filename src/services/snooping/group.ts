/** Names of groups: 32 hexadecimal digits of an IPv6 address, in which an IPv4 one is ::ffff:a.b.c.d (RFC 4291 §2.5.5.2). */
import { fromHex, toHex } from "#base/bytes";
import { isSnooped4, isSnooped6, isSolicitedNode } from "#wire/multicast";

const MAPPED = "00000000000000000000ffff";

/** Four or 16 octets → the group's name. */
export const nameOf = (group: Uint8Array): string => (group.length === 4 ? MAPPED : "") + toHex(group);

/** The other way: four or 16 octets. */
export const groupOf = (name: string): Uint8Array =>
  fromHex(name.startsWith(MAPPED) ? name.slice(MAPPED.length) : name)!;

/**
 * True for a group that is sent to its listeners alone. Not of these are solicited-node addresses, which every host
 * listens to: what is sent there the router answers itself.
 */
export const isHeeded = (group: Uint8Array): boolean =>
  group.length === 4 ? isSnooped4(group, 0) : isSnooped6(group, 0) && !isSolicitedNode(group, 0);
