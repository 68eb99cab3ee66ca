/** A router with one point-to-point neighbor in each of its areas: for tests that put single LSAs around it. */
import { parseIpv6, parsePrefix6 } from "#base/address";
import type { AreaConfig } from "#ospf/config";
import type { LsaStore } from "#ospf/database/store";
import type { ExternalRoute, LsaBody } from "#ospf/packet/lsa-body";
import { POINT_TO_POINT_LINK, ROUTER_B, ROUTER_E, type RouterLink } from "#ospf/packet/lsa-body";
import { ROUTER_LSA } from "#ospf/packet/lsa-header";
import { OPTION_R, OPTION_V6 } from "#ospf/packet/options";
import type { Instance } from "#ospf/state";
import { config, on as interfaceConfig } from "#ospf/testing/configs";
import { addInterface, addNeighbor, linkLocal, newInstance, put } from "#ospf/testing/instances";

export const ME = 1;
const OPTIONS = OPTION_R | OPTION_V6;

/** `id`: router id, also that of its interface. It is border and AS boundary router. */
export interface NeighborAt {
  readonly id: number;
  readonly area: number;
  readonly cost: number;
}

/** Interfaces are named "to2" for the neighbor with router id 2. */
export function neighborhood(areas: readonly AreaConfig[], neighbors: readonly NeighborAt[]): Instance {
  const instance = newInstance(config(ME, { areas }));
  instance.isBorder = areas.length > 1 && areas.some(({ id }) => id === 0);
  const links = new Map(areas.map(({ id }) => [id, [] as RouterLink[]]));
  for (const { id, area, cost } of neighbors) {
    const { database } = instance.areas.get(area)!;
    const on = addInterface(instance, interfaceConfig(`to${id}`, { area, cost }), id);
    addNeighbor(on, { routerId: id, interfaceId: 9, address: linkLocal(id) });
    const link = { type: POINT_TO_POINT_LINK, metric: cost };
    links.get(area)!.push({ ...link, interfaceId: id, neighborInterfaceId: 9, neighborRouterId: id });
    const back = { ...link, interfaceId: 9, neighborInterfaceId: id, neighborRouterId: ME };
    const body = { kind: "router", flags: ROUTER_B | ROUTER_E, options: OPTIONS, links: [back] } as const;
    put(database, body, { advertisingRouter: id });
  }
  for (const [area, mine] of links) {
    const body = { kind: "router", flags: 0, options: OPTIONS, links: mine } as const;
    put(instance.areas.get(area)!.database, body, { advertisingRouter: ME });
  }
  return instance;
}

export const databaseOf = (instance: Instance, area: number): LsaStore => instance.areas.get(area)!.database;

export const intra = (routerId: number, text: string, metric = 0, options = 0): LsaBody => ({
  kind: "intraAreaPrefix",
  referenced: { type: ROUTER_LSA, linkStateId: 0, advertisingRouter: routerId },
  prefixes: [{ ...parsePrefix6(text)!, options, metric }],
});

export const summary = (text: string, metric = 1, options = 0): LsaBody => ({
  kind: "interAreaPrefix",
  metric,
  prefix: { ...parsePrefix6(text)!, options },
});

export interface ExternalMore {
  readonly metricType?: 1 | 2;
  readonly metric?: number;
  readonly options?: number;
  readonly via?: string;
  readonly tag?: number;
}

export function external(kind: "asExternal" | "nssa", text: string, more: ExternalMore = {}): LsaBody {
  const { metricType = 2, metric = 1, options = 0, via, tag } = more;
  const route: ExternalRoute = {
    metricType,
    metric,
    prefix: { ...parsePrefix6(text)!, options },
    ...(via !== undefined && { forwardingAddress: parseIpv6(via)! }),
    ...(tag !== undefined && { tag }),
  };
  return { kind, ...route };
}
