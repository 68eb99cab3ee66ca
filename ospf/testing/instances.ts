/** What an OSPF router knows, put together by hand: for tests of its parts. */
import { seeded } from "#base/random";
import { NEVER } from "#base/time";
import type { InterfaceConfig, OspfConfig } from "#ospf/config";
import { type Entry, LsaStore } from "#ospf/database/store";
import { RequestList } from "#ospf/neighbor/request-list";
import type { LsaBody } from "#ospf/packet/lsa-body";
import { writeLsa } from "#ospf/packet/lsa-writer";
import { EMPTY_TABLE } from "#ospf/routes/model";
import type { Area, Instance, Interface, Neighbor } from "#ospf/state";
import { area as areaConfig } from "#ospf/testing/configs";

/** With the areas that the configuration names, and no interfaces. */
export function newInstance(config: OspfConfig, seed = 1): Instance {
  const instance: Instance = {
    config,
    random: seeded(seed),
    clockOffset: 0,
    areas: new Map(),
    interfaces: new Map(),
    external: new LsaStore(),
    table: EMPTY_TABLE,
    isBorder: false,
    restartingUntil: undefined,
    lsaCount: 0,
    lsaOctets: 0,
  };
  for (const { id } of config.areas) areaOf(instance, id);
  return instance;
}

/** The area with that id, made if need be. */
export function areaOf(instance: Instance, id: number): Area {
  const known = instance.areas.get(id);
  if (known !== undefined) return known;
  const config = instance.config.areas.find((each) => each.id === id) ?? areaConfig(id);
  const area: Area = { id, config, database: new LsaStore(), interfaces: new Set() };
  instance.areas.set(id, area);
  return area;
}

/** An interface that is up. */
export function addInterface(instance: Instance, config: InterfaceConfig, interfaceId: number): Interface {
  const area = areaOf(instance, config.area);
  const on: Interface = {
    name: config.name,
    config,
    area,
    interfaceId,
    linkLocal: linkLocal(interfaceId),
    mtu: 1500,
    linkUp: true,
    state: config.kind === "point-to-point" ? "PointToPoint" : "DROther",
    designatedRouter: 0,
    backupDesignatedRouter: 0,
    neighbors: new Map(),
    database: new LsaStore(),
    helloAt: NEVER,
    waitUntil: NEVER,
    outgoing: new Set(),
    floodAt: NEVER,
    delayedAcks: [],
    delayedAcksAt: NEVER,
    refusals: new Map(),
    counters: { sent: [], received: [], refused: new Map() },
  };
  instance.interfaces.set(on.name, on);
  area.interfaces.add(on);
  return on;
}

/** A neighbor in state Full. */
export function addNeighbor(
  on: Interface,
  { routerId, interfaceId, address }: Pick<Neighbor, "routerId" | "interfaceId" | "address">,
): Neighbor {
  const neighbor: Neighbor = {
    routerId,
    interface: on,
    address,
    interfaceId,
    priority: 1,
    options: 0,
    designatedRouter: 0,
    backupDesignatedRouter: 0,
    state: "Full",
    since: 0,
    inactiveAt: NEVER,
    exchange: {
      master: false,
      sequence: 0,
      sent: undefined,
      repeatAt: NEVER,
      received: undefined,
      summary: [],
      summaryAt: 0,
      more: false,
    },
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

/** fe80:: and the number, 32 bits. */
export function linkLocal(number: number): Uint8Array {
  const address = new Uint8Array(16);
  address[0] = 0xfe;
  address[1] = 0x80;
  new DataView(address.buffer).setUint32(12, number);
  return address;
}

export interface Origin {
  readonly advertisingRouter: number;
  readonly linkStateId?: number;
  readonly age?: number;
  readonly sequence?: number;
}

/** An LSA with that body, as if it had been received. */
export function entryOf(body: LsaBody, { advertisingRouter, linkStateId = 0, age = 1, sequence = 1 }: Origin): Entry {
  const lsa = writeLsa({ age, linkStateId, advertisingRouter, sequence }, body);
  return { lsa, body, installedAt: 0, received: true, unacknowledged: 0, answeredAt: Number.NEGATIVE_INFINITY };
}

/** Puts it into the store. */
export function put(store: LsaStore, body: LsaBody, origin: Origin): Entry {
  const entry = entryOf(body, origin);
  store.set(entry);
  return entry;
}
