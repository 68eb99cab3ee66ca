/** What an OSPF router knows, put together by hand: for tests of its parts. */
import { seeded } from "#base/random";
import type { InterfaceConfig, OspfConfig } from "#ospf/config";
import { type Entry, LsaStore } from "#ospf/database/store";
import { addArea, addInterface as addFreshInterface, addNeighbor as addFreshNeighbor } from "#ospf/fresh";
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
  const config = instance.config.areas.find((each) => each.id === id) ?? areaConfig(id);
  return instance.areas.get(id) ?? addArea(instance, config);
}

/** An interface that is up. */
export function addInterface(instance: Instance, config: InterfaceConfig, interfaceId: number): Interface {
  const on = addFreshInterface(instance, config, areaOf(instance, config.area));
  const state = config.kind === "point-to-point" ? "PointToPoint" : "DROther";
  return Object.assign(on, { interfaceId, linkLocal: linkLocal(interfaceId), mtu: 1500, linkUp: true, state });
}

/** A neighbor in state Full. */
export function addNeighbor(
  on: Interface,
  { routerId, interfaceId, address }: Pick<Neighbor, "routerId" | "interfaceId" | "address">,
): Neighbor {
  return Object.assign(addFreshNeighbor(on, { routerId, address }, 0), { interfaceId, priority: 1, state: "Full" });
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
  const fresh = { installedAt: 0, unacknowledged: 0, answeredAt: Number.NEGATIVE_INFINITY };
  return { lsa, body, received: true, withheld: false, ...fresh };
}

/** Puts it into the store. */
export function put(store: LsaStore, body: LsaBody, origin: Origin): Entry {
  const entry = entryOf(body, origin);
  store.set(entry);
  return entry;
}
