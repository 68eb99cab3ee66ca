/** The configuration put into force, at the start and again: what did not change keeps its adjacencies. */
import { NEVER } from "#base/time";
import type { AreaConfig, InterfaceConfig, OspfConfig } from "#ospf/config";
import { BACKBONE } from "#ospf/constants";
import { type Core, nowOf, postInterface, postNeighbor } from "#ospf/core";
import { forgetScope } from "#ospf/flooding/database";
import { addArea, addInterface } from "#ospf/fresh";
import { interfaceEvent } from "#ospf/interface/interfaces";
import { settle } from "#ospf/settle";
import type { Area, Instance, Interface } from "#ospf/state";

export function configure(core: Core, config: OspfConfig): void {
  const { instance } = core;
  const before = instance.config;
  instance.config = config;
  retireInterfaces(core, config);
  setAreas(core, config.areas);
  for (const wanted of config.interfaces) setInterface(core, wanted);
  if (before.routerId !== config.routerId) throw new Error("a router id changes with a restart only");
  noteBorder(instance);
  core.originator.changed({ kind: "all" });
  core.routing.topologyChanged(nowOf(core));
}

/** Interfaces that are no longer named, or that are in another area or of another kind, go down; their link stays up. */
function retireInterfaces(core: Core, config: OspfConfig): void {
  const wanted = new Map(config.interfaces.map((each) => [each.name, each]));
  for (const on of [...core.instance.interfaces.values()]) {
    const after = wanted.get(on.name);
    if (after !== undefined && !needsRestart(on.config, after)) continue;
    interfaceEvent(core, on, "InterfaceDown");
    settle(core);
    on.area.interfaces.delete(on);
    core.instance.interfaces.delete(on.name);
    if (after !== undefined) restore(core, after, on);
  }
}

/** The interface in its new place, on the same link. */
function restore(core: Core, config: InterfaceConfig, { interfaceId, linkLocal, mtu, linkUp }: Interface): void {
  const area = areaOf(core.instance, config.area);
  const on = addInterface(core.instance, config, area);
  Object.assign(on, { interfaceId, linkLocal, mtu, linkUp });
  if (linkUp) postInterface(core, on, "InterfaceUp");
}

const needsRestart = (a: InterfaceConfig, b: InterfaceConfig): boolean =>
  a.area !== b.area || a.kind !== b.kind || a.passive !== b.passive || a.instanceId !== b.instanceId;

function setAreas(core: Core, areas: readonly AreaConfig[]): void {
  const { instance } = core;
  for (const config of areas) {
    const area = areaOf(instance, config.id);
    if (area.config.kind !== config.kind) restartArea(core, area);
    area.config = config;
  }
  const named = new Set(areas.map(({ id }) => id));
  for (const area of [...instance.areas.values()]) {
    if (named.has(area.id) || area.interfaces.size > 0) continue;
    forgetScope(core, { kind: "area", area });
    instance.areas.delete(area.id);
  }
}

/** Another kind of area means other options in hellos: all its neighbors begin anew. */
function restartArea(core: Core, area: Area): void {
  for (const on of area.interfaces) {
    for (const neighbor of on.neighbors.values()) postNeighbor(core, neighbor, "KillNbr");
  }
}

const defaultArea = (id: number): AreaConfig => ({
  id,
  kind: "normal",
  summaries: true,
  defaultCost: 1,
  ranges: [],
  translate: "candidate",
});

function areaOf(instance: Instance, id: number): Area {
  const known = instance.areas.get(id);
  if (known !== undefined) return known;
  const config = instance.config.areas.find((area) => area.id === id) ?? defaultArea(id);
  return addArea(instance, config);
}

function setInterface(core: Core, config: InterfaceConfig): void {
  const { instance } = core;
  const on = instance.interfaces.get(config.name);
  if (on === undefined) {
    addInterface(instance, config, areaOf(instance, config.area));
    return;
  }
  const before = on.config;
  on.config = config;
  if (on.state === "Down") return;
  if (before.helloInterval !== config.helloInterval || before.priority !== config.priority)
    on.helloAt = config.passive ? NEVER : nowOf(core);
  if (before.priority !== config.priority && config.kind === "broadcast") postInterface(core, on, "NeighborChange");
  if (before.authentication !== undefined && config.authentication === undefined) {
    for (const neighbor of on.neighbors.values()) neighbor.authenticated.length = 0;
  }
  watchNeighbors(core, on, config.bfd);
}

/** BFD switched on or off. */
function watchNeighbors(core: Core, on: Interface, wanted: boolean): void {
  for (const neighbor of on.neighbors.values()) {
    if (neighbor.watched === wanted || neighbor.state === "Down" || neighbor.state === "Init") continue;
    neighbor.watched = wanted;
    core.turn.effects.push({ type: "bfd", interface: on.name, address: neighbor.address, wanted });
  }
}

/** RFC 2328 §3.3: the backbone and another area, an interface up in each. True when that changed. */
export function noteBorder(instance: Instance): boolean {
  const active = [...instance.areas.values()].filter((area) =>
    [...area.interfaces].some(({ state }) => state !== "Down"),
  );
  const isBorder = active.length > 1 && active.some(({ id }) => id === BACKBONE);
  if (isBorder === instance.isBorder) return false;
  instance.isBorder = isBorder;
  return true;
}
