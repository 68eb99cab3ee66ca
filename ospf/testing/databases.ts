/** A described network as the databases of one of its routers: what all of them would have said in LSAs. */
import { masked, parseAddress, parsePrefix6 } from "#base/address";
import { nextBelow, nextFraction, type Random } from "#base/random";
import type { LsaStore } from "#ospf/database/store";
import { POINT_TO_POINT_LINK, ROUTER_B, ROUTER_E, type RouterLink, TRANSIT_LINK } from "#ospf/packet/lsa-body";
import { NETWORK_LSA, ROUTER_LSA } from "#ospf/packet/lsa-header";
import { OPTION_E, OPTION_R, OPTION_V6 } from "#ospf/packet/options";
import { PREFIX_NU, PREFIX_P } from "#ospf/packet/prefix";
import type { Instance } from "#ospf/state";
import { area as areaConfig, config, on as interfaceConfig } from "#ospf/testing/configs";
import { addInterface, addNeighbor, areaOf, newInstance, put } from "#ospf/testing/instances";
import { addressOf, Naive } from "#ospf/testing/naive";
import { areasOf, type End, interfaceName, isBorder, type Network, type OwnedPrefix } from "#ospf/testing/network";

export interface View {
  readonly network: Network;
  /** Index of the router. */
  readonly router: number;
  readonly maxPaths: number;
  /** Decides how LSAs are cut, and what else is in the databases that must not count. */
  readonly random: Random;
}

export function instanceOf(view: View): Instance {
  const { network, router, maxPaths } = view;
  const areas = [...areasOf(network, router)];
  const configs = areas.map((id) => areaConfig(id, { kind: network.areas.find((each) => each.id === id)!.kind }));
  const instance = newInstance(config(network.routers[router]!.id, { areas: configs, maxPaths }));
  instance.isBorder = isBorder(network, router);
  for (const area of areas) fillArea(view, area, areaOf(instance, area).database);
  fillExternal(view, instance);
  addInterfaces(view, instance);
  return instance;
}

function fillArea(view: View, area: number, database: LsaStore): void {
  const { network, random } = view;
  for (let router = 0; router < network.routers.length; router++) {
    if (areasOf(network, router).has(area)) putRouter(view, router, linksOf(network, router, area), database);
  }
  for (const [index, lan] of network.lans.entries()) {
    if (lan.area === area) putLan(network, index, database);
  }
  for (const [index, prefix] of network.prefixes.entries()) {
    if (prefix.area === area) putPrefix(network, prefix, index, database);
  }
  putSummaries(network, area, database);
  if (nextFraction(random) < 0.5) putNoise(network, database);
}

function linksOf({ routers, links, lans, claims }: Network, router: number, area: number): RouterLink[] {
  const found: RouterLink[] = [];
  const add = (type: number, mine: End, other: End): void => {
    found.push({
      type,
      metric: mine.cost,
      interfaceId: mine.interfaceId,
      neighborInterfaceId: other.interfaceId,
      neighborRouterId: routers[other.router]!.id,
    });
  };
  for (const { ends } of links.filter((each) => each.area === area)) {
    if (ends[0].router === router) add(POINT_TO_POINT_LINK, ends[0], ends[1]);
    if (ends[1].router === router) add(POINT_TO_POINT_LINK, ends[1], ends[0]);
  }
  for (const { members } of lans.filter((each) => each.area === area)) {
    for (const mine of members) if (mine.router === router) add(TRANSIT_LINK, mine, members[0]!);
  }
  for (const claim of claims.filter((each) => each.area === area && each.router === router)) {
    const mine = { router, interfaceId: 0x7fff, cost: 1 };
    if (claim.of === "router") add(POINT_TO_POINT_LINK, mine, { ...mine, router: claim.other });
    if (claim.of === "lan") add(TRANSIT_LINK, mine, lans[claim.other]!.members[0]!);
  }
  return found;
}

/** In one LSA or several, of which only the first says the truth about the router itself (RFC 5340 §4.8.1). */
function putRouter({ network, random }: View, router: number, links: readonly RouterLink[], database: LsaStore): void {
  const { id, isAsbr, transits, admits } = network.routers[router]!;
  const flags = (isBorder(network, router) ? ROUTER_B : 0) | (isAsbr ? ROUTER_E : 0);
  const options = OPTION_E | (transits ? OPTION_R : 0) | (admits ? OPTION_V6 : 0);
  const cut = nextFraction(random) < 0.3 ? nextBelow(random, links.length + 1) : links.length;
  const rest = { kind: "router", flags: flags ^ 0x13, options: options ^ (OPTION_R | OPTION_V6) } as const;
  if (cut < links.length)
    put(database, { ...rest, links: links.slice(cut) }, { advertisingRouter: id, linkStateId: 9 });
  put(
    database,
    { kind: "router", flags, options, links: links.slice(0, cut) },
    { advertisingRouter: id, linkStateId: 2 },
  );
}

function putLan({ routers, lans, claims }: Network, lan: number, database: LsaStore): void {
  const { members } = lans[lan]!;
  const [first] = members;
  const listed = claims.filter(({ of, other }) => of === "listed" && other === lan);
  const attachedRouters = [...members, ...listed].map(({ router }) => routers[router]!.id);
  put(
    database,
    { kind: "network", options: OPTION_R | OPTION_V6, attachedRouters },
    { advertisingRouter: routers[first!.router]!.id, linkStateId: first!.interfaceId },
  );
}

function putPrefix({ routers, lans }: Network, prefix: OwnedPrefix, index: number, database: LsaStore): void {
  const { owner, text, metric, noUnicast } = prefix;
  const end = "lan" in owner ? lans[owner.lan]!.members[0]! : undefined;
  const advertisingRouter = routers["lan" in owner ? end!.router : owner.router]!.id;
  const referenced =
    end === undefined
      ? { type: ROUTER_LSA, linkStateId: 0, advertisingRouter }
      : { type: NETWORK_LSA, linkStateId: end.interfaceId, advertisingRouter };
  const prefixes = [{ ...parsePrefix6(text)!, options: noUnicast ? PREFIX_NU : 0, metric }];
  put(database, { kind: "intraAreaPrefix", referenced, prefixes }, { advertisingRouter, linkStateId: index });
}

function putSummaries(network: Network, area: number, database: LsaStore): void {
  const naive = new Naive(network);
  const { kind } = network.areas.find(({ id }) => id === area)!;
  for (const [border, { id: advertisingRouter }] of network.routers.entries()) {
    if (!isBorder(network, border) || !areasOf(network, border).has(area)) continue;
    let linkStateId = 1;
    for (const [text, metric] of naive.told(border, area)) {
      const prefix = { ...parsePrefix6(text)!, options: 0 };
      put(database, { kind: "interAreaPrefix", metric, prefix }, { advertisingRouter, linkStateId: linkStateId++ });
    }
    if (kind !== "normal") continue;
    for (const [router, metric] of naive.toldRouters(border, area)) {
      const destinationRouterId = network.routers[router]!.id;
      const body = { kind: "interAreaRouter", options: 0, metric, destinationRouterId } as const;
      put(database, body, { advertisingRouter, linkStateId: linkStateId++ });
    }
  }
}

/** What must not count: references to nothing, links that only one side has, LSAs of MaxAge. */
function putNoise(network: Network, database: LsaStore): void {
  const { routers } = network;
  const nobody = 0x0101_0101;
  const [first] = routers;
  const link = { type: POINT_TO_POINT_LINK, metric: 1, interfaceId: 1, neighborInterfaceId: 1 };
  const options = OPTION_R | OPTION_V6;
  const links = [{ ...link, neighborRouterId: first!.id }];
  put(database, { kind: "router", flags: ROUTER_B | ROUTER_E, options, links }, { advertisingRouter: nobody });
  const attachedRouters = [nobody, ...routers.map(({ id }) => id)];
  put(database, { kind: "network", options, attachedRouters }, { advertisingRouter: nobody, linkStateId: 5 });
  const prefixes = [{ ...parsePrefix6("2001:db8:dead::/48")!, options: 0, metric: 0 }];
  const referenced = { type: ROUTER_LSA, linkStateId: 0, advertisingRouter: nobody };
  put(database, { kind: "intraAreaPrefix", referenced, prefixes }, { advertisingRouter: first!.id, linkStateId: 999 });
  const prefix = { ...parsePrefix6("2001:db8:beef::/48")!, options: 0 };
  put(database, { kind: "interAreaPrefix", metric: 1, prefix }, { advertisingRouter: nobody, linkStateId: 1 });
  for (const [router, { id: advertisingRouter }] of routers.entries()) {
    const summary = { advertisingRouter, linkStateId: 999 };
    if (!isBorder(network, router)) put(database, { kind: "interAreaPrefix", metric: 1, prefix }, summary);
    const old = { referenced: { ...referenced, advertisingRouter }, prefixes };
    put(database, { kind: "intraAreaPrefix", ...old }, { advertisingRouter, linkStateId: 998, age: 3600 });
    const every = routers.map(({ id }) => ({ ...link, neighborRouterId: id }));
    put(
      database,
      { kind: "router", flags: 0, options, links: every },
      { advertisingRouter, linkStateId: 1, age: 3600 },
    );
  }
}

function fillExternal({ network }: View, instance: Instance): void {
  for (const [linkStateId, external] of network.externals.entries()) {
    const { nssa, metricType, metric, tag, forwardingAddress, propagate } = external;
    const database = nssa === undefined ? instance.external : instance.areas.get(nssa)?.database;
    if (database === undefined) continue;
    const prefix = { ...parsePrefix6(external.text)!, options: nssa !== undefined && propagate ? PREFIX_P : 0 };
    const address = forwardingAddress === undefined ? undefined : masked(parseAddress(forwardingAddress)!, 128);
    put(
      database,
      {
        kind: nssa === undefined ? "asExternal" : "nssa",
        metricType,
        metric,
        prefix,
        ...(address !== undefined && { forwardingAddress: address }),
        ...(tag !== undefined && { tag }),
      },
      { advertisingRouter: network.routers[external.router]!.id, linkStateId },
    );
  }
}

/** Our own ends of links, and who is on them. */
function addInterfaces({ network, router, random }: View, instance: Instance): void {
  const texts = new Naive(network).prefixesOf(router);
  const add = (kind: "point-to-point" | "broadcast", area: number, mine: End, others: readonly End[]): void => {
    const prefixes = (texts.get(mine.interfaceId) ?? []).map((text) => parsePrefix6(text)!);
    const name = interfaceName(mine.interfaceId);
    const on = addInterface(instance, interfaceConfig(name, { area, kind, prefixes }), mine.interfaceId);
    for (const { router: other, interfaceId } of others) {
      const routerId = network.routers[other]!.id;
      const address = addressOf(other, interfaceId);
      addNeighbor(on, { routerId, interfaceId, address });
      // A LAN's next hops come from Link-LSAs; from hellos where there is none.
      if (kind === "point-to-point" || nextFraction(random) < 0.3) continue;
      const body = { kind: "link", priority: 1, options: OPTION_R | OPTION_V6, linkLocalAddress: address } as const;
      put(on.database, { ...body, prefixes: [] }, { advertisingRouter: routerId, linkStateId: interfaceId });
      on.neighbors.get(routerId)!.address = addressOf(other, 0xffff);
    }
  };
  for (const { area, ends } of network.links) {
    if (ends[0].router === router) add("point-to-point", area, ends[0], [ends[1]]);
    if (ends[1].router === router) add("point-to-point", area, ends[1], [ends[0]]);
  }
  for (const { area, members } of network.lans) {
    const mine = members.find((end) => end.router === router);
    if (mine !== undefined)
      add(
        "broadcast",
        area,
        mine,
        members.filter((end) => end !== mine),
      );
  }
}
