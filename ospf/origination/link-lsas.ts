/** Link-LSAs: RFC 5340 §4.4.3.8. */
import type { Desired } from "#ospf/origination/desired";
import { hostOptions, isAdvertisable, isUp } from "#ospf/origination/standing";
import type { Interface } from "#ospf/state";
import { areaOptions } from "#ospf/transmit";

/** None where there is nobody to tell. */
export function linkLsas(on: Interface): Desired[] {
  const { config, interfaceId, linkLocal } = on;
  if (!isUp(on) || config.passive) return [];
  const prefixes = config.prefixes.filter(isAdvertisable);
  return [
    {
      id: interfaceId,
      body: {
        kind: "link",
        priority: config.priority,
        options: areaOptions(on.area),
        linkLocalAddress: linkLocal,
        prefixes: prefixes.map((prefix) => ({ ...prefix, options: hostOptions(prefix) })),
      },
    },
  ];
}
