/**
 * Links of our own that begin to carry traffic. Those at the link's ends must know before those further away, who else
 * send them what they still believe to lead back: for as long as the back-off has them wait, which differs from router to
 * router.
 */
import type { Millis } from "#base/time";
import { MIN_LS_INTERVAL } from "#ospf/constants";
import { type Entry, isMaxAge } from "#ospf/database/store";
import { POINT_TO_POINT_LINK, type RouterLink, type RouterLsa, TRANSIT_LINK } from "#ospf/packet/lsa-body";
import { ROUTER_LSA } from "#ospf/packet/lsa-header";
import type { LsaChange } from "#ospf/routes/changes";
import type { Area, Instance } from "#ospf/state";

/**
 * True: the change is of a router that became adjacent within MinLSInterval. What it was said to reach until now may be of
 * an earlier life: routes by that go round in circles, however long the back-off has us wait.
 */
export function isOfNewNeighbor({ scope, before, after }: LsaChange, now: Millis): boolean {
  const { header } = (after ?? before)!.lsa;
  if (scope.kind !== "area" || header.type !== ROUTER_LSA) return false;
  for (const on of scope.area.interfaces) {
    const neighbor = on.neighbors.get(header.advertisingRouter);
    if (neighbor?.state === "Full" && now - neighbor.since < MIN_LS_INTERVAL) return true;
  }
  return false;
}

/** True: with this change a link to us, or to a network we are on, is advertised by all that must, and was not before. */
export function opensOwnLink(instance: Instance, { scope, before, after }: LsaChange, now: Millis): boolean {
  if (scope.kind !== "area" || after === undefined || isMaxAge(after)) return false;
  const { routerId } = instance.config;
  const { body } = after;
  if (body.kind === "network") {
    const had = before?.body.kind === "network" && !isMaxAge(before) ? before.body.attachedRouters : [];
    return body.attachedRouters.includes(routerId) && body.attachedRouters.some((router) => !had.includes(router));
  }
  if (body.kind !== "router") return false;
  const isOwn = after.lsa.header.advertisingRouter === routerId;
  const had = before !== undefined && !isMaxAge(before) ? linksOf(before) : [];
  return body.links.some(
    (link) =>
      !had.some((other) => isSame(link, other)) &&
      (isOwn ? isAnswered(scope.area, routerId, link, now) : leadsToUs(scope.area, routerId, link)),
  );
}

/**
 * Its other end says the same, and has said so since MinLSInterval: later than that it may be of an earlier life, and all
 * else that it said too.
 */
function isAnswered(area: Area, routerId: number, link: RouterLink, now: Millis): boolean {
  if (link.type !== POINT_TO_POINT_LINK) return true;
  for (const entry of area.database.ofRouter(ROUTER_LSA, link.neighborRouterId)) {
    if (now - entry.installedAt > MIN_LS_INTERVAL || isMaxAge(entry)) continue;
    if (linksOf(entry).some((back) => leadsToUs(area, routerId, back))) return true;
  }
  return false;
}

function leadsToUs(area: Area, routerId: number, link: RouterLink): boolean {
  if (link.type === POINT_TO_POINT_LINK) return link.neighborRouterId === routerId;
  if (link.type !== TRANSIT_LINK) return false;
  for (const entry of area.database.ofRouter(ROUTER_LSA, routerId)) {
    if (linksOf(entry).some((own) => isOnNetwork(own, link))) return true;
  }
  return false;
}

const linksOf = ({ body }: Entry): RouterLsa["links"] => (body.kind === "router" ? body.links : []);

const isOnNetwork = (own: RouterLink, link: RouterLink): boolean =>
  own.type === TRANSIT_LINK &&
  own.neighborRouterId === link.neighborRouterId &&
  own.neighborInterfaceId === link.neighborInterfaceId;

/** Another metric makes no other link. */
const isSame = (a: RouterLink, b: RouterLink): boolean =>
  a.type === b.type &&
  a.interfaceId === b.interfaceId &&
  a.neighborRouterId === b.neighborRouterId &&
  a.neighborInterfaceId === b.neighborInterfaceId;
