/** The views of an OSPF core, made from what it knows. */
import { formatIpv6, formatPrefix } from "#base/address";
import { type Millis, NEVER } from "#base/time";
import type { AreaConfig } from "#ospf/config";
import { ageOf, type Entry, type LsaStore } from "#ospf/database/store";
import { lacksForwardingAddress } from "#ospf/origination/nssa-lsas";
import type { Ospf } from "#ospf/ospf";
import { formatOptions } from "#ospf/packet/options";
import { isRecent } from "#ospf/refuse";
import type { OspfRoute } from "#ospf/routes/model";
import type { SpfRun } from "#ospf/routes/routing";
import type { Area, Instance, Interface, Neighbor, Refusal } from "#ospf/state";
import { formatRouterId } from "#ospf/text";
import { bodyView, kindOf } from "#router/ospf/lsa-view";
import type {
  OspfAreaView,
  OspfDatabaseView,
  OspfInterfaceView,
  OspfLsasView,
  OspfLsaView,
  OspfNeighborsView,
  OspfNeighborView,
  OspfPacketsView,
  OspfRefusalView,
  OspfRouteView,
  OspfScopeView,
  OspfSpfRunView,
  OspfSpfView,
  OspfStatusView,
} from "#router/ospf/views";

/** What the host knows beyond the core; not there in a replay. */
export interface Installation {
  readonly waiting: number;
  readonly withoutRoom: number;
  readonly rehearsed: number;
  readonly isRehearsing: boolean;
  /** See {@link OspfRouteView.state}. */
  stateOf(route: OspfRoute): string;
}

export function statusView({ instance }: Ospf, now: Millis, installation?: Installation): OspfStatusView {
  const { config, areas, isBorder, table, lsaCount, restartingUntil } = instance;
  const interfaces = [...instance.interfaces.values()];
  const neighbors = interfaces.flatMap((on) => [...on.neighbors.values()]);
  return {
    routerId: formatRouterId(config.routerId),
    areas: [...areas.keys()].sort((a, b) => a - b).map(formatRouterId),
    isBorder,
    isBoundary: config.external.length > 0,
    interfacesUp: interfaces.filter(({ state }) => state !== "Down").length,
    neighbors: neighbors.length,
    full: neighbors.filter(({ state }) => state === "Full").length,
    lsas: lsaCount,
    maxLsas: config.maxLsas,
    routes: table.routes.size,
    waiting: installation?.waiting ?? 0,
    withoutRoom: installation?.withoutRoom ?? 0,
    restartingFor: restartingUntil === undefined ? null : seconds(restartingUntil - now),
    rehearsed: installation?.rehearsed ?? 0,
    isRehearsing: installation?.isRehearsing ?? false,
  };
}

// ---- neighbors ----

export function neighborsView({ instance }: Ospf, now: Millis): OspfNeighborsView {
  const interfaces = [...instance.interfaces.values()];
  return {
    neighbors: interfaces.flatMap((on) => [...on.neighbors.values()].map((n) => neighborView(n, now))),
    refused: interfaces.flatMap((on) => refusalsOf(on, now)),
  };
}

function neighborView(n: Neighbor, now: Millis): OspfNeighborView {
  return {
    routerId: formatRouterId(n.routerId),
    interface: n.interface.name,
    address: formatIpv6(n.address),
    area: formatRouterId(n.interface.area.id),
    state: n.state,
    for: seconds(now - n.since),
    deadIn: n.inactiveAt === NEVER ? null : seconds(n.inactiveAt - now),
    priority: n.priority,
    interfaceId: n.interfaceId,
    options: formatOptions(n.options),
    designated: formatRouterId(n.designatedRouter),
    backup: formatRouterId(n.backupDesignatedRouter),
    requests: n.requests.size,
    retransmissions: n.retransmissions.size,
    helpedFor: n.helpUntil === undefined ? null : seconds(n.helpUntil - now),
    watchedByBfd: n.watched,
    changes: n.changes,
    trouble: n.trouble,
  };
}

/** Those of neighbors that have got over it since, or were not heard of again, are left out. */
function refusalsOf(on: Interface, now: Millis): OspfRefusalView[] {
  const isOver = (routerId: number, refusal: Refusal): boolean => {
    const neighbor = on.neighbors.get(routerId);
    return !isRecent(refusal, now) || (neighbor?.state === "Full" && neighbor.since > refusal.at);
  };
  return [...on.refusals]
    .filter(([routerId, refusal]) => !isOver(routerId, refusal))
    .map(([routerId, { address, reason, at, count }]) => ({
      interface: on.name,
      routerId: formatRouterId(routerId),
      address: formatIpv6(address),
      reason,
      packets: count,
      ago: seconds(now - at),
    }));
}

// ---- interfaces and areas ----

export const interfacesView = ({ instance }: Ospf, now: Millis): OspfInterfaceView[] =>
  [...instance.interfaces.values()].map((on) => interfaceView(on, now));

function interfaceView(on: Interface, now: Millis): OspfInterfaceView {
  const { config, counters } = on;
  const neighbors = [...on.neighbors.values()];
  return {
    interface: on.name,
    area: formatRouterId(on.area.id),
    kind: config.kind,
    state: on.state,
    passive: config.passive,
    cost: config.cost,
    interfaceId: on.interfaceId,
    linkLocal: formatIpv6(on.linkLocal),
    mtu: on.mtu,
    instance: config.instanceId,
    priority: config.priority,
    hello: config.helloInterval / 1000,
    dead: config.deadInterval / 1000,
    helloIn: on.helloAt === NEVER ? null : seconds(on.helloAt - now),
    designated: formatRouterId(on.designatedRouter),
    backup: formatRouterId(on.backupDesignatedRouter),
    neighbors: neighbors.length,
    full: neighbors.filter(({ state }) => state === "Full").length,
    bfd: config.bfd,
    keys: config.authentication?.keys.map(({ id }) => id) ?? [],
    prefixes: config.prefixes.map(formatPrefix),
    sent: packetsView(counters.sent),
    received: packetsView(counters.received),
    refused: Object.fromEntries(counters.refused),
  };
}

/** By packet type (RFC 5340 §A.3.1). */
const packetsView = (counts: readonly number[]): OspfPacketsView => ({
  hellos: counts[1]!,
  descriptions: counts[2]!,
  requests: counts[3]!,
  updates: counts[4]!,
  acknowledgments: counts[5]!,
});

export const areasView = ({ instance }: Ospf): OspfAreaView[] =>
  [...instance.areas.values()].sort((a, b) => a.id - b.id).map((area) => areaView(instance, area));

function areaView(instance: Instance, area: Area): OspfAreaView {
  const { id, config, database, interfaces } = area;
  const { table } = instance;
  const routers = [...(table.routers.get(id)?.values() ?? [])].filter(({ path }) => path === "intra");
  return {
    area: formatRouterId(id),
    kind: config.kind,
    summaries: config.summaries,
    interfaces: [...interfaces].map(({ name }) => name),
    borderRouters: routers.filter((r) => r.isBorder).map(({ routerId }) => formatRouterId(routerId)),
    boundaryRouters: routers.filter((r) => r.isAsbr).map(({ routerId }) => formatRouterId(routerId)),
    lsas: database.size,
    checksum: checksumOf(database.entries()),
    ranges: config.ranges.map(rangeView),
    trouble: lacksForwardingAddress(instance, area)
      ? "external prefixes are not told: none of our prefixes in the area has an address to forward to (RFC 3101 §2.3)"
      : "",
  };
}

const rangeView = ({ prefix, advertise, cost }: AreaConfig["ranges"][number]): OspfAreaView["ranges"][number] => ({
  prefix: formatPrefix(prefix),
  advertise,
  cost: cost ?? null,
});

// ---- database ----

interface Database {
  readonly scope: string;
  readonly store: LsaStore;
}

function databases({ instance }: Ospf): Database[] {
  const links = [...instance.interfaces.values()].map((on) => ({ scope: `link ${on.name}`, store: on.database }));
  const areas = [...instance.areas.values()]
    .sort((a, b) => a.id - b.id)
    .map(({ id, database }) => ({ scope: `area ${formatRouterId(id)}`, store: database }));
  return [...areas, ...links, { scope: "as", store: instance.external }];
}

export function databaseView(core: Ospf, now: Millis): OspfDatabaseView {
  const all = databases(core);
  return {
    scopes: all.map(scopeView),
    lsas: all.flatMap(({ scope, store }) => inOrder(store).map((entry) => lsaView(scope, entry, now))),
  };
}

/** `kind`: one of LSA_KINDS; undefined: all. `advertisingRouter`: 32 bits; undefined: of all. */
export function lsasView(core: Ospf, now: Millis, wanted: { kind?: string; advertisingRouter?: number }): OspfLsasView {
  const { kind, advertisingRouter } = wanted;
  const isWanted = ({ lsa: { header } }: Entry): boolean =>
    (kind === undefined || kindOf(header.type) === kind) &&
    (advertisingRouter === undefined || header.advertisingRouter === advertisingRouter);
  return databases(core).flatMap(({ scope, store }) =>
    inOrder(store)
      .filter(isWanted)
      .map((entry) => ({ ...lsaView(scope, entry, now), body: bodyView(entry.body) })),
  );
}

function scopeView({ scope, store }: Database): OspfScopeView {
  const byType = new Map<number, Entry[]>();
  for (const entry of store.entries()) {
    const { type } = entry.lsa.header;
    const known = byType.get(type);
    if (known === undefined) byType.set(type, [entry]);
    else known.push(entry);
  }
  const types = [...byType].sort(([a], [b]) => a - b);
  return {
    scope,
    lsas: store.size,
    checksum: checksumOf(store.entries()),
    types: types.map(([type, entries]) => ({
      type,
      kind: kindOf(type),
      lsas: entries.length,
      checksum: checksumOf(entries),
    })),
  };
}

function checksumOf(entries: Iterable<Entry>): number {
  let sum = 0;
  for (const { lsa } of entries) sum = (sum + lsa.header.checksum) >>> 0;
  return sum;
}

const inOrder = (store: LsaStore): Entry[] =>
  [...store.entries()].sort(
    ({ lsa: { header: a } }, { lsa: { header: b } }) =>
      a.type - b.type || a.advertisingRouter - b.advertisingRouter || a.linkStateId - b.linkStateId,
  );

function lsaView(scope: string, entry: Entry, now: Millis): OspfLsaView {
  const { type, linkStateId, advertisingRouter, sequence, checksum, length } = entry.lsa.header;
  return {
    scope,
    type,
    kind: kindOf(type),
    linkStateId: formatRouterId(linkStateId),
    advertisingRouter: formatRouterId(advertisingRouter),
    age: ageOf(entry, now),
    sequence: sequence >>> 0,
    checksum,
    length,
  };
}

// ---- routes ----

export const routesView = ({ instance }: Ospf, installation?: Installation): OspfRouteView[] =>
  [...instance.table.routes.values()].map((route) => routeView(route, installation));

function routeView(route: OspfRoute, installation: Installation | undefined): OspfRouteView {
  const { text, path, area, cost, type2Cost, tag, nextHops } = route;
  return {
    prefix: text,
    path,
    area: area === undefined ? null : formatRouterId(area),
    cost,
    ...(type2Cost !== undefined && { type2Cost }),
    ...(tag !== undefined && { tag }),
    nextHops: nextHops.map(({ interface: name, address }) => ({
      interface: name,
      address: address === undefined ? null : formatIpv6(address),
    })),
    ...(installation !== undefined && { state: installation.stateOf(route) }),
  };
}

export function spfView({ routing }: Ospf, now: Millis): OspfSpfView {
  const { state, computeAt } = routing.backoff();
  return {
    state,
    computeIn: computeAt === NEVER ? null : seconds(computeAt - now),
    runs: routing
      .log()
      .toReversed()
      .map((run) => runView(run, now)),
  };
}

function runView(run: SpfRun, now: Millis): OspfSpfRunView {
  const { triggeredAt, startedAt, endedAt, kind, reasons, events } = run;
  const { slices, vertices, prefixes, changed, removed, leftOut } = run;
  return {
    ago: seconds(now - endedAt),
    kind,
    waited: Number.isFinite(triggeredAt) ? tenths(startedAt - triggeredAt) : null,
    took: tenths(endedAt - startedAt),
    ...{ reasons, events, slices, vertices, prefixes, changed, removed, leftOut },
  };
}

const tenths = (millis: Millis): number => Math.round(10 * millis) / 10;
/** To the millisecond. */
const seconds = (millis: Millis): number => Math.round(millis) / 1000;
