/** Restarting ourselves while neighbors keep us: RFC 3623 §2 and §5, RFC 5187. */
import type { Millis } from "#base/time";
import { type Core, notice, nowOf } from "#ospf/core";
import { type Entry, isMaxAge } from "#ospf/database/store";
import { flush } from "#ospf/flooding/ageing";
import { install } from "#ospf/flooding/database";
import { flood } from "#ospf/flooding/flood";
import { sendUpdates } from "#ospf/flooding/updates";
import { ALL_SPF_ROUTERS } from "#ospf/packet/header";
import {
  POINT_TO_POINT_LINK,
  RESTART_SOFTWARE,
  RESTART_UNKNOWN,
  type RouterLsa,
  TRANSIT_LINK,
} from "#ospf/packet/lsa-body";
import { GRACE_LSA, INITIAL_SEQUENCE_NUMBER, NETWORK_LSA, ROUTER_LSA } from "#ospf/packet/lsa-header";
import { writeLsa } from "#ospf/packet/lsa-writer";
import type { Area, Interface } from "#ospf/state";

/** §2.1: all neighbors are asked; the host ends the process when they have acknowledged it. */
export function prepareRestart(core: Core): void {
  for (const on of core.instance.interfaces.values()) {
    if (on.state !== "Down" && !on.config.passive)
      flood(core, { kind: "link", interface: on }, originateGrace(core, on, RESTART_SOFTWARE));
  }
}

/**
 * §5: before the first hello on the interface after the restart, planned or not. To all on the link, since no neighbor is
 * known yet; a neighbor that was asked by our earlier life takes it as the same request.
 */
export function announceRestart(core: Core, on: Interface): void {
  if (core.instance.restartingUntil === undefined || on.config.passive) return;
  sendUpdates(core, on, ALL_SPF_ROUTERS, [originateGrace(core, on, RESTART_UNKNOWN)]);
}

function originateGrace(core: Core, on: Interface, reason: number): Entry {
  const { config } = core.instance;
  const id = { type: GRACE_LSA, linkStateId: on.interfaceId, advertisingRouter: config.routerId };
  const sequence = (on.database.get(id)?.lsa.header.sequence ?? INITIAL_SEQUENCE_NUMBER - 1) + 1;
  const body = { kind: "grace", gracePeriod: config.gracefulRestart.period, reason } as const;
  const lsa = writeLsa({ age: 0, linkStateId: on.interfaceId, advertisingRouter: config.routerId, sequence }, body);
  return install(core, { kind: "link", interface: on }, lsa, { body, received: false });
}

/** §2.2, looked at whenever a neighbor or a database changed. */
export function considerExit(core: Core): void {
  if (core.instance.restartingUntil === undefined) return;
  const reason = reasonToExit(core, core.instance.restartingUntil);
  if (reason !== undefined) exit(core, reason);
}

function reasonToExit(core: Core, until: Millis): string | undefined {
  const { instance } = core;
  if (until <= nowOf(core)) return "the grace period is over";
  let whole = instance.areas.size > 0;
  for (const area of instance.areas.values()) {
    const before = adjacenciesBefore(core, area);
    if (before.routers === undefined) whole = false;
    else if (!before.isConsistent) return "a neighbor no longer advertises us";
    else whole &&= [...before.routers].every((routerId) => isFull(area, routerId));
  }
  return whole ? "all adjacencies are back" : undefined;
}

interface Before {
  /** Router ids of our neighbors before the restart; undefined: not known yet. */
  readonly routers: ReadonlySet<number> | undefined;
  /** False: a neighbor says that we are none. */
  readonly isConsistent: boolean;
}

/** By our router-LSAs and network-LSAs from before the restart, which neighbors have given back to us. */
function adjacenciesBefore(core: Core, area: Area): Before {
  const { routerId } = core.instance.config;
  const own = [...area.database.ofRouter(ROUTER_LSA, routerId)].filter((entry) => !isMaxAge(entry));
  if (own.length === 0) return { routers: undefined, isConsistent: true };
  const routers = new Set<number>();
  let isConsistent = true;
  for (const { body } of own) {
    for (const link of (body as RouterLsa).links) {
      if (link.type === POINT_TO_POINT_LINK) {
        routers.add(link.neighborRouterId);
        isConsistent &&= advertises(area, link.neighborRouterId, routerId) ?? true;
      } else if (link.type === TRANSIT_LINK && link.neighborRouterId !== routerId) routers.add(link.neighborRouterId);
    }
  }
  for (const { body } of area.database.ofRouter(NETWORK_LSA, routerId)) {
    if (body.kind === "network") for (const attached of body.attachedRouters) routers.add(attached);
  }
  routers.delete(routerId);
  return { routers, isConsistent };
}

/** Undefined: its router-LSAs are not here yet. */
function advertises(area: Area, router: number, us: number): boolean | undefined {
  let found: boolean | undefined;
  for (const { body } of area.database.ofRouter(ROUTER_LSA, router)) {
    if (body.kind !== "router") continue;
    found = (found ?? false) || body.links.some((link) => link.neighborRouterId === us || link.type === TRANSIT_LINK);
  }
  return found;
}

const isFull = (area: Area, routerId: number): boolean =>
  [...area.interfaces].some((on) => on.neighbors.get(routerId)?.state === "Full");

/** §2.3. */
function exit(core: Core, why: string): void {
  const { instance } = core;
  instance.restartingUntil = undefined;
  notice(core, "info", `graceful restart ends: ${why}`);
  core.originator.resume(core.turn);
  core.routing.resume(nowOf(core));
  for (const on of instance.interfaces.values()) {
    for (const entry of [...on.database.ofRouter(GRACE_LSA, instance.config.routerId)])
      flush(core, { kind: "link", interface: on }, entry);
  }
}
