/** Interfaces at work: their machine, their hellos, the election (RFC 2328 §9, RFC 5340 §4.2.1.1). */
import { nextFraction } from "#base/random";
import { type Millis, NEVER } from "#base/time";
import { type Core, notice, nowOf, postInterface, postNeighbor } from "#ospf/core";
import { forgetScope } from "#ospf/flooding/database";
import { electAs } from "#ospf/interface/election";
import {
  INTERFACE_MACHINE,
  type InterfaceAction,
  type InterfaceEvent,
  type InterfaceState,
} from "#ospf/interface/machine";
import { atLeast } from "#ospf/neighbor/machine";
import { ALL_SPF_ROUTERS, HELLO } from "#ospf/packet/header";
import type { Interface } from "#ospf/state";
import { formatRouterId } from "#ospf/text";
import { optionsOn, send } from "#ospf/transmit";

export function interfaceEvent(core: Core, to: Interface, event: InterfaceEvent): void {
  const action = INTERFACE_MACHINE[to.state][event];
  if (action !== undefined) ACTIONS[action](core, to);
}

const ACTIONS: Record<InterfaceAction, (core: Core, on: Interface) => void> = { start, elect, reset };

function start(core: Core, on: Interface): void {
  const { config } = on;
  // Spread, lest all interfaces of all routers speak at once after a power cut.
  on.helloAt = config.passive ? NEVER : nowOf(core);
  if (config.kind === "point-to-point") enter(core, on, "PointToPoint");
  else if (config.priority === 0 || config.passive) enter(core, on, "DROther");
  else {
    on.waitUntil = nowOf(core) + config.deadInterval;
    enter(core, on, "Waiting");
  }
}

function reset(core: Core, on: Interface): void {
  if (on.linkUp) sayGoodbye(core, on);
  for (const neighbor of on.neighbors.values()) postNeighbor(core, neighbor, "KillNbr");
  on.designatedRouter = 0;
  on.backupDesignatedRouter = 0;
  on.helloAt = NEVER;
  on.waitUntil = NEVER;
  on.delayedAcks = [];
  on.delayedAcksAt = NEVER;
  on.outgoing.clear();
  on.floodAt = NEVER;
  on.refusals.clear();
  forgetScope(core, { kind: "link", interface: on });
  enter(core, on, "Down");
}

function elect(core: Core, on: Interface): void {
  // A neighbor that restarts gracefully keeps its part on the link until it is done (RFC 3623 §3).
  if ([...on.neighbors.values()].some(({ helpUntil }) => helpUntil !== undefined)) return;
  const { routerId } = core.instance.config;
  const { priority } = on.config;
  const { designatedRouter, backupDesignatedRouter } = on;
  const others = [...on.neighbors.values()].filter(({ state }) => atLeast(state, "TwoWay"));
  const elected = electAs({ routerId, priority, designatedRouter, backupDesignatedRouter }, others);
  on.waitUntil = NEVER;
  on.designatedRouter = elected.designatedRouter;
  on.backupDesignatedRouter = elected.backupDesignatedRouter;
  enter(core, on, stateOf(routerId, on));
  const changed =
    elected.designatedRouter !== designatedRouter || elected.backupDesignatedRouter !== backupDesignatedRouter;
  if (!changed) return;
  // At once, lest neighbors elect by what we said before (so of all after a graceful restart).
  if (on.helloAt !== NEVER) on.helloAt = nowOf(core);
  core.originator.changed({ kind: "area", area: on.area });
  core.routing.topologyChanged(nowOf(core));
  for (const neighbor of others) postNeighbor(core, neighbor, "AdjOK");
}

function stateOf(routerId: number, on: Interface): InterfaceState {
  if (on.designatedRouter === routerId) return "DR";
  return on.backupDesignatedRouter === routerId ? "Backup" : "DROther";
}

function enter(core: Core, on: Interface, state: InterfaceState): void {
  if (on.state === state) return;
  notice(core, "info", `interface ${on.name}: ${on.state} → ${state}`);
  on.state = state;
  core.originator.changed({ kind: "link", interface: on });
  core.originator.changed({ kind: "area", area: on.area });
  // A point-to-point link leads nowhere before somebody is adjacent there: nothing to spend a back-off on.
  if (state === "Down" || on.config.kind === "broadcast") core.routing.topologyChanged(nowOf(core));
}

/** Between hellos that are brought forward. */
const HELLO_SPACING: Millis = 100;

/**
 * The next hello comes at once: somebody does not know yet that we hear it. RFC 2328 §9.5 has it wait for HelloInterval,
 * and the adjacencies of a router that starts begin one by one.
 */
export function hurryHello(core: Core, on: Interface): void {
  const at = Math.max(nowOf(core), on.helloHurriedAt + HELLO_SPACING);
  if (on.helloAt === NEVER || on.helloAt <= at) return;
  on.helloAt = at;
  on.helloHurriedAt = at;
}

/** RFC 5340 §4.2.1.1. */
function sendHello(core: Core, on: Interface): void {
  const neighbors = [...on.neighbors.values()].filter(({ state }) => state !== "Down");
  hello(
    core,
    on,
    neighbors.map(({ routerId }) => routerId),
  );
}

/** A last hello that names nobody: neighbors need not wait for the dead interval. */
export function sayGoodbye(core: Core, on: Interface): void {
  if (on.state !== "Down" && !on.config.passive) hello(core, on, []);
}

function hello(core: Core, on: Interface, neighbors: readonly number[]): void {
  const { config } = on;
  send(core, on, ALL_SPF_ROUTERS, {
    type: HELLO,
    interfaceId: on.interfaceId,
    priority: config.priority,
    options: optionsOn(on),
    helloInterval: seconds(config.helloInterval),
    routerDeadInterval: seconds(config.deadInterval),
    designatedRouter: on.designatedRouter,
    backupDesignatedRouter: on.backupDesignatedRouter,
    neighbors,
  });
}

/** Hello and wait timers. */
export function interfaceTimers(core: Core, on: Interface): void {
  const now = nowOf(core);
  if (on.helloAt <= now) {
    sendHello(core, on);
    on.helloAt = now + jittered(core, on.config.helloInterval);
  }
  if (on.waitUntil <= now) {
    on.waitUntil = NEVER;
    postInterface(core, on, "WaitTimer");
  }
}

export const interfaceDeadline = (on: Interface): Millis =>
  Math.min(on.helloAt, on.waitUntil, on.delayedAcksAt, on.floodAt);

/** A tenth less at most: hellos of many routers drift apart, and never come late. */
const jittered = (core: Core, interval: Millis): Millis =>
  Math.round(interval * (1 - 0.1 * nextFraction(core.instance.random)));

const seconds = (millis: Millis): number => Math.round(millis / 1000);

/** For messages. */
export const describeRouter = (routerId: number, on: Interface): string => `${formatRouterId(routerId)} on ${on.name}`;
