/** Inter-area-prefix- and inter-area-router-LSAs of a border router: RFC 5340 §4.4.3.4, §4.4.3.5, RFC 2328 §12.4.3. */
import { BACKBONE, LS_INFINITY } from "#ospf/constants";
import { isMaxAge } from "#ospf/database/store";
import type { Desired } from "#ospf/origination/desired";
import { isActive, ofKind } from "#ospf/origination/standing";
import { isToldIn, type Summary } from "#ospf/origination/summaries";
import { INTER_AREA_ROUTER_LSA, ROUTER_LSA } from "#ospf/packet/lsa-header";
import type { RouterPath } from "#ospf/routes/model";
import type { Area, Instance } from "#ospf/state";
import { formatRouterId } from "#ospf/text";

/** `::/0`. */
export const DEFAULT_PREFIX = { address: new Uint8Array(16), length: 0 };
export const DEFAULT_TEXT = "::/0";

/** `summaries`: summariesOf(instance). */
export function interAreaPrefixLsas(instance: Instance, area: Area, summaries: readonly Summary[]): Desired[] {
  if (!instance.isBorder || !isActive(area)) return [];
  const desired: Desired[] = [];
  const told = new Map<string, Summary>();
  if (area.config.kind === "normal" || area.config.summaries) {
    for (const summary of summaries) {
      // The one default of a stub area or NSSA is that of its border routers.
      if (summary.prefix.length === 0 && area.config.kind !== "normal") continue;
      if (!isToldIn(instance, area, summary)) continue;
      const before = told.get(summary.text); // the range of one area may be a prefix of another
      if (before === undefined || summary.metric < before.metric) told.set(summary.text, summary);
    }
  }
  for (const { text, prefix, metric } of told.values()) desired.push(lsaOf(text, prefix, metric));
  if (tellsDefault(area)) desired.push(lsaOf(DEFAULT_TEXT, DEFAULT_PREFIX, area.config.defaultCost));
  return desired;
}

const lsaOf = (id: string, { address, length }: Summary["prefix"], metric: number): Desired => ({
  id,
  body: { kind: "interAreaPrefix", metric, prefix: { address, length, options: 0 } },
});

/** RFC 2328 §12.4.3.1; into an NSSA only in place of the summaries, or it would win over its own defaults (RFC 3101 §2.7). */
const tellsDefault = ({ config }: Area): boolean =>
  config.kind === "stub" || (config.kind === "nssa" && !config.summaries);

/** AS boundary routers of other areas, by the way that AS-external routes take to them. */
export function interAreaRouterLsas(instance: Instance, area: Area): Desired[] {
  if (!instance.isBorder || !isActive(area) || area.config.kind !== "normal") return [];
  const told = [...preferredPaths(instance).values()].filter((path) => path.cost < LS_INFINITY);
  const optionsOf = optionsLookup(instance);
  return told
    .filter((path) => isToldIn(instance, area, path))
    .map((path) => ({
      id: formatRouterId(path.routerId),
      body: {
        kind: "interAreaRouter",
        options: optionsOf(path),
        metric: path.cost,
        destinationRouterId: path.routerId,
      },
    }));
}

/** By router id. Only ways through areas that AS-external-LSAs are flooded in count (RFC 3101 §2.5 (3)). */
function preferredPaths(instance: Instance): Map<number, RouterPath> {
  const preferred = new Map<number, RouterPath>();
  for (const [areaId, routers] of instance.table.routers) {
    if (instance.areas.get(areaId)?.config.kind !== "normal") continue;
    for (const path of routers.values()) {
      if (!path.isAsbr || path.routerId === instance.config.routerId) continue;
      const best = preferred.get(path.routerId);
      if (best === undefined || isPreferred(path, best)) preferred.set(path.routerId, path);
    }
  }
  return preferred;
}

/** RFC 2328 §16.4 (3) and §16.4.1, as if RFC1583Compatibility were disabled (RFC 5340 §4.8.5). */
function isPreferred(path: RouterPath, to: RouterPath): boolean {
  if (isInside(path) !== isInside(to)) return isInside(path);
  return path.cost === to.cost ? path.area > to.area : path.cost < to.cost;
}

const isInside = ({ path, area }: RouterPath): boolean => path === "intra" && area !== BACKBONE;

/** The options in the destination's own router-LSA, or those that its area's border routers pass on (§4.4.3.5). */
function optionsLookup(instance: Instance): (path: RouterPath) => number {
  const passedOn = new Map<number, number>();
  for (const entry of instance.areas.get(BACKBONE)?.database.ofType(INTER_AREA_ROUTER_LSA) ?? []) {
    const body = ofKind(entry.body, "interAreaRouter");
    if (body === undefined || isMaxAge(entry) || isOwn(instance, entry.lsa.header)) continue;
    const { destinationRouterId: id, options } = body;
    passedOn.set(id, (passedOn.get(id) ?? 0) | options);
  }
  return ({ routerId, area, path }) =>
    (path === "intra" ? ownOptions(instance, routerId, area) : passedOn.get(routerId)) ?? 0;
}

const isOwn = ({ config }: Instance, { advertisingRouter }: { advertisingRouter: number }): boolean =>
  advertisingRouter === config.routerId;

/** Of several router-LSAs that with the smallest Link State ID counts (§4.8.1). */
function ownOptions(instance: Instance, routerId: number, area: number): number | undefined {
  let first: { id: number; options: number } | undefined;
  for (const entry of instance.areas.get(area)?.database.ofRouter(ROUTER_LSA, routerId) ?? []) {
    const id = entry.lsa.header.linkStateId;
    const body = ofKind(entry.body, "router");
    if (body === undefined || isMaxAge(entry) || (first !== undefined && first.id < id)) continue;
    first = { id, options: body.options };
  }
  return first?.options;
}
