/** What this router is to its links, areas and the autonomous system: questions that several LSAs depend on. */
import { isLinkLocal6, isMulticast6, type Prefix } from "#base/address";
import type { LsaBody } from "#ospf/packet/lsa-body";
import { LSA_HEADER_SIZE } from "#ospf/packet/lsa-header";
import { PREFIX_LA } from "#ospf/packet/prefix";
import { type Area, type Instance, type Interface, isAdjacent, type Neighbor } from "#ospf/state";
import { roomIn } from "#ospf/transmit";

export const isUp = (on: Interface): boolean => on.state !== "Down";

/** Actively attached (RFC 2328 §12.4.1). */
export function isActive(area: Area): boolean {
  for (const on of area.interfaces) if (isUp(on)) return true;
  return false;
}

/** Fully adjacent neighbors, by router id. */
export const adjacentTo = (on: Interface): Neighbor[] =>
  [...on.neighbors.values()].filter(isAdjacent).sort((a, b) => a.routerId - b.routerId);

/** A Designated Router, and the interface id by which its network is known. */
export interface Transit {
  readonly interfaceId: number;
  readonly routerId: number;
}

/** The network that the interface is a transit link to; undefined: it is none (RFC 5340 §4.4.3.2). */
export function transitOf({ config: { routerId } }: Instance, on: Interface): Transit | undefined {
  if (on.config.kind !== "broadcast" || on.config.passive || !isUp(on) || on.state === "Waiting") return undefined;
  if (on.designatedRouter === routerId) {
    return adjacentTo(on).length > 0 ? { interfaceId: on.interfaceId, routerId } : undefined;
  }
  const neighbor = on.neighbors.get(on.designatedRouter);
  return neighbor !== undefined && isAdjacent(neighbor) ? neighbor : undefined;
}

/** Networks of the area that this router is the Designated Router of, with somebody else on them, by interface id. */
export const designatedIn = (instance: Instance, area: Area): Interface[] =>
  [...area.interfaces]
    .filter((on) => transitOf(instance, on)?.routerId === instance.config.routerId)
    .sort((a, b) => a.interfaceId - b.interfaceId);

/** It floods AS-external-LSAs to somebody: an area that takes them has an interface up. */
export const reachesAs = (instance: Instance): boolean =>
  [...instance.areas.values()].some((area) => area.config.kind === "normal" && isActive(area));

export const isNssaBorder = (instance: Instance): boolean =>
  instance.isBorder && [...instance.areas.values()].some((area) => area.config.kind === "nssa" && isActive(area));

/** Not for links alone: link-local and multicast prefixes are never advertised (RFC 5340 §4.4.3.4 … §4.4.3.9). */
export const isAdvertisable = ({ address }: Prefix): boolean => !isLinkLocal6(address) && !isMulticast6(address);

/** A host's prefix may be marked as an address of ours (RFC 5340 §A.4.1.1); the Designated Router then leaves it to us. */
export const hostOptions = (prefix: Prefix): number => (prefix.length === 128 ? PREFIX_LA : 0);

/** Octets before the LSAs of a Link State Update: their number. */
const UPDATE_FIXED = 4;
/** The MTU of links that are not up yet: every IPv6 link's least (RFC 8200 §5). */
const LEAST_MTU = 1280;
/** Of the 65 535 that an LSA's length can say. */
const MOST_OCTETS = 65_000;

/** Octets of the longest LSA, without its header, that goes unfragmented over every link of the area that is up. */
export function bodyRoom(area: Area): number {
  let room = MOST_OCTETS;
  let known = false;
  for (const on of area.interfaces) {
    if (!isUp(on) || on.config.passive || on.mtu < LEAST_MTU) continue;
    room = Math.min(room, roomIn(on, UPDATE_FIXED));
    known = true;
  }
  // 40 octets of IPv6 header, 16 of OSPF header.
  return (known ? room : LEAST_MTU - 56 - UPDATE_FIXED) - LSA_HEADER_SIZE;
}

/** Narrows a body that is found under a type. */
export const ofKind = <K extends LsaBody["kind"]>(
  body: LsaBody,
  kind: K,
): (LsaBody & { readonly kind: K }) | undefined =>
  body.kind === kind ? (body as LsaBody & { readonly kind: K }) : undefined;
