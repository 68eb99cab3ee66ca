/** Network-LSAs: RFC 5340 §4.4.3.3 over RFC 2328 §12.4.2. */
import { isMaxAge } from "#ospf/database/store";
import type { Desired } from "#ospf/origination/desired";
import { adjacentTo, designatedIn, ofKind } from "#ospf/origination/standing";
import type { LinkLsa } from "#ospf/packet/lsa-body";
import { LINK_LSA } from "#ospf/packet/lsa-header";
import type { Area, Instance, Neighbor } from "#ospf/state";
import { areaOptions } from "#ospf/transmit";

/** One for each network of the area that we are Designated Router of, and fully adjacent to somebody on. */
export function networkLsas(instance: Instance, area: Area): Desired[] {
  return designatedIn(instance, area).map((on) => {
    const neighbors = adjacentTo(on);
    // Our own Link-LSA says what the area's LSAs say; those of the others add what they wish for.
    const options = neighbors.reduce((all, neighbor) => all | (linkLsaOf(neighbor)?.options ?? 0), areaOptions(area));
    const attachedRouters = [instance.config.routerId, ...neighbors.map(({ routerId }) => routerId)];
    return { id: on.interfaceId, body: { kind: "network", options, attachedRouters } };
  });
}

/** What the neighbor says of the link, by the interface id that its hellos give. */
export function linkLsaOf({ interface: on, interfaceId, routerId }: Neighbor): LinkLsa | undefined {
  const entry = on.database.get({ type: LINK_LSA, linkStateId: interfaceId, advertisingRouter: routerId });
  return entry === undefined || isMaxAge(entry) ? undefined : ofKind(entry.body, "link");
}
