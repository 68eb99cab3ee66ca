/** Neighbors at work: their machine, and whether an adjacency is wanted (RFC 2328 §10.3, §10.4). */
import { sameAddress } from "#base/address";
import { type Millis, NEVER } from "#base/time";
import { type Core, notice, nowOf, postInterface, postNeighbor } from "#ospf/core";
import { dropRetransmissions } from "#ospf/flooding/retransmit";
import { noExchange } from "#ospf/fresh";
import { beginExchange, summarize } from "#ospf/neighbor/describe";
import { requestMore } from "#ospf/neighbor/loading";
import {
  atLeast,
  NEIGHBOR_MACHINE,
  type NeighborAction,
  type NeighborEvent,
  type NeighborState,
} from "#ospf/neighbor/machine";
import type { Interface, Neighbor } from "#ospf/state";
import { formatRouterId } from "#ospf/text";

export function neighborEvent(core: Core, neighbor: Neighbor, event: NeighborEvent): void {
  const transition = NEIGHBOR_MACHINE[neighbor.state][event];
  if (transition === undefined) return;
  if (event === "InactivityTimer") neighbor.trouble = "no hellos for the dead interval";
  if (event === "OneWay" && neighbor.state !== "Init") neighbor.trouble = "its hellos no longer name us";
  if (transition.to !== undefined) enter(core, neighbor, transition.to);
  for (const action of transition.actions) ACTIONS[action](core, neighbor);
}

const ACTIONS: Record<NeighborAction, (core: Core, neighbor: Neighbor) => void> = {
  restartInactivity: (core, neighbor) => {
    neighbor.inactiveAt = nowOf(core) + neighbor.interface.config.deadInterval;
  },
  decideAdjacency,
  summarize,
  endExchange,
  beginAgain: (core, neighbor) => {
    clear(neighbor);
    beginExchange(core, neighbor);
  },
  clear: (_core, neighbor) => clear(neighbor),
  remove,
};

/** To another state, with what follows from it for interface, origination and routes. */
export function enter(core: Core, neighbor: Neighbor, state: NeighborState): void {
  const before = neighbor.state;
  if (before === state) return;
  neighbor.state = state;
  neighbor.since = nowOf(core);
  if (atLeast(state, "TwoWay") !== atLeast(before, "TwoWay")) {
    if (neighbor.interface.config.kind === "broadcast") postInterface(core, neighbor.interface, "NeighborChange");
    watch(core, neighbor, atLeast(state, "TwoWay"));
  }
  // Two routers of a LAN forward to one another without being adjacent, but only while they hear each other (first-hops.ts).
  if (neighbor.interface.config.kind === "broadcast" && (state === "Down") !== (before === "Down"))
    core.routing.topologyChanged(nowOf(core));
  if ((state === "Full") === (before === "Full")) return;
  neighbor.changes++;
  if (state === "Full") neighbor.trouble = "";
  noteAdjacency(core, neighbor, before);
}

function noteAdjacency(core: Core, neighbor: Neighbor, before: NeighborState): void {
  const on = neighbor.interface;
  const who = `${formatRouterId(neighbor.routerId)} on ${on.name}`;
  if (neighbor.state === "Full") notice(core, "info", `neighbor ${who}: Full`);
  else {
    const why = neighbor.trouble === "" ? "" : `: ${neighbor.trouble}`;
    notice(core, "warn", `neighbor ${who}: ${before} → ${neighbor.state}${why}`);
  }
  core.originator.changed({ kind: "area", area: on.area });
  core.originator.changed({ kind: "link", interface: on });
  core.routing.topologyChanged(nowOf(core));
}

/** §10.4. */
function wantsAdjacency(core: Core, neighbor: Neighbor): boolean {
  const on = neighbor.interface;
  if (on.config.kind === "point-to-point") return true;
  const { routerId } = core.instance.config;
  const special = [on.designatedRouter, on.backupDesignatedRouter];
  return special.includes(routerId) || special.includes(neighbor.routerId);
}

function decideAdjacency(core: Core, neighbor: Neighbor): void {
  const wanted = wantsAdjacency(core, neighbor);
  if (neighbor.state === "TwoWay" && wanted) {
    enter(core, neighbor, "ExStart");
    beginExchange(core, neighbor);
  } else if (atLeast(neighbor.state, "ExStart") && !wanted) {
    enter(core, neighbor, "TwoWay");
    clear(neighbor);
  }
}

function endExchange(core: Core, neighbor: Neighbor): void {
  enter(core, neighbor, "Loading");
  if (neighbor.requests.size === 0) postNeighbor(core, neighbor, "LoadingDone");
  else requestMore(core, neighbor);
}

function clear(neighbor: Neighbor): void {
  Object.assign(neighbor.exchange, noExchange());
  neighbor.requests.clear();
  neighbor.requestAt = NEVER;
  dropRetransmissions(neighbor);
}

function remove(_core: Core, neighbor: Neighbor): void {
  clear(neighbor);
  neighbor.interface.neighbors.delete(neighbor.routerId);
}

/** BFD watches those with whom we speak both ways (RFC 5882 §4.2). */
function watch(core: Core, neighbor: Neighbor, wanted: boolean): void {
  const on = neighbor.interface;
  if (neighbor.watched === wanted || (wanted && !on.config.bfd)) return;
  neighbor.watched = wanted;
  core.turn.effects.push({ type: "bfd", interface: on.name, address: neighbor.address, wanted });
}

/** BFD lost the neighbor: a dead link is noticed long before its hellos are missed. */
export function bfdDown(core: Core, on: Interface, address: Uint8Array): void {
  for (const neighbor of on.neighbors.values()) {
    // Its BFD restarts with it (RFC 5882 §4.3).
    if (!sameAddress(neighbor.address, address) || neighbor.helpUntil !== undefined) continue;
    neighbor.trouble = "BFD says down";
    postNeighbor(core, neighbor, "KillNbr");
  }
}

export const neighborDeadline = (n: Neighbor): Millis =>
  Math.min(n.inactiveAt, n.exchange.repeatAt, n.requestAt, n.retransmitAt, n.helpUntil ?? NEVER);
