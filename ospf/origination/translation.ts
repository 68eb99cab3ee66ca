/** NSSA-LSAs translated to AS-external-LSAs: RFC 3101 §3.2. */
import { formatPrefix, isUnspecified, masked, sameAddress } from "#base/address";
import { toHex } from "#base/bytes";
import type { AreaRange } from "#ospf/config";
import { LS_INFINITY } from "#ospf/constants";
import { isMaxAge } from "#ospf/database/store";
import { type Cost, compareCosts } from "#ospf/origination/external-lsas";
import { ofKind } from "#ospf/origination/standing";
import { rangeOf } from "#ospf/origination/summaries";
import { borderRouters } from "#ospf/origination/translator";
import type { ExternalRoute, NssaLsa } from "#ospf/packet/lsa-body";
import { AS_EXTERNAL_LSA, NSSA_LSA } from "#ospf/packet/lsa-header";
import { PREFIX_NU, PREFIX_P } from "#ospf/packet/prefix";
import type { OspfRoute, RoutingTable } from "#ospf/routes/model";
import type { Area, Instance } from "#ospf/state";

/** What an AS-external-LSA shall say. */
export interface Translation {
  /** Of its prefix. */
  readonly text: string;
  readonly route: ExternalRoute;
  readonly cost: Cost;
  /** It stands for all that lies in a range of the NSSA. */
  readonly isRange: boolean;
}

/** A translatable NSSA-LSA that is in the routing table. */
interface Installed {
  readonly text: string;
  readonly lsa: NssaLsa & { readonly forwardingAddress: Uint8Array };
  readonly cost: Cost;
}

/**
 * Of one NSSA, by the routing table as computed last. `isTranslator` false: no longer elected. Such a router gives up its
 * ranges, and goes on with translations that are out until those of another take their place (§3.3).
 */
export function translationsOf(instance: Instance, nssa: Area, isTranslator: boolean): Translation[] {
  const installed = translatable(instance, nssa);
  if (installed.size === 0) return [];
  const { single, ranges } = byRange(nssa, [...installed.values()]);
  const others = equivalents(instance, nssa);
  const isOut = isTranslator ? () => true : outAlready(instance);
  const translations = single.filter((one) => isOut(one.text) && !others(one)).map(translated);
  if (!isTranslator) return translations;
  for (const [range, inside] of ranges) translations.push(aggregated(instance, range, inside));
  return translations;
}

function translated({ text, lsa, cost }: Installed): Translation {
  const { metricType, metric, prefix, forwardingAddress, tag } = lsa;
  const route: ExternalRoute = {
    metricType,
    metric,
    prefix: { ...prefix, options: prefix.options & ~PREFIX_P },
    forwardingAddress,
    ...(tag !== undefined && { tag }),
  };
  return { text, route, cost, isRange: false };
}

/** By prefix: of several LSAs the preferred one. */
function translatable(instance: Instance, nssa: Area): Map<string, Installed> {
  const found = new Map<string, Installed>();
  const distanceTo = distances(instance.table, nssa.id);
  const routers = instance.table.routers.get(nssa.id);
  for (const entry of nssa.database.ofType(NSSA_LSA)) {
    const { advertisingRouter } = entry.lsa.header;
    const lsa = ofKind(entry.body, "nssa");
    if (lsa === undefined || isMaxAge(entry) || lsa.metric >= LS_INFINITY) continue;
    if (advertisingRouter === instance.config.routerId || !routers?.get(advertisingRouter)?.isAsbr) continue;
    if (!asksForTranslation(lsa)) continue;
    const distance = distanceTo(lsa.forwardingAddress);
    if (distance === undefined) continue;
    const cost = costOf(lsa, distance);
    const text = formatPrefix(lsa.prefix);
    if (!isInstalled(instance.table.routes.get(text), cost)) continue;
    const before = found.get(text);
    if (before === undefined || isPreferred(lsa, before.lsa)) found.set(text, { text, lsa, cost });
  }
  return found;
}

function asksForTranslation(lsa: NssaLsa): lsa is Installed["lsa"] {
  const { options } = lsa.prefix;
  if ((options & PREFIX_P) === 0 || (options & PREFIX_NU) !== 0) return false;
  return lsa.forwardingAddress !== undefined && !isUnspecified(lsa.forwardingAddress);
}

const costOf = ({ metricType, metric }: ExternalRoute, distance: number): Cost => ({
  metricType,
  cost: metricType === 1 ? metric + distance : metric,
  distance,
});

/** The routing table's way to the prefix is this one, or as good. */
function isInstalled(route: OspfRoute | undefined, { metricType, cost, distance }: Cost): boolean {
  if (metricType === 1) return route?.path === "external-1" && route.cost === cost;
  return route?.path === "external-2" && route.type2Cost === cost && route.cost === distance;
}

/** All being installed they cost the same; what is left to choose by must not depend on the order of their arrival. */
const isPreferred = (a: Installed["lsa"], b: Installed["lsa"]): boolean =>
  toHex(a.forwardingAddress) < toHex(b.forwardingAddress);

/** Distances to forwarding addresses: by the most specific route inside the AS, which must stay in the NSSA (§2.5 (3)). */
function distances({ routes }: RoutingTable, area: number): (address: Uint8Array) => number | undefined {
  const known = new Map<string, number | undefined>();
  let lengths: number[] | undefined;
  const find = (address: Uint8Array): number | undefined => {
    lengths ??= lengthsOf(routes.values());
    for (const length of lengths) {
      const route = routes.get(formatPrefix({ address: masked(address, length), length }));
      if (route === undefined || !isInternal(route)) continue;
      return route.path === "intra" && route.area === area ? route.cost : undefined;
    }
    return undefined;
  };
  return (address) => {
    const key = toHex(address);
    if (!known.has(key)) known.set(key, find(address));
    return known.get(key);
  };
}

/** The longest first. */
function lengthsOf(routes: Iterable<OspfRoute>): number[] {
  const lengths = new Set<number>();
  for (const route of routes) if (isInternal(route)) lengths.add(route.prefix.length);
  return [...lengths].sort((a, b) => b - a);
}

const isInternal = ({ path }: OspfRoute): boolean => path !== "external-1" && path !== "external-2";

interface ByRange {
  readonly single: Installed[];
  readonly ranges: Map<AreaRange, Installed[]>;
}

/** Steps (1) and (3): what lies in a range is hidden or aggregated, but a range that is itself all that it holds is none. */
function byRange(nssa: Area, installed: readonly Installed[]): ByRange {
  const single: Installed[] = [];
  const ranges = new Map<AreaRange, Installed[]>();
  for (const one of installed) {
    const range = rangeOf(nssa.config, one.lsa.prefix);
    if (range === undefined) single.push(one);
    else if (range.advertise) listIn(ranges, range).push(one);
  }
  for (const [range, inside] of ranges) {
    if (inside.length > 1 || inside[0]!.text !== formatPrefix(range.prefix)) continue;
    ranges.delete(range);
    single.push(inside[0]!);
  }
  return { single, ranges };
}

function listIn<K, V>(map: Map<K, V[]>, key: K): V[] {
  const list = map.get(key) ?? [];
  map.set(key, list);
  return list;
}

/** Step (3): type 2 if any is, and then 1 more than the greatest, lest it seem nearer here than where it leads out. */
function aggregated(instance: Instance, range: AreaRange, inside: readonly Installed[]): Translation {
  const text = formatPrefix(range.prefix);
  const local = instance.config.external.filter(({ prefix }) => formatPrefix(prefix) === text);
  const costs: Cost[] = [
    ...inside.map(({ cost }) => cost),
    ...local.map(({ metricType, metric }) => ({ metricType, cost: metric, distance: 0 })),
  ];
  const metricType = costs.some((cost) => cost.metricType === 2) ? 2 : 1;
  const greatest = Math.max(...costs.filter((cost) => cost.metricType === metricType).map(({ cost }) => cost));
  const metric = Math.min(LS_INFINITY - 1, range.cost ?? (metricType === 2 ? greatest + 1 : greatest));
  const { address, length } = range.prefix;
  return {
    text,
    route: { metricType, metric, prefix: { address, length, options: 0 } },
    cost: { metricType, cost: metric, distance: 0 },
    isRange: true,
  };
}

/** Step (2): another translator of a higher router id has a functionally equivalent AS-external-LSA out. */
function equivalents(instance: Instance, nssa: Area): (one: Installed) => boolean {
  const said = new Map<string, ExternalRoute[]>();
  for (const { routerId } of borderRouters(instance, nssa)) {
    if (routerId < instance.config.routerId) continue;
    for (const entry of instance.external.ofRouter(AS_EXTERNAL_LSA, routerId)) {
      const body = ofKind(entry.body, "asExternal");
      if (body?.forwardingAddress === undefined || isMaxAge(entry)) continue;
      listIn(said, formatPrefix(body.prefix)).push(body);
    }
  }
  return ({ text, lsa }) => said.get(text)?.some((other) => isEquivalent(lsa, other)) ?? false;
}

const isEquivalent = (a: Installed["lsa"], b: ExternalRoute): boolean =>
  a.metricType === b.metricType &&
  a.metric === b.metric &&
  b.forwardingAddress !== undefined &&
  sameAddress(a.forwardingAddress, b.forwardingAddress);

/** Prefixes of AS-external-LSAs of ours that have a forwarding address, as translations do. */
function outAlready(instance: Instance): (text: string) => boolean {
  const texts = new Set<string>();
  for (const entry of instance.external.ofRouter(AS_EXTERNAL_LSA, instance.config.routerId)) {
    const body = ofKind(entry.body, "asExternal");
    if (body?.forwardingAddress !== undefined && !isMaxAge(entry)) texts.add(formatPrefix(body.prefix));
  }
  return (text) => texts.has(text);
}

/** Of several NSSAs: what they tell of the same prefix once, as it is preferred. */
export function bestOf(translations: readonly Translation[]): Translation[] {
  const best = new Map<string, Translation>();
  for (const one of translations) {
    const before = best.get(one.text);
    if (before === undefined || compareCosts(one.cost, before.cost) < 0) best.set(one.text, one);
  }
  return [...best.values()];
}
