/** What border routers tell other areas of an area's routes, condensed by its ranges: RFC 2328 §12.4.3, RFC 5340 §4.4.3.4. */
import { contains, formatPrefix, type Prefix } from "#base/address";
import type { AreaConfig, AreaRange } from "#ospf/config";
import { BACKBONE, LS_INFINITY } from "#ospf/constants";
import { isAdvertisable } from "#ospf/origination/standing";
import type { NextHop, OspfRoute } from "#ospf/routes/model";
import type { Area, Instance } from "#ospf/state";

/** A destination inside the autonomous system. */
export interface Summary {
  /** `formatPrefix(prefix)`. */
  readonly text: string;
  readonly prefix: Prefix;
  readonly metric: number;
  /** Area of the path. */
  readonly area: number;
  readonly path: "intra" | "inter";
  /** None for a range: it lies in its area altogether. */
  readonly nextHops: readonly NextHop[];
}

/** All there is to tell; {@link isToldIn} says where. The same for all areas: computed once for them. */
export function summariesOf(instance: Instance): Summary[] {
  if (!instance.isBorder) return [];
  const summaries: Summary[] = [];
  const ranges = new Map<AreaRange, Summary>();
  for (const route of instance.table.routes.values()) {
    if (route.area === undefined || (route.path !== "intra" && route.path !== "inter")) continue;
    if (route.cost >= LS_INFINITY || !isAdvertisable(route.prefix)) continue;
    const config = route.path === "intra" ? instance.areas.get(route.area)?.config : undefined;
    const range = config === undefined ? undefined : rangeOf(config, route.prefix);
    if (range === undefined) summaries.push(single(route, route.area, route.path));
    else if (range.advertise) ranges.set(range, condensed(range, route.cost, route.area, ranges.get(range)));
  }
  return [...summaries, ...[...ranges.values()].filter(({ metric }) => metric < LS_INFINITY)];
}

/** The most specific range that the prefix lies in. */
export function rangeOf({ ranges }: AreaConfig, prefix: Prefix): AreaRange | undefined {
  let best: AreaRange | undefined;
  for (const range of ranges) {
    if (range.prefix.length > prefix.length || !contains(range.prefix, prefix.address)) continue;
    if (best === undefined || range.prefix.length > best.prefix.length) best = range;
  }
  return best;
}

const single = ({ text, prefix, cost, nextHops }: OspfRoute, area: number, path: Summary["path"]): Summary => ({
  text,
  prefix,
  metric: cost,
  area,
  path,
  nextHops,
});

function condensed(range: AreaRange, cost: number, area: number, before: Summary | undefined): Summary {
  return {
    text: before?.text ?? formatPrefix(range.prefix),
    prefix: range.prefix,
    metric: range.cost ?? Math.max(cost, before?.metric ?? 0),
    area,
    path: "intra",
    nextHops: [],
  };
}

/** Only what lies inside other areas goes to the backbone, and nothing back to where it leads (split horizon). */
export function isToldIn(instance: Instance, area: Area, way: Pick<Summary, "area" | "path" | "nextHops">): boolean {
  if (way.area === area.id || (way.path === "inter" && area.id === BACKBONE)) return false;
  return !way.nextHops.some((hop) => instance.interfaces.get(hop.interface)?.area === area);
}
