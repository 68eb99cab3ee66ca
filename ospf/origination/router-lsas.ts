/** Router-LSAs: RFC 5340 §4.4.3.2 over RFC 2328 §12.4.1. */
import type { Desired } from "#ospf/origination/desired";
import { deal, freshIds, type Item } from "#ospf/origination/fragments";
import { adjacentTo, bodyRoom, isNssaBorder, isUp, ofKind, transitOf } from "#ospf/origination/standing";
import {
  POINT_TO_POINT_LINK,
  ROUTER_B,
  ROUTER_E,
  ROUTER_NT,
  type RouterLink,
  TRANSIT_LINK,
} from "#ospf/packet/lsa-body";
import { ROUTER_LSA } from "#ospf/packet/lsa-header";
import type { Area, Instance, Interface } from "#ospf/state";
import { areaOptions } from "#ospf/transmit";

/** Octets of flags and options, and of a link's description (§A.4.3). */
const FIXED = 4;
const LINK_OCTETS = 16;

/** One, Link State ID 0, and as many more as the links need. That with 0 is always there: others refer to it. */
export function routerLsas(instance: Instance, area: Area): Desired[] {
  const items: Item<RouterLink>[] = linksOf(instance, area).map((link) => ({
    key: keyOf(link),
    octets: LINK_OCTETS,
    value: link,
  }));
  const { held, ids } = whatIsOut(instance, area);
  const dealt = deal(items, bodyRoom(area) - FIXED, held, freshIds(ids));
  if (!dealt.has(0)) dealt.set(0, []);
  const flags = flagsIn(instance, area);
  const options = areaOptions(area);
  return Array.from(dealt, ([id, links]) => ({ id, body: { kind: "router", flags, options, links } }));
}

/** By interface id, then neighbor. */
function linksOf(instance: Instance, area: Area): RouterLink[] {
  const interfaces = [...area.interfaces].sort((a, b) => a.interfaceId - b.interfaceId);
  return interfaces.flatMap((on) => linksOn(instance, on));
}

/** Nothing for an interface without a full adjacency. */
function linksOn(instance: Instance, on: Interface): RouterLink[] {
  if (!isUp(on) || on.config.passive) return [];
  const { interfaceId } = on;
  const metric = on.config.cost;
  if (on.config.kind === "point-to-point") {
    return adjacentTo(on).map((neighbor) => ({
      type: POINT_TO_POINT_LINK,
      metric,
      interfaceId,
      neighborInterfaceId: neighbor.interfaceId,
      neighborRouterId: neighbor.routerId,
    }));
  }
  const transit = transitOf(instance, on);
  if (transit === undefined) return [];
  const { interfaceId: neighborInterfaceId, routerId: neighborRouterId } = transit;
  return [{ type: TRANSIT_LINK, metric, interfaceId, neighborInterfaceId, neighborRouterId }];
}

/**
 * B and E as RFC 2328 §12.4.1 says. An NSSA's border router is an AS boundary router everywhere but in stub areas, since
 * it may translate; Nt when it does so whoever else does (RFC 3101 §3.1, appendix B).
 */
function flagsIn(instance: Instance, { config }: Area): number {
  const isAsbr = instance.config.external.length > 0 || isNssaBorder(instance);
  const translates = instance.isBorder && config.kind === "nssa" && config.translate === "always";
  return (
    (instance.isBorder ? ROUTER_B : 0) |
    (isAsbr && config.kind !== "stub" ? ROUTER_E : 0) |
    (translates ? ROUTER_NT : 0)
  );
}

function whatIsOut(instance: Instance, area: Area): { held: Map<string, number>; ids: number[] } {
  const held = new Map<string, number>();
  const ids: number[] = [];
  for (const { lsa, body } of area.database.ofRouter(ROUTER_LSA, instance.config.routerId)) {
    const { linkStateId } = lsa.header;
    const links = ofKind(body, "router")?.links ?? [];
    if (links.length > 0) ids.push(linkStateId); // one without links has room for any
    for (const link of links) held.set(keyOf(link), linkStateId);
  }
  return { held, ids };
}

const keyOf = ({ type, interfaceId, neighborRouterId }: RouterLink): string =>
  `${type}.${interfaceId}.${neighborRouterId}`;
