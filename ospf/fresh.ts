/** Areas, interfaces and neighbors as they begin: known of, and nothing more. */
import { type Millis, NEVER } from "#base/time";
import type { AreaConfig, InterfaceConfig } from "#ospf/config";
import { LsaStore } from "#ospf/database/store";
import { RequestList } from "#ospf/neighbor/request-list";
import type { Area, Exchange, Instance, Interface, Neighbor } from "#ospf/state";

export function addArea(instance: Instance, config: AreaConfig): Area {
  const area: Area = {
    id: config.id,
    config,
    database: new LsaStore(),
    interfaces: new Set(),
    // Gracefully restarted, we are still known to all.
    isSilent: instance.restartingUntil === undefined,
    silentUntil: NEVER,
    hasSpoken: instance.restartingUntil !== undefined,
  };
  instance.areas.set(area.id, area);
  return area;
}

/** Down, its link not up yet. */
export function addInterface(instance: Instance, config: InterfaceConfig, area: Area): Interface {
  const on: Interface = {
    name: config.name,
    config,
    area,
    interfaceId: 0,
    linkLocal: new Uint8Array(16),
    mtu: 1280,
    linkUp: false,
    state: "Down",
    designatedRouter: 0,
    backupDesignatedRouter: 0,
    neighbors: new Map(),
    database: new LsaStore(),
    helloAt: NEVER,
    helloHurriedAt: -NEVER,
    waitUntil: NEVER,
    outgoing: new Set(),
    floodAt: NEVER,
    delayedAcks: [],
    delayedAcksAt: NEVER,
    refusals: new Map(),
    counters: { sent: [0, 0, 0, 0, 0, 0], received: [0, 0, 0, 0, 0, 0], refused: new Map() },
  };
  instance.interfaces.set(on.name, on);
  area.interfaces.add(on);
  return on;
}

export type NeighborIdentity = Pick<Neighbor, "routerId" | "address">;

/** Down: not heard of yet. */
export function addNeighbor(on: Interface, { routerId, address }: NeighborIdentity, now: Millis): Neighbor {
  const neighbor: Neighbor = {
    routerId,
    interface: on,
    address,
    interfaceId: 0,
    priority: 0,
    options: 0,
    designatedRouter: 0,
    backupDesignatedRouter: 0,
    state: "Down",
    since: now,
    inactiveAt: NEVER,
    exchange: noExchange(),
    requests: new RequestList(),
    requestAt: NEVER,
    retransmissions: new Map(),
    retransmitAt: NEVER,
    helpUntil: undefined,
    watched: false,
    authenticated: [],
    trouble: "",
    changes: 0,
  };
  on.neighbors.set(routerId, neighbor);
  return neighbor;
}

export const noExchange = (): Exchange => ({
  master: false,
  sequence: 0,
  sent: undefined,
  repeatAt: NEVER,
  received: undefined,
  summary: [],
  summaryAt: 0,
  more: false,
});
