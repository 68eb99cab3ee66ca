/** Helping a neighbor that restarts: RFC 3623 §3 with RFC 5187 §2. */
import { type Core, interfacesOf, notice, nowOf, postInterface, postNeighbor } from "#ospf/core";
import { ageOf, type Entry, isMaxAge } from "#ospf/database/store";
import { GRACE_LSA, LINK_LSA } from "#ospf/packet/lsa-header";
import type { Scope } from "#ospf/scope";
import type { Neighbor } from "#ospf/state";
import { formatRouterId } from "#ospf/text";

/** After an LSA of another router was installed whose contents are new. */
export function noteGrace(core: Core, scope: Scope, entry: Entry): void {
  if (entry.body.kind !== "grace" || scope.kind !== "link") return;
  const neighbor = scope.interface.neighbors.get(entry.lsa.header.advertisingRouter);
  if (neighbor === undefined) return;
  if (isMaxAge(entry)) endHelp(core, neighbor, "it has restarted");
  else beginHelp(core, neighbor, entry, entry.body.gracePeriod);
}

function beginHelp(core: Core, neighbor: Neighbor, entry: Entry, gracePeriod: number): void {
  const left = gracePeriod - ageOf(entry, nowOf(core));
  const { instance } = core;
  const isWilling = instance.config.gracefulRestart.helper && instance.restartingUntil === undefined;
  const isWhole = neighbor.state === "Full" && !hasChanges(neighbor);
  if (left <= 0 || (neighbor.helpUntil === undefined && !(isWilling && isWhole))) return;
  neighbor.helpUntil = nowOf(core) + 1000 * left;
  notice(core, "info", `neighbor ${who(neighbor)} restarts: helped for ${left} s at most`);
  tell(core, neighbor, true);
}

/** §3.1 (2). Refreshes are not told from changes on the list, which is the careful side. */
function hasChanges(neighbor: Neighbor): boolean {
  for (const entry of neighbor.retransmissions.keys()) if (isTopology(entry)) return true;
  return false;
}

/** Grace-LSAs change no topology; nor do Link-LSAs, whose addresses matter on the link alone. */
const isTopology = ({ lsa: { header } }: Entry): boolean => header.type !== GRACE_LSA && header.type !== LINK_LSA;

/** §3.2 (3): contents that X would have been told have changed. */
export function noteTopologyChange(core: Core, scope: Scope, entry: Entry): void {
  if (!isTopology(entry)) return;
  for (const on of interfacesOf(core, scope)) {
    for (const neighbor of on.neighbors.values()) {
      if (neighbor.helpUntil !== undefined) endHelp(core, neighbor, "the topology changed");
    }
  }
}

export function helpTimer(core: Core, neighbor: Neighbor): void {
  if (neighbor.helpUntil !== undefined && neighbor.helpUntil <= nowOf(core))
    endHelp(core, neighbor, "its grace period is over");
}

/** §3.2: what we advertise follows the true state again. */
function endHelp(core: Core, neighbor: Neighbor, why: string): void {
  if (neighbor.helpUntil === undefined) return;
  const on = neighbor.interface;
  neighbor.helpUntil = undefined;
  notice(core, "info", `neighbor ${who(neighbor)} is no longer helped to restart: ${why}`);
  tell(core, neighbor, false);
  if (neighbor.inactiveAt <= nowOf(core)) postNeighbor(core, neighbor, "InactivityTimer");
  postInterface(core, on, "NeighborChange");
  core.originator.changed({ kind: "area", area: on.area });
  core.originator.changed({ kind: "link", interface: on });
  core.routing.topologyChanged(nowOf(core));
}

function tell(core: Core, { interface: on, address }: Neighbor, helping: boolean): void {
  core.turn.effects.push({ type: "help", interface: on.name, address, helping });
}

const who = ({ routerId, interface: on }: Neighbor): string => `${formatRouterId(routerId)} on ${on.name}`;
