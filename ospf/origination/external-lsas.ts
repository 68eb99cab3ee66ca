/** AS-external-LSAs, of our own and translated ones: RFC 5340 §4.4.3.6, RFC 2328 §12.4.4, RFC 3101 §3.2. */
import { formatPrefix } from "#base/address";
import type { ExternalPrefix } from "#ospf/config";
import type { Desired } from "#ospf/origination/desired";
import { isAdvertisable, reachesAs } from "#ospf/origination/standing";
import type { Translation } from "#ospf/origination/translation";
import type { ExternalRoute } from "#ospf/packet/lsa-body";
import type { Instance } from "#ospf/state";

/** `translations`: of all NSSAs. */
export function asExternalLsas(instance: Instance, translations: readonly Translation[]): Desired[] {
  if (!reachesAs(instance)) return [];
  const desired = new Map<string, Desired>();
  const costs = new Map<string, Cost>();
  for (const external of instance.config.external) {
    if (!isAdvertisable(external.prefix)) continue;
    const id = formatPrefix(external.prefix);
    desired.set(id, { id, body: { kind: "asExternal", ...routeOf(external, 0) } });
    costs.set(id, { metricType: external.metricType, cost: external.metric, distance: 0 });
  }
  for (const { text: id, route, cost, isRange } of translations) {
    const before = costs.get(id);
    // A range's cost already has in it that of our own route to the same prefix (§3.2 (3)).
    if (before !== undefined && !isRange && compareCosts(before, cost) <= 0) continue;
    desired.set(id, { id, body: { kind: "asExternal", ...route } });
    costs.set(id, cost);
  }
  return [...desired.values()];
}

/** What external routes are compared by (RFC 3101 §2.5 (6) (b) and (d)). */
export interface Cost {
  readonly metricType: 1 | 2;
  /** Of type 1: the whole way. Of type 2: the metric, whatever the distance to where it leads out. */
  readonly cost: number;
  readonly distance: number;
}

/** Negative: `a` is preferred. */
export function compareCosts(a: Cost, b: Cost): number {
  if (a.metricType !== b.metricType) return a.metricType - b.metricType;
  return a.cost - b.cost || (a.metricType === 2 ? a.distance - b.distance : 0);
}

/** What AS-external- and NSSA-LSAs say of a configured prefix. */
export const routeOf = (
  { prefix, metric, metricType, tag }: ExternalPrefix,
  options: number,
  forwardingAddress?: Uint8Array,
): ExternalRoute => ({
  metricType,
  metric,
  prefix: { address: prefix.address, length: prefix.length, options },
  ...(forwardingAddress !== undefined && { forwardingAddress }),
  ...(tag !== undefined && { tag }),
});
