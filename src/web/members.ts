/** Who is who among routers: the names of those that can be asked, and of those that OSPF alone knows, by router id. */
import type { Knowledge } from "#web/knowledge";
import type { ViewOf } from "#web/router-views";

/** A wire of a lab, which knows the names of nodes that no router can tell. Interface indices are OSPF's interface ids. */
export interface Wire {
  readonly a: WireEnd;
  readonly b: WireEnd;
}

export interface WireEnd {
  readonly node: string;
  readonly interfaceIndex: number;
}

export type RouterLsa = ViewOf<"ospf/database/router">[number];

export interface Members {
  /** By node id, which is the name in the operator's choice. */
  readonly asked: ReadonlyMap<string, Knowledge>;
  /** Router id → node id: asked routers' own ids, and foreign nodes'. */
  readonly byRouterId: ReadonlyMap<string, string>;
  /** Node id → name, of those that are not asked. */
  readonly foreign: ReadonlyMap<string, { readonly name: string; readonly routerId: string }>;
  /** Router LSAs, each once: of area and advertising router. */
  readonly lsas: readonly RouterLsa[];
}

export const foreignId = (routerId: string): string => `ospf ${routerId}`;

/** @param before names by node id, as they were: while a link is down nothing leads to what is behind it. */
export function membersOf(
  routers: readonly Knowledge[],
  wires: readonly Wire[],
  before: ReadonlyMap<string, string> = new Map(),
): Members {
  const asked = new Map(routers.map((router) => [router.name, router]));
  const byRouterId = new Map<string, string>();
  for (const { name, views } of routers) {
    const routerId = views["ospf/status"]?.now.value.routerId;
    if (routerId !== undefined) byRouterId.set(routerId, name);
  }
  const lsas = routerLsas(routers);
  const told = new Set([
    ...lsas.map((lsa) => lsa.advertisingRouter),
    ...routers.flatMap(({ views }) => neighborsOf(views["ospf/neighbors"]?.now.value).map((n) => n.routerId)),
  ]);
  const strangers = [...told].filter((id) => !byRouterId.has(id)).sort();
  const names = namesByWires(byRouterId, lsas, wires);
  const taken = new Set(asked.keys());
  const foreign = new Map(
    strangers.map((routerId) => {
      const name = names.get(routerId) ?? before.get(foreignId(routerId));
      return [foreignId(routerId), { routerId, name: name === undefined || taken.has(name) ? routerId : name }];
    }),
  );
  for (const [id, { routerId }] of foreign) byRouterId.set(routerId, id);
  return { asked, byRouterId, foreign, lsas };
}

const neighborsOf = (view: ViewOf<"ospf/neighbors"> | undefined) => view?.neighbors ?? [];

/** Of an area that several have told, those of the latest telling. */
function routerLsas(routers: readonly Knowledge[]): RouterLsa[] {
  const views = routers
    .flatMap(({ views, reach }) => {
      const view = views["ospf/database/router"];
      return view === undefined ? [] : [{ ...view.now, isLive: reach.kind === "answers" }];
    })
    .sort((x, y) => Number(y.isLive) - Number(x.isLive) || y.at - x.at);
  const byArea = new Map<string, RouterLsa[]>();
  for (const { value } of views) {
    for (const [scope, lsas] of Map.groupBy(value, (lsa) => lsa.scope)) if (!byArea.has(scope)) byArea.set(scope, lsas);
  }
  return [...byArea.values()].flat();
}

/** From routers whose name is known along the lab's wires to those behind them, as OSPF tells both ends' interfaces. */
function namesByWires(
  known: ReadonlyMap<string, string>,
  lsas: readonly RouterLsa[],
  wires: readonly Wire[],
): Map<string, string> {
  const peers = new Map(
    wires.flatMap(({ a, b }) => [
      [`${a.node} ${a.interfaceIndex}`, b.node] as const,
      [`${b.node} ${b.interfaceIndex}`, a.node] as const,
    ]),
  );
  const names = new Map(known);
  const links = Map.groupBy(lsas, (lsa) => lsa.advertisingRouter);
  const open = [...names.keys()];
  for (let id = open.pop(); id !== undefined; id = open.pop()) {
    for (const link of (links.get(id) ?? []).flatMap(({ body }) => body.links ?? [])) {
      const peer = link.type === "point-to-point" ? peers.get(`${names.get(id)} ${link.interfaceId}`) : undefined;
      if (peer === undefined || names.has(link.neighbor)) continue;
      names.set(link.neighbor, peer);
      open.push(link.neighbor);
    }
  }
  return names;
}
